#include "store/watch.h"

#include <pthread.h>

#include "store/store_int.h"
#include "t.h"

static struct err e;

static void sees_everything_in_order(void)
{
    AUTO(store) struct store *s = NULL;
    T_RC(store_open(NULL, &s, &e), &e, "open");
    uint64_t start = 0;
    T_RC(store_put(s, "/p/a", "1", 1, 0, &start, &e), &e, "before");
    struct watch *w = NULL;
    T_RC(watch_open(s, "/p/", start, &w, &e), &e, "watch");
    T_RC(store_put(s, "/p/b", "1", 1, 0, NULL, &e), &e, "put");
    T_RC(store_put(s, "/q/b", "1", 1, 0, NULL, &e), &e, "elsewhere");
    T_RC(store_put(s, "/p/b", "2", 1, STORE_ANY, NULL, &e), &e, "change");
    T_RC(store_delete(s, "/p/b", STORE_ANY, NULL, &e), &e, "delete");
    static const struct {
        const char *name, *now, *before;
    } wants[] = {
        {"created", "1",  NULL},
        {"changed", "2",  "1" },
        {"deleted", NULL, "2" },
    };
    uint64_t last = start;
    for (size_t i = 0; i < ARRAY_LEN(wants); i++) {
        struct watch_event ev = {0};
        T_RC(watch_next(w, 1000, &ev, &e), &e, wants[i].name);
        T_EQ_STR(ev.entry ? ev.entry->bytes : NULL, wants[i].now, wants[i].name);
        T_EQ_STR(ev.prev ? ev.prev->bytes : NULL, wants[i].before, wants[i].name);
        T_EQ_INT(ev.deleted, wants[i].now == NULL, wants[i].name);
        T_OK(ev.rev > last, "revisions grow");
        last = ev.rev;
        watch_event_done(&ev);
    }
    struct watch_event none;
    T_EQ_INT(watch_next(w, 5, &none, &e), ERR_TIMEOUT, "nothing more");
    T_EQ_INT(watch_progress(w), store_revision(s), "progress");
    watch_wake(w);
    T_EQ_INT(watch_next(w, -1, &none, &e), ERR_CANCELLED, "woken");
    watch_close(w);
}

static void falls_behind_loudly(void)
{
    AUTO(store) struct store *s = NULL;
    T_RC(store_open(NULL, &s, &e), &e, "open");
    struct watch *w = NULL, *late = NULL;
    T_RC(watch_open(s, "", 0, &w, &e), &e, "watch");
    static char big[1 << 20];
    for (int i = 0; i < 40; i++)
        T_RC(store_put(s, "k", big, sizeof big, STORE_ANY, NULL, &e), &e, "put");
    struct watch_event ev;
    T_EQ_INT(watch_next(w, 0, &ev, &e), ERR_GONE, "a slow reader is told");
    T_EQ_INT(watch_open(s, "", 1, &late, &e), ERR_GONE, "so is one that comes late");
    watch_close(w);
}

static void sleeps_through_others_noise(void)
{
    AUTO(store) struct store *s = NULL;
    T_RC(store_open(NULL, &s, &e), &e, "open");
    struct watch *idle = NULL, *behind = NULL;
    struct watch_event ev;
    T_RC(watch_open(s, "/p/", 0, &idle, &e), &e, "watch");
    T_RC(watch_open(s, "/q/", 0, &behind, &e), &e, "watch");
    static char big[1 << 20];
    for (int i = 0; i < 40; i++)
        T_RC(store_put(s, i % 2 ? "/q/k" : "/r/k", big, sizeof big, STORE_ANY, NULL, &e), &e, "");
    T_EQ_INT(watch_next(behind, 0, &ev, &e), ERR_GONE, "its own events are lost");
    T_EQ_INT(watch_next(idle, 0, &ev, &e), ERR_TIMEOUT, "nothing of its own is");
    T_EQ_INT(watch_progress(idle), store_revision(s), "progress");
    T_RC(store_put(s, "/p/k", "x", 1, 0, NULL, &e), &e, "its own");
    T_RC(watch_next(idle, 1000, &ev, &e), &e, "is seen");
    watch_event_done(&ev);
    watch_close(idle);
    watch_close(behind);
}

enum { READERS = 6, EVENTS = 2000 };

/* NULL when every event came in order. */
static void *read_all(void *store)
{
    struct watch *w;
    struct err mine;
    if (watch_open(store, "/p/", 0, &w, &mine) < 0)
        return store;
    bool bad = false;
    for (uint64_t i = 1; i <= EVENTS && !bad; i++) {
        struct watch_event ev;
        if (watch_next(w, 20000, &ev, &mine) < 0)
            bad = true;
        else {
            bad = ev.rev != i;
            watch_event_done(&ev);
        }
    }
    watch_close(w);
    return bad ? store : NULL;
}

