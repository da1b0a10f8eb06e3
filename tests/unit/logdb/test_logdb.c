#include "logdb/logdb.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/fs.h"
#include "t.h"

static struct err e;
static char dir[64];

/* Lines are of 1970. */
static const int64_t century_ms = (int64_t)100 * 365 * 86400 * 1000;

static struct logdb *open_db(size_t flush_bytes)
{
    struct logdb *db = NULL;
    struct logdb_opts o = {
        .dir = dir, .clock = &clock_system, .max_age_ms = century_ms, .flush_bytes = flush_bytes};
    T_RC(logdb_open(&o, &db, &e), &e, "open");
    return db;
}

static void fresh_dir(void)
{
    (void)snprintf(dir, sizeof dir, "/tmp/slipway-logs-XXXXXX");
    T_OK(mkdtemp(dir), "mkdtemp");
}

static uint32_t stream(struct logdb *db, const char *ns, const char *pod)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *labels = value_new_object(a);
    (void)value_set_str(a, labels, "namespace", ns);
    (void)value_set_str(a, labels, "pod", pod);
    uint32_t id = 0;
    T_RC(logdb_stream(db, labels, &id, &e), &e, pod);
    return id;
}

static void add(struct logdb *db, uint32_t id, int64_t s, const char *text)
{
    T_RC(logdb_append(db, id, s * 1000000000, text, strlen(text), &e), &e, text);
}

