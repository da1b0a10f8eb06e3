#include "store/watch.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "store/store_int.h"

enum { WINDOW_EVENTS = 16384, WINDOW_BYTES = 16 << 20 };

void window__init(struct window *w)
{
    *w = (struct window){.cap = WINDOW_EVENTS};
    w->ring = calloc(w->cap, sizeof *w->ring);
    if (!w->ring)
        log_die("out of memory");
}

static size_t event_bytes(const struct watch_event *ev)
{
    return (ev->entry ? ev->entry->len : 0) + (ev->prev ? ev->prev->len : 0);
}

static void drop_oldest(struct window *w)
{
    struct watch_event *ev = &w->ring[w->first++ % w->cap];
    w->gone_rev = ev->rev;
    w->bytes -= event_bytes(ev);
    watch_event_done(ev);
}

void window__done(struct window *w)
{
    while (w->first < w->next)
        drop_oldest(w);
    free(w->ring);
}

void window__publish(struct window *w, struct watch_event ev)
{
    w->bytes += event_bytes(&ev);
    while (w->next - w->first == w->cap || (w->bytes > WINDOW_BYTES && w->first < w->next))
        drop_oldest(w);
    w->ring[w->next++ % w->cap] = ev;
}

static bool concerns(const struct watch *x, const struct watch_event *ev)
{
    const struct entry *n = ev->entry ? ev->entry : ev->prev;
    return strncmp(n->key, x->prefix, x->prefix_len) == 0;
}

/* *told: the set whose watches that made ready were all told at once. */
static void wake(struct watch *x, struct watch_set **told)
{
    LOCK_SCOPE(&x->lock);
    if (x->ready_ahead && x->set) {
        if (x->set != *told)
            watch__verdict(*told = x->set);
        return;
    }
    x->pending = true;
    if (x->set)
        watch__ready(x);
    else
        (void)pthread_cond_signal(&x->ready);
}

/* The first event from sequence `from` on that concerns the watch. */
static uint64_t first_for(const struct window *w, const struct watch *x, uint64_t from)
{
    uint64_t i = from < w->first ? w->first : from;
    while (i < w->next && !concerns(x, &w->ring[i % w->cap]))
        i++;
    return i;
}

void window__skip(struct window *w, uint64_t from)
{
    for (struct watch *x = w->watches; x && from >= w->first; x = x->next)
        if (x->seq == from)
            x->seq = first_for(w, x, from);
}

void window__notify(struct window *w, uint64_t from)
{
    struct watch_set *told = NULL;
    for (struct watch *x = w->watches; x; x = x->next)
        if (first_for(w, x, from) < w->next)
            wake(x, &told);
}

static struct watch_event event_of(const struct op *o)
{
    return (struct watch_event){.rev = o->rev,
                                .deleted = o->kind == OP_DELETE,
                                .entry = entry_ref(o->fresh),
                                .prev = entry_ref(o->prev)};
}

static bool concerns_op(const struct watch *x, const struct op *o)
{
    return o->rc == 0 && o->kind != OP_COMPACT && strncmp(o->key, x->prefix, x->prefix_len) == 0;
}

void window__foretell(struct window *w, const struct op *ops)
{
    if (w->foretold)
        atomic_fetch_add(&w->verdicts, 1);
    w->foretold = ops;
}

static bool concerns_any(const struct watch *x, const struct op *o)
{
    while (o && !concerns_op(x, o))
        o = o->next;
    return o != NULL;
}

void window__make_ready(struct window *w, const struct op *ops)
{
    struct watch_set *filled = NULL;
    for (struct watch *x = w->watches; x; x = x->next) {
        if (!concerns_any(x, ops))
            continue;
        LOCK_SCOPE(&x->lock);
        if (x->set && watch__queue(x))
            filled = x->set;
    }
    if (filled)
        watch__filled(filled);
}

void window__wake(struct window *w, const struct op *ops)
{
    struct watch_set *told = NULL;
    for (struct watch *x = w->watches; x; x = x->next)
        if (concerns_any(x, ops))
            wake(x, &told);
}

void watch_event_done(struct watch_event *ev)
{
    entry_unref(ev->entry);
    entry_unref(ev->prev);
    *ev = (struct watch_event){0};
}

