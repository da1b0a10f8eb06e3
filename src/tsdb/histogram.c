#include "tsdb/histogram.h"

#include <math.h>
#include <string.h>

#include "tsdb/packed.h"

static void side_copy(struct arena *a, struct histogram_side *s)
{
    s->items = s->n ? arena_dup(a, s->items, s->n * sizeof *s->items) : NULL;
}

struct histogram *histogram_copy(struct arena *a, const struct histogram *h)
{
    struct histogram *c = ARENA_NEW(a, struct histogram);
    *c = *h;
    side_copy(a, &c->positive);
    side_copy(a, &c->negative);
    return c;
}

static void side_compact(struct histogram_side *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        if (s->items[i].count != 0)
            s->items[n++] = s->items[i];
    s->n = n;
}

void histogram_compact(struct histogram *h)
{
    side_compact(&h->positive);
    side_compact(&h->negative);
}

bool histogram_same_bounds(const struct histogram *a, const struct histogram *b)
{
    if (a->n_bounds != b->n_bounds)
        return false;
    for (size_t i = 0; a->bounds != b->bounds && i < a->n_bounds; i++)
        if (a->bounds[i] != b->bounds[i])
            return false;
    return true;
}

static bool same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static bool same_side(const struct histogram_side *a, const struct histogram_side *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (a->items[i].index != b->items[i].index ||
            !same_bits(a->items[i].count, b->items[i].count))
            return false;
    return true;
}

bool histogram_equal(const struct histogram *a, const struct histogram *b)
{
    return a->schema == b->schema && same_bits(a->count, b->count) && same_bits(a->sum, b->sum) &&
           same_bits(a->zero_count, b->zero_count) && a->zero_threshold == b->zero_threshold &&
           histogram_same_bounds(a, b) && same_side(&a->positive, &b->positive) &&
           same_side(&a->negative, &b->negative);
}

static const char *side_fault(const struct histogram_side *s)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->items[i].count < 0)
            return "histogram has a bucket whose observation count is negative";
        if (i && s->items[i].index <= s->items[i - 1].index)
            return "histogram has a span whose offset is negative";
    }
    return NULL;
}

static const char *custom_fault(const struct histogram *h)
{
    for (size_t i = 0; i < h->n_bounds; i++) {
        if (!isfinite(h->bounds[i]))
            return "histogram custom bounds must be finite";
        if (i && h->bounds[i] <= h->bounds[i - 1])
            return "histogram custom bounds must be in strictly increasing order";
    }
    if (h->zero_count != 0 || h->zero_threshold != 0)
        return "custom buckets: must have zero count and threshold of 0";
    if (h->negative.n)
        return "custom buckets: must not have negative buckets";
    const struct histogram_side *p = &h->positive;
    if (p->n && (p->items[0].index < 0 || (size_t)p->items[p->n - 1].index > h->n_bounds))
        return "histogram custom bounds are too few";
    return NULL;
}

const char *histogram_fault(const struct histogram *h)
{
    const char *why = histogram_is_custom(h) ? custom_fault(h) : NULL;
    if (!histogram_is_custom(h) &&
        (h->schema < HISTOGRAM_SCHEMA_MIN || h->schema > HISTOGRAM_SCHEMA_MAX))
        why = "histogram has an invalid schema, which must be between -4 and 8 for exponential"
              " buckets, or -53 for custom buckets";
    else if (!histogram_is_custom(h) && h->n_bounds)
        why = "histogram with exponential schema must not have custom bounds";
    if (!why && (h->count < 0 || h->zero_count < 0))
        why = "histogram's observation count is negative";
    if (!why)
        why = side_fault(&h->positive);
    return why ? why : side_fault(&h->negative);
}

/* Whether a bucket lost observations. */
static bool side_shrank(const struct histogram_side *before, const struct histogram_side *after)
{
    size_t k = 0;
    for (size_t i = 0; i < before->n; i++) {
        while (k < after->n && after->items[k].index < before->items[i].index)
            k++;
        bool there = k < after->n && after->items[k].index == before->items[i].index;
        if (before->items[i].count > (there ? after->items[k].count : 0))
            return true;
    }
    return false;
}

