/* pods.h - what controllers that own pods (or sets of pods) have in common.
 *
 * Model      Judgements about one pod are pure. Claiming, creating and deleting are the effects
 *            that several controllers share.                                             */
#pragma once
#include "api/selector.h"
#include "kube/cache.h"
#include "kube/write.h"

/* ---- judgements ---- */

const char *pod_phase(const struct object *p); /* "Pending" when absent */
bool pod_is_finished(const struct object *p);  /* Succeeded or Failed */
bool pod_is_active(const struct object *p);    /* neither finished nor being deleted */
bool pod_is_ready(const struct object *p);     /* condition Ready is True */
/* Ready for min_ready_s; else *again_ms (if not NULL) is when it may be, kept when earlier. */
bool pod_is_available(const struct object *p, int64_t min_ready_s, int64_t now_ms,
                      int64_t *again_ms);
int64_t pod_restarts(const struct object *p); /* of all containers */

/* A time of the API in ms; `dflt` when absent or no time. */
int64_t time_ms(const struct value *v, int64_t dflt);
/* "2026-01-02T03:04:05Z" */
struct value *time_value(struct arena *a, int64_t ms);

/* Sorts so that those to delete first come first, as upstream's ReplicaSets choose. `rank`
 * (may be NULL) gives how many related pods share a pod's node. */
void pods_rank(struct object_list *pods, int64_t now_ms);

/* ---- making ---- */

/* A pod of a template, owned by `owner`; no name yet. */
struct value *pod_of_template(struct arena *a, const struct value *template,
                              const struct resource *owner_res, const struct object *owner);

/* ---- effects ---- */

struct claim {
    const struct resource *owner_res, *res; /* res: of what is claimed */
    const struct object *owner;
    const struct selector *selector;
    bool (*eligible)(const struct object *o); /* adopts and releases only these; NULL: all */
};

/* Those that belong to the owner, after adopting orphans that match and releasing what no longer
 * does. */
int claim_run(struct controller_ctx *c, const struct claim *q, struct arena *a,
              struct object_list *out, struct err *e) MUST_CHECK;

/* spec.selector of an object that owns pods: a label selector or, for ReplicationControllers, a
 * map. */
int selector_of_owner(const struct resource *r, const struct object *o, struct arena *a,
                      struct selector *out, struct err *e) MUST_CHECK;

/* For keys_of of a dependent: its controller of this kind or, when it has none, every `res`
 * object in its namespace whose spec.selector takes it. */
void keys_of_claimant(const struct object *o, const struct resource *res, struct controller_ctx *c,
                      struct key_sink *s);

struct pod_batch {
    const struct resource *owner_res;
    const struct object *owner;
    struct value *const *pods; /* to create */
    size_t n;
    size_t done;                /* out */
    const struct object **made; /* out, when not NULL: room for n */
};

/* Creates the pods side by side, first a few and then ever more, so that a full quota costs few
 * refusals. Records SuccessfulCreate and FailedCreate. The first error is returned. */
int pods_create(struct controller_ctx *c, struct pod_batch *b, struct arena *a, struct err *e);

/* Deletes the pods side by side; records SuccessfulDelete and FailedDelete. */
int pods_delete(struct controller_ctx *c, const struct resource *owner_res,
                const struct object *owner, const struct object_list *pods, struct err *e);