/* The first event after revision `since`; events are in revision order. */
static uint64_t seek(const struct window *w, uint64_t since)
{
    uint64_t lo = w->first, hi = w->next;
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        if (w->ring[mid % w->cap].rev <= since)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

int watch_open(struct store *s, const char *prefix, uint64_t since, struct watch **out,
               struct err *e)
{
    struct watch *x = calloc(1, sizeof *x);
    if (!x || !(x->prefix = strdup(prefix)))
        log_die("out of memory");
    x->store = s;
    x->prefix_len = strlen(prefix);
    x->pending = true;
    (void)pthread_mutex_init(&x->lock, NULL);
    cond_init(&x->ready);

    (void)pthread_rwlock_wrlock(&s->lock);
    struct window *w = &s->window;
    bool gone = since < w->gone_rev;
    uint64_t gone_rev = w->gone_rev;
    if (!gone) {
        x->seq = seek(w, since);
        x->progress = since;
        x->next = w->watches;
        x->link = &w->watches;
        if (x->next)
            x->next->link = &x->next;
        w->watches = x;
    }
    (void)pthread_rwlock_unlock(&s->lock);
    if (gone) {
        watch_close(x);
        return err_set(e, ERR_GONE, "too old resource version: %llu (%llu)",
                       (unsigned long long)since, (unsigned long long)gone_rev);
    }
    *out = x;
    return 0;
}

/* 1: an event is in *out; 0: none yet; < 0: fell behind. */
static int look(struct watch *x, struct watch_event *out, struct err *e)
{
    struct store *s = x->store;
    int r = 0;
    (void)pthread_rwlock_rdlock(&s->lock);
    const struct window *w = &s->window;
    if (x->seq < w->first)
        r = err_set(e, ERR_GONE, "too old resource version: %llu (%llu)",
                    (unsigned long long)x->progress, (unsigned long long)w->gone_rev);
    for (; r == 0 && x->seq < w->next; x->seq++) {
        const struct watch_event *ev = &w->ring[x->seq % w->cap];
        x->progress = ev->rev;
        if (!concerns(x, ev))
            continue;
        *out = *ev;
        out->entry = entry_ref(ev->entry);
        out->prev = entry_ref(ev->prev);
        r = 1;
    }
    if (r == 0)
        x->progress = s->rev;
    (void)pthread_rwlock_unlock(&s->lock);
    return r;
}

static int wait_for_more(struct watch *x, int64_t timeout_ms, struct err *e)
{
    int r = 0;
    (void)pthread_mutex_lock(&x->lock);
    while (!x->pending && !x->woken && r == 0)
        if (timeout_ms == 0 || !cond_wait_ms(&x->ready, &x->lock, timeout_ms))
            r = err_set(e, ERR_TIMEOUT, "no event for %lld ms", (long long)timeout_ms);
    if (x->woken)
        r = err_set(e, ERR_CANCELLED, "the watch was ended");
    x->pending = false;
    (void)pthread_mutex_unlock(&x->lock);
    return r;
}

int watch_next(struct watch *x, int64_t timeout_ms, struct watch_event *out, struct err *e)
{
    for (;;) {
        int r = look(x, out, e);
        if (r != 0)
            return r < 0 ? r : 0;
        r = wait_for_more(x, timeout_ms, e);
        if (r < 0)
            return r;
    }
}

size_t watch_foretold(struct watch *x, struct watch_event *out, size_t max, size_t max_bytes)
{
    struct store *s = x->store;
    size_t n = 0, all = 0, bytes = 0;
    (void)pthread_rwlock_rdlock(&s->lock);
    const struct window *w = &s->window;
    const struct op *o = x->seq == w->next ? w->foretold : NULL;
    for (; o && n <= max; o = o->next) {
        if (o->rc < 0 || o->kind == OP_COMPACT)
            continue;
        all++;
        x->ahead_rev = o->rev;
        if (!concerns_op(x, o) || n++ >= max)
            continue;
        out[n - 1] = event_of(o);
        bytes += event_bytes(&out[n - 1]);
    }
    x->promises = w->broken_promises;
    x->ahead = w->next + all;
    x->verdicts = atomic_load(&w->verdicts);
    bool fits = n <= max && bytes <= max_bytes;
    if (n > 0 && fits) {
        LOCK_SCOPE(&x->lock);
        x->ready_ahead = true;
    }
    (void)pthread_rwlock_unlock(&s->lock);
    for (size_t i = 0; !fits && i < n && i < max; i++)
        watch_event_done(&out[i]);
    return fits ? n : 0;
}

/* What watch_settled() says, now. */
static int settle(struct watch *x, struct err *e)
{
    struct store *s = x->store;
    int r = 0;
    (void)pthread_rwlock_rdlock(&s->lock);
    const struct window *w = &s->window;
    if (w->broken_promises != x->promises)
        r = err_set(e, ERR_CANCELLED, "the commit that was foretold failed");
    else if (w->next < x->ahead)
        r = err_set(e, ERR_TIMEOUT, "the commit that was foretold still waits for the disk");
    if (r == 0) {
        x->seq = x->ahead;
        x->progress = x->ahead_rev;
    }
    if (r != ERR_TIMEOUT) { /* nothing is published before who does it sees that x listens again */
        LOCK_SCOPE(&x->lock);
        x->ready_ahead = false;
        x->pending |= first_for(w, x, x->seq) < w->next;
    }
    (void)pthread_rwlock_unlock(&s->lock);
    return r;
}

int watch_settled(struct watch *x, int64_t timeout_ms, struct err *e)
{
    int64_t now = clock_mono_ms(), end = now + timeout_ms;
    (void)pthread_mutex_lock(&x->lock);
    for (;;) {
        x->pending = false; /* before one looks: what comes later sets it again */
        (void)pthread_mutex_unlock(&x->lock);
        int r = settle(x, e);
        now = timeout_ms > 0 ? clock_mono_ms() : now;
        if (r != ERR_TIMEOUT || (timeout_ms >= 0 && now >= end))
            return r;
        (void)pthread_mutex_lock(&x->lock);
        if (!x->pending)
            (void)cond_wait_ms(&x->ready, &x->lock, timeout_ms < 0 ? -1 : end - now);
    }
}

uint64_t watch_progress(struct watch *x)
{
    return x->progress;
}

void watch_wake(struct watch *x)
{
    (void)pthread_mutex_lock(&x->lock);
    x->woken = true;
    (void)pthread_cond_signal(&x->ready);
    (void)pthread_mutex_unlock(&x->lock);
}

void watch_close(struct watch *x)
{
    if (!x)
        return;
    (void)pthread_rwlock_wrlock(&x->store->lock); /* neighbours write our link, too */
    if (x->link) {
        *x->link = x->next;
        if (x->next)
            x->next->link = x->link;
    }
    (void)pthread_rwlock_unlock(&x->store->lock);
    (void)pthread_cond_destroy(&x->ready);
    (void)pthread_mutex_destroy(&x->lock);
    free(x->prefix);
    free(x);
}
