#include "kube/cache_int.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/thread.h"

enum {
    WAIT_MS = 60000,     /* of one watch_next, where cache_stop can wake it … */
    BLIND_WAIT_MS = 500, /* … and where it cannot */
    RETRY_FIRST_MS = 50, /* after a failed list or watch, doubled up to … */
    RETRY_MAX_MS = 5000,
};

/* The objects that name one owner; unordered. */
struct owned {
    struct object **items;
    size_t n, cap;
};

struct informer {
    struct cache *cache;
    const struct resource *res;
    pthread_mutex_t lock;  /* guards everything below but `watch` */
    struct object **items; /* by namespace, then name */
    size_t n, cap;
    struct map owners; /* uid → struct owned * */
    struct map doomed; /* uid of what we deleted and still see → non-NULL */
    uint64_t seen_rv;  /* the watch has told everything up to here */
    atomic_bool filled;

    struct kube_watch *watch; /* the thread's own; `watch_lock` for waking it */
    pthread_mutex_t watch_lock;
    bool has_thread;
    pthread_t thread;
};

struct cache {
    struct kube *kube;
    cache_changed_fn changed;
    void *arg;
    pthread_mutex_t lock; /* guards the table of informers, which only grows */
    pthread_cond_t stop_cond;
    struct informer **informers;
    size_t n, cap;
    bool started;
    atomic_bool stop;
};

/* ---- the sorted table of one resource ---- */

static int order(const struct object *o, const char *ns, const char *name)
{
    int d = strcmp(o->ns, ns);
    return d ? d : strcmp(o->name, name);
}

