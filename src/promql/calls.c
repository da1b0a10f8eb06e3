#include "promql/calls.h"

#include <math.h>
#include <string.h>

#include "promql/function.h"

/* A scalar: `of` gives its value at each step. */
static int scalar(struct eval *ev, struct table *out, double (*of)(const struct eval *, size_t))
{
    struct row *row = table_add(out, ev, (struct labels){0});
    for (size_t k = 0; k < ev->steps; k++)
        row_set(ev, row, k, (struct cell){of(ev, k), NULL});
    return 0;
}

static double time_at(const struct eval *ev, size_t k)
{
    return (double)eval_step(ev, k) / 1000;
}

int call_time(struct eval *ev, const struct expr *call, struct table *out, struct err *e)
{
    (void)call;
    (void)e;
    return scalar(ev, out, time_at);
}

static double pi_at(const struct eval *ev, size_t k)
{
    (void)ev;
    (void)k;
    return M_PI;
}

int call_pi(struct eval *ev, const struct expr *call, struct table *out, struct err *e)
{
    (void)call;
    (void)e;
    return scalar(ev, out, pi_at);
}

/* minute(v), and minute() of the time itself. */
int call_date(struct eval *ev, const struct expr *call, struct table *out, struct err *e)
{
    struct table in = {0};
    int r = call->call.n_args ? eval__expr(ev, call->call.args[0], &in, e)
                              : call_time(ev, call, &in, e);
    for (size_t i = 0; r == 0 && i < in.n; i++) {
        struct row *row = table_derive(out, ev, &in.rows[i]);
        for (size_t k = 0; k < ev->steps; k++)
            if (row_has_float(&in.rows[i], k))
                row_set(ev, row, k, (struct cell){call->call.function->map(in.rows[i].v[k]), NULL});
    }
    return r;
}

int call_vector(struct eval *ev, const struct expr *call, struct table *out, struct err *e)
{
    return eval__expr(ev, call->call.args[0], out, e);
}

int call_scalar(struct eval *ev, const struct expr *call, struct table *out, struct err *e)
{
    struct table in = {0};
    int r = eval__expr(ev, call->call.args[0], &in, e);
    if (r < 0)
        return r;
    struct row *row = table_add(out, ev, (struct labels){0});
    for (size_t k = 0; k < ev->steps; k++) {
        double v = NAN;
        size_t n = 0;
        for (size_t i = 0; i < in.n; i++)
            if (row_has_float(&in.rows[i], k)) {
                v = in.rows[i].v[k];
                n++;
            }
        row_set(ev, row, k, (struct cell){n == 1 ? v : (double)NAN, NULL});
    }
    return 0;
}

/* Of a plain selector the time of the sample that counts; of anything else the step's own. */
int call_timestamp(struct eval *ev, const struct expr *call, struct table *out, struct err *e)
{
    const struct expr *x = call->call.args[0];
    struct table in = {0};
    bool plain = x->kind == EXPR_SELECTOR;
    int r = plain ? eval__selector(ev, x, TAKE_TIME, &in, e) : eval__expr(ev, x, &in, e);
    for (size_t i = 0; r == 0 && i < in.n; i++) {
        struct row *row = table_derive(out, ev, &in.rows[i]);
        for (size_t k = 0; k < ev->steps; k++)
            if (in.rows[i].has[k])
                row_set(ev, row, k, (struct cell){plain ? in.rows[i].v[k] : time_at(ev, k), NULL});
    }
    return r;
}

/* Nothing is known of it but of a plain selector's samples. */
int call_start_timestamp(struct eval *ev, const struct expr *call, struct table *out, struct err *e)
{
    const struct expr *x = call->call.args[0];
    struct table in = {0};
    bool known = x->kind == EXPR_SELECTOR && (ev->opts->features & PROMQL_START_TIMES);
    int r = known ? eval__selector(ev, x, TAKE_START, &in, e) : 0;
    for (size_t i = 0; r == 0 && i < in.n; i++) {
        struct row *row = table_derive(out, ev, &in.rows[i]);
        for (size_t k = 0; k < ev->steps; k++)
            if (in.rows[i].has[k])
                row_set(ev, row, k, (struct cell){in.rows[i].v[k], NULL});
    }
    return r;
}

