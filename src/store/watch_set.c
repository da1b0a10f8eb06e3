#include <sched.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "store/store_int.h"

struct watch_set {
    struct store *store;
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct watch *first, **end; /* those that are ready */
    struct watch *held;         /* those that made ready, and wait for the verdict */
    atomic_uint verdicts;
    bool ended;
};

enum { LINGER_US = 200 };

struct watch_set *watch_set_new(struct store *store)
{
    struct watch_set *s = calloc(1, sizeof *s);
    if (!s)
        log_die("out of memory");
    s->store = store;
    s->end = &s->first;
    (void)pthread_mutex_init(&s->lock, NULL);
    cond_init(&s->filled);
    return s;
}

void watch_set_free(struct watch_set *s)
{
    if (!s)
        return;
    (void)pthread_rwlock_wrlock(&s->store->lock); /* the writer may still be waking it */
    (void)pthread_rwlock_unlock(&s->store->lock);
    (void)pthread_cond_destroy(&s->filled);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

void watch_set_end(struct watch_set *s)
{
    LOCK_SCOPE(&s->lock);
    s->ended = true;
    (void)pthread_cond_broadcast(&s->filled);
}

static void enqueue(struct watch_set *s, struct watch *x)
{
    x->queued = true;
    x->next_ready = NULL;
    *s->end = x;
    s->end = &x->next_ready;
}

void watch__verdict(struct watch_set *s)
{
    LOCK_SCOPE(&s->lock);
    for (struct watch *x; (x = s->held);) {
        s->held = x->next_ready;
        x->held = false;
        enqueue(s, x);
    }
    atomic_fetch_add(&s->verdicts, 1);
    (void)pthread_cond_broadcast(&s->filled);
}

bool watch__queue(struct watch *x)
{
    struct watch_set *s = x->set;
    LOCK_SCOPE(&s->lock);
    if (x->queued || x->taken || x->held)
        return false;
    enqueue(s, x);
    return true;
}

void watch__filled(struct watch_set *s)
{
    (void)pthread_cond_broadcast(&s->filled);
}

void watch__ready(struct watch *x)
{
    if (watch__queue(x))
        (void)pthread_cond_signal(&x->set->filled);
}

static void unqueue(struct watch_set *s, struct watch *x)
{
    LOCK_SCOPE(&s->lock);
    struct watch **at = x->held ? &s->held : &s->first;
    while ((x->queued || x->held) && *at != x)
        at = &(*at)->next_ready;
    if (!x->queued && !x->held)
        return;
    x->queued = x->held = false;
    *at = x->next_ready;
    if (s->end == &x->next_ready)
        s->end = at;
}

void watch_rest(struct watch *x, struct watch_set *s, void *arg, int64_t timeout_ms)
{
    int64_t now = clock_mono_ms(), end = now + timeout_ms;
    LOCK_SCOPE(&x->lock);
    atomic_fetch_add(&x->store->resting, 1);
    x->set = s;
    x->arg = arg;
    x->back = x->leaving = false;
    if (x->pending)
        watch__ready(x);
    for (; !x->back && !x->woken && now < end; now = clock_mono_ms())
        (void)cond_wait_ms(&x->ready, &x->lock, end - now);
    unqueue(s, x);
    for (x->leaving = true; x->taken;)
        (void)cond_wait_ms(&x->ready, &x->lock, -1);
    x->set = NULL;
    atomic_fetch_sub(&x->store->resting, 1);
}

/* Once: the verdict is near, and to sleep and be woken takes as long as the rest of most syncs. */
static void linger(struct watch_set *s)
{
    unsigned seen = atomic_load(&s->verdicts);
    int64_t until = clock_mono_us() + LINGER_US;
    (void)pthread_mutex_unlock(&s->lock);
    while (atomic_load(&s->verdicts) == seen && clock_mono_us() < until)
        (void)sched_yield();
    (void)pthread_mutex_lock(&s->lock);
}

struct watch *watch_set_take(struct watch_set *s, void **out_arg)
{
    LOCK_SCOPE(&s->lock);
    if (!s->first && s->held)
        linger(s);
    while (!s->first && !s->ended)
        (void)pthread_cond_wait(&s->filled, &s->lock);
    struct watch *x = s->ended ? NULL : s->first;
    if (!x)
        return NULL;
    if (!(s->first = x->next_ready))
        s->end = &s->first;
    x->queued = false;
    x->taken = true;
    *out_arg = x->arg;
    return x;
}

static void release(struct watch_set *s, struct watch *x, bool back)
{
    LOCK_SCOPE(&s->lock);
    x->taken = false;
    if (back || x->leaving || !x->ready_ahead)
        return;
    if (atomic_load(&x->store->window.verdicts) != x->verdicts) {
        enqueue(s, x);
        return;
    }
    x->held = true;
    x->next_ready = s->held;
    s->held = x;
}

void watch_set_put(struct watch_set *s, struct watch *x, bool back)
{
    LOCK_SCOPE(&x->lock); /* its owner may close it once this is given up */
    x->back |= back;
    release(s, x, x->back);
    if (x->back || x->leaving)
        (void)pthread_cond_signal(&x->ready);
    else if (x->pending)
        watch__ready(x);
}
