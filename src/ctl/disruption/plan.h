/* plan.h - how many pods of a PodDisruptionBudget may be evicted now. Pure. */
#pragma once
#include "kube/cache.h"

struct disruption_view {
    const struct object *budget;
    struct object_list pods; /* that its selector takes */
    int64_t expected;        /* what the pods' controllers ask for together */
    bool unmanaged;          /* some pods have no controller with a number of replicas */
    int64_t now_ms;
};

int disruption_status(const struct disruption_view *v, struct arena *a, struct value **out,
                      int64_t *again_ms, struct err *e) MUST_CHECK;