/* ---- with scalars ---- */

/* Go's math.Max and math.Min: NaN wins. */
static double larger(double a, double b)
{
    return isnan(a) || isnan(b) ? (double)NAN : a > b ? a : b;
}

static double smaller(double a, double b)
{
    return isnan(a) || isnan(b) ? (double)NAN : a < b ? a : b;
}

static int pick(struct eval *ev, const struct expr *call, double (*of)(double, double),
                struct table *out, struct err *e)
{
    struct table other = {0};
    int r = eval__expr(ev, call->call.args[0], out, e);
    if (r == 0)
        r = eval__expr(ev, call->call.args[1], &other, e);
    for (size_t k = 0; r == 0 && k < ev->steps; k++)
        out->rows[0].v[k] = of(out->rows[0].v[k], other.rows[0].v[k]);
    return r;
}

int call_min_of(struct eval *ev, const struct expr *call, struct table *out, struct err *e)
{
    return pick(ev, call, smaller, out, e);
}

int call_max_of(struct eval *ev, const struct expr *call, struct table *out, struct err *e)
{
    return pick(ev, call, larger, out, e);
}

/* Applies `of` to the floats of a vector, with up to two scalars of the step (`missing` where there
 * is none); `of` says whether there is a result. */
static int with_scalars(struct eval *ev, const struct expr *call, double missing,
                        bool (*of)(double v, double p, double q, double *out), struct table *out,
                        struct err *e)
{
    struct table in = {0}, p[2] = {0};
    int r = eval__expr(ev, call->call.args[0], &in, e);
    for (size_t i = 1; r == 0 && i < call->call.n_args && i < 3; i++)
        r = eval__expr(ev, call->call.args[i], &p[i - 1], e);
    for (size_t i = 0; r == 0 && i < in.n; i++) {
        struct row *row = table_derive(out, ev, &in.rows[i]);
        for (size_t k = 0; k < ev->steps; k++) {
            double v;
            if (row_has_float(&in.rows[i], k) &&
                of(in.rows[i].v[k], p[0].n ? p[0].rows[0].v[k] : missing,
                   p[1].n ? p[1].rows[0].v[k] : missing, &v))
                row_set(ev, row, k, (struct cell){v, NULL});
        }
    }
    return r;
}

static bool rounded(double v, double nearest, double unused, double *out)
{
    double inverse = 1 / nearest;
    (void)unused;
    *out = floor(v * inverse + 0.5) / inverse;
    return true;
}

int call_round(struct eval *ev, const struct expr *call, struct table *out, struct err *e)
{
    return with_scalars(ev, call, 1, rounded, out, e);
}

static bool clamped(double v, double low, double high, double *out)
{
    *out = larger(low, smaller(high, v));
    return !(low > high);
}

int call_clamp(struct eval *ev, const struct expr *call, struct table *out, struct err *e)
{
    return with_scalars(ev, call, 0, clamped, out, e);
}

static bool at_least(double v, double low, double unused, double *out)
{
    (void)unused;
    *out = larger(low, v);
    return true;
}

int call_clamp_min(struct eval *ev, const struct expr *call, struct table *out, struct err *e)
{
    return with_scalars(ev, call, 0, at_least, out, e);
}

static bool at_most(double v, double high, double unused, double *out)
{
    (void)unused;
    *out = smaller(high, v);
    return true;
}

int call_clamp_max(struct eval *ev, const struct expr *call, struct table *out, struct err *e)
{
    return with_scalars(ev, call, 0, at_most, out, e);
}

/* ---- absence ---- */

/* The labels that a selector fixes: those with exactly one equality and nothing else. */
static struct labels fixed_labels(struct eval *ev, const struct expr *x)
{
    if (x->kind != EXPR_SELECTOR && x->kind != EXPR_MATRIX)
        return (struct labels){0};
    struct label *l = ARENA_ARRAY(ev->arena, struct label, x->selector.n_matchers);
    size_t n = 0;
    for (size_t i = 0; i < x->selector.n_matchers; i++) {
        const struct matcher *m = &x->selector.matchers[i];
        bool again = false;
        for (size_t k = 0; k < x->selector.n_matchers; k++)
            again |= k != i && strcmp(x->selector.matchers[k].name, m->name) == 0;
        if (m->op == MATCH_EQ && !again && strcmp(m->name, "__name__") != 0)
            l[n++] = (struct label){m->name, m->value};
    }
    return labels_make(ev->arena, l, n);
}

