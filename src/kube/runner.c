#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/thread.h"
#include "kube/cache_int.h"
#include "kube/events.h"
#include "kube/fan.h"
#include "kube/queue.h"

enum {
    WORKERS = 2,       /* syncs of one controller side by side, when it does not say */
    FAN_THREADS = 32,  /* enough for a store's group commit to be worth it */
    WATCHES_MAX = 256, /* of one controller, CRDs' included */
    SYNC_ARENA = 1 << 26,
};

/* One controller with its queue. */
struct slot {
    struct runner *runner;
    const struct controller *c;
    void *arg;
    struct queue *queue;
    struct controller_watch watches[WATCHES_MAX];
    atomic_size_t n_watches;
    struct map concerned; /* the objects that matter, when not all do */
    bool filled; /* its caches have had their first list */
};

struct runner {
    struct kube *kube;
    const struct clock *clock;
    struct cache *cache;
    struct fan *fan;
    struct recorder *recorder;
    unsigned n_threads, started;
    pthread_t *threads;
    pthread_mutex_t lock; /* guards the queues and who is concerned */
    pthread_cond_t work;
    struct slot **slots;
    size_t n_slots, turn;
    bool stop;
};

struct key_sink {
    struct slot *slot;
};

/* ---- keys ---- */

static char *key_text(struct arena *a, const char *ns, const char *name)
{
    return arena_printf(a, "%s/%s", ns ? ns : "", name);
}

/* Splits at the last '/': names have none. */
static struct key key_split(struct arena *a, const char *text)
{
    const char *slash = strrchr(text, '/');
    return (struct key){arena_strndup(a, text, (size_t)(slash - text)), arena_strdup(a, slash + 1)};
}

static void slot_add(struct slot *s, const char *ns, const char *name)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const char *key = key_text(a, ns, name);
    struct runner *r = s->runner;
    LOCK_SCOPE(&r->lock);
    queue_add(s->queue, key, r->clock->mono_ms(r->clock));
    (void)pthread_cond_signal(&r->work);
}

void key_add(struct key_sink *s, const char *ns, const char *name)
{
    slot_add(s->slot, ns, name);
}

void keys_of_owner(const struct object *o, const char *kind, struct key_sink *s)
{
    const struct value *ref = object_controller(o);
    if (ref && strcmp(value_str(value_get(ref, "kind"), ""), kind) == 0)
        key_add(s, o->ns, value_str(value_get(ref, "name"), ""));
}

static struct controller_ctx context(struct slot *s)
{
    struct runner *r = s->runner;
    return (struct controller_ctx){.kube = r->kube,
                                   .cache = r->cache,
                                   .fan = r->fan,
                                   .recorder = r->recorder,
                                   .runner = r,
                                   .controller = s->c,
                                   .clock = r->clock,
                                   .arg = s->arg};
}

/* Whether the object matters, or did until now. */
static bool is_concern(struct slot *s, const struct resource *res, const struct object *o,
                       bool gone)
{
    if (!s->c->concerns)
        return true;
    AUTO(arena) struct arena *a = arena_new(0);
    const char *key = arena_join(a, res->plural, "/", key_text(a, o->ns, o->name), NULL);
    LOCK_SCOPE(&s->runner->lock);
    if (gone || !s->c->concerns(o))
        return map_remove(&s->concerned, key) != NULL;
    (void)map_put(&s->concerned, key, s);
    return true;
}

static bool watches(const struct slot *s, const struct resource *res)
{
    size_t n = s->n_watches;
    for (size_t i = 0; i < n; i++)
        if (s->watches[i].resource == res)
            return true;
    return false;
}

static void slot_tell(struct slot *s, const struct resource *res, const struct object *o)
{
    struct controller_ctx c = context(s);
    struct key_sink sink = {s};
    size_t n = s->n_watches;
    for (size_t i = 0; i < n; i++) {
        const struct controller_watch *w = &s->watches[i];
        if (w->resource != res)
            continue;
        if (w->keys_of)
            w->keys_of(o, &c, &sink);
        else
            slot_add(s, o->ns, o->name);
    }
}

/* From the cache: an object changed, or (o NULL) a first list came in. */
static void changed(void *arg, const struct resource *res, const struct object *o, bool gone)
{
    struct runner *r = arg;
    if (!o) {
        LOCK_SCOPE(&r->lock);
        (void)pthread_cond_broadcast(&r->work);
        return;
    }
    for (size_t i = 0; i < r->n_slots; i++)
        if (watches(r->slots[i], res) && is_concern(r->slots[i], res, o, gone))
            slot_tell(r->slots[i], res, o);
}

