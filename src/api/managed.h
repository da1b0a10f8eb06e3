/* managed.h - who owns which field: server-side apply and metadata.managedFields.
 *
 * Model    Field sets are trees (FieldsV1). An Apply owns exactly what it says and removes
 *          what it no longer says and nobody else owns; an Update owns what it changed.
 *          Merging follows the schema: atomic, set and map lists, atomic structs.
 * Threads  Any. Inputs are not written except where named `obj`.                         */
#pragma once
#include "api/kind.h"

struct managed_opts {
    const char *manager;     /* fieldManager, or the user agent's first word */
    const char *subresource; /* "" or "status", "scale" */
    int64_t now_ms;
    bool force;
};

struct managed_conflict {
    const char *manager; /* `"kubectl" using apps/v1` as the message shows it */
    const char *field;   /* ".spec.replicas" */
};

struct managed_conflicts {
    struct managed_conflict *items;
    size_t n;
};

/* After create, update or patch: writes metadata.managedFields of `obj`. `live`: NULL on
 * create. A client that sent managedFields: [] or [{}] resets them. ERR_INVALID: what it sent
 * does not decode. */
int managed_update(const struct kind *k, const struct value *live, struct value *obj,
                   const struct managed_opts *o, struct arena *a, struct err *e) MUST_CHECK;

/* `applied`: what the client sent. *out is the merged object with its managedFields, before
 * defaulting. ERR_CONFLICT: see `conflicts` and managed_conflicts_*; ERR_INVALID. Nothing
 * changed when *out equals live apart from managedFields' times: then the times are live's. */
int managed_apply(const struct kind *k, const struct value *live, const struct value *applied,
                  const struct managed_opts *o, struct arena *a, struct value **out,
                  struct managed_conflicts *conflicts, struct err *e) MUST_CHECK;

/* `Apply failed with 1 conflict: conflict with "x" using v1: .data.a` */
const char *managed_conflicts_text(const struct managed_conflicts *c, struct arena *a);
/* [{reason: FieldManagerConflict, message, field}] */
struct value *managed_conflicts_causes(const struct managed_conflicts *c, struct arena *a);
