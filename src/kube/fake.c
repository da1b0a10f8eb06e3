#include "kube/fake.h"

#include <pthread.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/thread.h"
#include "codec/json.h"
#include "codec/patch.h"
#include "codec/yaml.h"
#include "kube/fake_int.h"

struct fault {
    const char *verb;
    const struct resource *r;
    unsigned n;
    int code;
};

struct change {
    const struct resource *r;
    enum kube_event_type type;
    struct object *object;
    uint64_t rv;
};

struct fake {
    struct kube kube;
    const struct clock *clock;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct map objects; /* key → struct object * (a reference) */
    struct map applied; /* key + manager → const struct value *, in `arena` */
    struct map calls;   /* verb → count */
    struct arena *arena;
    struct change *history;
    size_t n_history, cap_history;
    size_t compacted; /* history before this index is forgotten */
    const struct resource **extra;
    size_t n_extra;
    uint64_t rv, uid, names;
    struct fault faults[16];
    size_t n_faults;
};

struct kube_watch {
    struct fake *f;
    const struct resource *r;
    char *ns, *labels, *fields;
    size_t at;
    uint64_t since;
    bool woken;
};

static struct fake *fake_of(struct kube *k)
{
    return container_of(k, struct fake, kube);
}

static const char *key_of(struct arena *a, const struct resource *r, const char *ns,
                          const char *name)
{
    return arena_printf(a, "%s.%s/%s/%s", r->plural, r->group, r->namespaced && ns ? ns : "", name);
}

/* ---- counting and failing ---- */

static int admit(struct fake *f, const char *verb, const struct resource *r, struct err *e)
{
    uintptr_t n = (uintptr_t)map_get(&f->calls, verb);
    (void)map_put(&f->calls, verb, (void *)(n + 1));
    for (size_t i = 0; i < f->n_faults; i++) {
        struct fault *x = &f->faults[i];
        if (x->n == 0 || (x->r && x->r != r) ||
            (strcmp(x->verb, "*") != 0 && strcmp(x->verb, verb) != 0))
            continue;
        x->n--;
        return err_set(e, x->code, "%s %s: made to fail", verb, r->plural);
    }
    return 0;
}

unsigned kube_fake_calls(struct kube *k, const char *verb)
{
    static const char *const writes[] = {"create", "update", "patch", "apply", "delete"};
    struct fake *f = fake_of(k);
    LOCK_SCOPE(&f->lock);
    if (strcmp(verb, "*") != 0)
        return (unsigned)(uintptr_t)map_get(&f->calls, verb);
    unsigned n = 0;
    for (size_t i = 0; i < ARRAY_LEN(writes); i++)
        n += (unsigned)(uintptr_t)map_get(&f->calls, writes[i]);
    return n;
}

void kube_fake_fail(struct kube *k, const char *verb, const struct resource *r, unsigned n,
                    int code)
{
    struct fake *f = fake_of(k);
    LOCK_SCOPE(&f->lock);
    if (f->n_faults == ARRAY_LEN(f->faults))
        f->n_faults = 0;
    f->faults[f->n_faults++] = (struct fault){verb, r, n, code};
}

/* ---- storing; all under the lock ---- */

static int missing(struct err *e, const struct resource *r, const char *name)
{
    if (*r->group)
        return err_set(e, ERR_NOT_FOUND, "%s.%s \"%s\" not found", r->plural, r->group, name);
    return err_set(e, ERR_NOT_FOUND, "%s \"%s\" not found", r->plural, name);
}

static void publish(struct fake *f, const struct resource *r, enum kube_event_type type,
                    const struct object *o, uint64_t rv)
{
    if (f->n_history == f->cap_history) {
        f->cap_history = f->cap_history ? f->cap_history * 2 : 256;
        f->history = realloc(f->history, f->cap_history * sizeof *f->history);
        if (!f->history)
            log_die("out of memory");
    }
    f->history[f->n_history++] = (struct change){r, type, object_ref(o), rv};
    (void)pthread_cond_broadcast(&f->changed);
}

/* Stores `root` (of arena `own`) with a new resourceVersion; takes the arena over. */
static struct object *store(struct fake *f, const struct resource *r, const char *key,
                            struct arena *own, struct value *root, bool is_new)
{
    struct value *meta = value_make_object(own, root, "metadata");
    (void)value_set(own, meta, "resourceVersion",
                    value_new_strf(own, "%llu", (unsigned long long)++f->rv));
    struct object *o = object_new(own, root);
    object_unref(map_put(&f->objects, key, o));
    publish(f, r, is_new ? KUBE_ADDED : KUBE_MODIFIED, o, f->rv);
    return o;
}

