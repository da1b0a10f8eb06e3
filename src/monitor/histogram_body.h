/* histogram_body.h - native histograms in protobuf, as Prometheus's messages have them: spans of
 * buckets, and their counts as differences or as they are. Pure. */
#pragma once
#include "codec/proto.h"
#include "tsdb/histogram.h"

/* Numbers of the fields: remote write and exposition differ. */
struct histogram_fields {
    uint32_t count, count_float, sum, schema, zero_threshold, zero_count, zero_count_float;
    uint32_t negative_spans, negative_deltas, negative_counts;
    uint32_t positive_spans, positive_deltas, positive_counts;
    uint32_t hint, bounds; /* 0: there is none */
};
extern const struct histogram_fields histogram_fields_remote;

/* NULL, or what is wrong; *broken: the message itself. What is given is in the arena. */
const char *histogram_body_read(struct arena *a, struct proto m, const struct histogram_fields *f,
                                struct histogram **out, bool *broken);
/* The fields, without the message around them. */
void histogram_body_print(const struct histogram *h, const struct histogram_fields *f,
                          struct buf *out);
