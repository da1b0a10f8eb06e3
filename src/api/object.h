/* object.h - an object of the API, decoded once and then shared and never written.
 *
 * Guarantees Immutable after object_new(); references may cross threads.
 * Lifetime   object_ref/object_unref; object_hold() ties a reference to an arena.       */
#pragma once
#include "codec/value.h"

struct object {
    const struct value *root;
    const char *ns, *name, *uid; /* never NULL; "" when absent */
    uint64_t rv;                 /* resourceVersion */
    bool deleting;               /* has a deletionTimestamp */
};

/* Takes over the arena that `root` lives in. The result has one reference. */
struct object *object_new(struct arena *owned, const struct value *root);
struct object *object_ref(const struct object *o);
void object_unref(struct object *o); /* NULL is fine */
static inline void object_free(struct object *o)
{
    object_unref(o);
}
AUTO_DEFINE(object)

/* A new reference that ends with the arena. */
const struct object *object_hold(struct arena *a, const struct object *o);

const char *object_label(const struct object *o, const char *key);      /* NULL when absent */
const char *object_annotation(const struct object *o, const char *key); /* NULL when absent */

/* The ownerReference with controller: true, or NULL. */
const struct value *object_controller(const struct object *o);

/* Type "Ready" → its condition in status.conditions, or NULL. */
const struct value *object_condition(const struct value *root, const char *type);
