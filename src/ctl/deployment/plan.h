/* plan.h - what a Deployment needs next.
 *
 * Pure: whatever may influence the decision is in the view, whatever may happen is in the plan;
 * a rollout that is done and cleaned up gives no actions and the status it has. One plan is one
 * step: the next is decided when what this one changed has been seen.                   */
#pragma once
#include "kube/cache.h"

struct deployment_view {
    const struct object *deployment;
    struct object_list sets; /* its ReplicaSets */
    struct object_list pods; /* of these sets; only a Recreate looks at them */
    int64_t now_ms;
};

enum deployment_verb { DEPLOYMENT_CREATE, DEPLOYMENT_UPDATE, DEPLOYMENT_DELETE };

struct deployment_action {
    enum deployment_verb verb;
    const struct object *set; /* NULL for a create */
    const struct value *body; /* the set as it should be; NULL for a delete */
    const char *name;
    int64_t from, to; /* replicas */
};

struct deployment_plan {
    struct deployment_action *actions;
    size_t n;
    const char *revision; /* what the Deployment's annotation should say; NULL: leave it */
    struct value *status;
    int64_t again_ms; /* real time at which the progress deadline passes; 0: none */
};

int deployment_plan(const struct deployment_view *v, struct arena *a, struct deployment_plan *out,
                    struct err *e) MUST_CHECK;

/* The status after a create met a set of this name that is not ours: one more collision. */
struct value *deployment_collided(const struct deployment_view *v, struct arena *a);
/* The status after a new set could not be created. */
struct value *deployment_failed(const struct deployment_view *v, const char *set, const char *why,
                                struct arena *a);

/* "create web-… 3", "scale web-… 3 to 2", "delete …", "annotate …" and the conditions. */
const char *deployment_plan_text(const struct deployment_plan *p, struct arena *a);
