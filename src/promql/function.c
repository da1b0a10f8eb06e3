#include "promql/function.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "promql/calls.h"
#include "promql/native.h"
#include "promql/over.h"

static double sign(double v)
{
    return v > 0 ? 1 : v < 0 ? -1 : v;
}

static double degrees(double v)
{
    return v * 180 / M_PI;
}

static double radians(double v)
{
    return v * M_PI / 180;
}

/* False for what has no date. */
static bool broken_down(double v, struct tm *out)
{
    if (!(fabs(v) < 1e15))
        return false;
    time_t t = (time_t)v;
    return gmtime_r(&t, out) != NULL;
}

static double minute_of(double v)
{
    struct tm tm;
    return broken_down(v, &tm) ? tm.tm_min : (double)NAN;
}

static double hour_of(double v)
{
    struct tm tm;
    return broken_down(v, &tm) ? tm.tm_hour : (double)NAN;
}

static double week_day(double v)
{
    struct tm tm;
    return broken_down(v, &tm) ? tm.tm_wday : (double)NAN;
}

static double month_day(double v)
{
    struct tm tm;
    return broken_down(v, &tm) ? tm.tm_mday : (double)NAN;
}

static double year_day(double v)
{
    struct tm tm;
    return broken_down(v, &tm) ? tm.tm_yday + 1 : (double)NAN;
}

static double month_of(double v)
{
    struct tm tm;
    return broken_down(v, &tm) ? tm.tm_mon + 1 : (double)NAN;
}

static double year_of(double v)
{
    struct tm tm;
    return broken_down(v, &tm) ? tm.tm_year + 1900 : (double)NAN;
}

static double month_days(double v)
{
    struct tm tm;
    if (!broken_down(v, &tm))
        return NAN;
    tm = (struct tm){.tm_year = tm.tm_year, .tm_mon = tm.tm_mon + 1, .tm_mday = 1};
    time_t last = timegm(&tm) - 1;
    (void)gmtime_r(&last, &tm);
    return tm.tm_mday;
}

static double count_of(const struct histogram *h)
{
    return h->count;
}

static double sum_of(const struct histogram *h)
{
    return h->sum;
}

static double mean_of(const struct histogram *h)
{
    return h->sum / h->count;
}

static double deviation_of(const struct histogram *h)
{
    return sqrt(native_variance(h));
}

#define OVER(n, a, f, ...)                                                                         \
    {                                                                                              \
        .name = n, .args = a, .type = TYPE_VECTOR, .over = f, __VA_ARGS__                          \
    }
#define MAP(n, f)                                                                                  \
    {                                                                                              \
        .name = n, .args = "v", .type = TYPE_VECTOR, .map = f                                      \
    }
#define STAT(n, f)                                                                                 \
    {                                                                                              \
        .name = n, .args = "v", .type = TYPE_VECTOR, .stat = f                                     \
    }
#define DATE(n, f)                                                                                 \
    {                                                                                              \
        .name = n, .args = "v", .optional = 1, .type = TYPE_VECTOR, .map = f, .call = call_date    \
    }
#define CALL(n, a, t, f, ...)                                                                      \
    {                                                                                              \
        .name = n, .args = a, .type = t, .call = f, __VA_ARGS__                                    \
    }
/* Worked out by the parser. */
#define FOLDED(n)                                                                                  \
    {                                                                                              \
        .name = n, .args = "", .type = TYPE_SCALAR, .experimental = true                           \
    }
#define GROWTH .anchored = true, .smoothed = true

enum { ANY_NUMBER = 200 };

