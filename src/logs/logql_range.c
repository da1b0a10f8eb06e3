/* logql_range.c - numbers out of lines: samples are gathered by series, then looked at through a
 * window that moves from step to step. */
#include <math.h>
#include <string.h>

#include "base/map.h"
#include "logs/logql_int.h"

enum { ARENA_ROWS = 4 << 20 };

enum fold {
    FOLD_COUNT,
    FOLD_BYTES,
    FOLD_SUM,
    FOLD_AVG,
    FOLD_MIN,
    FOLD_MAX,
    FOLD_FIRST,
    FOLD_LAST,
    FOLD_STDVAR,
    FOLD_STDDEV,
    FOLD_QUANTILE,
    FOLD_ABSENT
};

static const struct function {
    const char *name;
    enum fold fold;
    bool per_second, unwraps;
} functions[] = {
    {"count_over_time",    FOLD_COUNT,    false, false},
    {"rate",               FOLD_COUNT,    true,  false},
    {"bytes_over_time",    FOLD_BYTES,    false, false},
    {"bytes_rate",         FOLD_BYTES,    true,  false},
    {"absent_over_time",   FOLD_ABSENT,   false, false},
    {"sum_over_time",      FOLD_SUM,      false, true },
    {"avg_over_time",      FOLD_AVG,      false, true },
    {"min_over_time",      FOLD_MIN,      false, true },
    {"max_over_time",      FOLD_MAX,      false, true },
    {"first_over_time",    FOLD_FIRST,    false, true },
    {"last_over_time",     FOLD_LAST,     false, true },
    {"stdvar_over_time",   FOLD_STDVAR,   false, true },
    {"stddev_over_time",   FOLD_STDDEV,   false, true },
    {"quantile_over_time", FOLD_QUANTILE, false, true },
};

static const struct function *function_of(const char *name, size_t n)
{
    for (size_t i = 0; i < ARRAY_LEN(functions); i++)
        if (strlen(functions[i].name) == n && strncmp(functions[i].name, name, n) == 0)
            return &functions[i];
    return NULL;
}

bool logql__is_range(const char *name, size_t n)
{
    return function_of(name, n) != NULL;
}

struct point {
    int64_t t_ns;
    double v;
};

struct line_series {
    struct labels labels;
    struct point *points;
    size_t n, cap;
};

struct steps {
    int64_t start_ms, end_ms, step_ms;
    size_t n;
};

struct gathering {
    const struct logql_scope *scope;
    const struct range_call *call;
    const struct function *function;
    bool unwraps;
    struct arena *arena, *rows;
    struct map by_key;
    size_t samples;
    int64_t began_ms;
    const struct steps *at;
    struct row row;
    struct label kept[ROW_LABELS];
    const struct value *last_labels; /* lines of a stream come together: */
    struct line_series *last;        /* without stages they are of one series */
};

static bool in_group(const struct range_call *c, const char *name)
{
    for (size_t i = 0; i < c->n_group; i++)
        if (strcmp(c->group[i], name) == 0)
            return true;
    return false;
}

static struct labels series_labels(struct gathering *g, const struct row *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_labels; i++)
        if (!g->call->grouped || in_group(g->call, r->labels[i].name) != g->call->without)
            g->kept[n++] = r->labels[i];
    return labels_make(g->rows, g->kept, n);
}

static int series_of(struct gathering *g, const struct row *r, struct line_series **out,
                     struct err *e)
{
    struct labels l = series_labels(g, r);
    const char *key = labels_text(&l, g->rows);
    *out = map_get(&g->by_key, key);
    if (*out)
        return 0;
    if (map_size(&g->by_key) == g->scope->limits.max_series) {
        (void)err_set(e, ERR_TOO_LARGE, "the query makes more than %zu series",
                      g->scope->limits.max_series);
        return err_hint(e, "drop labels that have many values, or sum by those that matter");
    }
    *out = ARENA_NEW(g->arena, struct line_series);
    (*out)->labels = labels_copy(g->arena, &l);
    (void)map_put(&g->by_key, key, *out);
    return 0;
}

static int add_point(struct gathering *g, struct line_series *s, struct point x, struct err *e)
{
    if (++g->samples > g->scope->limits.max_samples)
        return err_set(e, ERR_TOO_LARGE, "the query needs more than %zu samples",
                       g->scope->limits.max_samples);
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 16;
        s->points = realloc(s->points, s->cap * sizeof *s->points);
        if (!s->points)
            abort();
    }
    s->points[s->n++] = x;
    return 0;
}

static double measure(const struct gathering *g, const struct row *r, size_t n)
{
    return g->unwraps ? r->value : g->function->fold == FOLD_BYTES ? (double)n : 1;
}

