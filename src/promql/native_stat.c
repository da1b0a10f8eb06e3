/* native_stat.c - what a native histogram says: quantiles, fractions, variance; and trimming it. */
#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "codec/number.h"
#include "promql/native.h"
#include "promql/sum.h"

enum { TEXT_MAX = 1 << 20 };

double native_below(const struct native_bucket *b, double v, bool linear)
{
    if (linear)
        return (v - b->lower) / (b->upper - b->lower);
    double lower = log2(fabs(b->lower)), upper = log2(fabs(b->upper)), at = log2(fabs(v));
    return v > 0 ? (at - lower) / (upper - lower) : 1 - (at - upper) / (lower - upper);
}

/* A zero bucket ends at zero where there is nothing beyond. */
static void narrow_zero(const struct histogram *h, struct native_bucket *b)
{
    if (!h->negative.n && h->positive.n)
        b->lower = 0;
    else if (!h->positive.n && h->negative.n)
        b->upper = 0;
}

static double within(const struct histogram *h, const struct native_bucket *b, double share)
{
    if (histogram_is_custom(h) || (b->lower <= 0 && b->upper >= 0))
        return b->lower + (b->upper - b->lower) * share;
    double lower = log2(fabs(b->lower)), upper = log2(fabs(b->upper));
    if (b->lower > 0)
        return exp2(lower + (upper - lower) * share);
    return -exp2(upper + (lower - upper) * (1 - share));
}

double native_quantile(const struct histogram *h, double q, unsigned *infos)
{
    if (q < 0 || q > 1)
        return q < 0 ? -INFINITY : INFINITY;
    if (h->count == 0 || isnan(q))
        return NAN;
    /* From the nearer end; observations of NaN are in no bucket, they count as the highest. */
    bool up = isnan(h->sum) || q < 0.5;
    double rank = up ? q * h->count : (1 - q) * h->count, count = 0;
    struct native_walk w;
    struct native_bucket b = {0}, next;
    for (native_walk(&w, h, !up); native_next(&w, &next);) {
        b = next;
        count += b.count;
        if (count >= rank)
            break;
    }
    if (histogram_is_custom(h)) {
        if (isinf(b.lower) && b.lower < 0) {
            if (b.upper <= 0)
                return b.upper;
            b.lower = 0;
        } else if (isinf(b.upper)) {
            return b.lower;
        }
    } else if (b.lower < 0 && b.upper > 0) {
        narrow_zero(h, &b);
    }
    if (count > h->count)
        count = h->count;
    if (count < rank) {
        if (!isnan(h->sum))
            return b.upper;
        *infos |= NATIVE_NAN_RESULT;
        return NAN;
    }
    double share = (up ? rank - (count - b.count) : count - rank) / b.count;
    if (isnan(h->sum)) {
        while (native_next(&w, &next))
            count += next.count;
        *infos |= count < h->count ? NATIVE_NAN_SKEW : 0;
    }
    return within(h, &b, share);
}

void native_rank_look(struct native_rank *x, const struct native_bucket *b, double before,
                      bool linear)
{
    if (x->set)
        return;
    if (b->lower >= x->v) {
        x->count = before;
        x->set = true;
    } else if (b->upper > x->v) {
        x->count = isinf(b->lower) ? b->count : before + b->count * native_below(b, x->v, linear);
        x->set = true;
    }
}

double native_fraction(const struct histogram *h, double lower, double upper, unsigned *infos)
{
    if (h->count == 0 || isnan(lower) || isnan(upper))
        return NAN;
    if (lower >= upper)
        return 0;
    struct native_walk w;
    struct native_bucket b;
    struct native_rank low = {.v = lower}, high = {.v = upper};
    double before = 0;
    for (native_walk(&w, h, false); native_next(&w, &b); before += b.count) {
        bool around_zero = b.lower <= 0 && b.upper >= 0;
        if (around_zero)
            narrow_zero(h, &b);
        native_rank_look(&low, &b, before, histogram_is_custom(h) || around_zero);
        native_rank_look(&high, &b, before, histogram_is_custom(h) || around_zero);
    }
    double count = h->count;
    if (isnan(h->sum)) {
        *infos |= before < count ? NATIVE_NAN_LEFT_OUT : 0;
        count = before;
    }
    return (native_rank_of(&high, count) - native_rank_of(&low, count)) / h->count;
}

double native_variance(const struct histogram *h)
{
    double mean = h->sum / h->count, variance = 0, lost = 0;
    struct native_walk w;
    struct native_bucket b;
    for (native_walk(&w, h, false); native_next(&w, &b);) {
        double middle = 0;
        if (histogram_is_custom(h))
            middle = (b.upper + b.lower) / 2;
        else if (b.lower > 0 || b.upper < 0)
            middle = (b.upper < 0 ? -1 : 1) * sqrt(b.upper * b.lower);
        variance = sum_add(variance, b.count * (middle - mean) * (middle - mean), &lost);
    }
    return (variance + lost) / h->count;
}

void native_ends(const struct histogram *h, const struct native_bucket *b, bool *low, bool *high)
{
    bool custom = histogram_is_custom(h);
    *low = custom ? isinf(b->lower) : b->lower < 0 || b->zero;
    *high = custom || b->upper > 0 || b->zero;
}

static void put_number(struct buf *b, const char *before, double v)
{
    char text[NUMBER_TEXT_MAX];
    (void)number_format_g(v, text);
    buf_puts(b, before);
    buf_puts(b, text);
}