/* The lines found, joined by spaces. */
static const char *ask(struct logdb *db, const struct logdb_query *q)
{
    static char text[4096];
    AUTO(arena) struct arena *a = arena_new(0);
    struct logdb_result r;
    int rc = logdb_query(db, q, a, &r, &e);
    if (rc < 0)
        return err_code_name(rc);
    text[0] = '\0';
    size_t n = 0;
    for (size_t i = 0; i < r.n && n < sizeof text - 64; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%.40s", i ? " " : "", r.lines[i].text);
    return text;
}

static void fill(struct logdb *db)
{
    uint32_t web = stream(db, "shop", "web"), db0 = stream(db, "shop", "db"),
             other = stream(db, "dev", "web");
    add(db, web, 1, "w1");
    add(db, db0, 2, "d2-error");
    add(db, web, 3, "w3-error");
    add(db, other, 4, "o4");
    add(db, web, 5, "w5");
}

static void finds(struct logdb *db, const char *when)
{
    static const struct {
        const char *name;
        struct logdb_matcher matcher;
        struct logdb_filter filter;
        int64_t from_s, to_s;
        size_t limit;
        bool newest_first;
        const char *want;
    } cases[] = {
        {"all",           {0},                             {0},                   0, 0, 0, false, "w1 d2-error w3-error o4 w5"},
        {"newest first",  {0},                             {0},                   0, 0, 2, true,  "w5 o4"                     },
        {"oldest first",  {0},                             {0},                   0, 0, 2, false, "w1 d2-error"               },
        {"by namespace",
         {"namespace", LOGDB_EQ, "shop"},
         {0},
         0,                                                                          0,
         0,                                                                                false,
         "w1 d2-error w3-error w5"                                                                                            },
        {"by another",    {"namespace", LOGDB_NE, "shop"}, {0},                   0, 0, 0, false, "o4"                        },
        {"by expression", {"pod", LOGDB_MATCH, "w.*"},     {0},                   0, 0, 0, false, "w1 w3-error o4 w5"         },
        {"anchored",      {"pod", LOGDB_MATCH, "w"},       {0},                   0, 0, 0, false, ""                          },
        {"absent label",  {"none", LOGDB_EQ, ""},          {LOGDB_EQ, "o4"},      0, 0, 0, false, "o4"                        },
        {"by time",       {0},                             {0},                   2, 4, 0, false, "d2-error w3-error"         },
        {"by text",       {0},                             {LOGDB_EQ, "error"},   0, 0, 0, false, "d2-error w3-error"         },
        {"without text",  {0},                             {LOGDB_NE, "error"},   0, 0, 0, false, "w1 o4 w5"                  },
        {"by line regex", {0},                             {LOGDB_MATCH, "\\d-"}, 0, 0, 0, false, "d2-error w3-error"         },
        {"bad regex",     {0},                             {LOGDB_MATCH, "("},    0, 0, 0, false, "invalid"                   },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct logdb_query q = {.matchers = &cases[i].matcher,
                                .n_matchers = cases[i].matcher.label != NULL,
                                .filters = &cases[i].filter,
                                .n_filters = cases[i].filter.text != NULL,
                                .from_ns = cases[i].from_s * 1000000000,
                                .to_ns = cases[i].to_s * 1000000000,
                                .limit = cases[i].limit,
                                .newest_first = cases[i].newest_first};
        char name[64];
        (void)snprintf(name, sizeof name, "%s, %s", cases[i].name, when);
        T_EQ_STR(ask(db, &q), cases[i].want, name);
    }
}

static void finds_everywhere(void)
{
    fresh_dir();
    struct logdb *db = open_db(0);
    fill(db);
    finds(db, "in memory");
    T_RC(logdb_flush(db, &e), &e, "flush");
    finds(db, "packed");
    add(db, stream(db, "shop", "web"), 6, "w6");
    logdb_free(db);
    db = open_db(0);
    struct logdb_query q = {.newest_first = true, .limit = 1};
    T_EQ_STR(ask(db, &q), "w6", "after a restart");
    uint32_t web = stream(db, "shop", "web");
    add(db, web, 7, "a");
    add(db, web, 7, "b");
    add(db, web, 7, "c");
    q.limit = 2;
    T_EQ_STR(ask(db, &q), "c b", "the later of one time");
    logdb_free(db);
    T_RC(fs_remove_tree(dir, &e), &e, "clean up");
}

/* What a kill -9 leaves: the journal, here copied while the database is open, and torn. */
static void survives_a_kill(void)
{
    fresh_dir();
    AUTO(arena) struct arena *a = arena_new(0);
    struct logdb *db = open_db(0);
    fill(db);
    char *journal, *path = arena_printf(a, "%s/journal", dir);
    size_t n;
    T_RC(fs_read(path, 1 << 20, a, &journal, &n, &e), &e, "journal");
    T_OK(n > 0, "every line is in it at once");
    logdb_free(db);
    T_RC(fs_remove_tree(arena_printf(a, "%s/000000000000.chunks", dir), &e), &e, "as if unpacked");
    T_RC(fs_write_atomic(path, 0600, journal, n, &e), &e, "whole journal");
    db = open_db(0);
    finds(db, "replayed");
    logdb_free(db);
    T_RC(fs_remove_tree(arena_printf(a, "%s/000000000000.chunks", dir), &e), &e, "as if unpacked");
    T_RC(fs_write_atomic(path, 0600, journal, n - 1, &e), &e, "torn journal");
    db = open_db(0);
    struct logdb_query q = {0};
    T_EQ_STR(ask(db, &q), "w1 d2-error w3-error o4", "only the torn line is lost");
    logdb_free(db);
    T_RC(fs_remove_tree(dir, &e), &e, "clean up");
}

static void packs_when_due(void)
{
    fresh_dir();
    struct logdb *db = open_db(1000);
    uint32_t id = stream(db, "shop", "web");
    for (int i = 0; i < 200; i++)
        add(db, id, i, "a line that is written again and again");
    T_RC(logdb_sync(db, &e), &e, "sync");
    struct logdb_stats s;
    logdb_stats(db, &s);
    T_EQ_INT(s.segments, 1, "packed");
    T_OK(s.disk_bytes < s.bytes_in / 4, "compressed");
    int64_t last;
    unsigned count;
    add(db, id, 199, "same time");
    logdb_last(db, id, &last, &count);
    T_EQ_INT(last / 1000000000, 199, "last time");
    T_EQ_INT(count, 2, "lines of that time");
    static char big[300 * 1024];
    memset(big, 'x', sizeof big);
    T_RC(logdb_append(db, id, (int64_t)200 * 1000000000, big, sizeof big, &e), &e, "long line");
    logdb_stats(db, &s);
    T_EQ_INT(s.cut_lines, 1, "cut and counted");
    logdb_free(db);
    T_RC(fs_remove_tree(dir, &e), &e, "clean up");
}

/* Limits that change while it is open. */
static void keeps_to_its_limits(void)
{
    fresh_dir();
    int64_t now_s = clock_system.real_ms(&clock_system) / 1000;
    struct logdb *db = open_db(0);
    struct logdb_query q = {0};
    struct logdb_stats s;
    uint32_t id = stream(db, "shop", "web");
    add(db, id, now_s - 3600, "old");
    T_RC(logdb_flush(db, &e), &e, "flush");
    logdb_limit(db, 0, 7200 * 1000);
    add(db, id, now_s, "new");
    T_RC(logdb_flush(db, &e), &e, "flush");
    T_RC(logdb_sync(db, &e), &e, "sync");
    T_EQ_STR(ask(db, &q), "old new", "young enough");
    logdb_limit(db, 0, 1800 * 1000);
    T_EQ_STR(ask(db, &q), "new", "not found from now on");
    T_RC(logdb_sync(db, &e), &e, "sync");
    logdb_stats(db, &s);
    T_EQ_INT(s.removed_segments, 1, "its bytes go with the next sync");
    logdb_limit(db, 1, 0);
    add(db, id, now_s, "newer");
    T_RC(logdb_flush(db, &e), &e, "flush");
    logdb_free(db);
    db = open_db(0);
    T_EQ_STR(ask(db, &q), "new newer", "after a restart");
    logdb_free(db);
    T_RC(fs_remove_tree(dir, &e), &e, "clean up");
}

static struct arena *arena; /* of scans() */

static int note(void *arg, const struct logdb_entry *x, struct err *err)
{
    (void)err;
    char **s = arg;
    *s = arena_printf(arena, "%s%u/%u:%.*s ", *s, x->stream, x->nth, (int)x->n, x->text);
    return x->n == 4 && memcmp(x->text, "stop", 4) == 0;
}

static const char *scan(struct logdb *db, const struct logdb_budget *b)
{
    char *s = arena_strdup(arena, "");
    struct logdb_cost cost;
    struct logdb_query q = {.from_ns = 1};
    if (logdb_scan(db, &q, b, arena, note, &s, &cost, &e) < 0)
        return e.msg;
    return arena_printf(arena, "%s= %llu lines", s, (unsigned long long)cost.lines);
}

/* Names of lines are the same whether they are packed or not. */
static void scans(void)
{
    arena = arena_new(0);
    fresh_dir();
    struct logdb *db = open_db(0);
    struct logdb_stream_info *list;
    size_t n;
    uint32_t web = stream(db, "shop", "web"), job = stream(db, "ci", "job");
    add(db, web, 10, "a");
    add(db, web, 10, "b");
    T_RC(logdb_flush(db, &e), &e, "flush");
    add(db, web, 10, "c");
    add(db, job, 11, "d");
    add(db, web, 12, "e");
    T_EQ_STR(scan(db, &(struct logdb_budget){0}), "0/0:a 0/1:b 0/2:c 0/0:e 1/0:d = 5 lines",
             "scan");
    T_EQ_STR(scan(db, &(struct logdb_budget){.max_lines = 3}),
             "more than 3 lines would have to be looked at", "budget");
    T_OK(strstr(scan(db, &(struct logdb_budget){.max_ms = 1, .began_ms = clock_mono_ms() - 60000}),
                "took more than 1 ms"),
         "time that others used up");
    T_RC(logdb_streams(db, &(struct logdb_query){0}, arena, &list, &n, &e), &e, "streams");
    T_EQ_INT(n, 2, "streams");
    T_EQ_INT(list[0].lines, 4, "lines of a stream");
    T_EQ_INT(list[0].to_ns / 1000000000, 12, "its newest");
    add(db, job, 13, "stop");
    add(db, job, 14, "not seen");
    T_EQ_STR(scan(db, &(struct logdb_budget){0}),
             "0/0:a 0/1:b 0/2:c 0/0:e 1/0:d 1/0:stop = 6 lines", "enough");
    logdb_free(db);
    T_RC(fs_remove_tree(dir, &e), &e, "clean up");
    arena_free(arena);
}

/* A clock that tests set. */
static int64_t now_ms;

static int64_t read_now(const struct clock *c)
{
    (void)c;
    return now_ms;
}

static const struct clock set_clock = {read_now, read_now};

static int pushed(struct logdb *db, const char *ns, const char *job, uint32_t *out)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *labels = value_new_object(a);
    (void)value_set_str(a, labels, "source", "loki");
    (void)value_set_str(a, labels, "namespace", ns);
    (void)value_set_str(a, labels, "job", job);
    return logdb_stream(db, labels, out, &e);
}

