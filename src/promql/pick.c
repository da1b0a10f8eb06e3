/* pick.c - topk, bottomk, limitk and limit_ratio. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codec/number.h"
#include "promql/aggregate.h"

/* ---- parameters ---- */

static int check_count(double v, struct err *e)
{
    if (isnan(v))
        return err_set(e, ERR_INVALID, "Parameter value is NaN");
    if (v <= -9.223372036854775808e18 || v >= 9.223372036854775807e18)
        return err_set(e, ERR_INVALID, "Scalar value %g %sflows int64", v,
                       v < 0 ? "under" : "over");
    return 0;
}

static void note_ratio(struct eval *ev, size_t at, double v, int cap)
{
    char text[NUMBER_TEXT_MAX];
    (void)number_format_g(v, text);
    note_warn(ev, at, "ratio value should be between -1 and 1, got %s, capping to %d", text, cap);
}

int aggregate__check_pick(struct eval *ev, const struct expr *x, const struct table *param,
                          struct err *e)
{
    const double *v = param->rows[0].v;
    double low = v[0], high = v[0];
    bool nan = false;
    for (size_t k = 0; k < ev->steps; k++) {
        low = fmin(low, v[k]);
        high = fmax(high, v[k]);
        nan |= isnan(v[k]);
    }
    if (x->aggregate.op == AGGREGATE_LIMIT_RATIO) {
        if (nan)
            return err_set(e, ERR_INVALID, "Ratio value is NaN");
        if (high > 1)
            note_ratio(ev, x->aggregate.param->at, high, 1);
        if (low < -1)
            note_ratio(ev, x->aggregate.param->at, low, -1);
        return 0;
    }
    if (!nan && high < 1)
        return 0;
    int r = check_count(nan ? (double)NAN : low, e);
    return r < 0 ? r : check_count(high, e);
}

/* ---- rows ---- */

struct ranked {
    double v;
    size_t row;
};

static int highest_first(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (isnan(x->v) || isnan(y->v))
        return isnan(x->v) - isnan(y->v);
    return x->v > y->v ? -1 : x->v < y->v ? 1 : (x->row > y->row) - (x->row < y->row);
}

static int lowest_first(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (isnan(x->v) || isnan(y->v))
        return isnan(x->v) - isnan(y->v);
    return x->v < y->v ? -1 : x->v > y->v ? 1 : (x->row > y->row) - (x->row < y->row);
}

/* Which rows of a group are picked at a step, in their order. */
struct picker {
    struct eval *ev;
    const struct expr *x;
    const struct group *g;
    struct ranked *all;
    double *offset; /* of each row, limit_ratio: where its hash lies between 0 and 1 */
};

static size_t pick_extremes(struct picker *p, size_t k, double want)
{
    size_t n = 0;
    for (size_t i = 0; i < p->g->n && want >= 1; i++) {
        if (row_has_float(p->g->rows[i], k))
            p->all[n++] = (struct ranked){p->g->rows[i]->v[k], i};
        else if (p->g->rows[i]->has[k])
            aggregate__ignored(p->ev, p->x->at, p->x->aggregate.op);
    }
    if (n)
        qsort(p->all, n, sizeof *p->all,
              p->x->aggregate.op == AGGREGATE_TOPK ? highest_first : lowest_first);
    return (double)n > want ? (size_t)want : n;
}

static size_t pick_first(struct picker *p, size_t k, double want)
{
    size_t n = 0;
    for (size_t i = 0; i < p->g->n && (double)(n + 1) <= want; i++)
        if (p->g->rows[i]->has[k])
            p->all[n++] = (struct ranked){0, i};
    return n;
}

/* A negative ratio picks exactly those that its complement leaves. */
static size_t pick_ratio(struct picker *p, size_t k, double ratio)
{
    size_t n = 0;
    ratio = fmin(1, fmax(-1, ratio));
    for (size_t i = 0; i < p->g->n; i++) {
        double at = p->offset[i];
        if (p->g->rows[i]->has[k] && (ratio >= 0 ? at < ratio : at >= 1 + ratio))
            p->all[n++] = (struct ranked){0, i};
    }
    return n;
}

static size_t pick_at(struct picker *p, size_t k, double param)
{
    if (p->x->aggregate.op == AGGREGATE_LIMIT_RATIO)
        return pick_ratio(p, k, param);
    return p->x->aggregate.op == AGGREGATE_LIMITK ? pick_first(p, k, param)
                                                  : pick_extremes(p, k, param);
}

void aggregate__pick(struct eval *ev, const struct expr *x, const struct group *g,
                     const struct table *param, struct table *out)
{
    struct picker p = {ev, x, g, ARENA_ARRAY(ev->arena, struct ranked, g->n),
                       ARENA_ARRAY(ev->arena, double, g->n)};
    size_t first = out->n;
    size_t *row_of = ARENA_ARRAY(ev->arena, size_t, g->n); /* of out, + 1; in the order of picks */
    for (size_t i = 0; x->aggregate.op == AGGREGATE_LIMIT_RATIO && i < g->n; i++)
        p.offset[i] = (double)labels__sampling_hash(&g->rows[i]->labels) / (double)UINT64_MAX;
    for (size_t k = 0; k < ev->steps; k++) {
        size_t n = pick_at(&p, k, param->rows[0].v[k]);
        for (size_t i = 0; i < n; i++) {
            size_t at = p.all[i].row;
            if (!row_of[at]) {
                table_add(out, ev, g->rows[at]->labels)->nameless = g->rows[at]->nameless;
                row_of[at] = out->n - first;
            }
            row_set(ev, &out->rows[first + row_of[at] - 1], k, row_at(g->rows[at], k));
        }
    }
}
