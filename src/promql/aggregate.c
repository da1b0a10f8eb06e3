#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/map.h"
#include "codec/number.h"
#include "codec/utf8.h"
#include "promql/aggregate.h"
#include "promql/native.h"
#include "promql/sum.h"
#include "promql/total.h"

enum { TEXT_MAX = 1024 };

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
        to->nameless |= in->rows[i].nameless;
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

void aggregate__ignored(struct eval *ev, size_t at, enum aggregate_op op)
{
    note_info(ev, at, "ignored histogram in %s aggregation", aggregate_name(op));
}

static double reduce(enum aggregate_op op, double param, double *v, size_t n)
{
    switch (op) {
    case AGGREGATE_SUM:
        return sum(v, n);
    case AGGREGATE_AVG:
        return average(v, n);
    case AGGREGATE_MIN:
        return extreme(v, n, -1);
    case AGGREGATE_MAX:
        return extreme(v, n, 1);
    case AGGREGATE_STDVAR:
        return variance(v, n);
    case AGGREGATE_STDDEV:
        return sqrt(variance(v, n));
    case AGGREGATE_QUANTILE:
        return quantile_of(param, v, n);
    case AGGREGATE_COUNT:
    case AGGREGATE_GROUP:
    case AGGREGATE_COUNT_VALUES:
    case AGGREGATE_TOPK:
    case AGGREGATE_BOTTOMK:
    case AGGREGATE_LIMITK:
    case AGGREGATE_LIMIT_RATIO:
        break;
    }
    return NAN;
}

/* Sum or mean of a group's histograms at a step; false when they do not go together. */
static bool total(struct eval *ev, const struct expr *x, const struct group *g, size_t k,
                  struct cell *out)
{
    struct total t = {.arena = ev->arena, .mean = x->aggregate.op == AGGREGATE_AVG};
    size_t at = x->aggregate.inner->at;
    bool fits = true;
    for (size_t i = 0; i < g->n && fits; i++) {
        if (!g->rows[i]->has[k])
            continue;
        fits = total_add(&t, row_at(g->rows[i], k).h);
        if (!fits)
            note_schemas(ev, at, labels_get(&g->rows[i]->labels, "__name__"));
    }
    if (total_collides(&t))
        note_collision(ev, at, "aggregation");
    if (t.reconciled)
        note_reconciled(ev, at, "aggregation");
    if (fits)
        *out = (struct cell){0, total_value(&t)};
    return fits;
}

/* What a group comes to at one step; false: nothing. `v` holds its floats. */
static bool reduce_at(struct eval *ev, const struct expr *x, const struct group *g, size_t k,
                      double param, double *v, struct cell *out)
{
    enum aggregate_op op = x->aggregate.op;
    size_t floats = 0, histograms = 0;
    for (size_t i = 0; i < g->n; i++) {
        if (row_has_float(g->rows[i], k))
            v[floats++] = g->rows[i]->v[k];
        else
            histograms += g->rows[i]->has[k];
    }
    if (op == AGGREGATE_COUNT || op == AGGREGATE_GROUP) {
        *out = (struct cell){op == AGGREGATE_COUNT ? (double)(floats + histograms) : 1, NULL};
        return floats + histograms > 0;
    }
    if (histograms && (op == AGGREGATE_SUM || op == AGGREGATE_AVG)) {
        if (!floats)
            return total(ev, x, g, k, out);
        note_warn(ev, x->aggregate.inner->at,
                  "encountered a mix of histograms and floats for aggregation");
        return false;
    }
    if (histograms)
        aggregate__ignored(ev, x->aggregate.inner->at, op);
    if (floats)
        *out = (struct cell){reduce(op, param, v, floats), NULL};
    return floats > 0;
}

static void reduce_group(struct eval *ev, const struct expr *x, const struct group *g,
                         const struct table *param, struct table *out)
{
    double *v = ARENA_ARRAY(ev->arena, double, g->n);
    struct row *row = table_add(out, ev, g->labels);
    row->nameless = g->nameless;
    for (size_t k = 0; k < ev->steps; k++) {
        struct cell c;
        if (reduce_at(ev, x, g, k, param->n ? param->rows[0].v[k] : 0, v, &c))
            row_set(ev, row, k, c);
    }
}

