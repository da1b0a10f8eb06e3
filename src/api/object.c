#include "api/object.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* The public part first; what owns the memory stays out of sight. */
struct shared {
    struct object o;
    struct arena *arena;
    atomic_uint refs;
};

static struct shared *shared_of(const struct object *o)
{
    return (struct shared *)(uintptr_t)o; /* its first member */
}

struct object *object_new(struct arena *owned, const struct value *root)
{
    struct shared *s = ARENA_NEW(owned, struct shared);
    const struct value *meta = value_get(root, "metadata");
    s->arena = owned;
    atomic_init(&s->refs, 1);
    s->o = (struct object){
        .root = root,
        .ns = value_str(value_get(meta, "namespace"), ""),
        .name = value_str(value_get(meta, "name"), ""),
        .uid = value_str(value_get(meta, "uid"), ""),
        .rv = strtoull(value_str(value_get(meta, "resourceVersion"), "0"), NULL, 10),
        .deleting = value_is(value_get(meta, "deletionTimestamp"), VALUE_STRING),
    };
    return &s->o;
}

struct object *object_ref(const struct object *o)
{
    struct shared *s = shared_of(o);
    (void)atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return &s->o;
}

void object_unref(struct object *o)
{
    if (!o)
        return;
    struct shared *s = shared_of(o);
    if (atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1)
        arena_free(s->arena);
}

static void drop(void *arg)
{
    object_unref(arg);
}

const struct object *object_hold(struct arena *a, const struct object *o)
{
    arena_defer(a, drop, object_ref(o));
    return o;
}

static const char *meta_text(const struct object *o, const char *map, const char *key)
{
    return value_str(value_get(value_get(value_get(o->root, "metadata"), map), key), NULL);
}

const char *object_label(const struct object *o, const char *key)
{
    return meta_text(o, "labels", key);
}

const char *object_annotation(const struct object *o, const char *key)
{
    return meta_text(o, "annotations", key);
}

const struct value *object_controller(const struct object *o)
{
    const struct value *owners = value_get(value_get(o->root, "metadata"), "ownerReferences");
    VALUE_EACH_ITEM (r, owners)
        if (value_bool(value_get(r, "controller"), false))
            return r;
    return NULL;
}

const struct value *object_condition(const struct value *root, const char *type)
{
    VALUE_EACH_ITEM (c, value_get(value_get(root, "status"), "conditions"))
        if (strcmp(value_str(value_get(c, "type"), ""), type) == 0)
            return c;
    return NULL;
}
