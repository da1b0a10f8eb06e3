#include "promql/over.h"

#include <math.h>
#include <stdlib.h>

#include "promql/sum.h"

/* What a counter grew by, resets undone; or the plain difference of a gauge. */
static double grown(const struct window *w, bool counter)
{
    double v = w->s[w->n - 1].v - w->s[0].v;
    for (size_t i = 1; counter && i < w->n; i++)
        if (w->s[i].v < w->s[i - 1].v)
            v += w->s[i - 1].v;
    return v;
}

/* The growth between first and last sample, stretched to the whole range: to its ends when they
 * are near, by half an interval when not, and never below where a counter would be zero. */
static bool extrapolated(const struct window *w, bool counter, bool per_second, double *out)
{
    if (w->n < 2)
        return false;
    double v = grown(w, counter);
    double sampled = (double)(w->s[w->n - 1].t - w->s[0].t) / 1000;
    double average = sampled / (double)(w->n - 1), threshold = average * 1.1;
    double to_start = (double)(w->s[0].t - w->start) / 1000;
    double to_end = (double)(w->end - w->s[w->n - 1].t) / 1000;
    if (to_start >= threshold)
        to_start = average / 2;
    if (counter && v > 0 && w->s[0].v >= 0) {
        double to_zero = sampled * (w->s[0].v / v);
        if (to_zero < to_start)
            to_start = to_zero;
    }
    if (to_end >= threshold)
        to_end = average / 2;
    double factor = (sampled + to_start + to_end) / sampled;
    if (per_second)
        factor /= (double)(w->end - w->start) / 1000;
    *out = v * factor;
    return true;
}

bool over_rate(const struct window *w, double *out)
{
    return extrapolated(w, true, true, out);
}

bool over_increase(const struct window *w, double *out)
{
    return extrapolated(w, true, false, out);
}

bool over_delta(const struct window *w, double *out)
{
    return extrapolated(w, false, false, out);
}

static bool last_two(const struct window *w, bool rate, double *out)
{
    if (w->n < 2)
        return false;
    const struct sample *a = &w->s[w->n - 2], *b = &w->s[w->n - 1];
    if (b->t == a->t)
        return false;
    double v = rate && b->v < a->v ? b->v : b->v - a->v;
    *out = rate ? v / ((double)(b->t - a->t) / 1000) : v;
    return true;
}

bool over_irate(const struct window *w, double *out)
{
    return last_two(w, true, out);
}

bool over_idelta(const struct window *w, double *out)
{
    return last_two(w, false, out);
}

bool over_sum(const struct window *w, double *out)
{
    double s = 0, c = 0;
    for (size_t i = 0; i < w->n; i++)
        s = sum_add(s, w->s[i].v, &c);
    *out = sum_value(s, c);
    return true;
}

bool over_avg(const struct window *w, double *out)
{
    struct mean m = {0};
    for (size_t i = 0; i < w->n; i++)
        mean_add(&m, w->s[i].v);
    *out = mean_value(&m);
    return true;
}

bool over_count(const struct window *w, double *out)
{
    *out = (double)w->n;
    return true;
}

static bool extreme(const struct window *w, int sign, double *out)
{
    double best = w->s[0].v;
    for (size_t i = 1; i < w->n; i++)
        if (isnan(best) || sign * w->s[i].v > sign * best)
            best = w->s[i].v;
    *out = best;
    return true;
}

bool over_min(const struct window *w, double *out)
{
    return extreme(w, -1, out);
}

bool over_max(const struct window *w, double *out)
{
    return extreme(w, 1, out);
}

bool over_last(const struct window *w, double *out)
{
    *out = w->s[w->n - 1].v;
    return true;
}

bool over_first(const struct window *w, double *out)
{
    *out = w->s[0].v;
    return true;
}

bool over_present(const struct window *w, double *out)
{
    (void)w;
    *out = 1;
    return true;
}

