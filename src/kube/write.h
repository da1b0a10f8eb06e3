/* write.h - the writes of a sync: sent to the API and seen by the cache at once, so that the
 * next sync of the key does not act on the world before them.                           */
#pragma once
#include "kube/controller.h"

/* The namespace and the name are those in obj.metadata. `out` (may be NULL) is held by `a`. */
int write_create(struct controller_ctx *c, const struct resource *r, const struct value *obj,
                 struct arena *a, const struct object **out, struct err *e) MUST_CHECK;
int write_update(struct controller_ctx *c, const struct resource *r, const struct value *obj,
                 struct arena *a, const struct object **out, struct err *e) MUST_CHECK;

/* Replaces o's status when it differs; ERR_CONFLICT when `o` is not the newest any more. */
int write_status(struct controller_ctx *c, const struct resource *r, const struct object *o,
                 const struct value *status, struct err *e) MUST_CHECK;

/* A merge patch that holds only for the object with o's uid. */
int write_patch(struct controller_ctx *c, const struct resource *r, const struct object *o,
                const struct value *patch, struct err *e) MUST_CHECK;

/* Of this very object (by uid); one that is gone already is a success. opts may be NULL. */
int write_delete(struct controller_ctx *c, const struct resource *r, const struct object *o,
                 const struct kube_delete_opts *opts, struct err *e) MUST_CHECK;

/* An ownerReference to `o` as its controller, with blockOwnerDeletion. */
struct value *owner_reference(struct arena *a, const struct resource *r, const struct object *o);

/* A copy one level deep: members may be set, their insides are shared and must not be written. */
struct value *value_shallow(struct arena *a, const struct value *v);
/* root with metadata (itself shallow) and spec and status ready to be set. */
struct value *object_edit(struct arena *a, const struct object *o);
