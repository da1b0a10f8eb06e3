#include "promql/native.h"

#include <math.h>
#include <string.h>

#include "promql/sum.h"

/* Where bucket `index` of a schema ends, away from zero. */
static double bound_of(int32_t schema, int32_t index)
{
    if (schema < 0) {
        int64_t exponent = (int64_t)index << -schema;
        if (exponent == 1024)
            return __DBL_MAX__;
        return ldexp(1, exponent > 2000 ? 2000 : exponent < -2000 ? -2000 : (int)exponent);
    }
    int32_t per_power = 1 << schema, part = index & (per_power - 1);
    int exponent = index >> schema;
    if (part == 0 && exponent == 1024)
        return __DBL_MAX__;
    return ldexp(exp2((double)part / per_power), exponent);
}

static double upper_of(const struct histogram *h, int32_t index)
{
    if (!histogram_is_custom(h))
        return bound_of(h->schema, index);
    return index < 0 ? -INFINITY : (size_t)index < h->n_bounds ? h->bounds[index] : INFINITY;
}

/* ---- layouts ---- */

/* Buckets of a side below the threshold; raises it to the end of one that it lies within. */
static size_t swallowed(const struct histogram *h, const struct histogram_side *s,
                        double *threshold)
{
    size_t n = 0;
    while (n < s->n && upper_of(h, s->items[n].index - 1) < *threshold) {
        double upper = upper_of(h, s->items[n++].index);
        if (upper > *threshold)
            *threshold = upper;
    }
    return n;
}

static void swallow(struct histogram *h, struct histogram_side *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        h->zero_count = sum_add(h->zero_count, s->items[i].count, &h->lost.zero_count);
        h->lost.zero_count += s->items[i].lost;
    }
    s->items += n;
    s->n -= n;
}

/* Makes the zero bucket at least so wide. Leaves the buckets themselves alone. */
static void widen(struct histogram *h, double threshold)
{
    size_t positive, negative;
    double before;
    do {
        before = threshold;
        positive = swallowed(h, &h->positive, &threshold);
        negative = swallowed(h, &h->negative, &threshold);
    } while (threshold != before);
    swallow(h, &h->positive, positive);
    swallow(h, &h->negative, negative);
    h->zero_threshold = threshold;
}

static void same_zero(struct histogram *x, struct histogram *y)
{
    while (x->zero_threshold != y->zero_threshold)
        if (x->zero_threshold > y->zero_threshold)
            widen(y, x->zero_threshold);
        else
            widen(x, y->zero_threshold);
}

/* Adds to the last bucket, or begins one. */
static void push(struct histogram_side *s, int32_t index, const struct histogram_bucket *b)
{
    if (!s->n || s->items[s->n - 1].index != index) {
        s->items[s->n++] = (struct histogram_bucket){index, b->count, b->lost};
        return;
    }
    struct histogram_bucket *last = &s->items[s->n - 1];
    last->count = sum_add(last->count, b->count, &last->lost);
    last->lost += b->lost;
}

static void coarsen_side(struct arena *a, struct histogram_side *s, int32_t by)
{
    struct histogram_side out = {ARENA_ARRAY(a, struct histogram_bucket, s->n), 0};
    for (size_t i = 0; i < s->n; i++)
        push(&out, ((s->items[i].index - 1) >> by) + 1, &s->items[i]);
    *s = out;
}

static void coarsen(struct arena *a, struct histogram *h, int32_t schema)
{
    if (schema >= h->schema)
        return;
    coarsen_side(a, &h->positive, h->schema - schema);
    coarsen_side(a, &h->negative, h->schema - schema);
    h->schema = schema;
}

struct histogram *native_at_schema(struct arena *a, const struct histogram *h, int32_t schema)
{
    struct histogram *c = histogram_copy(a, h);
    if (!histogram_is_custom(h) && schema != HISTOGRAM_CUSTOM)
        coarsen(a, c, schema);
    return c;
}

static const double *common_bounds(struct arena *a, const struct histogram *x,
                                   const struct histogram *y, size_t *out_n)
{
    double *out = ARENA_ARRAY(a, double, x->n_bounds);
    size_t n = 0;
    for (size_t i = 0, k = 0; i < x->n_bounds && k < y->n_bounds;) {
        if (x->bounds[i] == y->bounds[k]) {
            out[n++] = x->bounds[i++];
            k++;
        } else if (x->bounds[i] < y->bounds[k]) {
            i++;
        } else {
            k++;
        }
    }
    *out_n = n;
    return out;
}