/* ---- one sync ---- */

static bool again(int rc)
{
    return rc == ERR_CONFLICT || rc == ERR_AGAIN || rc == ERR_TIMEOUT || rc == ERR_SYSTEM;
}

/* What a sync could not do is told where people look: on the object. */
static void report(struct slot *s, const struct key *key, const struct err *e, struct arena *a)
{
    const struct resource *res = s->c->watches[0].resource;
    log_debug(s->c->name, "%s/%s: %s", key->ns, key->name, e->msg);
    if (!res)
        return;
    const struct object *o = cache_get(s->runner->cache, res, key->ns, key->name, a);
    struct event_note note = {
        .source = s->c->name, .warning = true, .reason = "SyncFailed", .message = e->msg};
    if (o)
        recorder_add(s->runner->recorder, res, o, &note);
}

static int sync_one(struct slot *s, const char *text, int64_t *after_ms)
{
    AUTO(arena) struct arena *a = arena_new(SYNC_ARENA);
    struct key key = key_split(a, text);
    struct controller_ctx c = context(s);
    struct err e = {0};
    int rc = s->c->sync(&c, &key, a, &e);
    if (rc < 0 && rc != ERR_CONFLICT && rc != ERR_AGAIN)
        report(s, &key, &e, a);
    else if (rc < 0)
        log_debug(s->c->name, "%s: again: %s", text, e.msg);
    *after_ms = c.requeue_after_ms;
    if (rc == 0 && s->c->resync_ms && (*after_ms == 0 || s->c->resync_ms < *after_ms))
        *after_ms = s->c->resync_ms;
    return rc;
}

/* Under the lock, which it gives up for the sync. */
static void run_key(struct slot *s, const char *text)
{
    struct runner *r = s->runner;
    (void)pthread_mutex_unlock(&r->lock);
    int64_t after_ms = 0;
    int rc = sync_one(s, text, &after_ms);
    (void)pthread_mutex_lock(&r->lock);
    int64_t now = r->clock->mono_ms(r->clock);
    if (after_ms > 0)
        queue_add_at(s->queue, text, now + after_ms);
    queue_done(s->queue, text, again(rc), now);
    (void)pthread_cond_signal(&r->work);
}

static bool slot_may_run(struct slot *s)
{
    if (!s->filled) {
        for (size_t i = 0; s->c->watches[i].resource; i++)
            if (!cache_filled(s->runner->cache, s->c->watches[i].resource))
                return false;
        s->filled = true;
    }
    return queue_running(s->queue) < (s->c->workers ? s->c->workers : WORKERS);
}

/* ---- the pool ---- */

/* A slot with a key that is due, each in its turn; NULL and when to look again. */
static struct slot *next_slot(struct runner *r, int64_t now, const char **key, int64_t *due)
{
    *due = INT64_MAX;
    for (size_t i = 0; i < r->n_slots; i++) {
        struct slot *s = r->slots[(r->turn + i) % r->n_slots];
        if (!slot_may_run(s))
            continue;
        if ((*key = queue_take(s->queue, now, 0))) {
            r->turn = (r->turn + i + 1) % r->n_slots;
            return s;
        }
        int64_t d = queue_next_due(s->queue);
        *due = d < *due ? d : *due;
    }
    return NULL;
}

static void *runner_main(void *arg)
{
    struct runner *r = arg;
    LOCK_SCOPE(&r->lock);
    while (!r->stop) {
        const char *key = NULL;
        int64_t due, now = r->clock->mono_ms(r->clock);
        struct slot *s = next_slot(r, now, &key, &due);
        if (s)
            run_key(s, key);
        else
            (void)cond_wait_ms(&r->work, &r->lock, due == INT64_MAX ? -1 : due - now);
    }
    return NULL;
}

struct runner *runner_new(struct kube *k, const struct clock *clock, unsigned threads)
{
    struct runner *r = calloc(1, sizeof *r);
    pthread_t *t = calloc(threads + 1, sizeof *t);
    if (!r || !t)
        log_die("out of memory");
    r->kube = k;
    r->clock = clock;
    r->n_threads = threads;
    r->threads = t;
    r->cache = cache_new(k, changed, r);
    r->recorder = recorder_new(k, clock);
    r->fan = threads ? fan_new(FAN_THREADS) : NULL;
    (void)pthread_mutex_init(&r->lock, NULL);
    cond_init(&r->work);
    return r;
}