/* The first place that is not before ns/name. */
static size_t lower_bound(const struct informer *f, const char *ns, const char *name)
{
    size_t lo = 0, hi = f->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (order(f->items[mid], ns, name) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static struct object *find(const struct informer *f, const char *ns, const char *name)
{
    size_t at = lower_bound(f, ns, name);
    return at < f->n && order(f->items[at], ns, name) == 0 ? f->items[at] : NULL;
}

static void *grown(void *p, size_t *cap, size_t item)
{
    *cap = *cap ? *cap * 2 : 16;
    p = realloc(p, *cap * item);
    if (!p)
        log_die("out of memory");
    return p;
}

static void owner_link(struct informer *f, struct object *o)
{
    VALUE_EACH_ITEM (ref, value_at(o->root, "metadata.ownerReferences")) {
        const char *uid = value_str(value_get(ref, "uid"), "");
        struct owned *w = map_get(&f->owners, uid);
        if (!w) {
            w = calloc(1, sizeof *w);
            if (!w)
                log_die("out of memory");
            (void)map_put(&f->owners, uid, w);
        }
        if (w->n == w->cap)
            w->items = grown(w->items, &w->cap, sizeof(struct object *));
        w->items[w->n++] = o;
    }
}

static void owner_unlink(struct informer *f, const struct object *o)
{
    VALUE_EACH_ITEM (ref, value_at(o->root, "metadata.ownerReferences")) {
        const char *uid = value_str(value_get(ref, "uid"), "");
        struct owned *w = map_get(&f->owners, uid);
        if (!w)
            continue;
        for (size_t i = 0; i < w->n; i++)
            if (w->items[i] == o) {
                w->items[i] = w->items[--w->n];
                break;
            }
        if (w->n == 0) {
            (void)map_remove(&f->owners, uid);
            free(w->items);
            free(w);
        }
    }
}

static void table_remove(struct informer *f, size_t at)
{
    struct object *o = f->items[at];
    owner_unlink(f, o);
    (void)map_remove(&f->doomed, o->uid);
    f->n--;
    memmove(f->items + at, f->items + at + 1, (f->n - at) * sizeof *f->items);
    object_unref(o);
}

/* Keeps a reference of its own. Older than what is there: no change. */
static void table_put(struct informer *f, struct object *o)
{
    size_t at = lower_bound(f, o->ns, o->name);
    bool doomed = false;
    if (at < f->n && order(f->items[at], o->ns, o->name) == 0) {
        if (f->items[at]->rv >= o->rv)
            return;
        doomed = !o->deleting && map_has(&f->doomed, o->uid);
        table_remove(f, at);
    }
    if (doomed)
        (void)map_put(&f->doomed, o->uid, f);
    if (f->n == f->cap)
        f->items = grown(f->items, &f->cap, sizeof *f->items);
    memmove(f->items + at + 1, f->items + at, (f->n - at) * sizeof *f->items);
    f->items[at] = object_ref(o);
    f->n++;
    owner_link(f, o);
}

static void table_delete(struct informer *f, const struct object *o, uint64_t rv)
{
    size_t at = lower_bound(f, o->ns, o->name);
    if (at < f->n && order(f->items[at], o->ns, o->name) == 0 && f->items[at]->rv <= rv)
        table_remove(f, at);
}

/* ---- listing and watching ---- */

static void tell(struct informer *f, const struct object *o, bool gone)
{
    f->cache->changed(f->cache->arg, f->res, o, gone);
}

/* Replaces the table by the list; what is not in it any more goes to `gone`. */
static void table_replace(struct informer *f, const struct kube_list *l, struct kube_list *gone)
{
    struct map in_list;
    map_init(&in_list);
    for (size_t i = 0; i < l->n; i++)
        (void)map_put(&in_list, l->items[i]->uid, l->items[i]);

    LOCK_SCOPE(&f->lock);
    gone->items = calloc(f->n + 1, sizeof *gone->items);
    if (!gone->items)
        log_die("out of memory");
    for (size_t i = f->n; i-- > 0;)
        if (f->items[i]->rv <= l->rv && !map_has(&in_list, f->items[i]->uid)) {
            gone->items[gone->n++] = object_ref(f->items[i]);
            table_remove(f, i);
        }
    for (size_t i = 0; i < l->n; i++)
        table_put(f, l->items[i]);
    f->seen_rv = l->rv;
    map_done(&in_list);
}

static int informer_list(struct informer *f, struct err *e)
{
    struct kube_list l = {0}, gone = {0};
    int r = kube_list(f->cache->kube, f->res, NULL, NULL, &l, e);
    if (r < 0)
        return r;
    struct kube_watch *w = NULL;
    r = kube_watch_open(f->cache->kube, f->res, NULL, NULL, l.rv, &w, e);
    if (r == 0) {
        table_replace(f, &l, &gone);
        {
            LOCK_SCOPE(&f->watch_lock);
            f->watch = w;
        }
        for (size_t i = 0; i < gone.n; i++)
            tell(f, gone.items[i], true);
        for (size_t i = 0; i < l.n; i++)
            tell(f, l.items[i], false);
        if (!atomic_exchange(&f->filled, true))
            tell(f, NULL, false);
    }
    kube_list_done(&l);
    kube_list_done(&gone);
    return r;
}

static void informer_close(struct informer *f)
{
    struct kube_watch *w;
    {
        LOCK_SCOPE(&f->watch_lock);
        w = take_ptr(f->watch);
    }
    kube_watch_close(f->cache->kube, w);
}

static void informer_take(struct informer *f, struct kube_event *ev)
{
    bool gone = ev->type == KUBE_DELETED;
    {
        LOCK_SCOPE(&f->lock);
        if (ev->rv > f->seen_rv)
            f->seen_rv = ev->rv;
        if (gone)
            table_delete(f, ev->object, ev->rv > ev->object->rv ? ev->rv : ev->object->rv);
        else if (ev->object)
            table_put(f, ev->object);
    }
    if (ev->object)
        tell(f, ev->object, gone);
    object_unref(ev->object);
}

/* One step: list when there is no watch, else one event. ERR_TIMEOUT: nothing came. */
static int informer_step(struct informer *f, int64_t wait_ms, struct err *e)
{
    if (!f->watch)
        return informer_list(f, e);
    struct kube_event ev = {0};
    int r = kube_watch_next(f->cache->kube, f->watch, wait_ms, &ev, e);
    if (r == 0)
        informer_take(f, &ev);
    else if (r != ERR_TIMEOUT)
        informer_close(f);
    return r;
}

static void pause_ms(struct cache *c, int64_t ms)
{
    LOCK_SCOPE(&c->lock);
    if (!c->stop)
        (void)cond_wait_ms(&c->stop_cond, &c->lock, ms);
}

static void *informer_main(void *arg)
{
    struct informer *f = arg;
    int64_t retry_ms = 0, wait_ms = f->cache->kube->ops->watch_wake ? WAIT_MS : BLIND_WAIT_MS;
    while (!f->cache->stop) {
        struct err e = {0};
        int r = informer_step(f, wait_ms, &e);
        if (r == 0 || r == ERR_TIMEOUT || r == ERR_GONE) {
            retry_ms = 0;
            continue;
        }
        retry_ms = retry_ms ? retry_ms * 2 : RETRY_FIRST_MS;
        if (retry_ms > RETRY_MAX_MS)
            retry_ms = RETRY_MAX_MS;
        log_debug("cache", "%s: %s", f->res->plural, e.msg);
        pause_ms(f->cache, retry_ms);
    }
    informer_close(f);
    return NULL;
}

size_t cache_pump(struct cache *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++) { /* c->n may grow meanwhile */
        struct err e;
        int r;
        do {
            r = informer_step(c->informers[i], 0, &e);
            n += r == 0;
        } while (r == 0 || r == ERR_GONE);
    }
    return n;
}

/* ---- life ---- */

struct cache *cache_new(struct kube *k, cache_changed_fn changed, void *arg)
{
    struct cache *c = calloc(1, sizeof *c);
    if (!c)
        log_die("out of memory");
    c->kube = k;
    c->changed = changed;
    c->arg = arg;
    (void)pthread_mutex_init(&c->lock, NULL);
    cond_init(&c->stop_cond);
    return c;
}

static bool same_resource(const struct resource *a, const struct resource *b)
{
    return a == b || (strcmp(a->plural, b->plural) == 0 && strcmp(a->group, b->group) == 0);
}

/* Under the lock. */
static struct informer *lookup(struct cache *c, const struct resource *r)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->informers[i]->res == r)
            return c->informers[i];
    for (size_t i = 0; i < c->n; i++)
        if (same_resource(c->informers[i]->res, r))
            return c->informers[i];
    return NULL;
}