static void erase(struct fake *f, const struct resource *r, const char *key)
{
    struct object *o = map_remove(&f->objects, key);
    publish(f, r, KUBE_DELETED, o, ++f->rv);
    object_unref(o);
}

static void give(struct object **out, const struct object *o)
{
    if (out)
        *out = object_ref(o);
}

static const char *now_text(const struct fake *f, struct arena *a)
{
    char *t = arena_alloc(a, CLOCK_TEXT_MAX);
    clock_format_rfc3339(f->clock->real_ms(f->clock), t);
    return t;
}

static size_t finalizers(const struct value *root)
{
    return value_count(value_at(root, "metadata.finalizers"));
}

static bool spec_differs(const struct value *x, const struct value *y)
{
    VALUE_EACH_MEMBER(m, y)
    if (strcmp(m->key, "metadata") != 0 && strcmp(m->key, "status") != 0 &&
        !value_equal(value_get(x, m->key), &m->value))
        return true;
    return value_members_count(x) != value_members_count(y) && value_get(x, "spec") &&
           !value_get(y, "spec");
}

static const char *const KEPT[] = {"uid",
                                   "creationTimestamp",
                                   "generation",
                                   "namespace",
                                   "name",
                                   "deletionTimestamp",
                                   "deletionGracePeriodSeconds",
                                   NULL};

/* What a write cannot change is as it was. */
static void keep_identity(struct arena *a, struct value *root, const struct object *old)
{
    struct value *meta = value_make_object(a, root, "metadata");
    const struct value *was = value_get(old->root, "metadata");
    for (size_t i = 0; KEPT[i]; i++) {
        const struct value *v = value_get(was, KEPT[i]);
        if (v)
            (void)value_set(a, meta, KEPT[i], value_copy(a, v));
        else
            (void)value_remove(meta, KEPT[i]);
    }
}

static bool only_rv_differs(struct arena *a, const struct value *x, const struct value *y)
{
    struct value *p = value_copy(a, x), *q = value_copy(a, y);
    (void)value_remove(value_make_object(a, p, "metadata"), "resourceVersion");
    (void)value_remove(value_make_object(a, q, "metadata"), "resourceVersion");
    return value_equal(p, q);
}

/* Puts `next` in the place of `old`. Takes `own`, which holds next. */
static void replace(struct fake *f, const struct resource *r, const char *key,
                    const struct object *old, struct arena *own, struct value *next,
                    struct object **out)
{
    AUTO(arena) struct arena *guard = own;
    keep_identity(own, next, old);
    if (spec_differs(old->root, next))
        (void)value_set_int(own, value_make_object(own, next, "metadata"), "generation",
                            value_at_int(old->root, "metadata.generation", 0) + 1);
    if (only_rv_differs(own, old->root, next)) {
        give(out, old);
        return;
    }
    struct object *o = store(f, r, key, take_ptr(guard), next, false);
    give(out, o);
    if (o->deleting && finalizers(next) == 0 &&
        value_at_int(next, "metadata.deletionGracePeriodSeconds", 0) == 0)
        erase(f, r, key);
}

/* `next` with everything of `old` that a write to `sub` leaves alone. */
static struct value *confine(struct arena *a, const struct resource *r, const char *sub,
                             const struct value *old, const struct value *next)
{
    struct value *v;
    if (sub && strcmp(sub, "status") == 0) {
        v = value_copy(a, old);
        (void)value_set(a, v, "status", value_copy(a, value_get(next, "status")));
    } else {
        v = value_copy(a, next);
        (void)value_remove(v, "status");
        if (!r->status && value_get(next, "status"))
            (void)value_set(a, v, "status", value_copy(a, value_get(next, "status")));
        if (r->status && value_get(old, "status"))
            (void)value_set(a, v, "status", value_copy(a, value_get(old, "status")));
    }
    return v;
}

static int stale(struct err *e, const struct resource *r, const char *name)
{
    return err_set(e, ERR_CONFLICT,
                   "operation cannot be fulfilled on %s \"%s\": the object has been modified",
                   r->plural, name);
}