char *native_text(struct arena *a, const struct histogram *h)
{
    AUTO_BUF struct buf out;
    struct native_walk w;
    struct native_bucket b;
    buf_init(&out, TEXT_MAX);
    put_number(&out, "{count:", h->count);
    put_number(&out, ", sum:", h->sum);
    for (native_walk(&w, h, false); native_next(&w, &b);) {
        bool low, high;
        native_ends(h, &b, &low, &high);
        put_number(&out, low ? ", [" : ", (", b.lower);
        put_number(&out, ",", b.upper);
        put_number(&out, high ? "]:" : "):", b.count);
    }
    buf_putc(&out, '}');
    return arena_strdup(a, buf_text(&out));
}

/* ---- trimming ---- */

static double middle_of(double lower, double upper, bool negative, bool linear)
{
    if (isinf(lower))
        return isinf(upper) ? 0 : upper > 0 ? upper / 2 : upper;
    if (isinf(upper))
        return lower;
    if (linear)
        return (lower + upper) / 2;
    double mean = sqrt(fabs(lower * upper));
    return negative ? -mean : mean;
}

static double finite_or_zero(double v)
{
    return isinf(v) ? 0 : v;
}

struct kept {
    double count, middle;
};

/* Custom buckets without an end: the lowest is taken to begin at zero where it ends above; nothing
 * is known of how far the highest reaches. */
static struct kept trim_endless(const struct native_bucket *b, double limit, bool upper)
{
    if (isinf(b->lower) && b->lower < 0) {
        bool above_zero = b->upper > 0 && isfinite(b->upper);
        if (upper && limit >= b->upper)
            return (struct kept){b->count, 0};
        if (upper && limit > 0 && above_zero)
            return (struct kept){b->count * limit / b->upper, limit / 2};
        if (upper && b->upper <= 0)
            return (struct kept){b->count, limit};
        if (!upper && limit <= b->lower)
            return (struct kept){b->count, 0};
        if (!upper && limit >= 0 && b->upper > limit && isfinite(b->upper))
            return (struct kept){b->count * (1 - limit / b->upper), (limit + b->upper) / 2};
        return (struct kept){0, finite_or_zero(b->upper)};
    }
    if (!upper && limit >= b->lower)
        return (struct kept){b->count, limit};
    return (struct kept){0, finite_or_zero(b->lower)};
}

static struct kept trim_zero(const struct histogram *h, double limit, bool upper)
{
    struct native_bucket b = {-h->zero_threshold, h->zero_threshold, h->zero_count, false, true};
    narrow_zero(h, &b);
    if (limit <= b.lower || limit >= b.upper) {
        bool all = upper ? limit > b.lower : limit <= b.lower;
        return all ? (struct kept){b.count, (b.lower + b.upper) / 2} : (struct kept){0, 0};
    }
    double width = b.upper - b.lower;
    return upper ? (struct kept){b.count * ((limit - b.lower) / width), (b.lower + limit) / 2}
                 : (struct kept){b.count * ((b.upper - limit) / width), (limit + b.upper) / 2};
}

static struct kept trim_bucket(const struct histogram *h, const struct native_bucket *b,
                               double limit, bool upper)
{
    bool linear = histogram_is_custom(h);
    if (upper ? b->upper <= limit : b->lower >= limit)
        return (struct kept){b->count, middle_of(b->lower, b->upper, b->negative, linear)};
    if (upper ? b->lower >= limit : b->upper <= limit)
        return (struct kept){0, 0};
    if (isinf(b->lower) || isinf(b->upper))
        return trim_endless(b, limit, upper);
    double under = b->count * native_below(b, limit, linear);
    return upper ? (struct kept){under, middle_of(b->lower, limit, b->negative, linear)}
                 : (struct kept){b->count - under, middle_of(limit, b->upper, b->negative, linear)};
}

struct trim {
    double limit, count, sum;
    bool upper, cut;
};

static void trim_side(struct histogram *h, struct histogram_side *s, bool negative, struct trim *t)
{
    struct histogram plain = *h; /* bounds of buckets are whole ones here */
    plain.zero_threshold = 0;
    plain.zero_count = 0;
    plain.positive = negative ? (struct histogram_side){0} : *s;
    plain.negative = negative ? *s : (struct histogram_side){0};
    struct native_walk w;
    struct native_bucket b;
    size_t i = 0;
    for (native_walk(&w, &plain, negative); native_next(&w, &b); i++) {
        struct kept k = trim_bucket(h, &b, t->limit, t->upper);
        t->count += k.count;
        t->sum += k.middle * k.count;
        t->cut |= s->items[i].count != k.count;
        s->items[i].count = k.count;
    }
}

void native_trim(struct histogram *h, double limit, bool upper)
{
    struct trim t = {.limit = limit, .upper = upper};
    struct kept zero = h->zero_count > 0 ? trim_zero(h, limit, upper) : (struct kept){0, 0};
    trim_side(h, &h->positive, false, &t);
    trim_side(h, &h->negative, true, &t);
    t.cut |= h->zero_count > 0 && zero.count != h->zero_count;
    if (!t.cut)
        return;
    if (h->zero_count > 0)
        h->zero_count = zero.count;
    h->count = t.count + zero.count;
    h->sum = t.sum + zero.middle * zero.count;
    histogram_compact(h);
}
