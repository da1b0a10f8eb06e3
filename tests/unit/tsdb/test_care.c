#include "base/fs.h"
#include "fixture.h"

/* "a 1@0<since>…;": times from NOW on. */
static const char *ask(struct tsdb *db, struct arena *a)
{
    struct series_set set = {0};
    const char *s = "";
    T_RC(tsdb_select(db, all, 1, 0, INT64_MAX, 1000, a, &set, &e), &e, "select");
    for (size_t i = 0; i < set.n; i++) {
        const struct series *x = &set.items[i];
        s = arena_printf(a, "%s%s", s, labels_text(&x->labels, a));
        for (size_t k = 0; k < x->n; k++) {
            s = arena_printf(a, "%s %g@%lld", s, x->samples[k].v,
                             (long long)(x->samples[k].t - NOW));
            if (x->starts && x->starts[k])
                s = arena_printf(a, "%s<%lld>", s, (long long)(x->starts[k] - NOW));
        }
        s = arena_join(a, s, ";", NULL);
    }
    return s;
}

static const char *exemplars(struct tsdb *db, int64_t from, int64_t to, struct arena *a)
{
    struct exemplar_series *list = NULL;
    size_t n = 0;
    const char *s = "";
    T_RC(tsdb_exemplars(db, all, 1, from, to, a, &list, &n, &e), &e, "exemplars");
    for (size_t i = 0; i < n; i++) {
        s = arena_printf(a, "%s%s", s, labels_text(&list[i].labels, a));
        for (size_t k = 0; k < list[i].n; k++)
            s = arena_printf(a, "%s %s%g@%lld", s, labels_text(&list[i].items[k].labels, a),
                             list[i].items[k].v, (long long)list[i].items[k].t);
        s = arena_join(a, s, ";", NULL);
    }
    return s;
}

static int add_exemplar(struct tsdb *db, uint64_t ref, const char *trace, double v, int64_t t)
{
    const struct label l[] = {
        {"id", trace}
    };
    const struct exemplar x = {
        {l, 1},
        v, t
    };
    return tsdb_append_exemplar(db, ref, &x, &e);
}

static void keeps_exemplars(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char dir[] = "/tmp/slipway-test-XXXXXX", longest[200];
    AUTO(tsdb) struct tsdb *db = open_in(mkdtemp(dir));
    uint64_t x = series(db, "x"), y = series(db, "y");
    T_RC(tsdb_append(db, x, NOW, 1, &e), &e, "sample");
    T_RC(tsdb_append(db, y, NOW, 1, &e), &e, "sample");
    T_RC(add_exemplar(db, x, "p", 1, 10), &e, "first");
    T_RC(add_exemplar(db, y, "q", 2, 10), &e, "of another");
    T_RC(add_exemplar(db, x, "p", 1, 10), &e, "the same again");
    T_RC(add_exemplar(db, x, "r", 3, 11), &e, "next");
    T_RC(add_exemplar(db, x, "r", 3, 11), &e, "next again");
    T_EQ_INT(add_exemplar(db, x, "s", 3, 9), ERR_CONFLICT, "older");
    memset(longest, 'z', sizeof longest);
    longest[127] = '\0';
    T_EQ_INT(add_exemplar(db, x, longest, 3, 12), ERR_INVALID, "too long");
    T_EQ_STR(exemplars(db, 0, 100, a), "x {id=\"p\"}1@10 {id=\"r\"}3@11;y {id=\"q\"}2@10;", "all");
    T_EQ_STR(exemplars(db, 11, 100, a), "x {id=\"r\"}3@11;", "of a span");
    T_RC(add_exemplar(db, y, "t", 4, 12), &e, "fills the ring");
    T_RC(add_exemplar(db, y, "u", 5, 13), &e, "the oldest goes");
    const char *want = "x {id=\"r\"}3@11;y {id=\"q\"}2@10 {id=\"t\"}4@12 {id=\"u\"}5@13;";
    T_EQ_STR(exemplars(db, 0, 100, a), want, "a ring");
    T_RC(tsdb_commit(db, &e), &e, "commit");
    tsdb_free(db);
    db = open_in(dir);
    T_EQ_STR(exemplars(db, 0, 100, a), want, "after a restart");
    T_EQ_INT(add_exemplar(db, series(db, "y"), "s", 3, 9), ERR_CONFLICT, "still older");
    T_RC(fs_remove_tree(dir, &e), &e, "remove");
}

