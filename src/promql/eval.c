#include "promql/eval.h"

#include <math.h>
#include <string.h>

#include "base/map.h"
#include "codec/utf8.h"
#include "promql/function.h"

enum { MAX_STEPS = 11000, MAX_SUBQUERY_STEPS = 1000000 };

/* ---- tables and labels ---- */

struct row *table_add(struct table *t, struct eval *ev, struct labels l)
{
    if (t->n == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 8;
        t->rows = arena_grow(ev->arena, t->rows, t->cap * sizeof *t->rows, cap * sizeof *t->rows);
        t->cap = cap;
    }
    struct row *r = &t->rows[t->n++];
    *r = (struct row){l, ARENA_ARRAY(ev->arena, double, ev->steps),
                      ARENA_ARRAY(ev->arena, bool, ev->steps)};
    return r;
}

static bool listed(const struct names *names, const char *name)
{
    for (size_t i = 0; i < names->n; i++)
        if (strcmp(names->items[i], name) == 0)
            return true;
    return false;
}

struct labels labels__group(struct arena *a, const struct labels *l, const struct names *names,
                            bool only)
{
    struct label *out = ARENA_ARRAY(a, struct label, l->n);
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++) {
        bool is_name = strcmp(l->items[i].name, "__name__") == 0;
        bool in = listed(names, l->items[i].name);
        if (only ? in : !in && !is_name)
            out[n++] = l->items[i];
    }
    return (struct labels){out, n};
}

struct labels labels__nameless(struct arena *a, const struct labels *l)
{
    static const struct names none;
    return labels__group(a, l, &none, false);
}

struct labels labels__set(struct arena *a, const struct labels *l, const char *name,
                          const char *value)
{
    struct label *all = ARENA_ARRAY(a, struct label, l->n + 1);
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->items[i].name, name) != 0)
            all[n++] = l->items[i];
    all[n++] = (struct label){name, value};
    return labels_make(a, all, n);
}

bool labels__name_ok(const char *name)
{
    if (!*name)
        return false;
    for (size_t n = strlen(name), took; n; n -= took, name += took)
        if (!(took = utf8_valid(name, n)))
            return false;
    return true;
}

int64_t eval__time(const struct eval *ev, const struct when *w, size_t step)
{
    int64_t t = eval_step(ev, step);
    switch (w->at) {
    case AT_TIME:
        t = w->at_ms;
        break;
    case AT_START:
        t = ev->query_start;
        break;
    case AT_END:
        t = ev->query_end;
        break;
    case AT_NONE:
        break;
    }
    return t - w->offset_ms;
}

/* ---- selectors ---- */

static int fetch(struct eval *ev, const struct expr *x, int64_t back_ms, struct series_set *out,
                 struct err *e)
{
    const struct when *w = &x->selector.when;
    int64_t first = eval__time(ev, w, 0), last = eval__time(ev, w, ev->steps - 1);
    int r = ev->source->select(ev->source, x->selector.matchers, x->selector.n_matchers,
                               first - back_ms + 1, last, *ev->samples_left, ev->arena, out, e);
    for (size_t i = 0; r == 0 && i < out->n; i++)
        *ev->samples_left -= out->items[i].n;
    return r;
}

static int too_many(struct err *e)
{
    return err_set(e, ERR_TOO_LARGE, "query processing would load too many samples into memory");
}

