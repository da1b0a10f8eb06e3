#include "ctl/namespace/namespace.h"

#include <string.h>

#include "base/map.h"
#include "ctl/namespace/plan.h"
#include "ctl/pods/pods.h"
#include "kube/cache.h"
#include "kube/fan.h"
#include "kube/write.h"

enum { SOON_MS = 50, LATER_MS = 2000, PATIENCE_MS = 5000 };

/* What one pass over the content found. */
struct sweep {
    struct controller_ctx *c;
    struct arena *a;
    const char *ns;
    struct namespace_rest *rests;
    size_t n_rests, cap_rests;
    struct map holds; /* finalizer → count */
    const char *failure;
    size_t left;
};

/* One resource's objects, to be deleted side by side. */
struct deletion {
    struct controller_ctx *c;
    const struct resource *r;
    struct kube_list list;
    int rc;
    struct err e;
};

static void delete_one(void *arg, size_t i)
{
    struct deletion *d = arg;
    const struct object *o = d->list.items[i];
    struct err e = {0};
    struct kube_delete_opts opts = {.propagation = KUBE_BACKGROUND, .grace_s = -1, .uid = o->uid};
    if (o->deleting)
        return;
    int rc = kube_delete(d->c->kube, d->r, o->ns, o->name, &opts, &e);
    if (rc < 0 && rc != ERR_NOT_FOUND && rc != ERR_CONFLICT) {
        d->rc = rc;
        d->e = e;
    }
}

static void count_holds(struct sweep *s, const struct object *o)
{
    VALUE_EACH_ITEM(f, value_at(o->root, "metadata.finalizers"))
    {
        uintptr_t n = (uintptr_t)map_get(&s->holds, value_str(f, ""));
        (void)map_put(&s->holds, value_str(f, ""), (void *)(n + 1));
    }
}

static void note_rest(struct sweep *s, const struct resource *r, const struct kube_list *l)
{
    if (l->n == 0)
        return;
    if (s->n_rests == s->cap_rests) {
        size_t cap = s->cap_rests ? s->cap_rests * 2 : 16;
        s->rests =
            arena_grow(s->a, s->rests, s->cap_rests * sizeof *s->rests, cap * sizeof *s->rests);
        s->cap_rests = cap;
    }
    s->rests[s->n_rests++] =
        (struct namespace_rest){arena_printf(s->a, "%s.%s", r->plural, r->group), l->n};
    s->left += l->n;
    for (size_t i = 0; i < l->n; i++)
        count_holds(s, l->items[i]);
}

static void fail(struct sweep *s, const struct resource *r, const struct err *e)
{
    if (!s->failure)
        s->failure = arena_printf(s->a, "Failed to delete all resource types, 1 remaining: %s: %s",
                                  r->plural, e->msg);
}

static void sweep_resource(struct sweep *s, const struct resource *r)
{
    struct deletion d = {.c = s->c, .r = r};
    struct err e = {0};
    int rc = kube_list(s->c->kube, r, s->ns, NULL, &d.list, &e);
    if (rc == ERR_NOT_FOUND)
        return; /* not served here */
    if (rc < 0) {
        fail(s, r, &e);
        return;
    }
    fan_run(s->c->fan, d.list.n, delete_one, &d);
    if (d.rc < 0)
        fail(s, r, &d.e);
    bool had = d.list.n > 0;
    kube_list_done(&d.list);
    if (!had)
        return;
    d.list = (struct kube_list){0};
    rc = kube_list(s->c->kube, r, s->ns, NULL, &d.list, &e);
    if (rc < 0)
        fail(s, r, &e);
    else
        note_rest(s, r, &d.list);
    kube_list_done(&d.list);
}

/* The storage version of a CRD's namespaced kind. */
static void sweep_custom(struct sweep *s, const struct object *crd)
{
    if (strcmp(value_at_str(crd->root, "spec.scope", ""), "Namespaced") != 0)
        return;
    const char *version = NULL;
    VALUE_EACH_ITEM(v, value_at(crd->root, "spec.versions"))
    if (value_bool(value_get(v, "served"), false) && !version)
        version = value_str(value_get(v, "name"), "");
    if (!version)
        return;
    const struct resource *r = NULL;
    struct err e;
    const char *av =
        arena_printf(s->a, "%s/%s", value_at_str(crd->root, "spec.group", ""), version);
    if (kube_find(s->c->kube, av, value_at_str(crd->root, "spec.names.kind", ""), &r, &e) == 0)
        sweep_resource(s, r);
}

