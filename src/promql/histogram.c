/* histogram.c - quantiles and fractions of histograms: classic ones, which are series with
 * cumulative buckets by `le`, and native ones. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "codec/number.h"
#include "promql/calls.h"
#include "promql/native.h"

/* Counts that differ less than this are taken to be the same. */
static const double SAME_COUNT = 1e-12;

struct bucket {
    double upper;
    const struct row *row;
};

struct classic {
    struct row like; /* its labels, without le */
    struct bucket *buckets;
    size_t n;
};

struct count {
    double upper, count;
};

/* One question to all histograms of a vector. */
struct ask {
    struct eval *ev;
    size_t at;                 /* of the vector in the query */
    const struct table *p, *q; /* the quantile; or the lower and the upper limit */
    double (*classic)(const struct ask *x, size_t step, const char *metric, struct count *c,
                      size_t n);
    double (*native)(const struct ask *x, size_t step, const char *metric,
                     const struct histogram *h);
    const char *label, *value; /* NULL: none; of what comes out */
};

/* ---- the histograms of a vector ---- */

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

/* A name is known as long as it is still there. */
static const char *metric_of(const struct eval *ev, const struct labels *l)
{
    return ev->opts->features & PROMQL_DELAYED_NAMES ? labels_get(l, "__name__") : "";
}

static bool any(const struct eval *ev, const struct row *row, bool histograms)
{
    for (size_t k = 0; k < ev->steps; k++)
        if (row->has[k] && (row_at(row, k).h != NULL) == histograms)
            return true;
    return false;
}

static void bad_bucket(const struct ask *x, const struct labels *l)
{
    const char *metric = metric_of(x->ev, l);
    note_warn(
        x->ev, x->at, "bucket label \"le\" is missing or has a malformed value of \"%s\"%s%s%s",
        labels_get(l, "le"), *metric ? " for metric name \"" : "", metric, *metric ? "\"" : "");
}

struct classics {
    struct classic *items;
    size_t n;
    struct map index; /* labels → item + 1 */
};

static void add_bucket(struct arena *a, struct classics *all, const struct row *row, double upper)
{
    struct labels l = labels__set(a, &row->labels, "le", "");
    char *key = labels_text(&l, a);
    uintptr_t at = (uintptr_t)map_get(&all->index, key);
    if (!at) {
        all->items[all->n].like = *row;
        all->items[all->n++].like.labels = l;
        at = all->n;
        (void)map_put(&all->index, key, (void *)at);
    }
    struct classic *h = &all->items[at - 1];
    h->buckets =
        arena_grow(a, h->buckets, h->n * sizeof *h->buckets, (h->n + 1) * sizeof *h->buckets);
    h->buckets[h->n++] = (struct bucket){upper, row};
}

static struct classics collect(const struct ask *x, const struct table *in)
{
    struct classics all = {.items = ARENA_ARRAY(x->ev->arena, struct classic, in->n)};
    map_init(&all.index);
    for (size_t i = 0; i < in->n; i++) {
        double upper;
        if (!any(x->ev, &in->rows[i], false))
            continue;
        if (read_upper(labels_get(&in->rows[i].labels, "le"), &upper))
            add_bucket(x->ev->arena, &all, &in->rows[i], upper);
        else
            bad_bucket(x, &in->rows[i].labels);
    }
    for (size_t i = 0; i < all.n; i++)
        qsort(all.items[i].buckets, all.items[i].n, sizeof *all.items[i].buckets, by_upper);
    return all;
}

/* The buckets that are there at a step. */
static size_t counts_at(const struct classic *h, size_t k, struct count *out)
{
    size_t n = 0;
    for (size_t i = 0; i < h->n; i++) {
        if (!row_has_float(h->buckets[i].row, k))
            continue;
        double v = h->buckets[i].row->v[k];
        if (n && out[n - 1].upper == h->buckets[i].upper)
            out[n - 1].count += v;
        else
            out[n++] = (struct count){h->buckets[i].upper, v};
    }
    return n;
}

static struct row *answer_row(const struct ask *x, const struct row *like, struct table *out)
{
    struct row *row = table_derive(out, x->ev, like);
    if (x->label)
        row->labels = labels__set(x->ev->arena, &row->labels, x->label, x->value);
    return row;
}

/* A classic and a native histogram of one name at one step: neither is asked. */
static bool conflict(const struct ask *x, const struct row *native, const struct classic *c,
                     size_t k, struct count *room)
{
    if (!native || !native->has[k] || !row_at(native, k).h || !counts_at(c, k, room))
        return false;
    const char *metric = metric_of(x->ev, &native->labels);
    note_warn(x->ev, x->at, "vector contains a mix of classic and native histograms%s%s%s",
              *metric ? " for metric name \"" : "", metric, *metric ? "\"" : "");
    return true;
}