static const struct function functions[] = {
    OVER("rate", "m", over_rate, .of_counters = true, GROWTH),
    OVER("increase", "m", over_increase, .of_counters = true, GROWTH),
    OVER("delta", "m", over_delta, GROWTH),
    OVER("irate", "m", over_irate),
    OVER("idelta", "m", over_idelta),
    OVER("changes", "m", over_changes, .anchored = true),
    OVER("resets", "m", over_resets, .anchored = true),
    OVER("sum_over_time", "m", over_sum),
    OVER("avg_over_time", "m", over_avg),
    OVER("count_over_time", "m", over_count),
    OVER("min_over_time", "m", over_min, .floats_only = true),
    OVER("max_over_time", "m", over_max, .floats_only = true),
    OVER("last_over_time", "m", over_last, .keeps_name = true),
    OVER("first_over_time", "m", over_first, .keeps_name = true),
    OVER("present_over_time", "m", over_present),
    OVER("stddev_over_time", "m", over_stddev, .floats_only = true),
    OVER("stdvar_over_time", "m", over_stdvar, .floats_only = true),
    OVER("quantile_over_time", "sm", over_quantile, .floats_only = true),
    OVER("mad_over_time", "m", over_mad, .floats_only = true, .experimental = true),
    OVER("ts_of_first_over_time", "m", over_ts_of_first, .experimental = true),
    OVER("ts_of_last_over_time", "m", over_ts_of_last, .experimental = true),
    OVER("ts_of_min_over_time", "m", over_ts_of_min, .floats_only = true, .experimental = true),
    OVER("ts_of_max_over_time", "m", over_ts_of_max, .floats_only = true, .experimental = true),
    OVER("deriv", "m", over_deriv, .floats_only = true),
    OVER("predict_linear", "ms", over_predict_linear, .floats_only = true),
    OVER("double_exponential_smoothing", "mss", over_smooth, .floats_only = true, .smoothing = true,
         .experimental = true),
    MAP("abs", fabs),
    MAP("ceil", ceil),
    MAP("floor", floor),
    MAP("exp", exp),
    MAP("ln", log),
    MAP("log2", log2),
    MAP("log10", log10),
    MAP("sqrt", sqrt),
    MAP("sgn", sign),
    MAP("deg", degrees),
    MAP("rad", radians),
    MAP("sin", sin),
    MAP("cos", cos),
    MAP("tan", tan),
    MAP("asin", asin),
    MAP("acos", acos),
    MAP("atan", atan),
    MAP("sinh", sinh),
    MAP("cosh", cosh),
    MAP("tanh", tanh),
    MAP("asinh", asinh),
    MAP("acosh", acosh),
    MAP("atanh", atanh),
    STAT("histogram_count", count_of),
    STAT("histogram_sum", sum_of),
    STAT("histogram_avg", mean_of),
    STAT("histogram_stdvar", native_variance),
    STAT("histogram_stddev", deviation_of),
    DATE("minute", minute_of),
    DATE("hour", hour_of),
    DATE("day_of_week", week_day),
    DATE("day_of_month", month_day),
    DATE("day_of_year", year_day),
    DATE("days_in_month", month_days),
    DATE("month", month_of),
    DATE("year", year_of),
    CALL("time", "", TYPE_SCALAR, call_time),
    CALL("pi", "", TYPE_SCALAR, call_pi),
    CALL("min_of", "ss", TYPE_SCALAR, call_min_of, .experimental = true),
    CALL("max_of", "ss", TYPE_SCALAR, call_max_of, .experimental = true),
    FOLDED("start"),
    FOLDED("end"),
    FOLDED("range"),
    FOLDED("step"),
    CALL("vector", "s", TYPE_VECTOR, call_vector),
    CALL("scalar", "v", TYPE_SCALAR, call_scalar),
    CALL("timestamp", "v", TYPE_VECTOR, call_timestamp),
    CALL("start_timestamp", "v", TYPE_VECTOR, call_start_timestamp, .experimental = true),
    CALL("round", "vs", TYPE_VECTOR, call_round, .optional = 1),
    CALL("clamp", "vss", TYPE_VECTOR, call_clamp),
    CALL("clamp_min", "vs", TYPE_VECTOR, call_clamp_min),
    CALL("clamp_max", "vs", TYPE_VECTOR, call_clamp_max),
    CALL("absent", "v", TYPE_VECTOR, call_absent),
    CALL("absent_over_time", "m", TYPE_VECTOR, call_absent_over_time),
    CALL("histogram_quantile", "sv", TYPE_VECTOR, call_histogram_quantile),
    CALL("histogram_quantiles", "vts", TYPE_VECTOR, call_histogram_quantiles, .repeats = 9,
         .experimental = true),
    CALL("histogram_fraction", "ssv", TYPE_VECTOR, call_histogram_fraction),
    CALL("info", "vv", TYPE_VECTOR, call_info, .optional = 1, .label_selector = true,
         .experimental = true),
    CALL("label_replace", "vtttt", TYPE_VECTOR, call_label_replace),
    CALL("label_join", "vttt", TYPE_VECTOR, call_label_join, .optional = 1, .repeats = ANY_NUMBER),
    CALL("sort", "v", TYPE_VECTOR, call_sort),
    CALL("sort_desc", "v", TYPE_VECTOR, call_sort),
    CALL("sort_by_label", "vt", TYPE_VECTOR, call_sort_by_label, .optional = 1,
         .repeats = ANY_NUMBER, .experimental = true),
    CALL("sort_by_label_desc", "vt", TYPE_VECTOR, call_sort_by_label, .optional = 1,
         .repeats = ANY_NUMBER, .experimental = true),
};

const struct function *function_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(functions); i++)
        if (strcmp(functions[i].name, name) == 0)
            return &functions[i];
    return NULL;
}