/* ---- verbs ---- */

static int fake_get(struct kube *k, const struct resource *r, const char *ns, const char *name,
                    struct object **out, struct err *e)
{
    struct fake *f = fake_of(k);
    AUTO(arena) struct arena *a = arena_new(0);
    LOCK_SCOPE(&f->lock);
    int rc = admit(f, "get", r, e);
    if (rc < 0)
        return rc;
    const struct object *o = map_get(&f->objects, key_of(a, r, ns, name));
    if (!o)
        return missing(e, r, name);
    give(out, o);
    return 0;
}

static bool selected(const struct object *o, const char *ns, const char *labels, const char *fields)
{
    return (!ns || strcmp(o->ns, ns) == 0) && fake__match_labels(o, labels) &&
           fake__match_fields(o, fields);
}

static int by_key(const void *x, const void *y)
{
    const struct object *a = *(struct object *const *)x, *b = *(struct object *const *)y;
    int d = strcmp(a->ns, b->ns);
    return d ? d : strcmp(a->name, b->name);
}

static int fake_list(struct kube *k, const struct resource *r, const char *ns,
                     const struct kube_list_opts *opts, struct kube_list *out, struct err *e)
{
    struct fake *f = fake_of(k);
    AUTO(arena) struct arena *a = arena_new(0);
    LOCK_SCOPE(&f->lock);
    int rc = admit(f, "list", r, e);
    if (rc < 0)
        return rc;
    const char *prefix = arena_printf(a, "%s.%s/", r->plural, r->group);
    struct kube_list l = {.items = calloc(map_size(&f->objects) + 1, sizeof *l.items), .rv = f->rv};
    if (!l.items)
        log_die("out of memory");
    size_t cursor = 0;
    for (const struct map_entry *m; (m = map_next(&f->objects, &cursor));)
        if (strncmp(m->key, prefix, strlen(prefix)) == 0 &&
            selected(m->value, ns, opts ? opts->labels : NULL, opts ? opts->fields : NULL))
            l.items[l.n++] = object_ref(m->value);
    qsort(l.items, l.n, sizeof *l.items, by_key);
    *out = l;
    return 0;
}

/* Fills in what the server decides at birth. */
static const char *christen(struct fake *f, const struct resource *r, const char *ns,
                            struct arena *a, struct value *root)
{
    struct value *meta = value_make_object(a, root, "metadata");
    const char *name = value_str(value_get(meta, "name"), "");
    const char *generate = value_str(value_get(meta, "generateName"), "");
    if (!*name && *generate) {
        name = arena_printf(a, "%s%05llu", generate, (unsigned long long)++f->names);
        (void)value_set_str(a, meta, "name", name);
    }
    if (r->namespaced)
        (void)value_set_str(a, meta, "namespace", ns ? ns : "default");
    (void)value_set_str(
        a, meta, "uid",
        arena_printf(a, "00000000-0000-4000-8000-%012llx", (unsigned long long)++f->uid));
    (void)value_set_str(a, meta, "creationTimestamp", now_text(f, a));
    (void)value_set_int(a, meta, "generation", 1);
    (void)value_set_str(a, root, "apiVersion", resource_api_version(r, a));
    (void)value_set_str(a, root, "kind", r->kind);
    return name;
}

/* Under the lock. */
static int birth(struct fake *f, const struct resource *r, const char *ns, const struct value *obj,
                 bool keep_status, struct object **out, struct err *e)
{
    AUTO(arena) struct arena *own = arena_new(0);
    struct value *root = value_copy(own, obj);
    const char *name = christen(f, r, ns, own, root);
    if (!*name)
        return err_set(e, ERR_INVALID, "%s: metadata.name: required", r->kind);
    if (r->status && !keep_status) {
        (void)value_remove(root, "status");
        if (r == &RES_POD)
            (void)value_set_str(own, value_make_object(own, root, "status"), "phase", "Pending");
    }
    const char *key = key_of(own, r, ns ? ns : "default", name);
    if (map_has(&f->objects, key))
        return err_set(e, ERR_EXISTS, "%s \"%s\" already exists", r->plural, name);
    give(out, store(f, r, key, take_ptr(own), root, true));
    return 0;
}

