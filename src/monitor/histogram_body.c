#include "monitor/histogram_body.h"

#include <math.h>
#include <string.h>

const struct histogram_fields histogram_fields_remote = {
    .count = 1,
    .count_float = 2,
    .sum = 3,
    .schema = 4,
    .zero_threshold = 5,
    .zero_count = 6,
    .zero_count_float = 7,
    .negative_spans = 8,
    .negative_deltas = 9,
    .negative_counts = 10,
    .positive_spans = 11,
    .positive_deltas = 12,
    .positive_counts = 13,
    .hint = 14,
    .bounds = 16,
};

/* Values of one field, wherever they stand in the message. */
struct values {
    uint64_t *items;
    size_t n;
};

static size_t count_values(struct proto m, uint32_t number, enum proto_type type)
{
    size_t n = 0;
    for (struct proto_field f; proto_next(&m, &f);)
        for (uint64_t v; f.number == number && proto_each(&f, type, &v);)
            n++;
    return n;
}

static struct values values_of(struct arena *a, struct proto m, uint32_t number,
                               enum proto_type type, bool *broken)
{
    struct values out = {0};
    size_t n = number ? count_values(m, number, type) : 0;
    if (!n)
        return out;
    if (n > HISTOGRAM_BUCKETS_MAX) {
        *broken = true;
        return out;
    }
    void *room;
    if (arena_try_alloc(a, n * sizeof *out.items, &room, NULL) < 0) {
        *broken = true;
        return out;
    }
    out.items = room;
    for (struct proto_field f; proto_next(&m, &f);) {
        if (f.number != number)
            continue;
        for (uint64_t v; proto_each(&f, type, &v);)
            out.items[out.n++] = v;
        *broken |= f.bytes.broken;
    }
    return out;
}

/* Walks the buckets that spans name, in order. */
struct span_walk {
    struct proto m;
    uint32_t number;
    int64_t index; /* of the next bucket */
    uint64_t left; /* buckets of this span */
    bool first, negative, broken;
};

static bool next_span(struct span_walk *w)
{
    for (struct proto_field f, g; proto_next(&w->m, &f);) {
        if (f.number != w->number)
            continue;
        int64_t offset = 0;
        while (proto_next(&f.bytes, &g)) {
            if (g.number == 1)
                offset = proto_zigzag(g.v);
            else if (g.number == 2)
                w->left = (uint32_t)g.v;
        }
        w->broken |= f.bytes.broken || offset > INT32_MAX || offset < INT32_MIN;
        w->negative |= !w->first && offset < 0;
        w->index += offset;
        w->first = false;
        return !w->broken;
    }
    return false;
}

static bool next_index(struct span_walk *w, int64_t *out)
{
    while (!w->left)
        if (!next_span(w))
            return false;
    w->left--;
    *out = w->index++;
    return !w->broken && *out >= INT32_MIN && *out <= INT32_MAX;
}

/* Buckets that the spans name beyond those that have a count. */
static uint64_t rest(struct span_walk *w)
{
    uint64_t n = 0;
    do {
        n += w->left;
        w->left = 0;
    } while (next_span(w));
    return n;
}

struct side_numbers {
    uint32_t spans, deltas, counts;
    const char *name;
};

static const char *read_side(struct arena *a, struct proto m, const struct side_numbers *n,
                             struct histogram_side *out, bool *broken)
{
    struct values deltas = values_of(a, m, n->deltas, PROTO_VARINT, broken);
    struct values counts = values_of(a, m, n->counts, PROTO_FIXED64, broken);
    size_t count = deltas.n ? deltas.n : counts.n, i = 0;
    struct span_walk w = {.m = m, .number = n->spans, .first = true};
    int64_t index, running = 0;
    void *room;
    if (*broken || arena_try_alloc(a, count * sizeof *out->items + 1, &room, NULL) < 0) {
        *broken = true;
        return NULL;
    }
    out->items = room;
    for (; i < count && next_index(&w, &index); i++) {
        if (deltas.n && __builtin_add_overflow(running, proto_zigzag(deltas.items[i]), &running))
            *broken = true;
        out->items[i] = (struct histogram_bucket){
            (int32_t)index, deltas.n ? (double)running : proto_double(counts.items[i]), 0};
    }
    out->n = i;
    uint64_t more = rest(&w);
    *broken |= w.broken;
    if (w.negative)
        return "histogram has a span whose offset is negative";
    if (i < count || more)
        return arena_printf(a,
                            "%s side: spans need %llu buckets, have %zu buckets: histogram spans "
                            "specify different number of buckets than provided",
                            n->name, (unsigned long long)(i + more), count);
    return NULL;
}

static void read_scalar(struct histogram *h, const struct proto_field *f,
                        const struct histogram_fields *n, bool *whole)
{
    if (f->number == n->count && f->type == PROTO_VARINT)
        h->count = (double)f->v;
    else if (f->number == n->count_float && f->type == PROTO_FIXED64)
        h->count = proto_double(f->v), *whole = false;
    else if (f->number == n->sum && f->type == PROTO_FIXED64)
        h->sum = proto_double(f->v);
    else if (f->number == n->schema && f->type == PROTO_VARINT)
        h->schema = (int32_t)proto_zigzag(f->v);
    else if (f->number == n->zero_threshold && f->type == PROTO_FIXED64)
        h->zero_threshold = proto_double(f->v);
    else if (f->number == n->zero_count && f->type == PROTO_VARINT)
        h->zero_count = (double)f->v;
    else if (f->number == n->zero_count_float && f->type == PROTO_FIXED64)
        h->zero_count = proto_double(f->v), *whole = false;
    else if (n->hint && f->number == n->hint && f->type == PROTO_VARINT)
        h->hint = f->v <= HISTOGRAM_GAUGE ? (enum histogram_hint)f->v : HISTOGRAM_UNKNOWN;
}

