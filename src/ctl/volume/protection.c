/* protection.c - a claim outlives its deletion while a pod uses it, a volume while it is bound. */
#include <string.h>

#include "ctl/pods/pods.h"
#include "ctl/volume/volume.h"

#define CLAIM_FINALIZER  "kubernetes.io/pvc-protection"
#define VOLUME_FINALIZER "kubernetes.io/pv-protection"

static bool uses(const struct object *pod, const char *claim)
{
    VALUE_EACH_ITEM (v, value_at(pod->root, "spec.volumes"))
        if (strcmp(value_at_str(v, "persistentVolumeClaim.claimName", ""), claim) == 0)
            return true;
    return false;
}

/* A pod without a node has not started to use anything. */
static bool is_used(struct controller_ctx *c, const struct object *claim, struct arena *a)
{
    struct object_list l = cache_list(c->cache, &RES_POD, claim->ns, a);
    for (size_t i = 0; i < l.n; i++)
        if (*value_at_str(l.items[i]->root, "spec.nodeName", "") && !pod_is_finished(l.items[i]) &&
            uses(l.items[i], claim->name))
            return true;
    return false;
}

static bool holds(const struct object *o, const char *finalizer)
{
    VALUE_EACH_ITEM(f, value_at(o->root, "metadata.finalizers"))
    if (strcmp(value_str(f, ""), finalizer) == 0)
        return true;
    return false;
}

static int release(struct controller_ctx *c, const struct resource *r, const struct object *o,
                   const char *finalizer, struct arena *a, struct err *e)
{
    struct value *left = value_new_array(a);
    bool had = false;
    VALUE_EACH_ITEM (f, value_at(o->root, "metadata.finalizers")) {
        bool is = strcmp(value_str(f, ""), finalizer) == 0;
        had |= is;
        if (!is)
            (void)value_push(a, left, f);
    }
    if (!had)
        return 0;
    struct value *patch = value_new_object(a), *meta = value_make_object(a, patch, "metadata");
    (void)value_set(a, meta, "finalizers", value_count(left) ? left : value_null(a));
    (void)value_set(a, meta, "resourceVersion",
                    value_new_strf(a, "%llu", (unsigned long long)o->rv));
    int rc = write_patch(c, r, o, patch, e);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* Admission adds it at birth; this is for those who came without. */
static int protect(struct controller_ctx *c, const struct resource *r, const struct object *o,
                   const char *finalizer, struct arena *a, struct err *e)
{
    if (holds(o, finalizer))
        return 0;
    const struct value *had = value_at(o->root, "metadata.finalizers");
    struct value *l = had ? value_copy(a, had) : value_new_array(a);
    (void)value_push_str(a, l, finalizer);
    struct value *patch = value_new_object(a), *meta = value_make_object(a, patch, "metadata");
    (void)value_set(a, meta, "finalizers", l);
    (void)value_set(a, meta, "resourceVersion",
                    value_new_strf(a, "%llu", (unsigned long long)o->rv));
    return write_patch(c, r, o, patch, e);
}

static int protection_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                           struct err *e)
{
    if (!*key->ns) {
        const struct object *v = cache_get(c->cache, &RES_PERSISTENT_VOLUME, NULL, key->name, a);
        if (!v || !v->deleting || strcmp(value_at_str(v->root, "status.phase", ""), "Bound") == 0)
            return 0;
        return release(c, &RES_PERSISTENT_VOLUME, v, VOLUME_FINALIZER, a, e);
    }
    const struct object *claim =
        cache_get(c->cache, &RES_PERSISTENT_VOLUME_CLAIM, key->ns, key->name, a);
    if (claim && !claim->deleting)
        return protect(c, &RES_PERSISTENT_VOLUME_CLAIM, claim, CLAIM_FINALIZER, a, e);
    if (!claim || is_used(c, claim, a))
        return 0;
    return release(c, &RES_PERSISTENT_VOLUME_CLAIM, claim, CLAIM_FINALIZER, a, e);
}

static void of_pod(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    (void)c;
    VALUE_EACH_ITEM (v, value_at(o->root, "spec.volumes")) {
        const char *claim = value_at_str(v, "persistentVolumeClaim.claimName", "");
        if (*claim)
            key_add(s, o->ns, claim);
    }
}

static const struct controller_watch WATCHES[] = {
    {&RES_PERSISTENT_VOLUME_CLAIM, NULL  },
    {&RES_PERSISTENT_VOLUME,       NULL  },
    {&RES_POD,                     of_pod},
    {NULL,                         NULL  },
};

const struct controller claim_protection_controller = {
    .name = "pvc-protection-controller",
    .watches = WATCHES,
    .sync = protection_sync,
};