static int fake_create(struct kube *k, const struct resource *r, const char *ns,
                       const struct value *obj, struct object **out, struct err *e)
{
    struct fake *f = fake_of(k);
    LOCK_SCOPE(&f->lock);
    int rc = admit(f, "create", r, e);
    return rc < 0 ? rc : birth(f, r, ns, obj, false, out, e);
}

/* A pod's binding sets its node. */
static struct value *bound(struct arena *a, const struct value *old, const struct value *binding)
{
    struct value *v = value_copy(a, old);
    (void)value_set_str(a, value_make_object(a, v, "spec"), "nodeName",
                        value_at_str(binding, "target.name", ""));
    return v;
}

static int fake_update(struct kube *k, const struct resource *r, const char *ns, const char *name,
                       const char *sub, const struct value *obj, struct object **out, struct err *e)
{
    struct fake *f = fake_of(k);
    AUTO(arena) struct arena *own = arena_new(0);
    LOCK_SCOPE(&f->lock);
    int rc = admit(f, "update", r, e);
    if (rc < 0)
        return rc;
    const char *key = key_of(own, r, ns, name);
    const struct object *old = map_get(&f->objects, key);
    if (!old)
        return missing(e, r, name);
    uint64_t rv = strtoull(value_at_str(obj, "metadata.resourceVersion", "0"), NULL, 10);
    if (rv && rv != old->rv)
        return stale(e, r, name);
    struct value *next = sub && strcmp(sub, "binding") == 0 ? bound(own, old->root, obj)
                                                            : confine(own, r, sub, old->root, obj);
    key = arena_strdup(f->arena, key);
    replace(f, r, key, old, take_ptr(own), next, out);
    return 0;
}

static int fake_patch(struct kube *k, const struct resource *r, const char *ns, const char *name,
                      const char *sub, enum kube_patch_type type, const struct value *patch,
                      struct object **out, struct err *e)
{
    struct fake *f = fake_of(k);
    AUTO(arena) struct arena *own = arena_new(0);
    LOCK_SCOPE(&f->lock);
    int rc = admit(f, "patch", r, e);
    if (rc < 0)
        return rc;
    const char *key = key_of(f->arena, r, ns, name);
    const struct object *old = map_get(&f->objects, key);
    if (!old)
        return missing(e, r, name);
    struct value *next = NULL;
    if (type == KUBE_PATCH_JSON)
        rc = patch_json(own, old->root, patch, &next, e);
    else if (type == KUBE_PATCH_MERGE)
        next = patch_merge(own, old->root, patch);
    else
        next = fake__merge(own, old->root, patch);
    if (rc < 0)
        return rc;
    const char *rv = value_at_str(patch, "metadata.resourceVersion", NULL);
    if (rv && strtoull(rv, NULL, 10) != old->rv)
        return stale(e, r, name);
    next = confine(own, r, sub, old->root, next);
    replace(f, r, key, old, take_ptr(own), next, out);
    return 0;
}

static int fake_apply(struct kube *k, const struct resource *r, const char *ns, const char *name,
                      const char *sub, const char *manager, bool force, bool dry_run,
                      const struct value *obj, struct object **out, struct err *e)
{
    (void)force;
    struct fake *f = fake_of(k);
    AUTO(arena) struct arena *own = arena_new(0);
    LOCK_SCOPE(&f->lock);
    int rc = admit(f, dry_run ? "dry" : "apply", r, e);
    if (rc < 0)
        return rc;
    const char *key = key_of(f->arena, r, ns, name);
    const char *mine = arena_printf(own, "%s\n%s\n%s", key, manager, sub ? sub : "");
    const struct object *old = map_get(&f->objects, key);
    const struct value *before = map_get(&f->applied, mine);
    if (!dry_run)
        (void)map_put(&f->applied, mine, value_copy(f->arena, obj));
    if (!old && !dry_run)
        return birth(f, r, ns, obj, false, out, e);

    struct value *next = old ? fake__apply(own, old->root, before, obj) : value_copy(own, obj);
    if (old)
        next = confine(own, r, sub, old->root, next);
    if (!dry_run) {
        replace(f, r, key, old, take_ptr(own), next, out);
        return 0;
    }
    if (old)
        keep_identity(own, next, old);
    if (out)
        *out = object_new(take_ptr(own), next);
    return 0;
}

static bool add_finalizer(struct arena *a, struct value *root, const char *name)
{
    struct value *l = value_make_array(a, root, "metadata.finalizers");
    VALUE_EACH_ITEM(x, l)
    if (strcmp(value_str(x, ""), name) == 0)
        return false;
    (void)value_push_str(a, l, name);
    return true;
}

