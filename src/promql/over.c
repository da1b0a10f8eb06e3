#include "promql/over.h"

#include <math.h>
#include <stdlib.h>

#include "promql/native.h"
#include "promql/sum.h"
#include "promql/total.h"

static bool give(struct cell *out, double v)
{
    *out = (struct cell){v, NULL};
    return true;
}

/* Sum or mean of a window of histograms. */
static bool total(const struct window *w, bool mean, struct cell *out)
{
    struct total t = {.arena = w->ev->arena, .mean = mean};
    if (w->n_histograms < w->n) {
        note_mixed(w->ev, w->arg->at, window_metric(w));
        return false;
    }
    for (size_t i = 0; i < w->n; i++)
        if (!total_add(&t, w->h[i])) {
            note_schemas(w->ev, w->arg->at, window_metric(w));
            return false;
        }
    if (total_collides(&t))
        note_collision(w->ev, w->arg->at, "aggregation");
    if (t.reconciled)
        note_reconciled(w->ev, w->arg->at, "aggregation");
    *out = (struct cell){0, total_value(&t)};
    return true;
}

bool over_sum(const struct window *w, struct cell *out)
{
    double s = 0, c = 0;
    if (w->n_histograms)
        return total(w, false, out);
    for (size_t i = 0; i < w->n; i++)
        s = sum_add(s, w->s[i].v, &c);
    return give(out, sum_value(s, c));
}

bool over_avg(const struct window *w, struct cell *out)
{
    struct mean m = {0};
    if (w->n_histograms)
        return total(w, true, out);
    for (size_t i = 0; i < w->n; i++)
        mean_add(&m, w->s[i].v);
    return give(out, mean_value(&m));
}

bool over_count(const struct window *w, struct cell *out)
{
    return give(out, (double)w->n);
}

/* Where the smallest (`sign` -1) or largest is: the first of equals, or the last. */
static size_t extreme(const struct window *w, int sign, bool last)
{
    size_t best = 0;
    for (size_t i = 1; i < w->n; i++) {
        double v = sign * w->s[i].v, than = sign * w->s[best].v;
        if (isnan(than) || v > than || (last && v == than))
            best = i;
    }
    return best;
}

bool over_min(const struct window *w, struct cell *out)
{
    return give(out, w->s[extreme(w, -1, false)].v);
}

bool over_max(const struct window *w, struct cell *out)
{
    return give(out, w->s[extreme(w, 1, false)].v);
}

static bool give_time(const struct window *w, size_t i, struct cell *out)
{
    return give(out, (double)w->s[i].t / 1000);
}

bool over_ts_of_min(const struct window *w, struct cell *out)
{
    return give_time(w, extreme(w, -1, true), out);
}

bool over_ts_of_max(const struct window *w, struct cell *out)
{
    return give_time(w, extreme(w, 1, true), out);
}

bool over_ts_of_first(const struct window *w, struct cell *out)
{
    return give_time(w, 0, out);
}

bool over_ts_of_last(const struct window *w, struct cell *out)
{
    return give_time(w, w->n - 1, out);
}

bool over_last(const struct window *w, struct cell *out)
{
    *out = (struct cell){w->s[w->n - 1].v, window_histogram(w, w->n - 1)};
    return true;
}

bool over_first(const struct window *w, struct cell *out)
{
    *out = (struct cell){w->s[0].v, window_histogram(w, 0)};
    return true;
}

bool over_present(const struct window *w, struct cell *out)
{
    (void)w;
    return give(out, 1);
}

static double variance(const struct window *w)
{
    double mean = 0, c_mean = 0, m2 = 0, c_m2 = 0;
    for (size_t i = 0; i < w->n; i++) {
        double d = w->s[i].v - (mean + c_mean);
        mean = sum_add(mean, d / (double)(i + 1), &c_mean);
        m2 = sum_add(m2, d * (w->s[i].v - (mean + c_mean)), &c_m2);
    }
    return (m2 + c_m2) / (double)w->n;
}

bool over_stdvar(const struct window *w, struct cell *out)
{
    return give(out, variance(w));
}

bool over_stddev(const struct window *w, struct cell *out)
{
    return give(out, sqrt(variance(w)));
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

bool over_quantile(const struct window *w, struct cell *out)
{
    note_quantile(w->ev, w->call->call.args[0]->at, w->p1);
    return give(out, quantile(w, w->p1, NULL, 0));
}

static double distance(double v, double middle)
{
    return fabs(v - middle);
}

bool over_mad(const struct window *w, struct cell *out)
{
    for (size_t i = 0; i < w->n; i++)
        if (isnan(w->s[i].v))
            return give(out, NAN);
    return give(out, quantile(w, 0.5, distance, quantile(w, 0.5, NULL, 0)));
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

bool over_deriv(const struct window *w, struct cell *out)
{
    double slope, value;
    if (w->n < 2)
        return false;
    regress(w, w->s[0].t, &slope, &value);
    return give(out, slope);
}

bool over_predict_linear(const struct window *w, struct cell *out)
{
    double slope, value;
    if (w->n < 2)
        return false;
    regress(w, w->now, &slope, &value);
    return give(out, slope * w->p1 + value);
}

bool over_smooth(const struct window *w, struct cell *out)
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
    return give(out, s1);
}