static int eval_selector(struct eval *ev, const struct expr *x, struct table *out, struct err *e)
{
    struct series_set set;
    int r = fetch(ev, x, ev->opts->lookback_ms, &set, e);
    if (r < 0)
        return r;
    if (set.n > ev->opts->max_samples / ev->steps)
        return too_many(e);
    for (size_t i = 0; i < set.n; i++) {
        const struct series *s = &set.items[i];
        struct row *row = NULL;
        size_t next = 0;
        for (size_t k = 0; k < ev->steps; k++) {
            int64_t t = eval__time(ev, &x->selector.when, k);
            if (next && s->samples[next - 1].t > t) /* @: the same time again */
                next = 0;
            while (next < s->n && s->samples[next].t <= t)
                next++;
            const struct sample *p = next ? &s->samples[next - 1] : NULL;
            if (!p || p->t <= t - ev->opts->lookback_ms || is_stale(p->v))
                continue;
            if (!row)
                row = table_add(out, ev, s->labels);
            row->v[k] = p->v;
            row->has[k] = true;
        }
    }
    return 0;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Works the inner expression out at multiples of the step within the range. */
static int eval_subquery(struct eval *ev, const struct expr *x, struct series_set *out,
                         struct err *e)
{
    const struct when *w = &x->subquery.when;
    int64_t step = x->subquery.step_ms ? x->subquery.step_ms : ev->opts->subquery_step_ms;
    int64_t from = eval__time(ev, w, 0) - x->subquery.range_ms;
    int64_t first = (floor_div(from, step) + 1) * step;
    struct eval inner = *ev;
    struct table t = {0};
    inner.start = first;
    inner.end = eval__time(ev, w, ev->steps - 1);
    inner.step = step;
    *out = (struct series_set){0};
    if (inner.end < inner.start)
        return 0;
    inner.steps = (size_t)((inner.end - inner.start) / step) + 1;
    if (inner.steps > *ev->samples_left || inner.steps > MAX_SUBQUERY_STEPS)
        return too_many(e);
    int r = eval__expr(&inner, x->subquery.inner, &t, e);
    if (r < 0)
        return r;
    struct series *items = ARENA_ARRAY(ev->arena, struct series, t.n + 1);
    for (size_t i = 0; i < t.n; i++) {
        struct sample *s = ARENA_ARRAY(ev->arena, struct sample, inner.steps);
        size_t n = 0;
        for (size_t k = 0; k < inner.steps; k++)
            if (t.rows[i].has[k])
                s[n++] = (struct sample){eval_step(&inner, k), t.rows[i].v[k]};
        if (n > *ev->samples_left)
            return too_many(e);
        *ev->samples_left -= n;
        items[i] = (struct series){t.rows[i].labels, s, n};
    }
    *out = (struct series_set){items, t.n};
    return 0;
}

static void drop_stale(struct series *s, struct arena *a)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        n += !is_stale(s->samples[i].v);
    if (n == s->n)
        return;
    struct sample *kept = ARENA_ARRAY(a, struct sample, n + 1);
    n = 0;
    for (size_t i = 0; i < s->n; i++)
        if (!is_stale(s->samples[i].v))
            kept[n++] = s->samples[i];
    s->samples = kept;
    s->n = n;
}

int eval__matrix(struct eval *ev, const struct expr *x, struct series_set *out, struct err *e)
{
    if (x->kind == EXPR_SUBQUERY)
        return eval_subquery(ev, x, out, e);
    int r = fetch(ev, x, x->selector.range_ms, out, e);
    for (size_t i = 0; r == 0 && i < out->n; i++)
        drop_stale(&out->items[i], ev->arena);
    return r;
}

static const struct when *when_of(const struct expr *x)
{
    return x->kind == EXPR_SUBQUERY ? &x->subquery.when : &x->selector.when;
}

static int64_t range_of(const struct expr *x)
{
    return x->kind == EXPR_SUBQUERY ? x->subquery.range_ms : x->selector.range_ms;
}

/* ---- range functions ---- */