static struct informer *informer_of(struct cache *c, const struct resource *r)
{
    struct informer *f;
    {
        LOCK_SCOPE(&c->lock);
        f = lookup(c, r);
    }
    if (!f)
        log_die("cache: no controller watches %s", r->plural);
    return f;
}

static int informer_start(struct informer *f, struct err *e)
{
    int r = thread_start(&f->thread, f->res->plural, 512, informer_main, f, e);
    f->has_thread = r == 0;
    return r;
}

const struct resource *cache_watch(struct cache *c, const struct resource *r)
{
    LOCK_SCOPE(&c->lock);
    struct informer *f = lookup(c, r);
    if (f)
        return f->res;
    f = calloc(1, sizeof *f);
    if (!f)
        log_die("out of memory");
    f->cache = c;
    f->res = r;
    (void)pthread_mutex_init(&f->lock, NULL);
    (void)pthread_mutex_init(&f->watch_lock, NULL);
    map_init(&f->owners);
    map_init(&f->doomed);
    if (c->n == c->cap)
        c->informers = grown(c->informers, &c->cap, sizeof(struct informer *));
    c->informers[c->n++] = f;
    struct err e;
    if (c->started && informer_start(f, &e) < 0)
        log_error("cache", "%s is not watched: %s", r->plural, e.msg);
    return r;
}

int cache_start(struct cache *c, struct err *e)
{
    LOCK_SCOPE(&c->lock);
    c->started = true;
    int r = 0;
    for (size_t i = 0; i < c->n && r == 0; i++)
        r = informer_start(c->informers[i], e);
    return r;
}

void cache_stop(struct cache *c)
{
    size_t n;
    {
        LOCK_SCOPE(&c->lock);
        c->stop = true;
        c->started = false;
        (void)pthread_cond_broadcast(&c->stop_cond);
        n = c->n;
    }
    for (size_t i = 0; i < n; i++) {
        struct informer *f = c->informers[i];
        {
            LOCK_SCOPE(&f->watch_lock);
            kube_watch_wake(c->kube, f->watch);
        }
        if (f->has_thread)
            (void)pthread_join(f->thread, NULL);
        f->has_thread = false;
        informer_close(f);
    }
}

static void informer_free(struct informer *f)
{
    while (f->n)
        table_remove(f, f->n - 1);
    map_done(&f->owners);
    map_done(&f->doomed);
    free(f->items);
    (void)pthread_mutex_destroy(&f->lock);
    (void)pthread_mutex_destroy(&f->watch_lock);
    free(f);
}