bool over_stdvar(const struct window *w, double *out)
{
    double mean = 0, c_mean = 0, m2 = 0, c_m2 = 0;
    for (size_t i = 0; i < w->n; i++) {
        double d = w->s[i].v - (mean + c_mean);
        mean = sum_add(mean, d / (double)(i + 1), &c_mean);
        m2 = sum_add(m2, d * (w->s[i].v - (mean + c_mean)), &c_m2);
    }
    *out = (m2 + c_m2) / (double)w->n;
    return true;
}

bool over_stddev(const struct window *w, double *out)
{
    (void)over_stdvar(w, out);
    *out = sqrt(*out);
    return true;
}

static double quantile(const struct window *w, double q, double (*of)(double v, double arg),
                       double arg)
{
    double *v = malloc(w->n * sizeof *v);
    if (!v)
        abort();
    for (size_t i = 0; i < w->n; i++)
        v[i] = of ? of(w->s[i].v, arg) : w->s[i].v;
    double r = quantile_of(q, v, w->n);
    free(v);
    return r;
}

bool over_quantile(const struct window *w, double *out)
{
    *out = quantile(w, w->p1, NULL, 0);
    return true;
}

static double distance(double v, double middle)
{
    return fabs(v - middle);
}

bool over_mad(const struct window *w, double *out)
{
    *out = quantile(w, 0.5, distance, quantile(w, 0.5, NULL, 0));
    for (size_t i = 0; i < w->n; i++)
        if (isnan(w->s[i].v))
            *out = NAN;
    return true;
}

bool over_changes(const struct window *w, double *out)
{
    double n = 0;
    for (size_t i = 1; i < w->n; i++)
        n += w->s[i].v != w->s[i - 1].v && !(isnan(w->s[i].v) && isnan(w->s[i - 1].v));
    *out = n;
    return true;
}

bool over_resets(const struct window *w, double *out)
{
    double n = 0;
    for (size_t i = 1; i < w->n; i++)
        n += w->s[i].v < w->s[i - 1].v;
    *out = n;
    return true;
}

/* Least squares around the time `at`. */
static void regress(const struct window *w, int64_t at, double *slope, double *value)
{
    double n = 0, x_sum = 0, y_sum = 0, xy = 0, xx = 0, cx = 0, cy = 0, cxy = 0, cxx = 0;
    bool constant = true;
    for (size_t i = 0; i < w->n; i++) {
        double x = (double)(w->s[i].t - at) / 1000, y = w->s[i].v;
        constant = constant && y == w->s[0].v;
        n += 1;
        x_sum = sum_add(x_sum, x, &cx);
        y_sum = sum_add(y_sum, y, &cy);
        xy = sum_add(xy, x * y, &cxy);
        xx = sum_add(xx, x * x, &cxx);
    }
    if (constant) {
        *slope = isinf(w->s[0].v) ? (double)NAN : 0;
        *value = isinf(w->s[0].v) ? (double)NAN : w->s[0].v;
        return;
    }
    x_sum += cx;
    y_sum += cy;
    double covariance = xy + cxy - x_sum * y_sum / n, variance = xx + cxx - x_sum * x_sum / n;
    *slope = covariance / variance;
    *value = y_sum / n - *slope * x_sum / n;
}

bool over_deriv(const struct window *w, double *out)
{
    double value;
    if (w->n < 2)
        return false;
    regress(w, w->s[0].t, out, &value);
    return true;
}

bool over_predict_linear(const struct window *w, double *out)
{
    double slope, value;
    if (w->n < 2)
        return false;
    regress(w, w->now, &slope, &value);
    *out = slope * w->p1 + value;
    return true;
}

bool over_smooth(const struct window *w, double *out)
{
    if (w->n < 2)
        return false;
    double s1 = w->s[0].v, b = w->s[1].v - w->s[0].v, s0;
    for (size_t i = 1; i < w->n; i++) {
        if (i > 1)
            b = w->p2 * (s1 - s0) + (1 - w->p2) * b;
        s0 = s1;
        s1 = w->p1 * w->s[i].v + (1 - w->p1) * (s1 + b);
    }
    *out = s1;
    return true;
}
