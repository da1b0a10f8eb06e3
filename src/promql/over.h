/* over.h - what a window of one series comes to. */
#pragma once
#include "promql/eval.h"

typedef bool over_function(const struct window *w, struct cell *out);

/* rate.c */
over_function over_rate, over_increase, over_delta, over_irate, over_idelta, over_resets,
    over_changes;
/* over.c */
over_function over_sum, over_avg, over_count, over_min, over_max, over_last, over_first,
    over_present, over_stddev, over_stdvar, over_quantile, over_mad, over_deriv,
    over_predict_linear, over_smooth, over_ts_of_first, over_ts_of_last, over_ts_of_min,
    over_ts_of_max;
/* extended.c: rate, increase and delta over an anchored or smoothed selector, one kind of sample.
 */
bool over__extended(const struct window *w, bool counter, bool per_second, struct cell *out);

static inline const struct histogram *window_histogram(const struct window *w, size_t i)
{
    return w->h ? w->h[i] : NULL;
}
static inline const char *window_metric(const struct window *w)
{
    return labels_get(w->labels, "__name__");
}
/* The first sample of a window that counts: with an anchored selector the last one before the
 * range, or else the first within. `n` when there is none within. */
size_t window_first(const struct window *w);

/* Adds `sign` times `from`; false, and said, when they do not go together. */
bool window_add(const struct window *w, struct histogram *to, const struct histogram *from,
                double sign);