static double total(const struct histogram *h)
{
    double n = h->zero_count;
    for (size_t i = 0; i < h->positive.n; i++)
        n += h->positive.items[i].count;
    for (size_t i = 0; i < h->negative.n; i++)
        n += h->negative.items[i].count;
    return n;
}

/* NaNs are counted and lie in no bucket; then the sum is NaN, too. */
static const char *count_fault(struct arena *a, const struct histogram *h)
{
    double in = total(h);
    if (isnan(h->sum) ? in > h->count : in != h->count)
        return arena_printf(a,
                            "%.0f observations found in buckets, but the Count field is %.0f: "
                            "histogram's observation count should %s the number of observations "
                            "found in the buckets%s",
                            in, h->count, isnan(h->sum) ? "be at least" : "equal",
                            isnan(h->sum) ? "" : " (in absence of NaN)");
    return NULL;
}

const char *histogram_body_read(struct arena *a, struct proto m, const struct histogram_fields *f,
                                struct histogram **out, bool *broken)
{
    struct histogram *h = ARENA_NEW(a, struct histogram);
    struct proto scalars = m;
    bool whole = true;
    for (struct proto_field x; proto_next(&scalars, &x);)
        read_scalar(h, &x, f, &whole);
    *broken |= scalars.broken;
    const struct side_numbers positive = {f->positive_spans, f->positive_deltas, f->positive_counts,
                                          "positive"};
    const struct side_numbers negative = {f->negative_spans, f->negative_deltas, f->negative_counts,
                                          "negative"};
    const char *why = read_side(a, m, &positive, &h->positive, broken);
    if (!why)
        why = read_side(a, m, &negative, &h->negative, broken);
    struct values bounds = values_of(a, m, f->bounds, PROTO_FIXED64, broken);
    double *list = bounds.n ? ARENA_ARRAY(a, double, bounds.n) : NULL;
    for (size_t i = 0; i < bounds.n; i++)
        list[i] = proto_double(bounds.items[i]);
    h->bounds = list;
    h->n_bounds = bounds.n;
    if (!why)
        why = histogram_fault(h);
    if (!why && whole)
        why = count_fault(a, h);
    histogram_compact(h);
    *out = h;
    return why;
}

/* ---- writing ---- */

/* Buckets are written with their counts as they are where one is no whole number. */
static bool is_whole(const struct histogram *h)
{
    const struct histogram_side *sides[] = {&h->positive, &h->negative};
    const double limit = 9007199254740992; /* 2^53 */
    if (h->count != floor(h->count) || h->count > limit || h->zero_count != floor(h->zero_count) ||
        h->zero_count > limit)
        return false;
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < sides[k]->n; i++)
            if (sides[k]->items[i].count != floor(sides[k]->items[i].count) ||
                sides[k]->items[i].count > limit)
                return false;
    return h->hint != HISTOGRAM_GAUGE || total(h) == h->count;
}

static void print_spans(const struct histogram_side *s, uint32_t number, struct buf *out)
{
    int64_t next = 0;
    for (size_t i = 0, n; i < s->n; i += n) {
        for (n = 1; i + n < s->n && s->items[i + n].index == s->items[i].index + (int32_t)n;)
            n++;
        size_t at = proto_begin(out, number);
        proto_put_zigzag(out, 1, s->items[i].index - next);
        proto_put_varint(out, 2, n);
        proto_end(out, at);
        next = (int64_t)s->items[i].index + (int64_t)n;
    }
}

static void print_side(const struct histogram_side *s, const struct side_numbers *n, bool whole,
                       struct buf *out)
{
    int64_t before = 0;
    if (!s->n)
        return;
    print_spans(s, n->spans, out);
    size_t at = proto_begin(out, whole ? n->deltas : n->counts);
    for (size_t i = 0; i < s->n; i++) {
        int64_t d = whole ? (int64_t)s->items[i].count - before : 0;
        if (whole)
            proto_add_varint(out, (uint64_t)d << 1 ^ (uint64_t)(d >> 63));
        else
            proto_add_double(out, s->items[i].count);
        before += d;
    }
    proto_end(out, at);
}

void histogram_body_print(const struct histogram *h, const struct histogram_fields *f,
                          struct buf *out)
{
    const struct side_numbers positive = {f->positive_spans, f->positive_deltas, f->positive_counts,
                                          "positive"};
    const struct side_numbers negative = {f->negative_spans, f->negative_deltas, f->negative_counts,
                                          "negative"};
    bool whole = is_whole(h);
    if (whole)
        proto_put_varint(out, f->count, (uint64_t)h->count);
    else
        proto_put_double(out, f->count_float, h->count);
    proto_put_double(out, f->sum, h->sum);
    proto_put_zigzag(out, f->schema, h->schema);
    proto_put_double(out, f->zero_threshold, h->zero_threshold);
    if (whole)
        proto_put_varint(out, f->zero_count, (uint64_t)h->zero_count);
    else
        proto_put_double(out, f->zero_count_float, h->zero_count);
    print_side(&h->negative, &negative, whole, out);
    print_side(&h->positive, &positive, whole, out);
    if (f->hint)
        proto_put_varint(out, f->hint, (uint64_t)h->hint);
    if (f->bounds && h->n_bounds) {
        size_t at = proto_begin(out, f->bounds);
        for (size_t i = 0; i < h->n_bounds; i++)
            proto_add_double(out, h->bounds[i]);
        proto_end(out, at);
    }
}