void runner_add(struct runner *r, const struct controller *c, void *arg)
{
    struct slot *s = calloc(1, sizeof *s);
    r->slots = realloc(r->slots, (r->n_slots + 1) * sizeof *r->slots);
    if (!s || !r->slots)
        log_die("out of memory");
    s->runner = r;
    s->c = c;
    s->arg = arg;
    s->queue = queue_new();
    map_init(&s->concerned);
    size_t n = 0;
    for (; c->watches[n].resource; n++) {
        s->watches[n] = c->watches[n];
        s->watches[n].resource = cache_watch(r->cache, c->watches[n].resource);
    }
    s->n_watches = n;
    r->slots[r->n_slots++] = s;
}

void controller_watch_also(struct controller_ctx *c, const struct controller_watch *w)
{
    struct runner *r = c->runner;
    const struct resource *told = cache_watch(r->cache, w->resource);
    LOCK_SCOPE(&r->lock);
    struct slot *s = NULL;
    for (size_t i = 0; i < r->n_slots; i++)
        if (r->slots[i]->c == c->controller)
            s = r->slots[i];
    for (size_t i = 0; i < s->n_watches; i++)
        if (s->watches[i].resource == told)
            return;
    if (s->n_watches == WATCHES_MAX) {
        log_error(c->controller->name, "%s is not watched: %d resources are", told->plural,
                  WATCHES_MAX);
        return;
    }
    s->watches[s->n_watches] = (struct controller_watch){told, w->keys_of};
    s->n_watches++;
}

int runner_start(struct runner *r, struct err *e)
{
    int rc = 0;
    if (r->n_threads == 0)
        return 0;
    rc = recorder_start(r->recorder, e);
    if (rc == 0)
        rc = cache_start(r->cache, e);
    for (; rc == 0 && r->started < r->n_threads; r->started += rc == 0)
        rc = thread_start(&r->threads[r->started], "sync", 1024, runner_main, r, e);
    return rc;
}

void runner_kick(struct runner *r, const char *controller, const char *ns, const char *name)
{
    for (size_t i = 0; i < r->n_slots; i++)
        if (strcmp(r->slots[i]->c->name, controller) == 0)
            slot_add(r->slots[i], ns, name);
}

void runner_stop(struct runner *r)
{
    {
        LOCK_SCOPE(&r->lock);
        r->stop = true;
        (void)pthread_cond_broadcast(&r->work);
    }
    for (unsigned i = 0; i < r->started; i++)
        (void)pthread_join(r->threads[i], NULL);
    r->started = 0;
    cache_stop(r->cache);
}

void runner_free(struct runner *r)
{
    if (!r)
        return;
    runner_stop(r);
    cache_free(r->cache);
    recorder_free(r->recorder);
    fan_free(r->fan);
    for (size_t i = 0; i < r->n_slots; i++) {
        queue_free(r->slots[i]->queue);
        map_done(&r->slots[i]->concerned);
        free(r->slots[i]);
    }
    free(r->slots);
    free(r->threads);
    (void)pthread_mutex_destroy(&r->lock);
    (void)pthread_cond_destroy(&r->work);
    free(r);
}

struct cache *runner_cache(struct runner *r)
{
    return r->cache;
}

struct recorder *runner_recorder(struct runner *r)
{
    return r->recorder;
}

/* ---- by hand ---- */

static size_t due_keys(struct runner *r, int64_t now)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_slots; i++)
        if (slot_may_run(r->slots[i]))
            n += queue_ready(r->slots[i]->queue, now);
    return n;
}

bool runner_step(struct runner *r, uint64_t choice)
{
    (void)cache_pump(r->cache);
    {
        LOCK_SCOPE(&r->lock);
        int64_t now = r->clock->mono_ms(r->clock);
        size_t n = due_keys(r, now);
        if (n == 0)
            return false;
        size_t nth = (size_t)(choice % n);
        for (size_t i = 0; i < r->n_slots; i++) {
            struct slot *s = r->slots[i];
            size_t ready = slot_may_run(s) ? queue_ready(s->queue, now) : 0;
            if (nth < ready) {
                run_key(s, queue_take(s->queue, now, nth));
                break;
            }
            nth -= ready;
        }
    }
    recorder_flush(r->recorder);
    return true;
}

size_t runner_settle(struct runner *r, size_t max)
{
    size_t n = 0;
    while (n < max && runner_step(r, 0))
        n++;
    return n;
}

int64_t runner_next_due_ms(struct runner *r)
{
    LOCK_SCOPE(&r->lock);
    int64_t due = INT64_MAX;
    for (size_t i = 0; i < r->n_slots; i++) {
        int64_t d = queue_next_due(r->slots[i]->queue);
        due = d < due ? d : due;
    }
    return due;
}
