#include "promql/eval.h"

#include <string.h>

#include "base/map.h"
#include "promql/function.h"
#include "promql/native.h"

/* ---- tables ---- */

struct row *table_add(struct table *t, struct eval *ev, struct labels l)
{
    if (t->n == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 8;
        t->rows = arena_grow(ev->arena, t->rows, t->cap * sizeof *t->rows, cap * sizeof *t->rows);
        t->cap = cap;
    }
    struct row *r = &t->rows[t->n++];
    *r = (struct row){.labels = l,
                      .v = ARENA_ARRAY(ev->arena, double, ev->steps),
                      .has = ARENA_ARRAY(ev->arena, bool, ev->steps)};
    return r;
}

void row_drop_name(struct eval *ev, struct row *r)
{
    if (ev->opts->features & PROMQL_DELAYED_NAMES)
        r->nameless = true;
    else
        r->labels = labels__nameless(ev->arena, &r->labels);
}

struct row *table_derive(struct table *t, struct eval *ev, const struct row *from)
{
    struct row *r = table_add(t, ev, from->labels);
    r->nameless = from->nameless;
    row_drop_name(ev, r);
    return r;
}

void row_set(struct eval *ev, struct row *r, size_t step, struct cell c)
{
    if (c.h && !r->h)
        r->h = ARENA_ARRAY(ev->arena, const struct histogram *, ev->steps);
    if (r->h)
        r->h[step] = c.h;
    r->v[step] = c.v;
    r->has[step] = true;
}

static int merge_row(struct eval *ev, struct row *to, const struct row *from, struct err *e)
{
    for (size_t k = 0; k < ev->steps; k++) {
        if (!from->has[k])
            continue;
        if (to->has[k])
            return err_set(e, ERR_INVALID, "vector cannot contain metrics with the same labelset");
        row_set(ev, to, k, row_at(from, k));
    }
    return 0;
}

int eval__merge(struct eval *ev, struct table *t, struct err *e)
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

/* A window over a series, moved from step to step; the bounds only ever go forward, unless @ fixes
 * them. */
struct slide {
    const struct series *s;
    const struct expr *matrix;
    size_t lo, hi, n_histograms;
    int64_t before, after; /* of the range: what extended selectors look at */
    bool nameless;
};

static bool is_histogram(const struct series *s, size_t i)
{
    return s->histograms && s->histograms[i];
}

static void slide_to(struct slide *m, int64_t end)
{
    const struct series *s = m->s;
    int64_t start = end - eval__range(m->matrix) - m->before;
    for (; m->hi < s->n && s->samples[m->hi].t <= end + m->after; m->hi++)
        m->n_histograms += is_histogram(s, m->hi);
    for (; m->lo < m->hi && s->samples[m->lo].t <= start; m->lo++)
        m->n_histograms -= is_histogram(s, m->lo);
}

static struct window window_of(struct eval *ev, const struct expr *call, const struct slide *m,
                               const struct table *params, size_t k)
{
    const struct series *s = m->s;
    int64_t end = eval__time(ev, eval__when(m->matrix), k);
    return (struct window){
        .s = s->samples + m->lo,
        .h = m->n_histograms ? s->histograms + m->lo : NULL,
        .starts = s->starts ? s->starts + m->lo : NULL,
        .n = m->hi - m->lo,
        .n_histograms = m->n_histograms,
        .start = end - eval__range(m->matrix),
        .end = end,
        .now = eval_step(ev, k),
        .p1 = params[0].n ? params[0].rows[0].v[k] : 0,
        .p2 = params[1].n ? params[1].rows[0].v[k] : 0,
        .ev = ev,
        .call = call,
        .arg = m->matrix,
        .labels = &s->labels,
    };
}

/* Leaves the floats of a mixed window; false when there are none. */
static bool only_floats(struct window *w)
{
    if (w->n_histograms == 0 || w->n_histograms == w->n)
        return w->n_histograms == 0;
    struct sample *s = ARENA_ARRAY(w->ev->arena, struct sample, w->n - w->n_histograms);
    size_t n = 0;
    for (size_t i = 0; i < w->n; i++)
        if (!w->h[i])
            s[n++] = w->s[i];
    note_ignored(w->ev, w->arg->at, labels_get(w->labels, "__name__"));
    w->s = s;
    w->n = n;
    w->h = NULL;
    w->starts = NULL;
    w->n_histograms = 0;
    return true;
}

static bool ends_in(const char *s, const char *suffix)
{
    size_t n = strlen(s), k = strlen(suffix);
    return n >= k && strcmp(s + n - k, suffix) == 0;
}

/* rate() and increase() of what does not look like a counter. */
static void doubt_counter(struct eval *ev, const struct expr *matrix, const struct labels *l)
{
    const char *name = labels_get(l, "__name__"), *type = labels_get(l, "__type__");
    if (!*name)
        return;
    if (ev->opts->features & PROMQL_TYPE_AND_UNIT) {
        if (strcmp(type, "counter") != 0 && strcmp(type, "histogram") != 0)
            note_info(ev, matrix->at,
                      "metric might not be a counter, __type__ label is not set to \"counter\" or"
                      " \"histogram\", got \"%s\": \"%s\"",
                      type, name);
        return;
    }
    if (!ends_in(name, "_total") && !ends_in(name, "_sum") && !ends_in(name, "_count") &&
        !ends_in(name, "_bucket"))
        note_info(ev, matrix->at,
                  "metric might not be a counter, name does not end in _total/_sum/_count/_bucket:"
                  " \"%s\"",
                  name);
}