/* Streams are forgotten with their lines, and their numbers serve again after a start. */
static void forgets_streams(void)
{
    enum { MINUTE = 60000, DAY = 86400000 };
    fresh_dir();
    now_ms = (int64_t)DAY * 1000;
    struct logdb_opts o = {
        .dir = dir, .clock = &set_clock, .max_age_ms = DAY, .max_pushed_streams = 2};
    struct logdb *db = NULL;
    struct logdb_stats s;
    struct logdb_query q = {0};
    uint32_t a, b, c, again;
    T_RC(logdb_open(&o, &db, &e), &e, "open");
    T_RC(pushed(db, "shop", "a", &a), &e, "a");
    T_RC(pushed(db, "shop", "b", &b), &e, "b");
    T_EQ_INT(pushed(db, "shop", "c", &c), ERR_TOO_LARGE, "one too many");
    T_EQ_STR(e.msg, "source loki has 2 log streams in namespace shop, and no more are taken",
             "it is named");
    T_RC(pushed(db, "shop", "a", &again), &e, "one that is there");
    T_RC(pushed(db, "dev", "c", &c), &e, "another namespace's");
    T_RC(logdb_append(db, b, now_ms * 1000000, "kept", 4, &e), &e, "a line");
    now_ms += 11 * MINUTE;
    T_RC(logdb_sync(db, &e), &e, "sync");
    logdb_stats(db, &s);
    T_EQ_INT(s.streams, 1, "those without lines are gone");
    T_EQ_INT(logdb_append(db, a, now_ms * 1000000, "x", 1, &e), ERR_GONE, "and take no lines");
    T_EQ_STR(ask(db, &q), "kept", "the other one stays");
    T_RC(pushed(db, "shop", "c", &again), &e, "there is room again");
    T_OK(again > c, "its number is a new one");
    logdb_free(db);
    T_RC(logdb_open(&o, &db, &e), &e, "open again");
    T_EQ_STR(ask(db, &q), "kept", "lines of the right stream");
    T_RC(pushed(db, "dev", "d", &again), &e, "a new stream");
    T_EQ_INT(again, a, "a number that is free");
    T_RC(logdb_append(db, again, now_ms * 1000000, "new", 3, &e), &e, "a line of it");
    logdb_free(db);
    now_ms += 2 * (int64_t)DAY;
    T_RC(logdb_open(&o, &db, &e), &e, "open when all is old");
    now_ms += 11 * MINUTE;
    T_RC(logdb_sync(db, &e), &e, "sync");
    logdb_stats(db, &s);
    T_EQ_INT(s.streams, 0, "none is left");
    for (int i = 0; i < 200; i++) { /* the file does not grow with what was */
        char job[16];
        (void)snprintf(job, sizeof job, "%d", i);
        T_RC(pushed(db, "shop", job, &again), &e, job);
        now_ms += 11 * MINUTE;
        T_RC(logdb_sync(db, &e), &e, "sync");
    }
    logdb_free(db);
    T_RC(logdb_open(&o, &db, &e), &e, "open after many");
    AUTO(arena) struct arena *arena_here = arena_new(0);
    char *text;
    size_t n;
    T_RC(fs_read(arena_printf(arena_here, "%s/streams", dir), 1 << 20, arena_here, &text, &n, &e),
         &e, "names");
    T_OK(n < 1024, "written anew");
    T_RC(pushed(db, "shop", "z", &again), &e, "and used again");
    T_OK(again < 300, "from the numbers that are free");
    logdb_free(db);
    T_RC(fs_remove_tree(dir, &e), &e, "clean up");
}

