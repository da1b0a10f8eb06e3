/* query.c - whole queries: from the text to the result. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "promql/eval.h"

enum { MAX_STEPS = 11000 };

unsigned promql_feature(const char *name)
{
    static const struct {
        const char *name;
        unsigned flag;
    } features[] = {
        {"promql-experimental-functions",   PROMQL_FUNCTIONS    },
        {"promql-extended-range-selectors", PROMQL_EXTENDED     },
        {"promql-binop-fill-modifiers",     PROMQL_FILL         },
        {"promql-delayed-name-removal",     PROMQL_DELAYED_NAMES},
        {"type-and-unit-labels",            PROMQL_TYPE_AND_UNIT},
        {"use-start-timestamps",            PROMQL_START_TIMES  },
    };
    for (size_t i = 0; i < ARRAY_LEN(features); i++)
        if (strcmp(features[i].name, name) == 0)
            return features[i].flag;
    return 0;
}

int promql_features(const char *names, unsigned *out, struct err *e)
{
    for (size_t n; *names; names += n + (names[n] == ',')) {
        char name[64];
        n = strcspn(names, ",");
        (void)snprintf(name, sizeof name, "%.*s", (int)n, names);
        unsigned flag = promql_feature(name);
        if (!flag && *name && strcmp(name, "promql-duration-expr") != 0)
            return err_set(e, ERR_INVALID, "there is no feature \"%s\"", name);
        *out |= flag;
    }
    return 0;
}

static int by_labels(const void *a, const void *b)
{
    return labels_compare(&((const struct series *)a)->labels, &((const struct series *)b)->labels);
}

static struct series_set to_set(struct eval *ev, const struct table *t, bool sort)
{
    struct series *items = ARENA_ARRAY(ev->arena, struct series, t->n + 1);
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) {
        items[n] = eval__series(ev, &t->rows[i], true);
        n += items[n].n > 0;
    }
    if (sort && n)
        qsort(items, n, sizeof *items, by_labels);
    return (struct series_set){items, n};
}

/* Names that were to go in the end. */
static int drop_names(struct eval *ev, struct table *t, struct err *e)
{
    bool any = false;
    for (size_t i = 0; i < t->n; i++) {
        if (t->rows[i].nameless)
            t->rows[i].labels = labels__nameless(ev->arena, &t->rows[i].labels);
        any |= t->rows[i].nameless;
    }
    return any ? eval__merge(ev, t, e) : 0;
}

static struct promql_opts with_defaults(const struct promql_opts *o)
{
    struct promql_opts all = o ? *o : (struct promql_opts){0};
    if (!all.lookback_ms)
        all.lookback_ms = 300000;
    if (!all.subquery_step_ms)
        all.subquery_step_ms = 60000;
    if (!all.max_samples)
        all.max_samples = 50000000;
    return all;
}

static int instant_matrix(struct eval *ev, const struct expr *x, struct promql_result *out,
                          struct err *e)
{
    struct matrix m;
    int r = eval__matrix(ev, x, &m, e);
    if (r == 0 && x->kind == EXPR_MATRIX && (x->selector.anchored || x->selector.smoothed))
        r = eval__extend(ev, x, &m, e);
    if (r < 0)
        return r;
    size_t n = 0;
    for (size_t i = 0; i < m.n; i++) {
        if (m.nameless && m.nameless[i])
            m.items[i].labels = labels__nameless(ev->arena, &m.items[i].labels);
        if (m.items[i].n)
            m.items[n++] = m.items[i];
    }
    if (n)
        qsort(m.items, n, sizeof *m.items, by_labels);
    *out = (struct promql_result){
        .type = PROMQL_MATRIX, .series = {m.items, n}
    };
    return 0;
}

