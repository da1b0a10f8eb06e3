#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "store/store_int.h"

struct watch_set {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct watch *first, **end; /* those that are ready */
    bool ended;
};

struct watch_set *watch_set_new(void)
{
    struct watch_set *s = calloc(1, sizeof *s);
    if (!s)
        log_die("out of memory");
    s->end = &s->first;
    (void)pthread_mutex_init(&s->lock, NULL);
    cond_init(&s->filled);
    return s;
}

void watch_set_free(struct watch_set *s)
{
    if (!s)
        return;
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

void watch__ready(struct watch *x)
{
    struct watch_set *s = x->set;
    LOCK_SCOPE(&s->lock);
    if (x->queued || x->taken)
        return;
    x->queued = true;
    x->next_ready = NULL;
    *s->end = x;
    s->end = &x->next_ready;
    (void)pthread_cond_signal(&s->filled);
}

static void unqueue(struct watch_set *s, struct watch *x)
{
    LOCK_SCOPE(&s->lock);
    struct watch **at = &s->first;
    while (x->queued && *at != x)
        at = &(*at)->next_ready;
    if (!x->queued)
        return;
    x->queued = false;
    *at = x->next_ready;
    if (s->end == &x->next_ready)
        s->end = at;
}

void watch_rest(struct watch *x, struct watch_set *s, void *arg, int64_t timeout_ms)
{
    int64_t now = clock_mono_ms(), end = now + timeout_ms;
    LOCK_SCOPE(&x->lock);
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
}

struct watch *watch_set_take(struct watch_set *s, void **out_arg)
{
    LOCK_SCOPE(&s->lock);
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

static void release(struct watch_set *s, struct watch *x)
{
    LOCK_SCOPE(&s->lock);
    x->taken = false;
}

void watch_set_put(struct watch_set *s, struct watch *x, bool back)
{
    LOCK_SCOPE(&x->lock); /* its owner may close it once this is given up */
    release(s, x);
    x->back |= back;
    if (x->back || x->leaving)
        (void)pthread_cond_signal(&x->ready);
    else if (x->pending)
        watch__ready(x);
}