static void serves_many_readers(void)
{
    AUTO(store) struct store *s = NULL;
    T_RC(store_open(NULL, &s, &e), &e, "open");
    pthread_t t[READERS];
    for (int i = 0; i < READERS; i++)
        (void)pthread_create(&t[i], NULL, read_all, s);
    for (int i = 0; i < EVENTS; i++)
        T_RC(store_put(s, "/p/k", "x", 1, STORE_ANY, NULL, &e), &e, "put");
    for (int i = 0; i < READERS; i++) {
        void *bad;
        (void)pthread_join(t[i], &bad);
        T_OK(!bad, "every event in order");
    }
}

/* ---- watches that rest in a set ---- */

enum { RESTING = 8, BACK_EVERY = 100 };

struct resting {
    struct watch *watch;
    struct watch_set *set;
    pthread_t thread;
    uint64_t seen;  /* events, in order; by whoever has the watch */
    uint64_t ahead; /* foretold, and not settled yet */
    bool bad;
};

enum { MAX_AHEAD = 4 };

/* False while it is not known whether what was foretold is true. */
static bool settled(struct resting *r, int64_t timeout_ms)
{
    struct err mine;
    int rc = r->ahead ? watch_settled(r->watch, timeout_ms, &mine) : 0;
    if (rc == ERR_TIMEOUT)
        return false;
    r->bad |= rc < 0;
    r->seen += r->ahead;
    r->ahead = 0;
    return true;
}

static void look_ahead(struct resting *r)
{
    struct watch_event ev[MAX_AHEAD];
    r->ahead = watch_foretold(r->watch, ev, MAX_AHEAD, 1000);
    for (size_t i = 0; i < r->ahead; i++) {
        r->bad |= ev[i].rev != r->seen + 1 + i;
        watch_event_done(&ev[i]);
    }
}

static void count(struct resting *r, bool *back)
{
    struct watch_event ev;
    struct err mine;
    while (!*back && watch_next(r->watch, 0, &ev, &mine) == 0) {
        r->bad |= ev.rev != ++r->seen;
        *back = r->seen % BACK_EVERY == 0;
        watch_event_done(&ev);
    }
}

static void *owner(void *arg)
{
    struct resting *r = arg;
    while (r->seen < EVENTS && !r->bad) {
        bool back = false;
        count(r, &back);
        if (r->seen < EVENTS)
            watch_rest(r->watch, r->set, r, 20000);
        (void)settled(r, -1);
    }
    watch_close(r->watch);
    return NULL;
}

static void *server(void *set)
{
    void *r;
    for (struct watch *w; (w = watch_set_take(set, &r));) {
        bool back = false;
        if (settled(r, 0))
            count(r, &back);
        if (!back && ((struct resting *)r)->ahead == 0)
            look_ahead(r);
        watch_set_put(set, w, back);
    }
    return NULL;
}

static void rests_in_a_set(void)
{
    AUTO(store) struct store *s = NULL;
    T_RC(store_open(NULL, &s, &e), &e, "open");
    struct watch_set *set = watch_set_new(s);
    struct resting all[RESTING] = {0};
    pthread_t servers[2];
    for (int i = 0; i < 2; i++)
        (void)pthread_create(&servers[i], NULL, server, set);
    for (int i = 0; i < RESTING; i++) {
        all[i].set = set;
        T_RC(watch_open(s, "/p/", 0, &all[i].watch, &e), &e, "watch");
        (void)pthread_create(&all[i].thread, NULL, owner, &all[i]);
    }
    for (int i = 0; i < EVENTS; i++)
        T_RC(store_put(s, "/p/k", "x", 1, STORE_ANY, NULL, &e), &e, "put");
    for (int i = 0; i < RESTING; i++) {
        (void)pthread_join(all[i].thread, NULL);
        T_OK(!all[i].bad, "in order, whoever looked");
        T_EQ_INT(all[i].seen, EVENTS, "every event once");
    }
    watch_set_end(set);
    for (int i = 0; i < 2; i++)
        (void)pthread_join(servers[i], NULL);
    watch_set_free(set);
}

