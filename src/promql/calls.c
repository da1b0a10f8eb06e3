#include "promql/calls.h"

#include <math.h>
#include <string.h>

#include "promql/function.h"

static struct row *new_row(struct eval *ev, struct table *out, const struct row *like)
{
    struct row *row = table_add(out, ev, labels__nameless(ev->arena, &like->labels));
    memcpy(row->has, like->has, ev->steps * sizeof *row->has);
    return row;
}

static struct row *everywhere(struct eval *ev, struct table *out)
{
    struct row *row = table_add(out, ev, (struct labels){0});
    for (size_t k = 0; k < ev->steps; k++)
        row->has[k] = true;
    return row;
}

int call_time(struct eval *ev, const struct expr *call, struct table *out, struct err *e)
{
    (void)call;
    (void)e;
    struct row *row = everywhere(ev, out);
    for (size_t k = 0; k < ev->steps; k++)
        row->v[k] = (double)eval_step(ev, k) / 1000;
    return 0;
}

int call_pi(struct eval *ev, const struct expr *call, struct table *out, struct err *e)
{
    (void)call;
    (void)e;
    struct row *row = everywhere(ev, out);
    for (size_t k = 0; k < ev->steps; k++)
        row->v[k] = M_PI;
    return 0;
}

/* minute(v), and minute() of the time itself. */
int call_date(struct eval *ev, const struct expr *call, struct table *out, struct err *e)
{
    struct table in = {0};
    int r = call->call.n_args ? eval__expr(ev, call->call.args[0], &in, e)
                              : call_time(ev, call, &in, e);
    for (size_t i = 0; r == 0 && i < in.n; i++) {
        struct row *row = new_row(ev, out, &in.rows[i]);
        for (size_t k = 0; k < ev->steps; k++)
            row->v[k] = row->has[k] ? call->call.function->map(in.rows[i].v[k]) : 0;
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
    struct row *row = everywhere(ev, out);
    for (size_t k = 0; k < ev->steps; k++) {
        size_t n = 0;
        row->v[k] = NAN;
        for (size_t i = 0; i < in.n; i++)
            if (in.rows[i].has[k]) {
                row->v[k] = in.rows[i].v[k];
                n++;
            }
        if (n != 1)
            row->v[k] = NAN;
    }
    return 0;
}

/* Of a plain selector the time of the sample that counts; of anything else the step's own. */
int call_timestamp(struct eval *ev, const struct expr *call, struct table *out, struct err *e)
{
    const struct expr *x = call->call.args[0];
    struct table in = {0};
    int r = eval__expr(ev, x, &in, e);
    for (size_t i = 0; r == 0 && i < in.n; i++) {
        struct row *row = new_row(ev, out, &in.rows[i]);
        for (size_t k = 0; k < ev->steps; k++)
            row->v[k] = (double)eval_step(ev, k) / 1000;
    }
    if (r < 0 || x->kind != EXPR_SELECTOR)
        return r;
    struct expr range = *x;
    struct series_set set;
    range.kind = EXPR_MATRIX;
    range.selector.range_ms = ev->opts->lookback_ms;
    r = eval__matrix(ev, &range, &set, e);
    for (size_t i = 0; r == 0 && i < in.n; i++)
        for (size_t s = 0; s < set.n; s++) {
            if (labels_compare(&set.items[s].labels, &in.rows[i].labels) != 0)
                continue;
            size_t at = 0;
            for (size_t k = 0; k < ev->steps; k++) {
                int64_t t = eval__time(ev, &x->selector.when, k);
                while (at < set.items[s].n && set.items[s].samples[at].t <= t)
                    at++;
                if (at)
                    out->rows[i].v[k] = (double)set.items[s].samples[at - 1].t / 1000;
            }
        }
    return r;
}

/* Evaluates the vector and up to two scalars of round and the clamps. */
static int vector_and_scalars(struct eval *ev, const struct expr *call, struct table *vector,
                              struct table scalars[2], struct err *e)
{
    int r = eval__expr(ev, call->call.args[0], vector, e);
    for (size_t i = 1; r == 0 && i < call->call.n_args && i < 3; i++)
        r = eval__expr(ev, call->call.args[i], &scalars[i - 1], e);
    return r;
}

int call_round(struct eval *ev, const struct expr *call, struct table *out, struct err *e)
{
    struct table in = {0}, p[2] = {0};
    int r = vector_and_scalars(ev, call, &in, p, e);
    for (size_t i = 0; r == 0 && i < in.n; i++) {
        struct row *row = new_row(ev, out, &in.rows[i]);
        for (size_t k = 0; k < ev->steps; k++) {
            double inverse = 1 / (p[0].n ? p[0].rows[0].v[k] : 1);
            row->v[k] = floor(in.rows[i].v[k] * inverse + 0.5) / inverse;
        }
    }
    return r;
}

static double larger(double a, double b)
{
    return isnan(a) || isnan(b) ? (double)NAN : a > b ? a : b;
}

static double smaller(double a, double b)
{
    return isnan(a) || isnan(b) ? (double)NAN : a < b ? a : b;
}

int call_clamp(struct eval *ev, const struct expr *call, struct table *out, struct err *e)
{
    struct table in = {0}, p[2] = {0};
    int r = vector_and_scalars(ev, call, &in, p, e);
    for (size_t i = 0; r == 0 && i < in.n; i++) {
        struct row *row = new_row(ev, out, &in.rows[i]);
        for (size_t k = 0; k < ev->steps; k++) {
            double low = p[0].rows[0].v[k], high = p[1].rows[0].v[k];
            row->has[k] = row->has[k] && !(low > high);
            row->v[k] = larger(low, smaller(high, in.rows[i].v[k]));
        }
    }
    return r;
}

static int clamp_one(struct eval *ev, const struct expr *call, struct table *out,
                     double (*of)(double, double), struct err *e)
{
    struct table in = {0}, p[2] = {0};
    int r = vector_and_scalars(ev, call, &in, p, e);
    for (size_t i = 0; r == 0 && i < in.n; i++) {
        struct row *row = new_row(ev, out, &in.rows[i]);
        for (size_t k = 0; k < ev->steps; k++)
            row->v[k] = of(p[0].rows[0].v[k], in.rows[i].v[k]);
    }
    return r;
}

int call_clamp_min(struct eval *ev, const struct expr *call, struct table *out, struct err *e)
{
    return clamp_one(ev, call, out, larger, e);
}

int call_clamp_max(struct eval *ev, const struct expr *call, struct table *out, struct err *e)
{
    return clamp_one(ev, call, out, smaller, e);
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

int call_absent(struct eval *ev, const struct expr *call, struct table *out, struct err *e)
{
    struct table in = {0};
    int r = eval__expr(ev, call->call.args[0], &in, e);
    if (r < 0)
        return r;
    struct row *row = table_add(out, ev, fixed_labels(ev, call->call.args[0]));
    for (size_t k = 0; k < ev->steps; k++) {
        row->v[k] = 1;
        row->has[k] = true;
        for (size_t i = 0; i < in.n; i++)
            if (in.rows[i].has[k])
                row->has[k] = false;
    }
    return 0;
}

int call_absent_over_time(struct eval *ev, const struct expr *call, struct table *out,
                          struct err *e)
{
    struct expr present = *call;
    struct table in = {0};
    present.call.function = function_find("present_over_time");
    int r = eval__over(ev, &present, &in, e);
    if (r < 0)
        return r;
    struct row *row = table_add(out, ev, fixed_labels(ev, call->call.args[0]));
    for (size_t k = 0; k < ev->steps; k++) {
        row->v[k] = 1;
        row->has[k] = true;
        for (size_t i = 0; i < in.n; i++)
            if (in.rows[i].has[k])
                row->has[k] = false;
    }
    return 0;
}

/* ---- order ---- */

/* sort is for one moment only; over a range series are in the order of their labels anyway. */
static bool out_of_order(const struct row *a, const struct row *b, bool descending)
{
    if (isnan(a->v[0]) || isnan(b->v[0]))
        return isnan(a->v[0]) && !isnan(b->v[0]);
    return descending ? a->v[0] < b->v[0] : a->v[0] > b->v[0];
}

static int natural_compare(const char *a, const char *b)
{
    return strverscmp(a, b);
}

static bool labels_out_of_order(const struct row *a, const struct row *b, const struct expr *call,
                                bool descending)
{
    for (size_t i = 1; i < call->call.n_args; i++) {
        const char *name = call->call.args[i]->string;
        int c = natural_compare(labels_get(&a->labels, name), labels_get(&b->labels, name));
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

int call_sort(struct eval *ev, const struct expr *call, struct table *out, struct err *e)
{
    int r = eval__expr(ev, call->call.args[0], out, e);
    if (r == 0 && ev->steps == 1)
        insertion_sort(out, call, false);
    return r;
}

int call_sort_by_label(struct eval *ev, const struct expr *call, struct table *out, struct err *e)
{
    int r = eval__expr(ev, call->call.args[0], out, e);
    if (r == 0 && ev->steps == 1)
        insertion_sort(out, call, true);
    return r;
}
