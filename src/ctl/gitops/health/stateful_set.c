#include "ctl/gitops/health/health_int.h"

struct health health__stateful_set(const struct value *o, struct arena *a)
{
    long long want = value_at_int(o, "spec.replicas", 1);
    long long ready = value_at_int(o, "status.readyReplicas", 0);
    long long updated = value_at_int(o, "status.updatedReplicas", 0);
    const char *strategy = value_at_str(o, "spec.updateStrategy.type", "");
    const char *revision = value_at_str(o, "status.updateRevision", "");
    if (value_at_int(o, "status.observedGeneration", 0) == 0 || !observed(o))
        return HEALTH(PROGRESSING, "Waiting for statefulset spec update to be observed...");
    if (value_at(o, "spec.replicas") && ready < want)
        return HEALTH(PROGRESSING,
                      arena_printf(a, "Waiting for %lld pods to be ready...", want - ready));
    const struct value *partition = value_at(o, "spec.updateStrategy.rollingUpdate.partition");
    if (strcmp(strategy, "RollingUpdate") == 0 && partition && value_int(partition, 0) > 0) {
        long long due = want - value_int(partition, 0);
        if (updated < due)
            return HEALTH(PROGRESSING,
                          arena_printf(a,
                                       "Waiting for partitioned roll out to finish: %lld out of "
                                       "%lld new pods have been updated...",
                                       updated, due));
        return HEALTH(HEALTHY,
                      arena_printf(a,
                                   "partitioned roll out complete: %lld new pods have been "
                                   "updated...",
                                   updated));
    }
    if (strcmp(strategy, "OnDelete") == 0)
        return HEALTH(HEALTHY, arena_printf(a, "statefulset has %lld ready pods", ready));
    if (strcmp(revision, value_at_str(o, "status.currentRevision", "")) != 0)
        return HEALTH(PROGRESSING,
                      arena_printf(a,
                                   "waiting for statefulset rolling update to complete %lld "
                                   "pods at revision %s...",
                                   updated, revision));
    return HEALTH(HEALTHY, arena_printf(a,
                                        "statefulset rolling update complete %lld pods at "
                                        "revision %s...",
                                        (long long)value_at_int(o, "status.currentReplicas", 0),
                                        value_at_str(o, "status.currentRevision", "")));
}
