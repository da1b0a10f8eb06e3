/* plan.h - which nodes should run a pod of a DaemonSet.
 *
 * Pure. One pod on every node that the template's selector, affinity and tolerations allow;
 * a rolling update replaces at most maxUnavailable (or, with maxSurge, starts that many beside
 * the old ones) at a time.                                                              */
#pragma once
#include "kube/cache.h"

struct daemonset_view {
    const struct object *set;
    struct object_list pods;
    const bool *doomed; /* of each pod: a delete was sent already */
    struct object_list nodes;
    const char *hash; /* of the template as it is now */
    int64_t now_ms;
};

struct daemonset_plan {
    const char **create; /* names of nodes */
    size_t n_create;
    struct object_list remove;
    struct value *status;
    int64_t again_ms;
};

int daemonset_plan(const struct daemonset_view *v, struct arena *a, struct daemonset_plan *out,
                   struct err *e) MUST_CHECK;
const char *daemonset_plan_text(const struct daemonset_plan *p, struct arena *a);

struct value *daemonset_pod(const struct object *set, const char *node, const char *hash,
                            struct arena *a);
