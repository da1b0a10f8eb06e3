/* over.h - what a window of one series comes to. Pure. */
#pragma once
#include "promql/eval.h"

bool over_rate(const struct window *w, double *out);
bool over_increase(const struct window *w, double *out);
bool over_delta(const struct window *w, double *out);
bool over_irate(const struct window *w, double *out);
bool over_idelta(const struct window *w, double *out);
bool over_sum(const struct window *w, double *out);
bool over_avg(const struct window *w, double *out);
bool over_count(const struct window *w, double *out);
bool over_min(const struct window *w, double *out);
bool over_max(const struct window *w, double *out);
bool over_last(const struct window *w, double *out);
bool over_first(const struct window *w, double *out);
bool over_present(const struct window *w, double *out);
bool over_stddev(const struct window *w, double *out);
bool over_stdvar(const struct window *w, double *out);
bool over_quantile(const struct window *w, double *out);
bool over_mad(const struct window *w, double *out);
bool over_changes(const struct window *w, double *out);
bool over_resets(const struct window *w, double *out);
bool over_deriv(const struct window *w, double *out);
bool over_predict_linear(const struct window *w, double *out);
bool over_smooth(const struct window *w, double *out);
