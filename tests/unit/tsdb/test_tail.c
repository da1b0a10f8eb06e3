#include "tsdb/tail.h"

#include <unistd.h>

#include "base/fs.h"
#include "t.h"

static struct err e;

/* A clock that is set by hand. */
struct hand {
    struct clock clock;
    int64_t ms;
};

static int64_t hand_ms(const struct clock *c)
{
    return ((const struct hand *)c)->ms;
}

enum { DAY_MS = 24 * 3600 * 1000 };

static struct tsdb *open_store(const char *dir, const struct hand *h)
{
    struct tsdb *db = NULL;
    struct tsdb_opts o = {.dir = dir, .clock = &h->clock};
    T_RC(tsdb_open(&o, &db, &e), &e, "open");
    return db;
}

static void append(struct tsdb *db, const char *name, int64_t t, double v)
{
    struct label l = {"__name__", name};
    struct labels labels = {&l, 1};
    uint64_t ref;
    T_RC(tsdb_series(db, &labels, &ref, &e), &e, name);
    T_RC(tsdb_append(db, ref, t, v, &e), &e, name);
    T_RC(tsdb_commit(db, &e), &e, name);
}

/* All but the series "no". */
static bool label(void *arg, const struct labels *own, struct arena *a, struct labels *out)
{
    (void)arg;
    *out = labels_copy(a, own);
    return strcmp(labels_get(own, "__name__"), "no") != 0;
}

static struct tsdb_tail *open_tail(struct tsdb *db, const struct tsdb_position *from)
{
    struct tsdb_tail *t = NULL;
    struct tsdb_tail_opts o = {.begins = !from, .label = label};
    if (from)
        o.from = *from;
    T_RC(tsdb_tail_open(db, &o, &t, &e), &e, "tail");
    return t;
}

/* "name value;…" of the next ones, two at a time. */
static const char *rest(struct tsdb_tail *t, struct arena *a)
{
    const char *out = "";
    struct tsdb_tail_item *items;
    size_t n;
    do {
        T_RC(tsdb_tail_next(t, 2, a, &items, &n, &e), &e, "next");
        for (size_t i = 0; i < n; i++)
            out = arena_printf(a, "%s%s %g;", out, labels_text(&items[i].labels, a), items[i].v);
    } while (n);
    return out;
}

struct world {
    char dir[32];
    struct hand hand;
    struct arena *a;
};

static void begin(struct world *w)
{
    *w = (struct world){
        .dir = "/tmp/tail-XXXXXX",
        .hand = {{hand_ms, hand_ms}, 10 * (int64_t)DAY_MS},
        .a = arena_new(0)
    };
    T_OK(mkdtemp(w->dir), "folder");
}

static void end(struct world *w)
{
    T_RC(fs_remove_tree(w->dir, &e), &e, "remove");
    arena_free(w->a);
}

static void follows(void)
{
    struct world w;
    begin(&w);
    struct tsdb *db = open_store(w.dir, &w.hand);
    int64_t t = w.hand.ms;
    append(db, "a", t, 1);
    AUTO(tsdb_tail) struct tsdb_tail *tail = open_tail(db, NULL);
    T_EQ_STR(rest(tail, w.a), "", "what was there is not for it");
    append(db, "a", t + 1, 2);
    append(db, "no", t + 1, 3);
    append(db, "b", t + 1, 4);
    T_EQ_STR(rest(tail, w.a), "a 2;b 4;", "in their order");
    struct tsdb_position at = tsdb_tail_position(tail);
    append(db, "a", t + 2, 5);
    T_EQ_STR(rest(tail, w.a), "a 5;", "and on");
    tsdb_tail_free(take_ptr(tail));
    tsdb_free(db);
    db = open_store(w.dir, &w.hand);
    append(db, "b", t + 3, 6);
    tail = open_tail(db, &at);
    struct tsdb_tail_stats s;
    tsdb_tail_stats(tail, &s);
    T_EQ_INT((int)s.behind, 2, "behind");
    T_EQ_STR(rest(tail, w.a), "a 5;b 6;", "from a position, over two segments");
    tsdb_tail_stats(tail, &s);
    T_EQ_INT((int)s.behind, 0, "all is read");
    T_EQ_INT((int)s.lost, 0, "none is lost");
    tsdb_tail_free(take_ptr(tail));
    tsdb_free(db);
    end(&w);
}

/* What retention removes is counted, over restarts too. */
static void counts(void)
{
    struct world w;
    begin(&w);
    struct tsdb *db = open_store(w.dir, &w.hand);
    int64_t t = w.hand.ms;
    append(db, "a", t, 1);
    struct tsdb_tail *tail = open_tail(db, NULL);
    struct tsdb_position at = tsdb_tail_position(tail);
    tsdb_tail_free(tail);
    for (int i = 1; i <= 3; i++)
        append(db, "a", t + i, i);
    tsdb_free(db);
    db = open_store(w.dir, &w.hand);
    append(db, "a", t + 4, 4);
    w.hand.ms += 2 * (int64_t)DAY_MS;
    append(db, "a", w.hand.ms, 5);
    T_RC(tsdb_sync(db, &e), &e, "retention");
    tsdb_free(db);
    db = open_store(w.dir, &w.hand);
    tail = open_tail(db, &at);
    struct tsdb_tail_stats s;
    T_EQ_STR(rest(tail, w.a), "a 4;a 5;", "what is left");
    tsdb_tail_stats(tail, &s);
    T_EQ_INT((int)s.lost, 3, "what is not");
    tsdb_tail_free(tail);
    tsdb_free(db);
    end(&w);
}

/* A commit that is compressed is left and taken up within. */
static void resumes(void)
{
    enum { SAMPLES = 500 };
    struct world w;
    begin(&w);
    struct tsdb *db = open_store(w.dir, &w.hand);
    struct tsdb_tail *tail = open_tail(db, NULL);
    struct label l = {"__name__", "a"};
    struct labels labels = {&l, 1};
    struct tsdb_tail_item *items;
    uint64_t ref;
    size_t n;
    T_RC(tsdb_series(db, &labels, &ref, &e), &e, "series");
    for (int i = 0; i < SAMPLES; i++)
        T_RC(tsdb_append(db, ref, w.hand.ms + i, i * 1.5, &e), &e, "append");
    T_RC(tsdb_commit(db, &e), &e, "commit");
    for (size_t i = 0; i < SAMPLES; i += n) {
        T_RC(tsdb_tail_next(tail, 7, w.a, &items, &n, &e), &e, "next");
        T_OK(n > 0 && n <= 7, "some");
        for (size_t k = 0; k < n; k++)
            T_OK(items[k].v == (double)(i + k) * 1.5, "each once");
        struct tsdb_position at = tsdb_tail_position(tail);
        tsdb_tail_free(tail);
        tail = open_tail(db, &at);
        if (!n)
            break;
    }
    T_EQ_STR(rest(tail, w.a), "", "no more");
    tsdb_tail_free(tail);
    tsdb_free(db);
    end(&w);
}

T_MAIN(follows, counts, resumes)
