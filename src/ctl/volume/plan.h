/* plan.h - which volume a claim gets, and what becomes of volumes without one. Pure. */
#pragma once
#include "kube/cache.h"

struct claim_view {
    const struct object *claim;
    struct object_list volumes;
    struct object_list classes;
    const char *volume_dir; /* NULL: no volumes can be made */
    int64_t now_ms;
};

enum claim_verb {
    CLAIM_WAIT,      /* for a volume that somebody else makes; `why` says so */
    CLAIM_BIND,      /* to `volume` */
    CLAIM_PROVISION, /* make `body`, then bind to it */
    CLAIM_LOST,      /* its volume is gone */
};

struct claim_plan {
    enum claim_verb verb;
    const struct object *volume;
    const struct value *body;
    const char *reason, *why; /* of the event while it waits */
};

struct claim_plan claim_plan(const struct claim_view *v, struct arena *a);

/* A volume and a claim as they look when bound to each other. */
struct value *volume_bound(const struct object *volume, const struct object *claim,
                           struct arena *a);
struct value *claim_bound(const struct object *claim, const struct object *volume, struct arena *a);
struct value *claim_bound_status(const struct object *claim, const struct object *volume,
                                 struct arena *a);

/* The phase of a volume: `claim` is that of its claimRef, NULL when gone. */
const char *volume_phase(const struct object *volume, const struct object *claim);
