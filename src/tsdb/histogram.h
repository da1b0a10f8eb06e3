/* histogram.h - a native histogram: counts by buckets that need no labels.
 *
 * Model      Bucket `i` of schema `s` (-4 … 8) is (b^(i-1), b^i] with b = 2^(2^-s), mirrored on the
 *            negative side, around a zero bucket as wide as the threshold on both sides. With
 *            HISTOGRAM_CUSTOM the bounds are listed: bucket i ends at bounds[i], the last at +Inf.
 * Guarantees Buckets are in the order of their index and none is empty.                       */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"

enum {
    HISTOGRAM_CUSTOM = -53, /* as a schema */
    HISTOGRAM_SCHEMA_MIN = -4,
    HISTOGRAM_SCHEMA_MAX = 8,
    HISTOGRAM_BUCKETS_MAX = 100000, /* of one side */
};

/* Whether the counter began anew at this sample. */
enum histogram_hint {
    HISTOGRAM_UNKNOWN,
    HISTOGRAM_RESET,
    HISTOGRAM_NOT_RESET,
    HISTOGRAM_GAUGE,
};

/* `lost` is 0 but while histograms are summed: what rounding kept out of the count beside it. */
struct histogram_bucket {
    int32_t index;
    double count, lost;
};

struct histogram_side {
    struct histogram_bucket *items;
    size_t n;
};

struct histogram {
    enum histogram_hint hint;
    int32_t schema;
    double count, sum, zero_count, zero_threshold;
    struct {
        double count, sum, zero_count;
    } lost;
    struct histogram_side positive, negative;
    const double *bounds; /* HISTOGRAM_CUSTOM: all but +Inf, ascending; never changed in place */
    size_t n_bounds;
};

static inline bool histogram_is_custom(const struct histogram *h)
{
    return h->schema == HISTOGRAM_CUSTOM;
}

struct histogram *histogram_copy(struct arena *a, const struct histogram *h);
/* Takes empty buckets out. */
void histogram_compact(struct histogram *h);
bool histogram_same_bounds(const struct histogram *a, const struct histogram *b);
/* Bit for bit, but for the hints. */
bool histogram_equal(const struct histogram *a, const struct histogram *b);
/* NULL, or what is wrong with it. */
const char *histogram_fault(const struct histogram *h);

/* The hint that a sample has when it is stored after another (NULL: after none, or after a float):
 * what its writer said, or HISTOGRAM_NOT_RESET when nothing fell. Where something did, a query that
 * may have lost the sample before compares by itself. */
enum histogram_hint histogram_hint_after(const struct histogram *previous,
                                         const struct histogram *h);

/* Bytes (docs/formats/tsdb.md) and back; false when they are no histogram. */
void histogram_encode(const struct histogram *h, struct buf *out);
bool histogram_decode(struct arena *a, const uint8_t *bytes, size_t n, struct histogram **out);