/* Moves every bucket to the first of the fewer bounds that is not below its own. */
static void rebound(struct arena *a, struct histogram *h, const double *bounds, size_t n)
{
    struct histogram_side out = {ARENA_ARRAY(a, struct histogram_bucket, h->positive.n), 0};
    size_t to = 0;
    for (size_t i = 0; i < h->positive.n; i++) {
        double upper = upper_of(h, h->positive.items[i].index);
        while (to < n && bounds[to] < upper)
            to++;
        push(&out, (int32_t)to, &h->positive.items[i]);
    }
    h->positive = out;
    h->bounds = bounds;
    h->n_bounds = n;
}

/* Brings both to one layout; true when custom bounds were lost. */
static bool same_layout(struct arena *a, struct histogram *x, struct histogram *y)
{
    if (!histogram_is_custom(x)) {
        same_zero(x, y);
        coarsen(a, x, y->schema);
        coarsen(a, y, x->schema);
        return false;
    }
    if (histogram_same_bounds(x, y))
        return false;
    size_t n;
    const double *bounds = common_bounds(a, x, y, &n);
    rebound(a, x, bounds, n);
    rebound(a, y, bounds, n);
    return true;
}

/* ---- sums ---- */

static size_t missing(const struct histogram_side *to, const struct histogram_side *from)
{
    size_t n = 0, k = 0;
    for (size_t i = 0; i < from->n; i++) {
        while (k < to->n && to->items[k].index < from->items[i].index)
            k++;
        n += k == to->n || to->items[k].index != from->items[i].index;
    }
    return n;
}

/* Makes room for the buckets that only `from` has, empty. */
static void spread(struct arena *a, struct histogram_side *to, const struct histogram_side *from)
{
    size_t more = missing(to, from), i = 0;
    if (!more)
        return;
    struct histogram_side out = {ARENA_ARRAY(a, struct histogram_bucket, to->n + more), 0};
    for (size_t k = 0; k < from->n || i < to->n;) {
        if (k == from->n || (i < to->n && to->items[i].index <= from->items[k].index)) {
            k += k < from->n && to->items[i].index == from->items[k].index;
            out.items[out.n++] = to->items[i++];
        } else {
            out.items[out.n++] = (struct histogram_bucket){from->items[k++].index, 0, 0};
        }
    }
    *to = out;
}

static void add_side(struct arena *a, struct histogram_side *to, const struct histogram_side *from,
                     double sign)
{
    size_t k = 0;
    spread(a, to, from);
    for (size_t i = 0; i < from->n; i++) {
        while (to->items[k].index < from->items[i].index)
            k++;
        struct histogram_bucket *b = &to->items[k];
        b->count = sum_add(b->count, sign * from->items[i].count, &b->lost);
        b->lost += sign * from->items[i].lost;
    }
}

static enum histogram_hint joint_hint(enum histogram_hint x, enum histogram_hint y, unsigned *bent)
{
    if (x == y || x == HISTOGRAM_GAUGE)
        return x;
    if (y == HISTOGRAM_GAUGE)
        return y;
    if (x != HISTOGRAM_UNKNOWN && y != HISTOGRAM_UNKNOWN)
        *bent |= NATIVE_COLLISION;
    return HISTOGRAM_UNKNOWN;
}

bool native_add(struct arena *a, struct histogram *to, const struct histogram *from, double sign,
                unsigned *bent)
{
    struct histogram other = *from;
    *bent = 0;
    if (histogram_is_custom(to) != histogram_is_custom(from))
        return false;
    to->hint = joint_hint(to->hint, from->hint, bent);
    if (same_layout(a, to, &other))
        *bent |= NATIVE_RECONCILED;
    to->zero_count = sum_add(to->zero_count, sign * other.zero_count, &to->lost.zero_count);
    to->lost.zero_count += sign * other.lost.zero_count;
    to->count = sum_add(to->count, sign * other.count, &to->lost.count);
    to->sum = sum_add(to->sum, sign * other.sum, &to->lost.sum);
    add_side(a, &to->positive, &other.positive, sign);
    add_side(a, &to->negative, &other.negative, sign);
    return true;
}

static void each_bucket(struct histogram *h, void (*fn)(struct histogram_bucket *, double),
                        double arg)
{
    for (size_t i = 0; i < h->positive.n; i++)
        fn(&h->positive.items[i], arg);
    for (size_t i = 0; i < h->negative.n; i++)
        fn(&h->negative.items[i], arg);
}

static void settle(struct histogram_bucket *b, double unused)
{
    (void)unused;
    b->count = sum_value(b->count, b->lost);
    b->lost = 0;
}

