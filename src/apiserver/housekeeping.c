#include <string.h>

#include "apiserver/apiserver_int.h"
#include "base/log.h"
#include "base/thread.h"

/* What must not grow for ever: the store's past, and Events. As upstream, the past is kept for
 * five minutes at least and an Event for an hour after it last happened. */

enum {
    ROUND_MS = 60 * 1000,
    PAST_ROUNDS = 5,
    EVENT_MS = 60 * 60 * 1000,
    STEP = 500, /* revisions forgotten at once */
    STEP_PAUSE_US = 20 * 1000,
};

struct housekeeping {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool stop;
    uint64_t marks[PAST_ROUNDS]; /* the revision at each of the last rounds, oldest first */
};

static int64_t time_of(const struct value *root, const char *path)
{
    int64_t ns = 0;
    const char *text = value_at_str(root, path, "");
    struct err e = {0};
    return *text && clock_parse_rfc3339(text, &ns, &e) == 0 ? ns / 1000000 : 0;
}

static int64_t last_seen_ms(const struct value *event)
{
    static const char *const paths[] = {"metadata.creationTimestamp", "lastTimestamp", "eventTime",
                                        "series.lastObservedTime"};
    int64_t last = 0;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        int64_t t = time_of(event, paths[i]);
        if (t > last)
            last = t;
    }
    return last;
}

static void expire_events(struct apiserver *s)
{
    const struct served *k = kinds__of(s, &RES_EVENT);
    int64_t now = s->clock->real_ms(s->clock);
    struct entry_list l = {0};
    struct err e = {0};
    if (store_list(s->store, k->prefix, NULL, 0, 0, &l, &e) < 0)
        return;
    for (size_t i = 0; i < l.n; i++) {
        AUTO(object) struct object *o = stored__object(s, k, l.items[i]);
        uint64_t rev;
        if (now - last_seen_ms(o->root) <= EVENT_MS)
            continue;
        int rc = store_delete(s->store, l.items[i]->key, l.items[i]->rev, &rev, &e);
        if (rc < 0 && rc != ERR_CONFLICT && rc != ERR_NOT_FOUND) /* it happened again, or is gone */
            log_warn("apiserver", "expire %s: %s", l.items[i]->key, e.msg);
    }
    entry_list_done(&l);
}

static bool stopping(struct housekeeping *h)
{
    LOCK_SCOPE(&h->mutex);
    return h->stop;
}

/* In steps, so that no writer waits long behind one. */
static void compact_to(struct apiserver *s, struct housekeeping *h, uint64_t target)
{
    struct err e = {0};
    for (uint64_t at = store_compacted(s->store); at < target && !stopping(h);) {
        at = target - at > STEP ? at + STEP : target;
        if (store_compact(s->store, at, &e) < 0) {
            log_warn("apiserver", "compact to revision %llu: %s", (unsigned long long)at, e.msg);
            return;
        }
        (void)usleep(STEP_PAUSE_US);
    }
}

static void forget_past(struct apiserver *s, struct housekeeping *h)
{
    uint64_t oldest = h->marks[0];
    memmove(h->marks, h->marks + 1, sizeof h->marks - sizeof h->marks[0]);
    h->marks[PAST_ROUNDS - 1] = store_revision(s->store);
    compact_to(s, h, oldest);
}

void housekeeping__round(struct apiserver *s)
{
    expire_events(s);
    if (s->housekeeping)
        forget_past(s, s->housekeeping);
}

static void *keep(void *arg)
{
    struct apiserver *s = arg;
    struct housekeeping *h = s->housekeeping;
    for (;;) {
        (void)pthread_mutex_lock(&h->mutex);
        int64_t until = clock_mono_ms() + ROUND_MS;
        for (int64_t left = ROUND_MS; !h->stop && left > 0; left = until - clock_mono_ms())
            (void)cond_wait_ms(&h->changed, &h->mutex, left);
        bool stop = h->stop;
        (void)pthread_mutex_unlock(&h->mutex);
        if (stop)
            return NULL;
        housekeeping__round(s);
    }
}

int housekeeping__start(struct apiserver *s, struct err *e)
{
    struct housekeeping *h = calloc(1, sizeof *h);
    if (!h)
        log_die("out of memory");
    (void)pthread_mutex_init(&h->mutex, NULL);
    cond_init(&h->changed);
    s->housekeeping = h;
    int rc = thread_start(&h->thread, "housekeeping", 0, keep, s, e);
    if (rc < 0) {
        free(h);
        s->housekeeping = NULL;
    }
    return rc;
}

void housekeeping__stop(struct apiserver *s)
{
    struct housekeeping *h = s->housekeeping;
    if (!h)
        return;
    (void)pthread_mutex_lock(&h->mutex);
    h->stop = true;
    (void)pthread_cond_signal(&h->changed);
    (void)pthread_mutex_unlock(&h->mutex);
    (void)pthread_join(h->thread, NULL);
    (void)pthread_cond_destroy(&h->changed);
    (void)pthread_mutex_destroy(&h->mutex);
    free(h);
    s->housekeeping = NULL;
}