static int take(void *arg, const struct logdb_entry *x, struct err *e)
{
    struct gathering *g = arg;
    struct line_series *s;
    struct row *r = &g->row;
    if (x->labels == g->last_labels)
        return add_point(g, g->last, (struct point){x->time_ns, measure(g, r, x->n)}, e);
    if (arena_used(g->rows) > ARENA_ROWS) {
        arena_free(g->rows);
        g->rows = arena_new(0);
    }
    logql__row_begin(r, x, g->rows);
    if (!logql__stages_run(g->call->log.stages, g->call->log.n_stages, r))
        return 0;
    const char *error = logql__row_get(r, "__error__");
    if (*error) {
        (void)err_set(e, ERR_INVALID, "a line could not be read: %s", error);
        return err_hint(e, "leave such lines out with | __error__=\"\"");
    }
    if (g->unwraps && !r->has_value)
        return 0;
    int rc = series_of(g, r, &s, e);
    if (rc < 0)
        return rc;
    if (!g->call->log.n_stages) {
        g->last_labels = x->labels;
        g->last = s;
    }
    return add_point(g, s, (struct point){x->time_ns, measure(g, r, r->n)}, e);
}

/* Does an end of a window lie between the run's lines? */
static bool is_cut(const struct logdb_run *x, int64_t first_ms, const struct steps *at)
{
    int64_t first = first_ms * 1000000, step = at->step_ms * 1000000;
    int64_t k = x->from_ns <= first ? 0 : (x->from_ns - first + step - 1) / step;
    return k < (int64_t)at->n && first + k * step < x->to_ns;
}

/* Lines that are only counted, all in the same windows, are one sample. */
static bool counts_at_once(void *arg, const struct logdb_run *x)
{
    struct gathering *g = arg;
    const struct range_call *c = g->call;
    int64_t first_ms = g->at->start_ms - c->offset_ms;
    if (g->function->fold != FOLD_COUNT || c->log.n_stages || !x->all ||
        is_cut(x, first_ms, g->at) || is_cut(x, first_ms - c->range_ms, g->at))
        return false;
    const struct logdb_entry any = {.labels = x->labels, .time_ns = x->to_ns, .text = ""};
    struct err e;
    if (take(g, &any, &e) < 0)
        return false; /* reading the run says why */
    g->last->points[g->last->n - 1].v = (double)x->lines;
    return true;
}