/* ---- count_values ---- */

static const char *cell_text(struct cell c, struct arena *a)
{
    char text[NUMBER_PLAIN_MAX];
    if (c.h)
        return native_text(a, c.h);
    (void)number_format_plain(c.v, text);
    return arena_strdup(a, text);
}

/* Of a row that has the value as a label; `names` are those of the grouping and, with `by`, that
 * label too. */
static struct labels value_labels(struct eval *ev, const struct expr *x, const struct row *row,
                                  const char *label, const char *text)
{
    struct labels l = labels__set(ev->arena, &row->labels, label, text);
    struct names names = x->aggregate.grouping;
    if (!x->aggregate.without) {
        const char **items = ARENA_ARRAY(ev->arena, const char *, names.n + 1);
        for (size_t i = 0; i < names.n; i++)
            items[i] = names.items[i];
        items[names.n] = label;
        names = (struct names){items, names.n + 1};
    }
    return labels__group(ev->arena, &l, &names, !x->aggregate.without);
}

static void count_values(struct eval *ev, const struct expr *x, const struct table *in,
                         const char *label, struct table *out)
{
    struct map index;
    map_init(&index);
    for (size_t i = 0; i < in->n; i++)
        for (size_t k = 0; k < ev->steps; k++) {
            const struct row *row = &in->rows[i];
            if (!row->has[k])
                continue;
            struct labels l = value_labels(ev, x, row, label, cell_text(row_at(row, k), ev->arena));
            char *key = labels_text(&l, ev->arena);
            uintptr_t at = (uintptr_t)map_get(&index, key);
            if (!at) {
                (void)table_add(out, ev, l);
                at = out->n;
                (void)map_put(&index, key, (void *)at);
            }
            out->rows[at - 1].v[k] += 1;
            out->rows[at - 1].has[k] = true;
        }
    map_done(&index);
}

/* As Go quotes it: what is no UTF-8 as "\xc5". */
static const char *quoted(const char *s, struct arena *a)
{
    AUTO_BUF struct buf b;
    buf_init(&b, TEXT_MAX);
    for (size_t n = strlen(s), took; n && b.len < 200; n -= took, s += took) {
        took = utf8_valid(s, n);
        if (took)
            buf_add(&b, s, took);
        else
            buf_printf(&b, "\\x%02x", (unsigned char)*s);
        took += !took;
    }
    return arena_strdup(a, buf_text(&b));
}

/* ---- all of them ---- */

static int check_param(struct eval *ev, const struct expr *x, const struct table *param,
                       struct err *e)
{
    const struct expr *arg = x->aggregate.param;
    if (x->aggregate.op == AGGREGATE_COUNT_VALUES && !labels__name_ok(param->string))
        return err_set(e, ERR_INVALID, "invalid label name \"%s\"",
                       quoted(param->string, ev->arena));
    for (size_t k = 0; x->aggregate.op == AGGREGATE_QUANTILE && k < ev->steps; k++)
        note_quantile(ev, arg->at, param->rows[0].v[k]);
    return aggregate__picks(x->aggregate.op) ? aggregate__check_pick(ev, x, param, e) : 0;
}

int eval__aggregate(struct eval *ev, const struct expr *x, struct table *out, struct err *e)
{
    struct table in = {0}, param = {0};
    int r = x->aggregate.param ? eval__expr(ev, x->aggregate.param, &param, e) : 0;
    if (r == 0)
        r = eval__expr(ev, x->aggregate.inner, &in, e);
    if (r == 0 && x->aggregate.param)
        r = check_param(ev, x, &param, e);
    if (r < 0)
        return r;
    if (x->aggregate.op == AGGREGATE_COUNT_VALUES) {
        count_values(ev, x, &in, param.string, out);
        return 0;
    }
    struct groups g = group_rows(ev, x, &in);
    for (size_t i = 0; i < g.n; i++)
        if (aggregate__picks(x->aggregate.op))
            aggregate__pick(ev, x, &g.items[i], &param, out);
        else
            reduce_group(ev, x, &g.items[i], &param, out);
    return 0;
}
