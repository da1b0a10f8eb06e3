/* calls.h - functions that look at more than one value or one window. */
#pragma once
#include "promql/eval.h"

typedef int function_call(struct eval *ev, const struct expr *call, struct table *out,
                          struct err *e);

function_call call_date, call_time, call_pi, call_vector, call_scalar, call_timestamp,
    call_start_timestamp, call_round, call_clamp, call_clamp_min, call_clamp_max, call_min_of,
    call_max_of, call_absent, call_absent_over_time, call_histogram_quantile,
    call_histogram_quantiles, call_histogram_fraction, call_label_replace, call_label_join,
    call_sort, call_sort_by_label, call_info;