static void ask_native(const struct ask *x, const struct row *in, const struct classic *same,
                       struct count *room, struct table *out)
{
    struct row *row = answer_row(x, in, out);
    for (size_t k = 0; k < x->ev->steps; k++) {
        const struct histogram *h = row_at(in, k).h;
        if (!in->has[k] || !h || (same && conflict(x, in, same, k, room)))
            continue;
        row_set(x->ev, row, k,
                (struct cell){x->native(x, k, metric_of(x->ev, &in->labels), h), NULL});
    }
}

static void ask_classic(const struct ask *x, const struct classic *c, const struct row *same,
                        struct count *room, struct table *out)
{
    struct row *row = answer_row(x, &c->like, out);
    for (size_t k = 0; k < x->ev->steps; k++) {
        size_t n = conflict(x, same, c, k, room) ? 0 : counts_at(c, k, room);
        if (n)
            row_set(
                x->ev, row, k,
                (struct cell){x->classic(x, k, metric_of(x->ev, &c->like.labels), room, n), NULL});
    }
}

static void ask_all(const struct ask *x, const struct table *in, struct table *out)
{
    struct arena *a = x->ev->arena;
    struct classics all = collect(x, in);
    struct count *room = ARENA_ARRAY(a, struct count, in->n + 1);
    const struct row **native = ARENA_ARRAY(a, const struct row *, all.n + 1);
    for (size_t i = 0; i < in->n; i++) {
        if (!any(x->ev, &in->rows[i], true))
            continue;
        uintptr_t at = (uintptr_t)map_get(&all.index, labels_text(&in->rows[i].labels, a));
        if (at)
            native[at - 1] = &in->rows[i];
        ask_native(x, &in->rows[i], at ? &all.items[at - 1] : NULL, room, out);
    }
    for (size_t i = 0; i < all.n; i++)
        ask_classic(x, &all.items[i], native[i], room, out);
    map_done(&all.index);
}

/* ---- quantiles ---- */

static bool about_same(double a, double b)
{
    double sum = fabs(a) + fabs(b);
    if (a == 0 || b == 0 || sum < __DBL_MIN__)
        return fabs(a - b) < SAME_COUNT * __DBL_MIN__;
    return fabs(a - b) / fmin(sum, __DBL_MAX__) < SAME_COUNT;
}

/* Cumulative counts never fall: scrapes of one histogram are not taken at one moment. False: they
 * did, by more than rounding. */
static bool make_monotonic(struct count *c, size_t n, struct fixed_buckets *f)
{
    double before = c[0].count;
    bool fine = true;
    *f = (struct fixed_buckets){.min_bucket = INFINITY, .max_bucket = -INFINITY};
    for (size_t i = 1; i < n; i++) {
        double now = c[i].count;
        if (now == before)
            continue;
        if (!about_same(before, now) && !(now < before)) {
            before = now;
            continue;
        }
        c[i].count = before;
        if (about_same(before, now))
            continue;
        fine = false;
        f->min_bucket = fmin(f->min_bucket, c[i].upper);
        f->max_bucket = fmax(f->max_bucket, c[i].upper);
        f->max_diff = fmax(f->max_diff, before - now);
    }
    return fine;
}

