/* histogram.c - quantiles of classic histograms: series with cumulative buckets by `le`. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "promql/calls.h"

struct bucket {
    double upper;
    const struct row *row;
};

struct histogram {
    struct labels labels;
    struct bucket *buckets;
    size_t n;
};

static int by_upper(const void *a, const void *b)
{
    double x = ((const struct bucket *)a)->upper, y = ((const struct bucket *)b)->upper;
    return x < y ? -1 : x > y;
}

static bool read_upper(const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return end != text && !*end;
}

static struct histogram *collect(struct eval *ev, const struct table *in, size_t *out_n)
{
    struct histogram *all = ARENA_ARRAY(ev->arena, struct histogram, in->n);
    struct map index;
    size_t n = 0;
    map_init(&index);
    for (size_t i = 0; i < in->n; i++) {
        double upper;
        if (!read_upper(labels_get(&in->rows[i].labels, "le"), &upper))
            continue;
        struct labels l = labels__set(ev->arena, &in->rows[i].labels, "le", "");
        char *key = labels_text(&l, ev->arena);
        uintptr_t at = (uintptr_t)map_get(&index, key);
        if (!at) {
            all[n++].labels = l;
            at = n;
            (void)map_put(&index, key, (void *)at);
        }
        struct histogram *h = &all[at - 1];
        h->buckets = arena_grow(ev->arena, h->buckets, h->n * sizeof *h->buckets,
                                (h->n + 1) * sizeof *h->buckets);
        h->buckets[h->n++] = (struct bucket){upper, &in->rows[i]};
    }
    map_done(&index);
    for (size_t i = 0; i < n; i++)
        qsort(all[i].buckets, all[i].n, sizeof *all[i].buckets, by_upper);
    *out_n = n;
    return all;
}

struct count {
    double upper, count;
};

/* The buckets that are there at a step, cumulative counts forced to grow: scrapes of one histogram
 * are not taken at one moment. */
static size_t counts_at(const struct histogram *h, size_t k, struct count *out)
{
    size_t n = 0;
    for (size_t i = 0; i < h->n; i++) {
        if (!h->buckets[i].row->has[k])
            continue;
        double v = h->buckets[i].row->v[k];
        if (n && out[n - 1].upper == h->buckets[i].upper) {
            out[n - 1].count += v;
            continue;
        }
        out[n++] = (struct count){h->buckets[i].upper, v};
    }
    for (size_t i = 1; i < n; i++)
        if (out[i].count < out[i - 1].count)
            out[i].count = out[i - 1].count;
    return n;
}

static double quantile(double q, const struct count *c, size_t n)
{
    if (isnan(q) || n < 2 || !isinf(c[n - 1].upper) || c[n - 1].count == 0 || isnan(c[n - 1].count))
        return q < 0 ? -INFINITY : q > 1 ? INFINITY : NAN;
    if (q < 0)
        return -INFINITY;
    if (q > 1)
        return INFINITY;
    double rank = q * c[n - 1].count, start = 0;
    size_t b = 0;
    while (b < n - 1 && c[b].count < rank)
        b++;
    if (b == n - 1)
        return c[n - 2].upper;
    if (b == 0 && c[0].upper <= 0)
        return c[0].upper;
    double end = c[b].upper, count = c[b].count;
    if (b > 0) {
        start = c[b - 1].upper;
        count -= c[b - 1].count;
        rank -= c[b - 1].count;
    }
    return start + (end - start) * (rank / count);
}

/* How much of a histogram lies below `at`: linear within a bucket, the lowest one starting at 0
 * (unless it lies below); nothing is known of where the highest one ends. */
static double count_below(double at, const struct count *c, size_t n)
{
    double start = c[0].upper > 0 ? 0 : -INFINITY, count = 0;
    for (size_t i = 0; i < n; start = c[i].upper, count = c[i].count, i++) {
        if (at <= start)
            return count;
        if (at >= c[i].upper)
            continue;
        if (isinf(start))
            return c[i].count;
        return isinf(c[i].upper)
                   ? count
                   : count + (c[i].count - count) * (at - start) / (c[i].upper - start);
    }
    return c[n - 1].count;
}

static double fraction(double lower, double upper, const struct count *c, size_t n)
{
    if (n < 2 || !isinf(c[n - 1].upper) || !(c[n - 1].count > 0) || isnan(lower) || isnan(upper))
        return NAN;
    if (lower >= upper)
        return 0;
    return (count_below(upper, c, n) - count_below(lower, c, n)) / c[n - 1].count;
}

int call_histogram_quantile(struct eval *ev, const struct expr *call, struct table *out,
                            struct err *e)
{
    struct table q = {0}, in = {0};
    int r = eval__expr(ev, call->call.args[0], &q, e);
    if (r == 0)
        r = eval__expr(ev, call->call.args[1], &in, e);
    if (r < 0)
        return r;
    size_t n;
    struct histogram *all = collect(ev, &in, &n);
    struct count *c = ARENA_ARRAY(ev->arena, struct count, in.n + 1);
    for (size_t i = 0; i < n; i++) {
        struct row *row = table_add(out, ev, labels__nameless(ev->arena, &all[i].labels));
        for (size_t k = 0; k < ev->steps; k++) {
            size_t count = counts_at(&all[i], k, c);
            row->has[k] = count > 0;
            row->v[k] = quantile(q.rows[0].v[k], c, count);
        }
    }
    return 0;
}

int call_histogram_fraction(struct eval *ev, const struct expr *call, struct table *out,
                            struct err *e)
{
    struct table lower = {0}, upper = {0}, in = {0};
    int r = eval__expr(ev, call->call.args[0], &lower, e);
    if (r == 0)
        r = eval__expr(ev, call->call.args[1], &upper, e);
    if (r == 0)
        r = eval__expr(ev, call->call.args[2], &in, e);
    if (r < 0)
        return r;
    size_t n;
    struct histogram *all = collect(ev, &in, &n);
    struct count *c = ARENA_ARRAY(ev->arena, struct count, in.n + 1);
    for (size_t i = 0; i < n; i++) {
        struct row *row = table_add(out, ev, labels__nameless(ev->arena, &all[i].labels));
        for (size_t k = 0; k < ev->steps; k++) {
            size_t count = counts_at(&all[i], k, c);
            row->has[k] = count > 0;
            row->v[k] = fraction(lower.rows[0].v[k], upper.rows[0].v[k], c, count);
        }
    }
    return 0;
}