static int instant(struct eval *ev, const struct expr *x, struct promql_result *out, struct err *e)
{
    struct table t = {0};
    if (x->type == TYPE_MATRIX)
        return instant_matrix(ev, x, out, e);
    int r = eval__expr(ev, x, &t, e);
    if (r == 0)
        r = drop_names(ev, &t, e);
    if (r < 0)
        return r;
    *out = (struct promql_result){
        .type = x->type == TYPE_SCALAR   ? PROMQL_SCALAR
                : x->type == TYPE_STRING ? PROMQL_STRING
                                         : PROMQL_VECTOR,
        .series = to_set(ev, &t, false),
        .string = t.string,
    };
    return 0;
}

static int range(struct eval *ev, const struct expr *x, struct promql_result *out, struct err *e)
{
    struct table t = {0};
    if (x->type != TYPE_SCALAR && x->type != TYPE_VECTOR)
        return err_set(e, ERR_INVALID,
                       "invalid expression type for range query, must be Scalar or"
                       " instant Vector");
    int r = eval__expr(ev, x, &t, e);
    if (r == 0)
        r = drop_names(ev, &t, e);
    if (r == 0)
        *out = (struct promql_result){.type = PROMQL_MATRIX, .series = to_set(ev, &t, true)};
    return r;
}

/* `step_ms` 0: at one moment. */
static int run(struct promql_source *s, const struct promql_opts *o, const char *query,
               const struct parse_opts *span, struct arena *a, struct promql_result *out,
               struct err *e)
{
    struct promql_opts opts = with_defaults(o);
    struct parse_opts p = *span;
    size_t left = opts.max_samples;
    struct expr *x;
    p.features = opts.features;
    int r = promql_parse(a, query, &p, &x, e);
    if (r < 0)
        return r;
    stats__mark(x);
    int64_t step = span->step_ms ? span->step_ms : 1;
    struct eval ev = {
        .source = s,
        .opts = &opts,
        .arena = a,
        .start = span->start_ms,
        .end = span->end_ms,
        .step = step,
        .steps = (size_t)((span->end_ms - span->start_ms) / step) + 1,
        .query_start = span->start_ms,
        .query_end = span->end_ms,
        .samples_left = &left,
        .notes = notes_new(a),
    };
    r = span->step_ms ? range(&ev, x, out, e) : instant(&ev, x, out, e);
    if (r == 0)
        notes_print(ev.notes, query, a, out);
    return r;
}

int promql_instant(struct promql_source *s, const struct promql_opts *o, const char *query,
                   int64_t at_ms, struct arena *a, struct promql_result *out, struct err *e)
{
    const struct parse_opts at = {.start_ms = at_ms, .end_ms = at_ms};
    return run(s, o, query, &at, a, out, e);
}

int promql_range(struct promql_source *s, const struct promql_opts *o, const char *query,
                 int64_t start_ms, int64_t end_ms, int64_t step_ms, struct arena *a,
                 struct promql_result *out, struct err *e)
{
    const struct parse_opts span = {.start_ms = start_ms, .end_ms = end_ms, .step_ms = step_ms};
    if (step_ms <= 0)
        return err_set(e, ERR_INVALID,
                       "zero or negative query resolution step widths are not accepted");
    if (end_ms < start_ms)
        return err_set(e, ERR_INVALID, "end timestamp must not be before start time");
    if ((end_ms - start_ms) / step_ms >= MAX_STEPS)
        return err_set(e, ERR_INVALID,
                       "exceeded maximum resolution of 11,000 points per timeseries");
    return run(s, o, query, &span, a, out, e);
}

static int select_tsdb(struct promql_source *s, const struct matcher *m, size_t n, int64_t min_t,
                       int64_t max_t, size_t max_samples, struct arena *a, struct series_set *out,
                       struct err *e)
{
    struct promql_tsdb *t = container_of(s, struct promql_tsdb, source);
    return tsdb_select(t->db, m, n, min_t, max_t, max_samples, a, out, e);
}

void promql_tsdb_init(struct promql_tsdb *s, struct tsdb *db)
{
    *s = (struct promql_tsdb){{select_tsdb}, db};
}