static void leaves_a_set(void)
{
    AUTO(store) struct store *s = NULL;
    T_RC(store_open(NULL, &s, &e), &e, "open");
    struct watch_set *set = watch_set_new(s);
    struct watch *w = NULL;
    struct watch_event none;
    T_RC(watch_open(s, "/p/", 0, &w, &e), &e, "watch");
    watch_rest(w, set, NULL, 5); /* ready, for nobody has looked yet; and nobody takes it */
    T_EQ_INT(watch_next(w, 0, &none, &e), ERR_TIMEOUT, "back after the time, with nothing to see");
    watch_wake(w);
    watch_rest(w, set, NULL, 20000);
    T_EQ_INT(watch_next(w, 20000, &none, &e), ERR_CANCELLED, "a rest ends with the watch");
    watch_close(w);
    watch_set_end(set);
    void *arg;
    T_OK(!watch_set_take(set, &arg), "ended");
    watch_set_free(set);
}

struct rest {
    struct watch *watch;
    struct watch_set *set;
};

static void *rest(void *arg)
{
    struct rest *r = arg;
    watch_rest(r->watch, r->set, r, 60000);
    return NULL;
}

/* What the writer does before and after it waits for the disk. */
static void foretell(struct store *s, const struct op *o)
{
    (void)pthread_rwlock_wrlock(&s->lock);
    window__foretell(&s->window, o);
    window__make_ready(&s->window, o);
    (void)pthread_rwlock_unlock(&s->lock);
}

static void decide(struct store *s, const struct op *o, bool stands)
{
    (void)pthread_rwlock_wrlock(&s->lock);
    uint64_t from = s->window.next;
    window__foretell(&s->window, NULL);
    if (stands)
        window__publish(&s->window, (struct watch_event){.rev = o->rev, .entry = o->fresh});
    else
        s->window.broken_promises++;
    stands ? window__notify(&s->window, from) : window__wake(&s->window, o);
    (void)pthread_rwlock_unlock(&s->lock);
}

static void hears_what_may_come(void)
{
    static const struct {
        const char *name;
        size_t room;
        bool stands;
        size_t foretold;
        int settled, next;
    } cases[] = {
        {"a commit that stands",       100, true,  1, 0,             ERR_TIMEOUT},
        {"one too large for the room", 3,   true,  0, 0,             0          },
        {"one that fails",             100, false, 1, ERR_CANCELLED, ERR_TIMEOUT},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(store) struct store *s = NULL;
        T_RC(store_open(NULL, &s, &e), &e, "open");
        struct rest r = {.set = watch_set_new(s)};
        struct watch_event ev[1] = {0};
        void *arg;
        pthread_t t;
        T_RC(watch_open(s, "/p/", 0, &r.watch, &e), &e, "watch");
        (void)pthread_create(&t, NULL, rest, &r);
        (void)watch_set_take(r.set, &arg); /* a new watch is looked at once */
        T_EQ_INT(watch_next(r.watch, 0, ev, &e), ERR_TIMEOUT, cases[i].name);
        T_EQ_INT(watch_foretold(r.watch, ev, 1, 100), 0, "nothing is foretold");
        watch_set_put(r.set, r.watch, false);
        struct op o = {.key = "/p/k", .rev = 1, .fresh = entry__new("/p/k", "text", 4)};
        foretell(s, &o);
        (void)watch_set_take(r.set, &arg);
        T_EQ_INT(watch_next(r.watch, 0, ev, &e), ERR_TIMEOUT, "it is not there yet");
        T_EQ_INT(watch_foretold(r.watch, ev, 1, cases[i].room), cases[i].foretold, cases[i].name);
        if (cases[i].foretold) {
            T_EQ_STR(ev[0].entry->bytes, "text", cases[i].name);
            watch_event_done(&ev[0]);
            T_EQ_INT(watch_settled(r.watch, 0, &e), ERR_TIMEOUT, "nobody knows");
        }
        watch_set_put(r.set, r.watch, false);
        decide(s, &o, cases[i].stands);
        (void)watch_set_take(r.set, &arg);
        if (cases[i].foretold)
            T_EQ_INT(watch_settled(r.watch, 0, &e), cases[i].settled, cases[i].name);
        T_EQ_INT(watch_next(r.watch, 0, ev, &e), cases[i].next, "once");
        watch_event_done(&ev[0]);
        watch_set_put(r.set, r.watch, true);
        (void)pthread_join(t, NULL);
        watch_close(r.watch);
        watch_set_end(r.set);
        watch_set_free(r.set);
        if (!cases[i].stands)
            entry_unref(o.fresh);
    }
}

T_MAIN(sees_everything_in_order, falls_behind_loudly, sleeps_through_others_noise,
       serves_many_readers, rests_in_a_set, leaves_a_set, hears_what_may_come)
