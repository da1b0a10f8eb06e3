/* exposition_proto.h - a scraped page in protobuf: MetricFamily messages, each with its length in
 * front. Pure.
 *
 * Model      A histogram with native buckets is one series with a histogram; its classic buckets
 *            are left out but where they are asked for, too. Labels le and quantile are written as
 *            the Go client writes them in text. */
#pragma once
#include "monitor/batch.h"

int exposition_proto_read(struct arena *a, const void *bytes, size_t n, bool classic,
                          struct batch *out, struct err *e) MUST_CHECK;