/* 1 wherever no row of `in` has anything. */
static void absent(struct eval *ev, const struct expr *of, const struct table *in,
                   struct table *out)
{
    struct row *row = table_add(out, ev, fixed_labels(ev, of));
    for (size_t k = 0; k < ev->steps; k++) {
        bool there = false;
        for (size_t i = 0; i < in->n; i++)
            there |= in->rows[i].has[k];
        if (!there)
            row_set(ev, row, k, (struct cell){1, NULL});
    }
}

int call_absent(struct eval *ev, const struct expr *call, struct table *out, struct err *e)
{
    struct table in = {0};
    int r = eval__expr(ev, call->call.args[0], &in, e);
    if (r == 0)
        absent(ev, call->call.args[0], &in, out);
    return r;
}

int call_absent_over_time(struct eval *ev, const struct expr *call, struct table *out,
                          struct err *e)
{
    struct expr present = *call;
    struct table in = {0};
    present.call.function = function_find("present_over_time");
    int r = eval__over(ev, &present, &in, e);
    if (r == 0)
        absent(ev, call->call.args[0], &in, out);
    return r;
}

/* ---- order ---- */

/* sort is for one moment only; over a range series are in the order of their labels anyway. */
static bool out_of_order(const struct row *a, const struct row *b, bool descending)
{
    if (isnan(a->v[0]) || isnan(b->v[0]))
        return isnan(a->v[0]) && !isnan(b->v[0]);
    return descending ? a->v[0] < b->v[0] : a->v[0] > b->v[0];
}

static bool labels_out_of_order(const struct row *a, const struct row *b, const struct expr *call,
                                bool descending)
{
    for (size_t i = 1; i < call->call.n_args; i++) {
        const char *name = call->call.args[i]->string;
        int c = strverscmp(labels_get(&a->labels, name), labels_get(&b->labels, name));
        if (c)
            return descending ? c < 0 : c > 0;
    }
    int c = labels_compare(&a->labels, &b->labels);
    return descending ? c < 0 : c > 0;
}

static void insertion_sort(struct table *t, const struct expr *call, bool by_label)
{
    bool descending = strstr(call->call.function->name, "_desc") != NULL;
    for (size_t i = 1; i < t->n; i++) {
        struct row x = t->rows[i];
        size_t k = i;
        for (; k > 0 && (by_label ? labels_out_of_order(&t->rows[k - 1], &x, call, descending)
                                  : out_of_order(&t->rows[k - 1], &x, descending));
             k--)
            t->rows[k] = t->rows[k - 1];
        t->rows[k] = x;
    }
}

static void doubt_range(struct eval *ev, const struct expr *call)
{
    if (ev->start != ev->end)
        note_warn(ev, call->at,
                  "sort is ineffective for range queries since results are always ordered by"
                  " labels");
}

static void drop_histograms(struct eval *ev, struct table *t)
{
    for (size_t i = 0; i < t->n; i++)
        for (size_t k = 0; k < ev->steps; k++)
            t->rows[i].has[k] = row_has_float(&t->rows[i], k);
}

int call_sort(struct eval *ev, const struct expr *call, struct table *out, struct err *e)
{
    doubt_range(ev, call);
    int r = eval__expr(ev, call->call.args[0], out, e);
    if (r == 0)
        drop_histograms(ev, out);
    if (r == 0 && ev->steps == 1)
        insertion_sort(out, call, false);
    return r;
}

int call_sort_by_label(struct eval *ev, const struct expr *call, struct table *out, struct err *e)
{
    doubt_range(ev, call);
    int r = eval__expr(ev, call->call.args[0], out, e);
    if (r == 0 && ev->steps == 1)
        insertion_sort(out, call, true);
    return r;
}
