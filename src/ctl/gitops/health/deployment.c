#include "ctl/gitops/health/health_int.h"

struct health health__deployment(const struct value *o, struct arena *a)
{
    if (value_at_bool(o, "spec.paused", false))
        return HEALTH(SUSPENDED, "Deployment is paused");
    if (!observed(o))
        return HEALTH(PROGRESSING, "Waiting for rollout to finish: observed deployment generation "
                                   "less than desired generation");
    const struct value *progress = object_condition(o, "Progressing");
    if (strcmp(value_str(value_get(progress, "reason"), ""), "ProgressDeadlineExceeded") == 0)
        return HEALTH(DEGRADED, arena_printf(a, "Deployment \"%s\" exceeded its progress deadline",
                                             value_at_str(o, "metadata.name", "")));
    long long want = value_at_int(o, "spec.replicas", 1);
    long long all = value_at_int(o, "status.replicas", 0);
    long long updated = value_at_int(o, "status.updatedReplicas", 0);
    long long available = value_at_int(o, "status.availableReplicas", 0);
    if (value_at(o, "spec.replicas") && updated < want)
        return HEALTH(PROGRESSING, arena_printf(a,
                                                "Waiting for rollout to finish: %lld out of %lld "
                                                "new replicas have been updated...",
                                                updated, want));
    if (all > updated)
        return HEALTH(PROGRESSING, arena_printf(a,
                                                "Waiting for rollout to finish: %lld old "
                                                "replicas are pending termination...",
                                                all - updated));
    if (available < updated)
        return HEALTH(PROGRESSING, arena_printf(a,
                                                "Waiting for rollout to finish: %lld of %lld "
                                                "updated replicas are available...",
                                                available, updated));
    return HEALTH(HEALTHY, "");
}
