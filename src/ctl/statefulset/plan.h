/* plan.h - which pods of a StatefulSet come and go next.
 *
 * Pure. Pods have ordinals. OrderedReady does one thing at a time, waits for each pod to be
 * available, and goes down in reverse; Parallel does not wait. A rolling update replaces from the
 * highest ordinal down to the partition, one pod at a time.                              */
#pragma once
#include "kube/cache.h"

struct statefulset_view {
    const struct object *set;
    struct object_list pods;
    const bool *doomed;           /* of each pod: a delete was sent already */
    const char *current, *update; /* names of revisions */
    int64_t collisions;
    int64_t now_ms;
};

enum statefulset_verb { STATEFULSET_CREATE, STATEFULSET_DELETE };

struct statefulset_action {
    enum statefulset_verb verb;
    int64_t ordinal;
    const struct object *pod; /* to delete */
    const char *revision;     /* to create from */
    bool condemned;           /* deleted because the set shrinks */
    const char *why;
};

struct statefulset_plan {
    struct statefulset_action *actions;
    size_t n;
    struct value *status;
    int64_t again_ms;
};

struct statefulset_plan statefulset_plan(const struct statefulset_view *v, struct arena *a);
const char *statefulset_plan_text(const struct statefulset_plan *p, struct arena *a);

/* "db-12" of "db": 12; -1 for other names. */
int64_t statefulset_ordinal(const struct object *set, const char *pod_name);
bool statefulset_is_wanted(const struct object *set, int64_t ordinal);
