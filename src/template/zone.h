/* zone.h - the time of day and the date in a zone of the system's zone database. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct zone_time {
    int64_t year;
    int month, day, month_days; /* both from 1 */
    int weekday;                /* Sunday is 0 */
    int minutes;                /* since midnight */
};

/* False: there is no such zone. "" is UTC. */
bool zone_time_at(int64_t ms, const char *zone, struct zone_time *out);
