/* schedule.h - cron expressions: "0 3 * * 1-5", "@hourly", names of months and days. Pure.
 *
 * Times are UTC milliseconds; `zone` shifts them into local time.                        */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

struct schedule {
    uint64_t minutes, hours, days, months, weekdays; /* bit n: n is in */
    bool any_day, any_weekday;                       /* "*": then only the other counts */
};

int schedule_parse(const char *text, struct schedule *out, struct err *e) MUST_CHECK;

/* A time zone's offsets. */
struct zone;
/* NULL, "", "UTC": no offset. Else a file of the system's zone database. */
int zone_open(const char *name, struct arena *a, const struct zone **out, struct err *e) MUST_CHECK;
int64_t zone_offset_s(const struct zone *z, int64_t utc_s);

/* The first time after `after_ms`; 0 when there is none within five years. */
int64_t schedule_next(const struct schedule *s, const struct zone *z, int64_t after_ms);