/* The grace that a pod on a node gets before it goes; others go at once. */
static int64_t grace_of(const struct resource *r, const struct object *o,
                        const struct kube_delete_opts *opts)
{
    if (r != &RES_POD || !*value_at_str(o->root, "spec.nodeName", ""))
        return 0;
    return opts->grace_s >= 0 ? opts->grace_s
                              : value_at_int(o->root, "spec.terminationGracePeriodSeconds", 30);
}

static void delete_later(struct fake *f, const struct resource *r, const char *key,
                         const struct object *old, int64_t grace,
                         const struct kube_delete_opts *opts)
{
    struct arena *own = arena_new(0);
    struct value *next = value_copy(own, old->root);
    struct value *meta = value_make_object(own, next, "metadata");
    if (!old->deleting)
        (void)value_set_str(own, meta, "deletionTimestamp", now_text(f, own));
    (void)value_set_int(own, meta, "deletionGracePeriodSeconds", grace);
    if (!old->deleting && opts->propagation == KUBE_FOREGROUND)
        (void)add_finalizer(own, next, "foregroundDeletion");
    if (!old->deleting && opts->propagation == KUBE_ORPHAN)
        (void)add_finalizer(own, next, "orphan");
    if (only_rv_differs(own, old->root, next)) {
        arena_free(own);
        return;
    }
    (void)store(f, r, key, own, next, false);
}

static int fake_delete(struct kube *k, const struct resource *r, const char *ns, const char *name,
                       const struct kube_delete_opts *opts, struct err *e)
{
    struct fake *f = fake_of(k);
    LOCK_SCOPE(&f->lock);
    int rc = admit(f, "delete", r, e);
    if (rc < 0)
        return rc;
    const char *key = key_of(f->arena, r, ns, name);
    const struct object *old = map_get(&f->objects, key);
    if (!old)
        return missing(e, r, name);
    if ((opts->uid && strcmp(opts->uid, old->uid) != 0) || (opts->rv && opts->rv != old->rv))
        return stale(e, r, name);
    int64_t grace = grace_of(r, old, opts);
    if (grace > 0 || finalizers(old->root) || opts->propagation != KUBE_BACKGROUND)
        delete_later(f, r, key, old, grace, opts);
    else
        erase(f, r, key);
    return 0;
}

/* ---- watching ---- */

static int fake_watch_open(struct kube *k, const struct resource *r, const char *ns,
                           const struct kube_list_opts *opts, uint64_t since,
                           struct kube_watch **out, struct err *e)
{
    struct fake *f = fake_of(k);
    LOCK_SCOPE(&f->lock);
    int rc = admit(f, "watch", r, e);
    if (rc < 0)
        return rc;
    struct kube_watch *w = calloc(1, sizeof *w);
    if (!w)
        log_die("out of memory");
    *w = (struct kube_watch){.f = f, .r = r, .since = since ? since : f->rv};
    w->ns = ns ? strdup(ns) : NULL;
    w->labels = opts && opts->labels ? strdup(opts->labels) : NULL;
    w->fields = opts && opts->fields ? strdup(opts->fields) : NULL;
    while (w->at < f->n_history && f->history[w->at].rv <= w->since)
        w->at++;
    *out = w;
    return 0;
}

static int fake_watch_next(struct kube_watch *w, int64_t timeout_ms, struct kube_event *out,
                           struct err *e)
{
    struct fake *f = w->f;
    LOCK_SCOPE(&f->lock);
    for (;;) {
        if (w->woken)
            return err_set(e, ERR_CANCELLED, "watch of %s was ended", w->r->plural);
        if (w->at < f->compacted)
            return err_set(e, ERR_GONE, "watch of %s: history is compacted", w->r->plural);
        for (; w->at < f->n_history; w->at++) {
            const struct change *c = &f->history[w->at];
            if (c->r != w->r || !selected(c->object, w->ns, w->labels, w->fields))
                continue;
            w->at++;
            *out = (struct kube_event){c->type, object_ref(c->object), c->rv};
            return 0;
        }
        if (timeout_ms == 0 || !cond_wait_ms(&f->changed, &f->lock, timeout_ms))
            return err_set(e, ERR_TIMEOUT, "watch of %s: nothing came", w->r->plural);
    }
}

