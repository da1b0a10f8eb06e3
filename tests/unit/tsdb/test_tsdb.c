#include "tsdb/tsdb.h"

#include "base/fs.h"
#include "t.h"

static struct err e;

static int64_t fake_now = 1000000;
static int64_t fake_ms(const struct clock *c)
{
    (void)c;
    return fake_now;
}
static const struct clock fake_clock = {fake_ms, fake_ms};

static void put(struct tsdb *db, const char *name, const char *job, int64_t t, double v)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const struct label l[] = {
        {"__name__", name},
        {"job",      job }
    };
    struct labels labels = labels_make(a, l, 2);
    uint64_t ref = 0;
    T_RC(tsdb_series(db, &labels, &ref, &e), &e, name);
    T_RC(tsdb_append(db, ref, t, v, &e), &e, name);
}

/* "up{job="a"} 1@5 2@6;…" */
static const char *ask(struct tsdb *db, const struct matcher *m, size_t n, int64_t from, int64_t to,
                       struct arena *a)
{
    struct series_set set;
    int r = tsdb_select(db, m, n, from, to, 1000, a, &set, &e);
    if (r < 0)
        return err_code_name(r);
    char *s = arena_strdup(a, "");
    for (size_t i = 0; i < set.n; i++) {
        s = arena_printf(a, "%s%s", s, labels_text(&set.items[i].labels, a));
        for (size_t k = 0; k < set.items[i].n; k++)
            s = arena_printf(a, "%s %g@%lld", s, set.items[i].samples[k].v,
                             (long long)set.items[i].samples[k].t);
        s = arena_printf(a, "%s;", s);
    }
    return s;
}

