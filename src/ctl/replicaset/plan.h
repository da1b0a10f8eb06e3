/* plan.h - what a ReplicaSet needs next.
 *
 * Pure: the same view always gives the same plan; a set that is as it should be gives no pods to
 * create or delete and the status it has.                                               */
#pragma once
#include "kube/cache.h"

struct replicaset_view {
    const struct object *set;
    struct object_list pods; /* its active ones */
    int64_t now_ms;
};

struct replicaset_plan {
    size_t create;             /* how many pods are missing */
    struct object_list remove; /* the pods to delete */
    int64_t again_ms;          /* real time at which a pod may become available; 0: none */
};

struct replicaset_plan replicaset_plan(const struct replicaset_view *v, struct arena *a);

/* The status after so many pods more and `failure` (its reason and message, or NULL). */
struct replicaset_outcome {
    int64_t created, removed;
    const char *failure_reason, *failure;
};
struct value *replicaset_status(const struct replicaset_view *v,
                                const struct replicaset_outcome *done, struct arena *a);

/* "create 2", "delete NAME" … a line each. */
const char *replicaset_plan_text(const struct replicaset_plan *p, struct arena *a);
