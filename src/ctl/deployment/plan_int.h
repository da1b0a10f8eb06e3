/* plan_int.h - the parts of a Deployment's plan. */
#pragma once
#include "ctl/deployment/plan.h"

#define REVISION         "deployment.kubernetes.io/revision"
#define REVISION_HISTORY "deployment.kubernetes.io/revision-history"
#define DESIRED_REPLICAS "deployment.kubernetes.io/desired-replicas"
#define MAX_REPLICAS     "deployment.kubernetes.io/max-replicas"
#define TEMPLATE_HASH    "pod-template-hash"

/* One ReplicaSet, as it is and (replicas, edit) as it should be. */
struct set {
    const struct object *o; /* NULL: to be created */
    const char *name;
    int64_t was, replicas;                      /* spec */
    int64_t actual, ready, available, observed; /* status */
    int64_t created_ms, revision;
    struct value *edit; /* NULL: only replicas may differ */
    bool remove;
};

struct rollout {
    const struct deployment_view *v;
    const struct object *d;
    struct arena *a;
    int64_t replicas, surge, unavailable;
    bool rolling, paused;
    struct set *sets; /* oldest first */
    size_t n;
    struct set *fresh; /* the one with the wanted template; NULL: there is none yet */
    const char *revision;
};

/* revision.c */
const char *deployment__hash(const struct object *d, struct arena *a);
bool deployment__same_template(const struct value *x, const struct value *y, struct arena *a);
/* The annotations and minReadySeconds that the new set should have; decides r->revision. */
void deployment__tend_fresh(struct rollout *r);
/* Adds the new set, with `replicas`, to r. */
void deployment__add_fresh(struct rollout *r);
/* The annotations about size that every set carries. */
bool deployment__note_size(struct rollout *r, struct set *s);
struct value *deployment__edit(struct rollout *r, struct set *s);

/* status.c */
struct value *deployment__status(struct rollout *r, int64_t *again_ms);
bool deployment__complete(const struct object *d, const struct value *status);
/* The status without the conditions about progress. */
struct value *deployment__counts(struct rollout *r);
bool deployment__has_deadline(const struct object *d);
