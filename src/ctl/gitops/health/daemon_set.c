#include "ctl/gitops/health/health_int.h"

struct health health__daemon_set(const struct value *o, struct arena *a)
{
    long long want = value_at_int(o, "status.desiredNumberScheduled", 0);
    long long updated = value_at_int(o, "status.updatedNumberScheduled", 0);
    long long available = value_at_int(o, "status.numberAvailable", 0);
    const char *name = value_at_str(o, "metadata.name", "");
    if (!observed(o))
        return HEALTH(PROGRESSING, "Waiting for rollout to finish: observed daemon set generation "
                                   "less than desired generation");
    if (strcmp(value_at_str(o, "spec.updateStrategy.type", ""), "OnDelete") == 0)
        return HEALTH(HEALTHY, arena_printf(a,
                                            "daemon set %lld out of %lld new pods have been "
                                            "updated",
                                            updated, want));
    if (updated < want)
        return HEALTH(PROGRESSING,
                      arena_printf(a,
                                   "Waiting for daemon set \"%s\" rollout to finish: %lld out "
                                   "of %lld new pods have been updated...",
                                   name, updated, want));
    if (available < want)
        return HEALTH(PROGRESSING,
                      arena_printf(a,
                                   "Waiting for daemon set \"%s\" rollout to finish: %lld of "
                                   "%lld updated pods are available...",
                                   name, available, want));
    return HEALTH(HEALTHY, "");
}