void native_settle(struct histogram *h)
{
    h->count = sum_value(h->count, h->lost.count);
    h->sum = sum_value(h->sum, h->lost.sum);
    h->zero_count = sum_value(h->zero_count, h->lost.zero_count);
    h->lost.count = h->lost.sum = h->lost.zero_count = 0;
    each_bucket(h, settle, 0);
    histogram_compact(h);
}

static void multiply(struct histogram_bucket *b, double factor)
{
    b->count *= factor;
    b->lost *= factor;
}

void native_multiply(struct histogram *h, double factor)
{
    h->count *= factor;
    h->sum *= factor;
    h->zero_count *= factor;
    h->lost.count *= factor;
    h->lost.sum *= factor;
    h->lost.zero_count *= factor;
    each_bucket(h, multiply, factor);
    if (factor < 0)
        h->hint = HISTOGRAM_GAUGE;
}

static void divide(struct histogram_bucket *b, double by)
{
    b->count /= by;
    b->lost /= by;
}

void native_divide(struct histogram *h, double by)
{
    h->count /= by;
    h->sum /= by;
    h->zero_count /= by;
    h->lost.count /= by;
    h->lost.sum /= by;
    h->lost.zero_count /= by;
    if (by == 0)
        h->positive.n = h->negative.n = 0;
    each_bucket(h, divide, by);
    if (by < 0)
        h->hint = HISTOGRAM_GAUGE;
}

static bool side_overflows(const struct histogram_side *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (isinf(s->items[i].count))
            return true;
    return false;
}

bool native_overflows(const struct histogram *h)
{
    return isinf(h->count) || isinf(h->sum) || isinf(h->zero_count) ||
           side_overflows(&h->positive) || side_overflows(&h->negative);
}

/* ---- resets ---- */

static bool side_fell(const struct histogram_side *before, const struct histogram_side *after)
{
    size_t k = 0;
    for (size_t i = 0; i < before->n; i++) {
        while (k < after->n && after->items[k].index < before->items[i].index)
            k++;
        bool there = k < after->n && after->items[k].index == before->items[i].index;
        if (before->items[i].count != 0 &&
            (!there || after->items[k].count < before->items[i].count))
            return true;
    }
    return false;
}

bool native_is_reset(struct arena *a, const struct histogram *before, const struct histogram *h)
{
    struct histogram x = *before, y = *h;
    if (h->hint == HISTOGRAM_RESET || h->hint == HISTOGRAM_NOT_RESET)
        return h->hint == HISTOGRAM_RESET;
    if (h->count < before->count || h->schema > before->schema ||
        histogram_is_custom(h) != histogram_is_custom(before))
        return true;
    if (!histogram_is_custom(h)) {
        if (h->zero_threshold < before->zero_threshold)
            return true;
        if (h->zero_threshold > before->zero_threshold)
            widen(&x, h->zero_threshold);
        if (x.zero_threshold != h->zero_threshold || h->zero_count < x.zero_count)
            return true;
    }
    (void)same_layout(a, &x, &y);
    return side_fell(&x.positive, &y.positive) || side_fell(&x.negative, &y.negative);
}

/* ---- walking ---- */

/* Parts from low to high; `part` counts them as they are walked. */
enum { PART_NEGATIVE, PART_ZERO, PART_POSITIVE, PARTS };

void native_walk(struct native_walk *w, const struct histogram *h, bool down)
{
    *w = (struct native_walk){.h = h, .down = down};
}

static struct native_bucket bucket_of(const struct histogram *h, const struct histogram_bucket *b,
                                      bool negative)
{
    double upper = upper_of(h, b->index), lower = upper_of(h, b->index - 1);
    if (!histogram_is_custom(h) && lower < h->zero_threshold)
        lower = h->zero_threshold;
    if (negative)
        return (struct native_bucket){-upper, -lower, b->count, true, false};
    return (struct native_bucket){lower, upper, b->count, false, false};
}

bool native_next(struct native_walk *w, struct native_bucket *out)
{
    for (; w->part < PARTS; w->part++, w->i = 0) {
        const struct histogram *h = w->h;
        int part = w->down ? PARTS - 1 - w->part : w->part;
        if (part == PART_ZERO) {
            if (w->i++ || !(h->zero_count > 0))
                continue;
            *out = (struct native_bucket){-h->zero_threshold, h->zero_threshold, h->zero_count,
                                          false, true};
            return true;
        }
        const struct histogram_side *s = part == PART_NEGATIVE ? &h->negative : &h->positive;
        if (w->i == s->n)
            continue;
        bool outward = (part == PART_POSITIVE) != w->down;
        *out = bucket_of(h, &s->items[outward ? w->i : s->n - 1 - w->i], part == PART_NEGATIVE);
        w->i++;
        return true;
    }
    return false;
}