void cache_free(struct cache *c)
{
    if (!c)
        return;
    cache_stop(c);
    for (size_t i = 0; i < c->n; i++)
        informer_free(c->informers[i]);
    free(c->informers);
    (void)pthread_mutex_destroy(&c->lock);
    (void)pthread_cond_destroy(&c->stop_cond);
    free(c);
}

bool cache_watches(struct cache *c, const struct resource *r)
{
    LOCK_SCOPE(&c->lock);
    return lookup(c, r) != NULL;
}

bool cache_filled(struct cache *c, const struct resource *r)
{
    return informer_of(c, r)->filled;
}

/* ---- own writes ---- */

void cache_saw(struct cache *c, const struct resource *r, struct object *o)
{
    if (!cache_watches(c, r))
        return;
    struct informer *f = informer_of(c, r);
    LOCK_SCOPE(&f->lock);
    if (o->rv > f->seen_rv) /* else the watch has told of it, or of what came after */
        table_put(f, o);
}

void cache_doom(struct cache *c, const struct resource *r, const struct object *o)
{
    if (!cache_watches(c, r))
        return;
    struct informer *f = informer_of(c, r);
    LOCK_SCOPE(&f->lock);
    const struct object *now = find(f, o->ns, o->name);
    if (now && !now->deleting && strcmp(now->uid, o->uid) == 0)
        (void)map_put(&f->doomed, o->uid, f);
}

bool cache_is_deleting(struct cache *c, const struct resource *r, const struct object *o)
{
    if (o->deleting)
        return true;
    struct informer *f = informer_of(c, r);
    LOCK_SCOPE(&f->lock);
    return map_has(&f->doomed, o->uid);
}

/* ---- reading ---- */

const struct object *cache_get(struct cache *c, const struct resource *r, const char *ns,
                               const char *name, struct arena *a)
{
    struct informer *f = informer_of(c, r);
    LOCK_SCOPE(&f->lock);
    const struct object *o = find(f, ns && r->namespaced ? ns : "", name);
    return o ? object_hold(a, o) : NULL;
}

static struct object_list held(struct arena *a, struct object *const *items, size_t n)
{
    struct object_list l = {.items = ARENA_ARRAY(a, const struct object *, n + 1), .n = n};
    for (size_t i = 0; i < n; i++)
        l.items[i] = object_hold(a, items[i]);
    return l;
}

struct object_list cache_list(struct cache *c, const struct resource *r, const char *ns,
                              struct arena *a)
{
    struct informer *f = informer_of(c, r);
    LOCK_SCOPE(&f->lock);
    if (!ns || !*ns)
        return held(a, f->items, f->n);
    size_t from = lower_bound(f, ns, ""), to = from;
    while (to < f->n && strcmp(f->items[to]->ns, ns) == 0)
        to++;
    return held(a, f->items + from, to - from);
}

static int by_name(const void *x, const void *y)
{
    const struct object *a = *(const struct object *const *)x;
    const struct object *b = *(const struct object *const *)y;
    return order(a, b->ns, b->name);
}

static bool is_controlled_by(const struct object *o, const char *uid)
{
    return strcmp(value_str(value_get(object_controller(o), "uid"), ""), uid) == 0;
}

static struct object_list owned_by(struct cache *c, const struct resource *r, const char *uid,
                                   bool controller_only, struct arena *a)
{
    struct informer *f = informer_of(c, r);
    LOCK_SCOPE(&f->lock);
    const struct owned *w = map_get(&f->owners, uid);
    struct object_list l = {.items = ARENA_ARRAY(a, const struct object *, (w ? w->n : 0) + 1)};
    for (size_t i = 0; w && i < w->n; i++)
        if (!controller_only || is_controlled_by(w->items[i], uid))
            l.items[l.n++] = object_hold(a, w->items[i]);
    qsort(l.items, l.n, sizeof(struct object *), by_name);
    return l;
}

struct object_list cache_owned(struct cache *c, const struct resource *r, const char *owner_uid,
                               struct arena *a)
{
    return owned_by(c, r, owner_uid, true, a);
}

struct object_list cache_dependents(struct cache *c, const struct resource *r, const char *uid,
                                    struct arena *a)
{
    return owned_by(c, r, uid, false, a);
}