static int by_time(const void *a, const void *b)
{
    const struct point *x = a, *y = b;
    return x->t_ns < y->t_ns ? -1 : x->t_ns > y->t_ns;
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static double quantile(const struct point *p, size_t n, double q)
{
    AUTO_MEM double *v = malloc(n * sizeof *v);
    if (!v)
        abort();
    for (size_t i = 0; i < n; i++)
        v[i] = p[i].v;
    qsort(v, n, sizeof *v, by_value);
    if (q < 0 || q > 1 || isnan(q))
        return q < 0 ? -INFINITY : q > 1 ? INFINITY : NAN;
    double at = q * (double)(n - 1);
    size_t i = (size_t)at;
    return i + 1 < n ? v[i] + (v[i + 1] - v[i]) * (at - (double)i) : v[n - 1];
}

/* What a window that is not empty gives. */
static double fold(const struct gathering *g, const struct point *p, size_t n)
{
    double sum = 0, squares = 0, least = p[0].v, most = p[0].v;
    for (size_t i = 0; i < n; i++) {
        sum += p[i].v;
        least = p[i].v < least ? p[i].v : least;
        most = p[i].v > most ? p[i].v : most;
    }
    double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (p[i].v - mean) * (p[i].v - mean);
    switch (g->function->fold) {
    case FOLD_AVG:
        return mean;
    case FOLD_MIN:
        return least;
    case FOLD_MAX:
        return most;
    case FOLD_FIRST:
        return p[0].v;
    case FOLD_LAST:
        return p[n - 1].v;
    case FOLD_STDVAR:
        return squares / (double)n;
    case FOLD_STDDEV:
        return sqrt(squares / (double)n);
    case FOLD_QUANTILE:
        return quantile(p, n, g->call->parameter);
    case FOLD_ABSENT:
        return 1;
    case FOLD_COUNT:
    case FOLD_BYTES:
    case FOLD_SUM:
        break;
    }
    return g->function->per_second ? sum / ((double)g->call->range_ms / 1000) : sum;
}

/* Windows are open on the left: (t - range, t]. */
static int walk(const struct gathering *g, const struct line_series *s, const struct steps *at,
                struct series *out, struct err *e)
{
    const struct logdb_budget *budget = &g->scope->limits.budget;
    struct sample *samples = ARENA_ARRAY(g->arena, struct sample, at->n + 1);
    size_t low = 0, high = 0, n = 0;
    for (int64_t t = at->start_ms; t <= at->end_ms; t += at->step_ms) {
        int64_t to_ns = (t - g->call->offset_ms) * 1000000;
        int64_t from_ns = to_ns - g->call->range_ms * 1000000;
        while (high < s->n && s->points[high].t_ns <= to_ns)
            high++;
        while (low < high && s->points[low].t_ns <= from_ns)
            low++;
        if (budget->max_ms && clock_mono_ms() - g->began_ms > budget->max_ms)
            return err_set(e, ERR_TOO_LARGE, "working out %s took more than %lld ms",
                           g->call->function, (long long)budget->max_ms);
        if (high > low)
            samples[n++] = (struct sample){.t = t, .v = fold(g, s->points + low, high - low)};
    }
    *out = (struct series){.labels = s->labels, .samples = samples, .n = n};
    return 0;
}

/* 1 where no series has anything; the labels are those that the selector says outright. */
static void absent(const struct gathering *g, const struct steps *at, struct series_set *set)
{
    const struct logdb_query *q = &g->call->log.query;
    struct series *one = ARENA_NEW(g->arena, struct series);
    struct sample *samples = ARENA_ARRAY(g->arena, struct sample, at->n + 1);
    struct label *l = ARENA_ARRAY(g->arena, struct label, q->n_matchers + 1);
    bool *seen = ARENA_ARRAY(g->arena, bool, at->n + 1);
    size_t n = 0;
    for (size_t i = 0; i < set->n; i++)
        for (size_t k = 0; k < set->items[i].n; k++)
            seen[(set->items[i].samples[k].t - at->start_ms) / at->step_ms] = true;
    for (size_t i = 0; i < q->n_matchers; i++)
        if (q->matchers[i].op == LOGDB_EQ)
            l[n++] = (struct label){q->matchers[i].label, q->matchers[i].value};
    *one = (struct series){.labels = labels_make(g->arena, l, n), .samples = samples};
    for (int64_t t = at->start_ms; t <= at->end_ms; t += at->step_ms)
        if (!seen[(t - at->start_ms) / at->step_ms])
            samples[one->n++] = (struct sample){.t = t, .v = 1};
    *set = (struct series_set){one, one->n > 0};
}

static int by_labels(const void *a, const void *b)
{
    const struct series *x = a, *y = b;
    return labels_compare(&x->labels, &y->labels);
}

static bool has_unwrap(const struct logql_log *log)
{
    for (size_t i = 0; i < log->n_stages; i++)
        if (log->stages[i].kind == STAGE_UNWRAP)
            return true;
    return false;
}

static int windows(struct gathering *g, const struct steps *at, struct series_set *out,
                   struct err *e)
{
    size_t cursor = 0, most = g->scope->limits.max_samples;
    int r = 0;
    if (map_size(&g->by_key) * at->n > most)
        return err_set(e, ERR_TOO_LARGE, "%s gives more than %zu samples: %zu series at %zu steps",
                       g->call->function, most, map_size(&g->by_key), at->n);
    *out = (struct series_set){ARENA_ARRAY(g->arena, struct series, map_size(&g->by_key) + 1), 0};
    for (const struct map_entry *m; r == 0 && (m = map_next(&g->by_key, &cursor));) {
        struct line_series *s = m->value;
        qsort(s->points, s->n, sizeof *s->points, by_time);
        r = walk(g, s, at, &out->items[out->n], e);
        out->n += out->items[out->n].n > 0;
        free(s->points);
        s->points = NULL;
    }
    qsort(out->items, out->n, sizeof *out->items, by_labels);
    if (r == 0 && g->function->fold == FOLD_ABSENT)
        absent(g, at, out);
    return r;
}

int logql__range_check(const struct range_call *c, struct err *e)
{
    if (function_of(c->function, strlen(c->function))->unwraps && !has_unwrap(&c->log))
        return err_set(e, ERR_INVALID, "%s needs | unwrap and a label", c->function);
    return 0;
}

int logql__range(const struct logql_scope *s, struct range_call *c, int64_t start_ms,
                 int64_t end_ms, int64_t step_ms, struct arena *a, struct err *e)
{
    struct steps at = {start_ms, end_ms, step_ms, (size_t)((end_ms - start_ms) / step_ms) + 1};
    struct gathering g = {.scope = s,
                          .call = c,
                          .function = function_of(c->function, strlen(c->function)),
                          .unwraps = has_unwrap(&c->log),
                          .at = &at,
                          .arena = a,
                          .rows = arena_new(0),
                          .began_ms = s->limits.budget.began_ms};
    size_t cursor = 0;
    if (!g.began_ms)
        g.began_ms = clock_mono_ms();
    map_init(&g.by_key);
    c->log.query.from_ns = (start_ms - c->offset_ms - c->range_ms) * 1000000;
    c->log.query.to_ns = (end_ms - c->offset_ms) * 1000000 + 1;
    c->log.query.pass = counts_at_once;
    int r = logql__range_check(c, e);
    if (r == 0)
        r = logql__scan(s, &c->log.query, a, take, &g, e);
    if (r == 0)
        r = windows(&g, &at, &c->series, e);
    for (const struct map_entry *m; (m = map_next(&g.by_key, &cursor));)
        free(((struct line_series *)m->value)->points);
    map_done(&g.by_key);
    arena_free(g.rows);
    return r;
}