static double classic_quantile(const struct ask *x, size_t k, const char *metric, struct count *c,
                               size_t n)
{
    double q = x->p->rows[0].v[k], start = 0;
    struct fixed_buckets fixed;
    if (isnan(q) || q < 0 || q > 1)
        return isnan(q) ? (double)NAN : q < 0 ? -INFINITY : INFINITY;
    if (!isinf(c[n - 1].upper))
        return NAN;
    if (!make_monotonic(c, n, &fixed)) {
        fixed.min_ms = fixed.max_ms = eval_step(x->ev, k);
        note_monotonicity(x->ev, x->at, metric, &fixed);
    }
    if (n < 2 || c[n - 1].count == 0 || isnan(c[n - 1].count))
        return NAN;
    double rank = q * c[n - 1].count;
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

static void about(const struct ask *x, const char *metric, unsigned infos)
{
    static const char *const texts[] = {
        "input to histogram_quantile has NaN observations, result is NaN",
        "input to histogram_quantile has NaN observations, result is skewed higher",
        "input to histogram_fraction has NaN observations, which are excluded from all fractions",
    };
    for (unsigned i = 0; i < ARRAY_LEN(texts); i++)
        if (infos & 1u << i)
            note_info(x->ev, x->at, "%s%s%s%s", texts[i], *metric ? " for metric name \"" : "",
                      metric, *metric ? "\"" : "");
}

static double native_quantile_at(const struct ask *x, size_t k, const char *metric,
                                 const struct histogram *h)
{
    unsigned infos = 0;
    double v = native_quantile(h, x->p->rows[0].v[k], &infos);
    about(x, metric, infos);
    return v;
}

static void note_quantiles(struct eval *ev, const struct expr *arg, const struct table *q)
{
    for (size_t k = 0; k < ev->steps; k++)
        note_quantile(ev, arg->at, q->rows[0].v[k]);
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
    note_quantiles(ev, call->call.args[0], &q);
    const struct ask x = {.ev = ev,
                          .at = call->call.args[1]->at,
                          .p = &q,
                          .classic = classic_quantile,
                          .native = native_quantile_at};
    ask_all(&x, &in, out);
    return 0;
}

/* ---- several quantiles ---- */

/* As OpenMetrics writes it: "1.0". */
static const char *quantile_text(double q, struct arena *a)
{
    char text[NUMBER_TEXT_MAX];
    (void)number_format_g(q, text);
    bool whole = isfinite(q) && !strpbrk(text, ".e");
    return arena_join(a, text, whole ? ".0" : "", NULL);
}

/* The same rows at those steps that have the quantile of step k. */
static struct table only_where(struct eval *ev, const struct table *in, const double *q, size_t k)
{
    struct table out = {arena_dup(ev->arena, in->rows, in->n * sizeof *in->rows), in->n, in->n,
                        NULL};
    for (size_t i = 0; i < out.n; i++) {
        out.rows[i].has = ARENA_ARRAY(ev->arena, bool, ev->steps);
        for (size_t s = 0; s < ev->steps; s++)
            out.rows[i].has[s] = in->rows[i].has[s] && memcmp(&q[s], &q[k], sizeof *q) == 0;
    }
    return out;
}

/* Answers one quantile; its text is a label, which may differ from step to step. */
static void ask_labelled(struct ask *x, const struct table *in, struct table *out)
{
    const double *q = x->p->rows[0].v;
    for (size_t k = 0; k < x->ev->steps; k++) {
        size_t first = 0;
        while (memcmp(&q[first], &q[k], sizeof *q) != 0)
            first++;
        if (first < k)
            continue;
        struct table part = only_where(x->ev, in, q, k);
        x->value = quantile_text(q[k], x->ev->arena);
        ask_all(x, &part, out);
    }
}

int call_histogram_quantiles(struct eval *ev, const struct expr *call, struct table *out,
                             struct err *e)
{
    struct table in = {0};
    int r = eval__expr(ev, call->call.args[0], &in, e);
    for (size_t i = 2; r == 0 && i < call->call.n_args; i++) {
        struct table q = {0};
        r = eval__expr(ev, call->call.args[i], &q, e);
        if (r < 0)
            return r;
        note_quantiles(ev, call->call.args[i], &q);
        struct ask x = {.ev = ev,
                        .at = call->call.args[0]->at,
                        .p = &q,
                        .classic = classic_quantile,
                        .native = native_quantile_at,
                        .label = call->call.args[1]->string};
        ask_labelled(&x, &in, out);
    }
    return r;
}

/* ---- fractions ---- */

/* Linear within a bucket; the lowest one starts at 0, unless it lies below. */
static double classic_fraction(const struct ask *x, size_t k, const char *metric, struct count *c,
                               size_t n)
{
    double all = c[n - 1].count, before = 0;
    struct native_rank low = {.v = x->p->rows[0].v[k]}, high = {.v = x->q->rows[0].v[k]};
    (void)metric;
    if (!isinf(c[n - 1].upper) || all == 0 || isnan(all) || isnan(low.v) || isnan(high.v))
        return NAN;
    if (low.v >= high.v)
        return 0;
    for (size_t i = 0; i < n; before = c[i++].count) {
        double start = i ? c[i - 1].upper : c[0].upper > 0 ? 0 : -INFINITY;
        struct native_bucket b = {start, c[i].upper, c[i].count - before, false, false};
        native_rank_look(&low, &b, before, true);
        native_rank_look(&high, &b, before, true);
    }
    return (native_rank_of(&high, all) - native_rank_of(&low, all)) / all;
}

static double native_fraction_at(const struct ask *x, size_t k, const char *metric,
                                 const struct histogram *h)
{
    unsigned infos = 0;
    double v = native_fraction(h, x->p->rows[0].v[k], x->q->rows[0].v[k], &infos);
    about(x, metric, infos);
    return v;
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
    const struct ask x = {.ev = ev,
                          .at = call->call.args[2]->at,
                          .p = &lower,
                          .q = &upper,
                          .classic = classic_fraction,
                          .native = native_fraction_at};
    ask_all(&x, &in, out);
    return 0;
}
