/* plan_int.h - a node's free room, and the checks that keep a pod off it. */
#pragma once
#include "api/quantity.h"
#include "ctl/scheduler/plan.h"

enum { RESOURCES_MAX = 16 };

struct amounts {
    const char *name[RESOURCES_MAX]; /* "cpu", "memory", "pods" … */
    __int128 nano[RESOURCES_MAX];
    size_t n;
};

struct room {
    const struct object *node;
    struct amounts total, used;
};

/* What a pod asks for: its containers together, or its largest init container. */
struct amounts schedule__requests(const struct object *pod);
void schedule__add(struct amounts *to, const struct amounts *more);
__int128 schedule__get(const struct amounts *x, const char *name);

/* NULL when the pod may run there; else the reason, without a count ("Insufficient cpu"). */
const char *schedule__refusal(const struct schedule_view *v, const struct room *room,
                              const struct object *pod, struct arena *a);
/* Why no node can take it whatever there is ("pod has unbound immediate …"), or NULL. */
const char *schedule__hopeless(const struct schedule_view *v, const struct object *pod,
                               struct arena *a);
/* matchExpressions and matchFields of a node selector's terms. */
bool schedule__node_selected(const struct value *node_selector, const struct object *node,
                             struct arena *a);
bool schedule__tolerates(const struct object *pod, const struct value *taint);
