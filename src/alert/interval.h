/* interval.h - Alertmanager's time intervals: "monday to friday, 9 to 17 in Berlin". */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "codec/value.h"

struct alert_range {
    int64_t from, to; /* both count; of times `to` does not */
};

/* One of the times of an interval; an empty list lets all through. */
struct alert_times {
    struct alert_range *times, *weekdays, *days, *months, *years; /* minutes, Sunday 0, … */
    size_t n_times, n_weekdays, n_days, n_months, n_years;
    const char *zone; /* "UTC" */
};

struct alert_interval {
    const char *name;
    struct alert_times *times;
    size_t n;
};

/* One entry of time_intervals. ERR_INVALID. */
int alert_interval_read(struct arena *a, const struct value *v, struct alert_interval *out,
                        struct err *e) MUST_CHECK;
bool alert_interval_holds(const struct alert_interval *i, int64_t at_ms);