static void selects(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(tsdb) struct tsdb *db = NULL;
    struct tsdb_opts o = {.clock = &fake_clock};
    T_RC(tsdb_open(&o, &db, &e), &e, "open");
    put(db, "up", "a", 5, 1);
    put(db, "up", "a", 6, 2);
    put(db, "up", "b", 5, 3);
    put(db, "down", "a", 5, 4);
    static const struct {
        const char *name;
        struct matcher m[2];
        size_t n;
        int64_t from, to;
        const char *want;
    } cases[] = {
        {"by name",
         {{"__name__", MATCH_EQ, "up"}},
         1,                                                           0,
         9,                                                                 "up{job=\"a\"} 1@5 2@6;up{job=\"b\"} 3@5;"},
        {"by time",      {{"__name__", MATCH_EQ, "up"}},           1, 6, 9, "up{job=\"a\"} 2@6;"                      },
        {"by both",
         {{"__name__", MATCH_EQ, "up"}, {"job", MATCH_EQ, "b"}},
         2,                                                           0,
         9,                                                                 "up{job=\"b\"} 3@5;"                      },
        {"not",
         {{"__name__", MATCH_EQ, "up"}, {"job", MATCH_NE, "b"}},
         2,                                                           0,
         5,                                                                 "up{job=\"a\"} 1@5;"                      },
        {"expression",   {{"__name__", MATCH_RE, "d.*|x"}},        1, 0, 9, "down{job=\"a\"} 4@5;"                    },
        {"anchored",     {{"__name__", MATCH_RE, "u"}},            1, 0, 9, ""                                        },
        {"absent label",
         {{"__name__", MATCH_EQ, "down"}, {"none", MATCH_EQ, ""}},
         2,                                                           0,
         9,                                                                 "down{job=\"a\"} 4@5;"                    },
        {"unknown",      {{"__name__", MATCH_EQ, "nope"}},         1, 0, 9, ""                                        },
        {"malformed",    {{"__name__", MATCH_RE, "("}},            1, 0, 9, "invalid"                                 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        T_EQ_STR(ask(db, cases[i].m, cases[i].n, cases[i].from, cases[i].to, a), cases[i].want,
                 cases[i].name);
    const char **texts;
    size_t n;
    T_RC(tsdb_label_values(db, "job", NULL, 0, a, &texts, &n, &e), &e, "values");
    T_OK(n == 2 && strcmp(texts[0], "a") == 0 && strcmp(texts[1], "b") == 0, "values in order");
    T_RC(tsdb_label_names(db, NULL, 0, a, &texts, &n, &e), &e, "names");
    T_OK(n == 2 && strcmp(texts[0], "__name__") == 0, "names in order");
}

static void refuses(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(tsdb) struct tsdb *db = NULL;
    struct tsdb_opts o = {.clock = &fake_clock, .max_series = 1};
    T_RC(tsdb_open(&o, &db, &e), &e, "open");
    const struct label l1[] =
        {
            {"__name__", "one"}
    },
                       l2[] = {{"__name__", "two"}};
    struct labels one = labels_make(a, l1, 1), two = labels_make(a, l2, 1);
    uint64_t ref, other;
    T_RC(tsdb_series(db, &one, &ref, &e), &e, "first");
    T_EQ_INT(tsdb_series(db, &two, &other, &e), ERR_TOO_LARGE, "one too many");
    T_RC(tsdb_append(db, ref, 5, 1, &e), &e, "append");
    T_EQ_INT(tsdb_append(db, ref, 5, 1, &e), 0, "the same again");
    T_EQ_INT(tsdb_append(db, ref, 5, 2, &e), ERR_EXISTS, "the same time");
    T_EQ_INT(tsdb_append(db, ref, 4, 1, &e), ERR_CONFLICT, "an older time");
    T_EQ_INT(tsdb_append(db, ref + 1, 9, 1, &e), ERR_NOT_FOUND, "no such series");
}

static void survives_and_forgets(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char dir[] = "/tmp/slipway-tsdb-XXXXXX";
    T_OK(mkdtemp(dir), "mkdtemp");
    struct tsdb_opts o = {.dir = dir, .clock = &fake_clock, .retention_ms = 100000};
    struct tsdb *db = NULL;
    static const struct matcher all[] = {
        {"__name__", MATCH_NE, ""}
    };
    T_RC(tsdb_open(&o, &db, &e), &e, "open");
    for (int i = 0; i < 300; i++)
        put(db, "old", "a", 500000 + i, i);
    put(db, "new", "a", 950000, 7);
    T_RC(tsdb_commit(db, &e), &e, "commit");
    tsdb_free(db);
    T_RC(tsdb_open(&o, &db, &e), &e, "open again");
    T_EQ_STR(ask(db, all, 1, 500298, 950000, a),
             "new{job=\"a\"} 7@950000;old{job=\"a\"} 298@500298 299@500299;", "after a restart");
    put(db, "new", "a", 960000, 8);
    T_RC(tsdb_sync(db, &e), &e, "sync applies the retention");
    T_EQ_STR(ask(db, all, 1, 0, 990000, a), "new{job=\"a\"} 7@950000 8@960000;",
             "old ones are gone");
    tsdb_free(db);
    T_RC(tsdb_open(&o, &db, &e), &e, "a third time");
    T_EQ_STR(ask(db, all, 1, 940000, 990000, a), "new{job=\"a\"} 7@950000 8@960000;", "still");
    tsdb_free(db);
    T_RC(fs_remove_tree(dir, &e), &e, "clean up");
}

static struct histogram some(double count, struct histogram_bucket *b)
{
    *b = (struct histogram_bucket){3, count, 0};
    return (struct histogram){
        .count = count, .sum = 2 * count, .positive = {b, 1}
    };
}

/* "1 3h? 5 9h=": floats, and histograms by count and hint. */
static const char *mixed(struct tsdb *db, int64_t from, int64_t to, struct arena *a)
{
    static const char hints[] = "?!=g";
    const struct matcher m = {"__name__", MATCH_EQ, "x"};
    struct series_set set;
    char *s = arena_strdup(a, "");
    T_RC(tsdb_select(db, &m, 1, from, to, 1000, a, &set, &e), &e, "select");
    for (size_t k = 0; set.n && k < set.items[0].n; k++) {
        const struct histogram *h = set.items[0].histograms ? set.items[0].histograms[k] : NULL;
        s = h ? arena_printf(a, "%s %gh%c", s, h->count, hints[h->hint])
              : arena_printf(a, "%s %g", s, set.items[0].samples[k].v);
    }
    return s;
}

static void keeps_histograms(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char *dir = arena_strdup(a, "/tmp/tsdb-XXXXXX");
    const struct label l[] = {
        {"__name__", "x"}
    };
    struct labels labels = labels_make(a, l, 1);
    struct tsdb_opts o = {.clock = &fake_clock, .dir = mkdtemp(dir)};
    struct histogram_bucket b;
    struct histogram h;
    uint64_t ref = 0;
    AUTO(tsdb) struct tsdb *db = NULL;
    T_RC(tsdb_open(&o, &db, &e), &e, "open");
    T_RC(tsdb_series(db, &labels, &ref, &e), &e, "series");
    T_RC(tsdb_append(db, ref, fake_now + 1, 1, &e), &e, "a float");
    for (int64_t i = 2; i < 6; i++) {
        h = some(i == 4 ? 1 : (double)i, &b);
        T_RC(tsdb_append_histogram(db, ref, fake_now + i, &h, &e), &e, "a histogram");
    }
    T_EQ_INT(tsdb_append(db, ref, fake_now + 5, 1, &e), ERR_EXISTS, "not newer");
    T_RC(tsdb_append(db, ref, fake_now + 6, 9, &e), &e, "a float");
    T_EQ_INT(tsdb_append_histogram(db, ref, fake_now + 6, &h, &e), ERR_EXISTS, "not newer");
    T_EQ_INT(tsdb_append_histogram(db, ref, fake_now + 5, &h, &e), ERR_CONFLICT, "older");
    h.count = -1;
    T_EQ_INT(tsdb_append_histogram(db, ref, fake_now + 7, &h, &e), ERR_INVALID, "negative");
    T_EQ_STR(mixed(db, fake_now, fake_now + 9, a), " 1 2h? 3h= 1h? 5h= 9", "all of them");
    T_EQ_STR(mixed(db, fake_now + 3, fake_now + 4, a), " 3h= 1h?", "a part");
    tsdb_free(db);
    db = NULL;
    T_RC(tsdb_open(&o, &db, &e), &e, "open again");
    T_EQ_STR(mixed(db, fake_now, fake_now + 9, a), " 1 2h? 3h= 1h? 5h= 9", "read back");
    T_RC(fs_remove_tree(dir, &e), &e, "remove");
}

T_MAIN(selects, refuses, survives_and_forgets, keeps_histograms)
