#include "kube/kube.h"

#include <stdlib.h>

void kube_list_done(struct kube_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        object_unref(l->items[i]);
    free(l->items);
    *l = (struct kube_list){0};
}

/* "" and NULL mean the same to callers; implementations see NULL only. */
static const char *or_null(const char *s)
{
    return s && *s ? s : NULL;
}

int kube_get(struct kube *k, const struct resource *r, const char *ns, const char *name,
             struct object **out, struct err *e)
{
    return k->ops->get(k, r, or_null(ns), name, out, e);
}

int kube_list(struct kube *k, const struct resource *r, const char *ns,
              const struct kube_list_opts *opts, struct kube_list *out, struct err *e)
{
    return k->ops->list(k, r, or_null(ns), opts, out, e);
}

int kube_create(struct kube *k, const struct resource *r, const char *ns, const struct value *obj,
                struct object **out, struct err *e)
{
    return k->ops->create(k, r, or_null(ns), obj, out, e);
}

int kube_update(struct kube *k, const struct resource *r, const char *ns, const char *name,
                const char *sub, const struct value *obj, struct object **out, struct err *e)
{
    return k->ops->update(k, r, or_null(ns), name, or_null(sub), obj, out, e);
}

int kube_patch(struct kube *k, const struct resource *r, const char *ns, const char *name,
               const char *sub, enum kube_patch_type type, const struct value *patch,
               struct object **out, struct err *e)
{
    return k->ops->patch(k, r, or_null(ns), name, or_null(sub), type, patch, out, e);
}

int kube_apply(struct kube *k, const struct resource *r, const char *ns, const char *name,
               const char *sub, const char *manager, bool force, const struct value *obj,
               struct object **out, struct err *e)
{
    return k->ops->apply(k, r, or_null(ns), name, or_null(sub), manager, force, false, obj, out, e);
}

int kube_apply_dry(struct kube *k, const struct resource *r, const char *ns, const char *name,
                   const char *manager, const struct value *obj, struct object **out, struct err *e)
{
    return k->ops->apply(k, r, or_null(ns), name, NULL, manager, true, true, obj, out, e);
}

int kube_delete(struct kube *k, const struct resource *r, const char *ns, const char *name,
                const struct kube_delete_opts *opts, struct err *e)
{
    static const struct kube_delete_opts dflt = {.propagation = KUBE_BACKGROUND, .grace_s = -1};
    return k->ops->del(k, r, or_null(ns), name, opts ? opts : &dflt, e);
}

int kube_watch_open(struct kube *k, const struct resource *r, const char *ns,
                    const struct kube_list_opts *opts, uint64_t since, struct kube_watch **out,
                    struct err *e)
{
    return k->ops->watch_open(k, r, or_null(ns), opts, since, out, e);
}

int kube_watch_next(struct kube *k, struct kube_watch *w, int64_t timeout_ms,
                    struct kube_event *out, struct err *e)
{
    return k->ops->watch_next(w, timeout_ms, out, e);
}

void kube_watch_close(struct kube *k, struct kube_watch *w)
{
    if (w)
        k->ops->watch_close(w);
}

void kube_watch_wake(struct kube *k, struct kube_watch *w)
{
    if (w && k->ops->watch_wake)
        k->ops->watch_wake(w);
}

int kube_find(struct kube *k, const char *api_version, const char *kind,
              const struct resource **out, struct err *e)
{
    return k->ops->find(k, api_version, kind, out, e);
}

void kube_free(struct kube *k)
{
    if (k)
        k->ops->free(k);
}