static int scalar_args(struct eval *ev, const struct expr *call, struct table *p, size_t *matrix,
                       struct err *e)
{
    size_t n = 0;
    for (size_t i = 0; i < call->call.n_args; i++) {
        if (call->call.args[i]->type == TYPE_MATRIX) {
            *matrix = i;
            continue;
        }
        int r = n < 2 ? eval__expr(ev, call->call.args[i], &p[n++], e) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

/* Moves the window over one series; the bounds only ever go forward, unless @ fixes them. */
static void over_series(struct eval *ev, const struct expr *call, const struct expr *matrix,
                        const struct series *s, const struct table *params, struct table *out)
{
    const struct function *f = call->call.function;
    int64_t range = range_of(matrix);
    size_t lo = 0, hi = 0;
    struct row *row = NULL;
    for (size_t k = 0; k < ev->steps; k++) {
        int64_t end = eval__time(ev, when_of(matrix), k);
        while (hi < s->n && s->samples[hi].t <= end)
            hi++;
        while (lo < hi && s->samples[lo].t <= end - range)
            lo++;
        struct window w = {s->samples + lo,
                           hi - lo,
                           end - range,
                           end,
                           eval_step(ev, k),
                           params[0].n ? params[0].rows[0].v[k] : 0,
                           params[1].n ? params[1].rows[0].v[k] : 0};
        double v;
        if (!w.n || !f->over(&w, &v))
            continue;
        if (!row)
            row = table_add(out, ev,
                            f->keeps_name ? s->labels : labels__nameless(ev->arena, &s->labels));
        row->v[k] = v;
        row->has[k] = true;
    }
}

int eval__over(struct eval *ev, const struct expr *call, struct table *out, struct err *e)
{
    struct table params[2] = {0};
    struct series_set set;
    size_t at = 0;
    int r = scalar_args(ev, call, params, &at, e);
    const struct expr *matrix = call->call.args[at];
    if (r == 0)
        r = eval__matrix(ev, matrix, &set, e);
    for (size_t i = 0; r == 0 && i < set.n; i++)
        over_series(ev, call, matrix, &set.items[i], params, out);
    return r;
}

/* ---- the rest ---- */

static int eval_map(struct eval *ev, const struct expr *call, struct table *out, struct err *e)
{
    struct table in = {0};
    int r = eval__expr(ev, call->call.args[0], &in, e);
    for (size_t i = 0; r == 0 && i < in.n; i++) {
        struct row *row = table_add(out, ev, labels__nameless(ev->arena, &in.rows[i].labels));
        memcpy(row->has, in.rows[i].has, ev->steps * sizeof *row->has);
        for (size_t k = 0; k < ev->steps; k++)
            row->v[k] = call->call.function->map(in.rows[i].v[k]);
    }
    return r;
}

static int merge_row(struct eval *ev, struct row *to, const struct row *from, struct err *e)
{
    for (size_t k = 0; k < ev->steps; k++) {
        if (!from->has[k])
            continue;
        if (to->has[k])
            return err_set(e, ERR_INVALID, "vector cannot contain metrics with the same labelset");
        to->v[k] = from->v[k];
        to->has[k] = true;
    }
    return 0;
}

/* Series that became one, say by losing their names, are one from then on; having a value at the
 * same step is an error. */
static int merge(struct eval *ev, struct table *t, struct err *e)
{
    struct map seen;
    size_t kept = 0;
    int r = 0;
    map_init(&seen);
    for (size_t i = 0; i < t->n && r == 0; i++) {
        char *key = labels_text(&t->rows[i].labels, ev->arena);
        uintptr_t at = (uintptr_t)map_get(&seen, key);
        if (at) {
            r = merge_row(ev, &t->rows[at - 1], &t->rows[i], e);
            continue;
        }
        t->rows[kept++] = t->rows[i];
        (void)map_put(&seen, key, (void *)kept);
    }
    t->n = kept;
    map_done(&seen);
    return r;
}

static int eval_call(struct eval *ev, const struct expr *x, struct table *out, struct err *e)
{
    const struct function *f = x->call.function;
    return f->call  ? f->call(ev, x, out, e)
           : f->map ? eval_map(ev, x, out, e)
                    : eval__over(ev, x, out, e);
}

static void eval_number(struct eval *ev, double v, struct table *out)
{
    struct row *row = table_add(out, ev, (struct labels){0});
    for (size_t k = 0; k < ev->steps; k++) {
        row->v[k] = v;
        row->has[k] = true;
    }
}

static int eval_negate(struct eval *ev, const struct expr *x, struct table *out, struct err *e)
{
    int r = eval__expr(ev, x->inner, out, e);
    for (size_t i = 0; r == 0 && i < out->n; i++) {
        out->rows[i].labels = labels__nameless(ev->arena, &out->rows[i].labels);
        for (size_t k = 0; k < ev->steps; k++)
            out->rows[i].v[k] = -out->rows[i].v[k];
    }
    return r;
}

static int eval_kind(struct eval *ev, const struct expr *x, struct table *out, struct err *e)
{
    switch (x->kind) {
    case EXPR_NUMBER:
        eval_number(ev, x->number, out);
        return 0;
    case EXPR_STRING:
        out->string = x->string;
        return 0;
    case EXPR_SELECTOR:
        return eval_selector(ev, x, out, e);
    case EXPR_MATRIX:
    case EXPR_SUBQUERY:
        return err_set(e, ERR_INVALID, "a range vector is no value of its own");
    case EXPR_CALL:
        return eval_call(ev, x, out, e);
    case EXPR_AGGREGATE:
        return eval__aggregate(ev, x, out, e);
    case EXPR_BINARY:
        return eval__binary(ev, x, out, e);
    case EXPR_NEGATE:
        return eval_negate(ev, x, out, e);
    }
    return 0;
}

int eval__expr(struct eval *ev, const struct expr *x, struct table *out, struct err *e)
{
    int r = eval_kind(ev, x, out, e);
    bool distinct = x->kind == EXPR_SELECTOR || out->n < 2;
    return r < 0 || distinct ? r : merge(ev, out, e);
}

/* ---- queries ---- */

static int qsort_by_labels(const void *a, const void *b)
{
    return labels_compare(&((const struct series *)a)->labels, &((const struct series *)b)->labels);
}

static struct series_set to_series(struct eval *ev, const struct table *t, bool sort)
{
    struct series *items = ARENA_ARRAY(ev->arena, struct series, t->n + 1);
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) {
        struct sample *s = ARENA_ARRAY(ev->arena, struct sample, ev->steps);
        size_t count = 0;
        for (size_t k = 0; k < ev->steps; k++)
            if (t->rows[i].has[k])
                s[count++] = (struct sample){eval_step(ev, k), t->rows[i].v[k]};
        if (count)
            items[n++] = (struct series){t->rows[i].labels, s, count};
    }
    if (sort && n)
        qsort(items, n, sizeof *items, qsort_by_labels);
    return (struct series_set){items, n};
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
    struct series_set set;
    int r = eval__matrix(ev, x, &set, e);
    if (r < 0)
        return r;
    size_t n = 0;
    for (size_t i = 0; i < set.n; i++)
        if (set.items[i].n)
            set.items[n++] = set.items[i];
    *out = (struct promql_result){
        .type = PROMQL_MATRIX, .series = {set.items, n}
    };
    return 0;
}

int promql_instant(struct promql_source *s, const struct promql_opts *o, const char *query,
                   int64_t at_ms, struct arena *a, struct promql_result *out, struct err *e)
{
    struct promql_opts opts = with_defaults(o);
    size_t left = opts.max_samples;
    struct eval ev = {s, &opts, a, at_ms, at_ms, 1, 1, at_ms, at_ms, &left};
    struct expr *x;
    struct table t = {0};
    int r = promql_parse_for(a, query, 0, 0, &x, e);
    if (r < 0)
        return r;
    if (x->type == TYPE_MATRIX)
        return instant_matrix(&ev, x, out, e);
    r = eval__expr(&ev, x, &t, e);
    if (r < 0)
        return r;
    out->string = t.string;
    out->type = x->type == TYPE_SCALAR   ? PROMQL_SCALAR
                : x->type == TYPE_STRING ? PROMQL_STRING
                                         : PROMQL_VECTOR;
    out->series = to_series(&ev, &t, false);
    return 0;
}

int promql_range(struct promql_source *s, const struct promql_opts *o, const char *query,
                 int64_t start_ms, int64_t end_ms, int64_t step_ms, struct arena *a,
                 struct promql_result *out, struct err *e)
{
    struct promql_opts opts = with_defaults(o);
    size_t left = opts.max_samples;
    if (step_ms <= 0)
        return err_set(e, ERR_INVALID,
                       "zero or negative query resolution step widths are not accepted");
    if (end_ms < start_ms)
        return err_set(e, ERR_INVALID, "end timestamp must not be before start time");
    if ((end_ms - start_ms) / step_ms >= MAX_STEPS)
        return err_set(e, ERR_INVALID,
                       "exceeded maximum resolution of 11,000 points per timeseries");
    struct eval ev = {s,
                      &opts,
                      a,
                      start_ms,
                      end_ms,
                      step_ms,
                      (size_t)((end_ms - start_ms) / step_ms) + 1,
                      start_ms,
                      end_ms,
                      &left};
    struct expr *x;
    struct table t = {0};
    int r = promql_parse_for(a, query, step_ms, end_ms - start_ms, &x, e);
    if (r < 0)
        return r;
    if (x->type != TYPE_SCALAR && x->type != TYPE_VECTOR)
        return err_set(e, ERR_INVALID,
                       "invalid expression type for range query, must be Scalar or"
                       " instant Vector");
    r = eval__expr(&ev, x, &t, e);
    if (r < 0)
        return r;
    *out = (struct promql_result){.type = PROMQL_MATRIX, .series = to_series(&ev, &t, true)};
    return 0;
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
