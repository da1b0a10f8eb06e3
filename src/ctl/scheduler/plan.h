/* plan.h - which node a pod goes to.
 *
 * Pure. A pod fits a node when the node is ready for it (schedulable, taints tolerated, selector
 * and required affinity met, host ports free), has room (requests against allocatable) and its
 * claims are bound there. Of the nodes that fit, the one with most left free is taken.
 * Preferences (preferred affinity, spreading by score) only break ties upstream; with the few
 * nodes there are here they are not weighed; required pod affinity and anti-affinity are.  */
#pragma once
#include "kube/cache.h"

struct schedule_view {
    struct object_list pods; /* all that are bound or wait, in order of arrival */
    struct object_list nodes;
    struct object_list claims; /* PersistentVolumeClaims */
    struct object_list volumes;
};

struct placement {
    const struct object *pod;
    const char *node; /* NULL: it fits nowhere … */
    const char *why;  /* … for this reason, as upstream words it */
};

struct schedule_plan {
    struct placement *items;
    size_t n;
};

/* Is it ours to place? */
bool schedule_wants(const struct object *pod);
struct schedule_plan schedule_plan(const struct schedule_view *v, struct arena *a);