static bool is_swept(const struct resource *r)
{
    return r->namespaced;
}

/* Pods last: what makes pods goes before them. Events last of all: they tell the rest. */
static void sweep_all(struct sweep *s)
{
    for (size_t i = 0; RESOURCES[i]; i++)
        if (is_swept(RESOURCES[i]) && RESOURCES[i] != &RES_POD && RESOURCES[i] != &RES_EVENT)
            sweep_resource(s, RESOURCES[i]);
    struct object_list crds = cache_list(s->c->cache, &RES_CRD, NULL, s->a);
    for (size_t i = 0; i < crds.n; i++)
        sweep_custom(s, crds.items[i]);
    sweep_resource(s, &RES_POD);
    sweep_resource(s, &RES_EVENT);
}

static int by_resource(const void *x, const void *y)
{
    return strcmp(((const struct namespace_rest *)x)->resource,
                  ((const struct namespace_rest *)y)->resource);
}

static int by_finalizer(const void *x, const void *y)
{
    return strcmp(((const struct namespace_hold *)x)->finalizer,
                  ((const struct namespace_hold *)y)->finalizer);
}

static void view_of(struct sweep *s, const struct object *o, struct namespace_view *v)
{
    struct namespace_hold *holds =
        ARENA_ARRAY(s->a, struct namespace_hold, map_size(&s->holds) + 1);
    size_t n = 0, cursor = 0;
    for (const struct map_entry *m; (m = map_next(&s->holds, &cursor));)
        holds[n++] = (struct namespace_hold){arena_strdup(s->a, m->key), (uintptr_t)m->value};
    qsort(holds, n, sizeof *holds, by_finalizer);
    if (s->n_rests)
        qsort(s->rests, s->n_rests, sizeof *s->rests, by_resource);
    *v = (struct namespace_view){.namespace_ = o,
                                 .rests = s->rests,
                                 .n_rests = s->n_rests,
                                 .holds = holds,
                                 .n_holds = n,
                                 .failure = s->failure,
                                 .now_ms = s->c->clock->real_ms(s->c->clock)};
}

static bool holds_kubernetes(const struct object *ns)
{
    VALUE_EACH_ITEM(f, value_at(ns->root, "spec.finalizers"))
    if (strcmp(value_str(f, ""), "kubernetes") == 0)
        return true;
    return false;
}

static int finalize(struct controller_ctx *c, const struct object *ns, struct arena *a,
                    struct err *e)
{
    struct value *o = object_edit(a, ns), *left = value_new_array(a);
    VALUE_EACH_ITEM(f, value_at(ns->root, "spec.finalizers"))
    if (strcmp(value_str(f, ""), "kubernetes") != 0)
        (void)value_push(a, left, f);
    (void)value_set(a, value_make_object(a, o, "spec"), "finalizers", left);
    int rc = kube_update(c->kube, &RES_NAMESPACE, NULL, ns->name, "finalize", o, NULL, e);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* Content goes within moments, or waits for somebody. */
static int64_t look_again_ms(const struct object *ns, int64_t now_ms)
{
    int64_t since = time_ms(value_at(ns->root, "metadata.deletionTimestamp"), now_ms);
    return now_ms - since < PATIENCE_MS ? SOON_MS : LATER_MS;
}

static int namespace_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                          struct err *e)
{
    const struct object *ns = cache_get(c->cache, &RES_NAMESPACE, NULL, key->name, a);
    if (!ns || !ns->deleting || !holds_kubernetes(ns))
        return 0;
    struct sweep s = {.c = c, .a = a, .ns = key->name};
    struct namespace_view v;
    map_init(&s.holds);
    sweep_all(&s);
    view_of(&s, ns, &v);
    map_done(&s.holds);
    int rc;
    if (s.left || s.failure) {
        c->requeue_after_ms = look_again_ms(ns, v.now_ms);
        rc = write_status(c, &RES_NAMESPACE, ns, namespace_status(&v, a), e);
    } else {
        rc = finalize(c, ns, a, e);
    }
    return rc;
}

static const struct controller_watch WATCHES[] = {
    {&RES_NAMESPACE, NULL},
    {&RES_CRD,       NULL}, /* to know custom kinds; the keys it queues are no namespaces */
    {NULL,           NULL},
};

const struct controller namespace_controller = {
    .name = "namespace-controller",
    .watches = WATCHES,
    .workers = 4,
    .sync = namespace_sync,
};