/* A record of the log holds all labels of a series, or the series is not taken. */
static void limits_labels(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    enum { MOST = 512 << 10 };
    char dir[] = "/tmp/slipway-test-XXXXXX", *value = arena_alloc(a, MOST + 1);
    const struct label l[] = {
        {"__name__", "x"  },
        {"long",     value}
    };
    const struct labels labels = {l, 2};
    uint64_t ref;
    AUTO(tsdb) struct tsdb *db = open_in(mkdtemp(dir));
    memset(value, 'v', MOST);
    T_EQ_INT(tsdb_series(db, &labels, &ref, &e), ERR_TOO_LARGE, "too many bytes");
    value[MOST - 100] = '\0';
    T_RC(tsdb_series(db, &labels, &ref, &e), &e, "many");
    T_RC(tsdb_append(db, ref, NOW, 1, &e), &e, "a sample");
    T_RC(tsdb_commit(db, &e), &e, "commit");
    tsdb_free(db);
    db = open_in(dir);
    T_EQ_INT(strlen(ask(db, a)), strlen(value) + strlen("x{long=\"\"} 1@0;"), "after a restart");
    T_RC(fs_remove_tree(dir, &e), &e, "remove");
}

static void keeps_starts(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char dir[] = "/tmp/slipway-test-XXXXXX";
    AUTO(tsdb) struct tsdb *db = open_in(mkdtemp(dir));
    uint64_t x = series(db, "x");
    T_RC(tsdb_append(db, x, NOW, 1, &e), &e, "not known");
    tsdb_begins(db, x, NOW - 5);
    T_RC(tsdb_append(db, x, NOW + 1, 2, &e), &e, "known");
    tsdb_begins(db, x, NOW - 5);
    T_RC(tsdb_append(db, x, NOW + 2, 3, &e), &e, "the same");
    tsdb_begins(db, x, NOW + 3);
    T_RC(tsdb_append(db, x, NOW + 3, 1, &e), &e, "anew");
    const char *want = "x 1@0 2@1<-5> 3@2<-5> 1@3<3>;";
    T_EQ_STR(ask(db, a), want, "starts");
    T_RC(tsdb_commit(db, &e), &e, "commit");
    tsdb_free(db);
    db = open_in(dir);
    T_EQ_STR(ask(db, a), want, "after a restart");
    T_RC(fs_remove_tree(dir, &e), &e, "remove");
}

static void deletes(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char dir[] = "/tmp/slipway-test-XXXXXX";
    AUTO(tsdb) struct tsdb *db = open_in(mkdtemp(dir));
    uint64_t x = series(db, "x"), y = series(db, "y");
    const struct matcher one[] = {
        {"__name__", MATCH_EQ, "x"}
    };
    const struct matcher two[] = {
        {"__name__", MATCH_EQ, "y"}
    };
    for (int i = 0; i < 4; i++) {
        T_RC(tsdb_append(db, x, NOW + i, i, &e), &e, "sample");
        T_RC(tsdb_append(db, y, NOW + i, i, &e), &e, "sample");
    }
    T_RC(tsdb_delete(db, one, 1, NOW + 1, NOW + 2, &e), &e, "a span");
    T_RC(tsdb_delete(db, two, 1, 0, INT64_MAX, &e), &e, "a whole series");
    T_EQ_STR(ask(db, a), "x 0@0 3@3;", "what is left");
    T_EQ_INT(tsdb_append(db, y, NOW + 9, 1, &e), ERR_NOT_FOUND, "gone");
    T_RC(tsdb_append(db, series(db, "y"), NOW + 9, 1, &e), &e, "made anew");
    const char *snapshot = NULL;
    T_RC(tsdb_snapshot(db, a, &snapshot, &e), &e, "snapshot");
    T_RC(tsdb_append(db, x, NOW + 9, 9, &e), &e, "after the snapshot");
    T_RC(tsdb_commit(db, &e), &e, "commit");
    tsdb_free(db);
    db = open_in(dir);
    T_EQ_STR(ask(db, a), "x 0@0 3@3 9@9;y 1@9;", "after a restart");
    tsdb_free(db);
    db = open_in(arena_join(a, dir, "/snapshots/", snapshot, NULL));
    T_EQ_STR(ask(db, a), "x 0@0 3@3;y 1@9;", "the snapshot");
    T_RC(fs_remove_tree(dir, &e), &e, "remove");
}

T_MAIN(keeps_exemplars, limits_labels, keeps_starts, deletes)
