/* LogQL over a store in a temporary folder: tests/cases/logs/logql.table. */
#include "base/fs.h"
#include "codec/number.h"
#include "logs/logql.h"
#include "table.h"

/* 2026-01-01T00:00:00Z; the last line is written two minutes later. */
static const int64_t begin_s = 1767225600;
static struct logdb *db;

static const struct {
    const char *app, *pod;
    int64_t at_s;
    const char *text;
} lines[] = {
    {"web", "a", 0,   "level=info msg=\"hello there\" took=10ms size=1KB"               },
    {"web", "a", 10,  "level=error msg=refused took=250ms size=2KB"                     },
    {"web", "b", 20,  "level=error msg=refused took=1s size=3KB"                        },
    {"api", "c", 30,  "{\"level\":\"warn\",\"http\":{\"status\":404},\"app\":\"other\"}"},
    {"api", "c", 60,  "{\"level\":\"error\",\"http\":{\"status\":503},\"n\":2.5}"       },
    {"api", "c", 61,  "not json"                                                        },
    {"old", "d", 90,  "10.0.0.1 - - GET /index.html 200"                                },
    {"old", "d", 120, "10.0.0.2 - - POST /login 500"                                    },
};

static void fill(void)
{
    struct err e = {0};
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct value *labels = value_new_object(a);
        uint32_t id;
        (void)value_set_str(a, labels, "app", lines[i].app);
        (void)value_set_str(a, labels, "pod", lines[i].pod);
        T_RC(logdb_stream(db, labels, &id, &e), &e, lines[i].app);
        T_RC(logdb_append(db, id, (begin_s + lines[i].at_s) * 1000000000, lines[i].text,
                          strlen(lines[i].text), &e),
             &e, lines[i].text);
    }
}

static const char *print_lines(const struct logql_scope *s, const char *text, struct arena *a)
{
    struct logql_log log;
    struct logql_line *found;
    struct err e = {0};
    size_t n;
    if (logql_parse(text, a, &log, &e) < 0)
        return arena_strdup(a, e.msg);
    log.query.limit = 3;
    log.query.from_ns = begin_s * 1000000000;
    if (logql_lines(s, &log, a, &found, &n, &e) < 0)
        return arena_strdup(a, e.msg);
    char *out = arena_strdup(a, "");
    for (size_t i = 0; i < n; i++)
        out = arena_printf(a, "%s%s%s %.*s", out, i ? "; " : "", found[i].key, (int)found[i].n,
                           found[i].text);
    return *out ? out : "none";
}

/* At 00:01 and 00:02, "-" where there is nothing. */
static const char *print_numbers(const struct logql_scope *s, const char *text, struct arena *a)
{
    struct promql_result r;
    struct err e = {0};
    int64_t minute = (begin_s + 60) * 1000;
    if (logql_metric(s, text, minute, minute + 60000, 60000, a, &r, &e) < 0)
        return arena_strdup(a, e.msg);
    char *out = arena_strdup(a, "");
    for (size_t i = 0; i < r.series.n; i++) {
        const struct series *x = &r.series.items[i];
        out = arena_printf(a, "%s%s%s", out, i ? "; " : "", labels_text(&x->labels, a));
        for (int64_t t = minute; t <= minute + 60000; t += 60000) {
            char number[NUMBER_TEXT_MAX] = "-";
            for (size_t k = 0; k < x->n; k++)
                if (x->samples[k].t == t)
                    (void)number_format_g(x->samples[k].v, number);
            out = arena_printf(a, "%s %s", out, number);
        }
    }
    return *out ? out : "none";
}

/* Cells are cut at bars between blanks: there they are written as ~. */
static const char *swap(struct arena *a, const char *text, char from, char to)
{
    char *s = arena_strdup(a, text);
    for (char *p = s; *p; p++)
        *p = p > s && p[-1] == ' ' && *p == from && p[1] == ' ' ? to : *p;
    return s;
}

static const char *ask(char **cells, size_t n, struct arena *a)
{
    const struct logql_scope s = {
        .db = db, .limits = {.max_samples = 1000, .max_series = 5}
    };
    (void)n;
    const char *text = swap(a, cells[0], '~', '|');
    return swap(a, logql_is_log(text) ? print_lines(&s, text, a) : print_numbers(&s, text, a), '|',
                '~');
}

/* Lines that fell out of those asked for take no memory: 4,000 of 100 KiB go by, 3 are shown. */
static void many(void)
{
    enum { TEXT = 100 << 10, LINES = 4000 };
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *labels = value_new_object(a);
    struct logql_log log;
    struct logql_line *found;
    struct logql_scope s = {.db = db};
    struct err e = {0};
    uint32_t id;
    size_t n = 0;
    (void)value_set_str(a, labels, "app", "many");
    T_RC(logdb_stream(db, labels, &id, &e), &e, "many");
    for (int i = 0; i < LINES; i++)
        T_RC(logdb_append(db, id, (begin_s + i) * 1000000000, "x", 1, &e), &e, "many");
    T_RC(
        logql_parse(arena_printf(a, "{app=\"many\"} | line_format \"%0*d\"", TEXT, 1), a, &log, &e),
        &e, "many");
    log.query.limit = 3;
    log.query.newest_first = true;
    T_RC(logql_lines(&s, &log, a, &found, &n, &e), &e, "many");
    T_EQ_INT(n, 3, "many");
    T_EQ_INT(found[0].time_ns, (begin_s + LINES - 1) * 1000000000, "the newest");
    T_EQ_INT(found[2].n, TEXT, "its text");
    /* Time that was used up before counts, for lines and for numbers. */
    s.limits = (struct logql_limits){
        .budget = {.max_ms = 1000, .began_ms = clock_mono_ms() - 2000},
        .max_samples = 5000,
        .max_series = 1
    };
    T_EQ_INT(logql_lines(&s, &log, a, &found, &n, &e), ERR_TOO_LARGE, "a late scan");
    struct promql_result r;
    s.limits.budget = (struct logdb_budget){0};
    T_EQ_INT(logql_metric(&s, "rate({app=\"many\"}[2h])", begin_s * 1000, (begin_s + 6000) * 1000,
                          1000, a, &r, &e),
             ERR_TOO_LARGE, "more samples come out than are allowed");
}

static void runs(void)
{
    char dir[] = "/tmp/slipway-logql-XXXXXX";
    struct err e = {0};
    T_OK(mkdtemp(dir), "mkdtemp");
    struct logdb_opts o = {
        .dir = dir, .clock = &clock_system, .max_age_ms = (int64_t)100 * 365 * 86400 * 1000};
    T_RC(logdb_open(&o, &db, &e), &e, "store");
    fill();
    table_run("tests/cases/logs/logql.table", ask);
    many();
    logdb_free(db);
    T_RC(fs_remove_tree(dir, &e), &e, "clean up");
}

T_MAIN(runs)
