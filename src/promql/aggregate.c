#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "promql/eval.h"
#include "promql/sum.h"

struct group {
    struct labels labels;
    const struct row **rows;
    size_t n;
};

struct groups {
    struct group *items;
    size_t n, cap;
};

static struct groups group_rows(struct eval *ev, const struct expr *x, const struct table *in)
{
    struct groups g = {0};
    struct map index;
    map_init(&index);
    for (size_t i = 0; i < in->n; i++) {
        struct labels l = labels__group(ev->arena, &in->rows[i].labels, &x->aggregate.grouping,
                                        !x->aggregate.without);
        char *key = labels_text(&l, ev->arena);
        uintptr_t at = (uintptr_t)map_get(&index, key);
        if (!at) {
            if (g.n == g.cap) {
                size_t cap = g.cap ? g.cap * 2 : 8;
                g.items =
                    arena_grow(ev->arena, g.items, g.cap * sizeof *g.items, cap * sizeof *g.items);
                g.cap = cap;
            }
            g.items[g.n++] = (struct group){.labels = l};
            at = g.n;
            (void)map_put(&index, key, (void *)at);
        }
        struct group *to = &g.items[at - 1];
        to->rows = arena_grow(ev->arena, (void *)to->rows, to->n * sizeof *to->rows,
                              (to->n + 1) * sizeof *to->rows);
        to->rows[to->n++] = &in->rows[i];
    }
    map_done(&index);
    return g;
}

static double sum(const double *v, size_t n)
{
    double s = 0, c = 0;
    for (size_t i = 0; i < n; i++)
        s = sum_add(s, v[i], &c);
    return sum_value(s, c);
}

static double average(const double *v, size_t n)
{
    struct mean m = {0};
    for (size_t i = 0; i < n; i++)
        mean_add(&m, v[i]);
    return mean_value(&m);
}

static double extreme(const double *v, size_t n, int sign)
{
    double best = v[0];
    for (size_t i = 1; i < n; i++)
        if (isnan(best) || sign * v[i] > sign * best)
            best = v[i];
    return best;
}

static double variance(const double *v, size_t n)
{
    double mean = 0, m2 = 0;
    for (size_t i = 0; i < n; i++) {
        double d = v[i] - mean;
        mean += d / (double)(i + 1);
        m2 += d * (v[i] - mean);
    }
    return m2 / (double)n;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    if (isnan(x) || isnan(y))
        return isnan(y) - isnan(x); /* NaN first */
    return x < y ? -1 : x > y;
}

double quantile_of(double q, double *values, size_t n)
{
    if (n == 0 || isnan(q))
        return NAN;
    if (q < 0)
        return -INFINITY;
    if (q > 1)
        return INFINITY;
    qsort(values, n, sizeof *values, by_value);
    double rank = q * ((double)n - 1);
    double lower = fmax(0, floor(rank)), upper = fmin((double)n - 1, lower + 1);
    double weight = rank - floor(rank);
    return values[(size_t)lower] * (1 - weight) + values[(size_t)upper] * weight;
}

static double reduce(const char *name, double param, double *v, size_t n)
{
    if (strcmp(name, "sum") == 0)
        return sum(v, n);
    if (strcmp(name, "avg") == 0)
        return average(v, n);
    if (strcmp(name, "count") == 0)
        return (double)n;
    if (strcmp(name, "min") == 0)
        return extreme(v, n, -1);
    if (strcmp(name, "max") == 0)
        return extreme(v, n, 1);
    if (strcmp(name, "stdvar") == 0)
        return variance(v, n);
    if (strcmp(name, "stddev") == 0)
        return sqrt(variance(v, n));
    if (strcmp(name, "quantile") == 0)
        return quantile_of(param, v, n);
    return 1; /* group */
}

static void reduce_group(struct eval *ev, const struct expr *x, const struct group *g,
                         const struct table *param, struct table *out)
{
    struct row *row = table_add(out, ev, g->labels);
    double *v = ARENA_ARRAY(ev->arena, double, g->n);
    for (size_t k = 0; k < ev->steps; k++) {
        size_t n = 0;
        for (size_t i = 0; i < g->n; i++)
            if (g->rows[i]->has[k])
                v[n++] = g->rows[i]->v[k];
        if (!n)
            continue;
        row->v[k] = reduce(x->aggregate.name, param->n ? param->rows[0].v[k] : 0, v, n);
        row->has[k] = true;
    }
}