/* The disk fills in the middle of a name: those written later are read all the same. */
static void survives_a_full_disk(void)
{
    fresh_dir();
    struct logdb_opts o = {.dir = dir, .clock = &clock_system};
    struct logdb *db = NULL;
    struct rlimit before, little;
    uint32_t id, again;
    T_RC(logdb_open(&o, &db, &e), &e, "open");
    T_RC(pushed(db, "shop", "first", &id), &e, "first");
    T_OK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR && getrlimit(RLIMIT_FSIZE, &before) == 0, "limit");
    little = before;
    little.rlim_cur = 80; /* the second name ends behind it */
    T_OK(setrlimit(RLIMIT_FSIZE, &little) == 0, "limit");
    T_OK(pushed(db, "shop", "second", &id) < 0, "half of it");
    T_OK(setrlimit(RLIMIT_FSIZE, &before) == 0, "no limit");
    T_RC(pushed(db, "shop", "third", &id), &e, "third");
    T_RC(logdb_append(db, id, clock_real_ns(), "kept", 4, &e), &e, "a line of it");
    logdb_free(db);
    T_RC(logdb_open(&o, &db, &e), &e, "open again");
    T_EQ_STR(ask(db, &(struct logdb_query){0}), "kept", "its line");
    T_RC(pushed(db, "shop", "third", &again), &e, "third");
    T_EQ_INT(again, id, "is known");
    logdb_free(db);
    T_RC(fs_remove_tree(dir, &e), &e, "clean up");
}

T_MAIN(forgets_streams, survives_a_full_disk, finds_everywhere, survives_a_kill, packs_when_due,
       keeps_to_its_limits, scans)