static void fake_watch_wake(struct kube_watch *w)
{
    LOCK_SCOPE(&w->f->lock);
    w->woken = true;
    (void)pthread_cond_broadcast(&w->f->changed);
}

static void fake_watch_close(struct kube_watch *w)
{
    free(w->ns);
    free(w->labels);
    free(w->fields);
    free(w);
}

void kube_fake_compact(struct kube *k)
{
    struct fake *f = fake_of(k);
    LOCK_SCOPE(&f->lock);
    f->compacted = f->n_history;
    (void)pthread_cond_broadcast(&f->changed);
}

/* ---- life ---- */

static int fake_find(struct kube *k, const char *api_version, const char *kind,
                     const struct resource **out, struct err *e)
{
    struct fake *f = fake_of(k);
    AUTO(arena) struct arena *a = arena_new(0);
    const struct resource *r = resource_find(api_version, kind);
    LOCK_SCOPE(&f->lock);
    for (size_t i = 0; !r && i < f->n_extra; i++)
        if (strcmp(f->extra[i]->kind, kind) == 0 &&
            strcmp(resource_api_version(f->extra[i], a), api_version) == 0)
            r = f->extra[i];
    if (!r)
        return err_set(e, ERR_NOT_FOUND, "no kind \"%s\" in \"%s\"", kind, api_version);
    *out = r;
    return 0;
}

static void fake_free(struct kube *k)
{
    struct fake *f = fake_of(k);
    size_t cursor = 0;
    for (const struct map_entry *m; (m = map_next(&f->objects, &cursor));)
        object_unref(m->value);
    for (size_t i = 0; i < f->n_history; i++)
        object_unref(f->history[i].object);
    map_done(&f->objects);
    map_done(&f->applied);
    map_done(&f->calls);
    free(f->history);
    free(f->extra);
    arena_free(f->arena);
    (void)pthread_mutex_destroy(&f->lock);
    (void)pthread_cond_destroy(&f->changed);
    free(f);
}

static const struct kube_ops FAKE_OPS = {
    .name = "fake",
    .get = fake_get,
    .list = fake_list,
    .create = fake_create,
    .update = fake_update,
    .patch = fake_patch,
    .apply = fake_apply,
    .del = fake_delete,
    .watch_open = fake_watch_open,
    .watch_next = fake_watch_next,
    .watch_close = fake_watch_close,
    .watch_wake = fake_watch_wake,
    .find = fake_find,
    .free = fake_free,
};

struct kube *kube_fake_new(const struct clock *clock)
{
    struct fake *f = calloc(1, sizeof *f);
    if (!f)
        log_die("out of memory");
    f->kube.ops = &FAKE_OPS;
    f->clock = clock;
    f->arena = arena_new(0);
    f->rv = 1000;
    map_init(&f->objects);
    map_init(&f->applied);
    map_init(&f->calls);
    (void)pthread_mutex_init(&f->lock, NULL);
    cond_init(&f->changed);
    return &f->kube;
}

void kube_fake_add(struct kube *k, const struct resource *r)
{
    struct fake *f = fake_of(k);
    LOCK_SCOPE(&f->lock);
    f->extra = realloc(f->extra, (f->n_extra + 1) * sizeof(struct resource *));
    if (!f->extra)
        log_die("out of memory");
    f->extra[f->n_extra++] = r;
}

void kube_fake_load(struct kube *k, const char *text)
{
    AUTO(arena) struct arena *a = arena_new((size_t)1 << 26);
    struct value **docs = NULL;
    size_t n = 0;
    struct err e = {0};
    if (yaml_or_json_parse_all(a, text, strlen(text), 0, &docs, &n, &e) < 0)
        log_die("fake: %s", e.msg);
    for (size_t i = 0; i < n; i++) {
        const struct resource *r = NULL;
        if (fake_find(k, value_at_str(docs[i], "apiVersion", ""), value_at_str(docs[i], "kind", ""),
                      &r, &e) < 0)
            log_die("fake: document %zu: %s", i, e.msg);
        struct fake *f = fake_of(k);
        LOCK_SCOPE(&f->lock);
        if (birth(f, r, value_at_str(docs[i], "metadata.namespace", "default"), docs[i], true, NULL,
                  &e) < 0)
            log_die("fake: document %zu: %s", i, e.msg);
    }
}