/* ---- topk, bottomk ---- */

struct ranked {
    double v;
    size_t row;
};

static int highest_first(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (isnan(x->v) || isnan(y->v))
        return isnan(x->v) - isnan(y->v); /* NaN last */
    return x->v > y->v ? -1 : x->v < y->v;
}

static int lowest_first(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (isnan(x->v) || isnan(y->v))
        return isnan(x->v) - isnan(y->v);
    return x->v < y->v ? -1 : x->v > y->v;
}

static int pick_group(struct eval *ev, const struct expr *x, const struct group *g,
                      const struct table *param, struct table *out, struct err *e)
{
    bool top = strcmp(x->aggregate.name, "topk") == 0;
    size_t first = out->n;
    struct ranked *all = ARENA_ARRAY(ev->arena, struct ranked, g->n);
    size_t *rank_of =
        ARENA_ARRAY(ev->arena, size_t, g->n); /* row of out, in rank order at step 0 */
    for (size_t i = 0; i < g->n; i++)
        rank_of[i] = SIZE_MAX;
    for (size_t k = 0; k < ev->steps; k++) {
        double want = param->rows[0].v[k];
        size_t n = 0;
        if (isnan(want) || want > 9.2e18)
            return err_set(e, ERR_INVALID, "Scalar value %g overflows int64", want);
        for (size_t i = 0; i < g->n; i++)
            if (g->rows[i]->has[k])
                all[n++] = (struct ranked){g->rows[i]->v[k], i};
        if (n)
            qsort(all, n, sizeof *all, top ? highest_first : lowest_first);
        for (size_t i = 0; i < n && (double)i < floor(want); i++) {
            size_t at = all[i].row;
            if (rank_of[at] == SIZE_MAX) {
                rank_of[at] = out->n - first;
                (void)table_add(out, ev, g->rows[at]->labels);
            }
            struct row *row = &out->rows[first + rank_of[at]];
            row->v[k] = all[i].v;
            row->has[k] = true;
        }
    }
    return 0;
}

/* ---- count_values ---- */

static char *number_text(double v, struct arena *a)
{
    if (isnan(v))
        return arena_strdup(a, "NaN");
    if (isinf(v))
        return arena_strdup(a, v > 0 ? "+Inf" : "-Inf");
    for (int digits = 1; digits <= 17; digits++) {
        char *s = arena_printf(a, "%.*g", digits, v);
        if (strtod(s, NULL) == v && !strchr(s, 'e'))
            return s;
    }
    return arena_printf(a, "%.17g", v);
}

static void count_group(struct eval *ev, const struct group *g, const char *label,
                        struct table *out)
{
    struct map index;
    map_init(&index);
    for (size_t i = 0; i < g->n; i++)
        for (size_t k = 0; k < ev->steps; k++) {
            if (!g->rows[i]->has[k])
                continue;
            char *text = number_text(g->rows[i]->v[k], ev->arena);
            uintptr_t at = (uintptr_t)map_get(&index, text);
            if (!at) {
                (void)table_add(out, ev, labels__set(ev->arena, &g->labels, label, text));
                at = out->n;
                (void)map_put(&index, text, (void *)at);
            }
            out->rows[at - 1].v[k] += 1;
            out->rows[at - 1].has[k] = true;
        }
    map_done(&index);
}

int eval__aggregate(struct eval *ev, const struct expr *x, struct table *out, struct err *e)
{
    struct table in = {0}, param = {0};
    int r = eval__expr(ev, x->aggregate.inner, &in, e);
    if (r == 0 && x->aggregate.param)
        r = eval__expr(ev, x->aggregate.param, &param, e);
    if (r < 0)
        return r;
    if (param.string && !labels__name_ok(param.string))
        return err_set(e, ERR_INVALID, "invalid label name \"%.200s\"", param.string);
    struct groups g = group_rows(ev, x, &in);
    bool pick = strcmp(x->aggregate.name, "topk") == 0 || strcmp(x->aggregate.name, "bottomk") == 0;
    for (size_t i = 0; r == 0 && i < g.n; i++) {
        if (pick)
            r = pick_group(ev, x, &g.items[i], &param, out, e);
        else if (param.string)
            count_group(ev, &g.items[i], param.string, out);
        else
            reduce_group(ev, x, &g.items[i], &param, out);
    }
    return r;
}