static struct row *result_row(struct eval *ev, const struct function *f, const struct slide *m,
                              struct table *out)
{
    struct row *row = table_add(out, ev, m->s->labels);
    row->nameless = m->nameless;
    if (!f->keeps_name)
        row_drop_name(ev, row);
    return row;
}

static void over_series(struct eval *ev, const struct expr *call, struct slide *m,
                        const struct table *params, struct table *out)
{
    const struct function *f = call->call.function;
    struct row *row = NULL;
    bool floats = false;
    for (size_t k = 0; k < ev->steps; k++) {
        struct cell c = {0};
        slide_to(m, eval__time(ev, eval__when(m->matrix), k));
        struct window w = window_of(ev, call, m, params, k);
        if (!w.n || (f->floats_only && !only_floats(&w)) || !f->over(&w, &c))
            continue;
        if (!row)
            row = result_row(ev, f, m, out);
        row_set(ev, row, k, c);
        floats |= !c.h;
    }
    if (floats && f->of_counters)
        doubt_counter(ev, m->matrix, &m->s->labels);
}

static int check_extended(const struct function *f, const struct expr *x, struct err *e)
{
    if (x->kind != EXPR_MATRIX)
        return 0;
    if (x->selector.anchored && !f->anchored)
        return err_set(e, ERR_INVALID,
                       "anchored modifier can only be used with: changes, delta, increase, rate,"
                       " resets - not with %s",
                       f->name);
    if (x->selector.smoothed && !f->smoothed)
        return err_set(e, ERR_INVALID,
                       "smoothed modifier can only be used with: delta, increase, rate - not with"
                       " %s",
                       f->name);
    return 0;
}

static int check_params(const struct expr *call, const struct table *params, size_t steps,
                        struct err *e)
{
    static const char *const names[] = {"smoothing", "trend"};
    if (!call->call.function->smoothing)
        return 0;
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < steps; k++)
            if (!(params[i].rows[0].v[k] > 0 && params[i].rows[0].v[k] < 1))
                return err_set(e, ERR_INVALID, "invalid %s factor. Expected: 0 < %cf < 1, got: %f",
                               names[i], *names[i], params[i].rows[0].v[k]);
    return 0;
}

int eval__over(struct eval *ev, const struct expr *call, struct table *out, struct err *e)
{
    struct table params[2] = {0};
    struct matrix set = {0};
    size_t at = 0;
    int r = scalar_args(ev, call, params, &at, e);
    const struct expr *x = call->call.args[at];
    if (r == 0)
        r = check_extended(call->call.function, x, e);
    if (r == 0)
        r = eval__matrix(ev, x, &set, e);
    if (r == 0 && set.n)
        r = check_params(call, params, ev->steps, e);
    bool anchored = x->kind == EXPR_MATRIX && x->selector.anchored;
    bool smoothed = x->kind == EXPR_MATRIX && x->selector.smoothed;
    for (size_t i = 0; r == 0 && i < set.n; i++) {
        struct slide m = {.s = &set.items[i],
                          .matrix = x,
                          .nameless = set.nameless && set.nameless[i],
                          .before = anchored || smoothed ? ev->opts->lookback_ms : 0,
                          .after = smoothed ? ev->opts->lookback_ms : 0};
        over_series(ev, call, &m, params, out);
    }
    return r;
}

/* ---- the rest ---- */

static int eval_map(struct eval *ev, const struct expr *call, struct table *out, struct err *e)
{
    const struct function *f = call->call.function;
    struct table in = {0};
    int r = eval__expr(ev, call->call.args[0], &in, e);
    for (size_t i = 0; r == 0 && i < in.n; i++) {
        struct row *from = &in.rows[i], *row = table_derive(out, ev, from);
        for (size_t k = 0; k < ev->steps; k++) {
            struct cell c = row_at(from, k);
            if (!from->has[k] || (c.h != NULL) != (f->stat != NULL))
                continue;
            row_set(ev, row, k, (struct cell){f->stat ? f->stat(c.h) : f->map(c.v), NULL});
        }
    }
    return r;
}

static int eval_call(struct eval *ev, const struct expr *x, struct table *out, struct err *e)
{
    const struct function *f = x->call.function;
    if (f->call)
        return f->call(ev, x, out, e);
    return f->over ? eval__over(ev, x, out, e) : eval_map(ev, x, out, e);
}

static void eval_number(struct eval *ev, double v, struct table *out)
{
    struct row *row = table_add(out, ev, (struct labels){0});
    for (size_t k = 0; k < ev->steps; k++)
        row_set(ev, row, k, (struct cell){v, NULL});
}

static int eval_negate(struct eval *ev, const struct expr *x, struct table *out, struct err *e)
{
    int r = eval__expr(ev, x->inner, out, e);
    for (size_t i = 0; r == 0 && i < out->n; i++) {
        struct row *row = &out->rows[i];
        row_drop_name(ev, row);
        for (size_t k = 0; k < ev->steps; k++) {
            struct cell c = row_at(row, k);
            if (c.h) {
                struct histogram *h = histogram_copy(ev->arena, c.h);
                native_multiply(h, -1);
                row->h[k] = h;
            }
            row->v[k] = -row->v[k];
        }
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
        return eval__selector(ev, x, TAKE_VALUE, out, e);
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
    return r < 0 || distinct ? r : eval__merge(ev, out, e);
}