enum histogram_hint histogram_hint_after(const struct histogram *previous,
                                         const struct histogram *h)
{
    if (h->hint == HISTOGRAM_GAUGE || h->hint == HISTOGRAM_RESET)
        return h->hint;
    if (!previous || previous->hint == HISTOGRAM_GAUGE)
        return HISTOGRAM_UNKNOWN;
    bool follows = h->count >= previous->count && h->schema == previous->schema &&
                   h->zero_threshold == previous->zero_threshold &&
                   histogram_same_bounds(h, previous) && h->zero_count >= previous->zero_count &&
                   !side_shrank(&previous->positive, &h->positive) &&
                   !side_shrank(&previous->negative, &h->negative);
    return follows ? HISTOGRAM_NOT_RESET : HISTOGRAM_UNKNOWN;
}

/* ---- bytes ---- */

static void put_side(struct buf *b, const struct histogram_side *s)
{
    int32_t last = 0;
    packed_put_varint(b, s->n);
    for (size_t i = 0; i < s->n; i++) {
        packed_put_signed(b, (int64_t)s->items[i].index - last);
        packed_put_double(b, s->items[i].count);
        last = s->items[i].index;
    }
}

void histogram_encode(const struct histogram *h, struct buf *out)
{
    buf_putc(out, (char)h->hint);
    packed_put_signed(out, h->schema);
    packed_put_double(out, h->count);
    packed_put_double(out, h->sum);
    packed_put_double(out, h->zero_count);
    packed_put_double(out, h->zero_threshold);
    put_side(out, &h->positive);
    put_side(out, &h->negative);
    packed_put_varint(out, h->n_bounds);
    for (size_t i = 0; i < h->n_bounds; i++)
        packed_put_double(out, h->bounds[i]);
}

/* How many things follow, each of which takes a byte at least. */
static size_t get_count(struct packed_reader *r)
{
    uint64_t n = packed_get_varint(r);
    if (n > HISTOGRAM_BUCKETS_MAX || n > (uint64_t)(r->end - r->p))
        r->bad = true;
    return r->bad ? 0 : (size_t)n;
}

static void get_side(struct packed_reader *r, struct arena *a, struct histogram_side *s)
{
    int64_t index = 0;
    s->n = get_count(r);
    s->items = ARENA_ARRAY(a, struct histogram_bucket, s->n);
    for (size_t i = 0; i < s->n && !r->bad; i++) {
        int64_t step = packed_get_signed(r);
        r->bad |= step > INT32_MAX || step < INT32_MIN || (i && step <= 0);
        index += r->bad ? 0 : step;
        r->bad |= index > INT32_MAX || index < INT32_MIN;
        s->items[i] = (struct histogram_bucket){(int32_t)index, packed_get_double(r), 0};
    }
}

bool histogram_decode(struct arena *a, const uint8_t *bytes, size_t n, struct histogram **out)
{
    struct packed_reader r = {bytes, bytes + n, n == 0};
    struct histogram *h = ARENA_NEW(a, struct histogram);
    if (r.bad || *r.p > HISTOGRAM_GAUGE)
        return false;
    h->hint = (enum histogram_hint) * r.p++;
    h->schema = (int32_t)packed_get_signed(&r);
    h->count = packed_get_double(&r);
    h->sum = packed_get_double(&r);
    h->zero_count = packed_get_double(&r);
    h->zero_threshold = packed_get_double(&r);
    get_side(&r, a, &h->positive);
    get_side(&r, a, &h->negative);
    h->n_bounds = get_count(&r);
    double *bounds = ARENA_ARRAY(a, double, h->n_bounds);
    for (size_t i = 0; i < h->n_bounds; i++)
        bounds[i] = packed_get_double(&r);
    h->bounds = bounds;
    if (r.bad || r.p != r.end || histogram_fault(h))
        return false;
    *out = h;
    return true;
}
