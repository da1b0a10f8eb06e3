#include "ctl/gitops/health/health_int.h"

struct health health__replica_set(const struct value *o, struct arena *a)
{
    long long want = value_at_int(o, "spec.replicas", 1);
    long long available = value_at_int(o, "status.availableReplicas", 0);
    if (!observed(o))
        return HEALTH(PROGRESSING, "Waiting for rollout to finish: observed replica set generation "
                                   "less than desired generation");
    if (condition_true(o, "ReplicaFailure"))
        return HEALTH(DEGRADED,
                      value_str(value_get(object_condition(o, "ReplicaFailure"), "message"), ""));
    if (value_at(o, "spec.replicas") && available < want)
        return HEALTH(PROGRESSING, arena_printf(a,
                                                "Waiting for rollout to finish: %lld out of %lld "
                                                "new replicas are available...",
                                                available, want));
    return HEALTH(HEALTHY, "");
}
