#include "kube/write.h"

#include <string.h>

#include "kube/cache_int.h"

/* Takes the reference over. */
static void saw(struct controller_ctx *c, const struct resource *r, struct object *o,
                struct arena *a, const struct object **out)
{
    cache_saw(c->cache, r, o);
    if (out)
        *out = object_hold(a, o);
    object_unref(o);
}

int write_create(struct controller_ctx *c, const struct resource *r, const struct value *obj,
                 struct arena *a, const struct object **out, struct err *e)
{
    struct object *o = NULL;
    int rc = kube_create(c->kube, r, value_at_str(obj, "metadata.namespace", NULL), obj, &o, e);
    if (rc == 0)
        saw(c, r, o, a, out);
    return rc;
}

int write_update(struct controller_ctx *c, const struct resource *r, const struct value *obj,
                 struct arena *a, const struct object **out, struct err *e)
{
    struct object *o = NULL;
    int rc = kube_update(c->kube, r, value_at_str(obj, "metadata.namespace", NULL),
                         value_at_str(obj, "metadata.name", ""), NULL, obj, &o, e);
    if (rc == 0)
        saw(c, r, o, a, out);
    return rc;
}

int write_status(struct controller_ctx *c, const struct resource *r, const struct object *o,
                 const struct value *status, struct err *e)
{
    const struct value *was = value_get(o->root, "status");
    if (value_equal(was, status) || (!was && value_count(status) == 0))
        return 0;
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *next = value_shallow(a, o->root);
    (void)value_set(a, next, "status", status);
    struct object *out = NULL;
    int rc = kube_update(c->kube, r, o->ns, o->name, r->status ? "status" : NULL, next, &out, e);
    if (rc == 0)
        saw(c, r, out, NULL, NULL);
    return rc;
}

int write_patch(struct controller_ctx *c, const struct resource *r, const struct object *o,
                const struct value *patch, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *p = value_shallow(a, patch);
    const struct value *meta = value_get(patch, "metadata");
    struct value *m = meta ? value_shallow(a, meta) : value_new_object(a);
    (void)value_set_str(a, m, "uid", o->uid);
    (void)value_set(a, p, "metadata", m);
    struct object *out = NULL;
    int rc = kube_patch(c->kube, r, o->ns, o->name, NULL, KUBE_PATCH_MERGE, p, &out, e);
    if (rc == 0)
        saw(c, r, out, NULL, NULL);
    return rc;
}

int write_delete(struct controller_ctx *c, const struct resource *r, const struct object *o,
                 const struct kube_delete_opts *opts, struct err *e)
{
    struct kube_delete_opts d = {.propagation = KUBE_BACKGROUND, .grace_s = -1};
    if (opts)
        d = *opts;
    d.uid = o->uid;
    int rc = kube_delete(c->kube, r, o->ns, o->name, &d, e);
    if (rc == 0)
        cache_doom(c->cache, r, o);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

struct value *owner_reference(struct arena *a, const struct resource *r, const struct object *o)
{
    struct value *v = value_new_object(a);
    (void)value_set_str(a, v, "apiVersion", resource_api_version(r, a));
    (void)value_set_str(a, v, "kind", r->kind);
    (void)value_set_str(a, v, "name", o->name);
    (void)value_set_str(a, v, "uid", o->uid);
    (void)value_set_bool(a, v, "controller", true);
    (void)value_set_bool(a, v, "blockOwnerDeletion", true);
    return v;
}

struct value *value_shallow(struct arena *a, const struct value *v)
{
    struct value *out = value_new_object(a);
    VALUE_EACH_MEMBER(m, v)
    (void)value_set(a, out, m->key, &m->value);
    return out;
}

struct value *object_edit(struct arena *a, const struct object *o)
{
    static const char *const parts[] = {"metadata", "spec", "status"};
    struct value *out = value_shallow(a, o->root);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        const struct value *v = value_get(out, parts[i]);
        if (v)
            (void)value_set(a, out, parts[i], value_shallow(a, v));
    }
    return out;
}
