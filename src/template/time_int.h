/* time_int.h - time.Time, time.Duration and Go's layouts.
 *
 * A run's local time is UTC: what a chart makes of a time may not depend on the machine. */
#pragma once
#include "template/exec_int.h"

extern const struct go_type go_time_type, go_duration_type;
extern const struct go_type go_semver_type;      /* *semver.Version */
extern const struct go_type go_certificate_type; /* sprig.certificate */

struct moment {
    int64_t seconds; /* since 1970, UTC */
    int32_t ns;
    int32_t offset;   /* of its zone, seconds east */
    const char *zone; /* "UTC", "CET"; "": only the offset is known */
};

struct calendar {
    int64_t year;
    int month, day, yearday, weekday; /* January is 1, Sunday is 0 */
    int hour, minute, second;
};

struct go_value time__value(struct arena *a, struct moment m);
struct calendar time__calendar(const struct moment *m);
/* Seconds since 1970 of a day's midnight; months past 12 go into years. */
int64_t time__days(int64_t year, int64_t month, int64_t day);

/* The pieces of a layout. */
enum chunk {
    CHUNK_NONE,
    CHUNK_LONG_MONTH,
    CHUNK_MONTH,
    CHUNK_NUM_MONTH,
    CHUNK_ZERO_MONTH,
    CHUNK_LONG_WEEKDAY,
    CHUNK_WEEKDAY,
    CHUNK_DAY,
    CHUNK_UNDER_DAY,
    CHUNK_ZERO_DAY,
    CHUNK_UNDER_YEARDAY,
    CHUNK_ZERO_YEARDAY,
    CHUNK_HOUR,
    CHUNK_HOUR12,
    CHUNK_ZERO_HOUR12,
    CHUNK_MINUTE,
    CHUNK_ZERO_MINUTE,
    CHUNK_SECOND,
    CHUNK_ZERO_SECOND,
    CHUNK_LONG_YEAR,
    CHUNK_YEAR,
    CHUNK_UPPER_PM,
    CHUNK_LOWER_PM,
    CHUNK_ZONE_NAME,
    CHUNK_ZONE, /* its text says how: Z07:00, -0700 */
    CHUNK_FRACTION_0,
    CHUNK_FRACTION_9,
};

/* The next piece of a layout at or behind `at`: *from is where it begins, *len its bytes. */
enum chunk time__chunk(const char *layout, size_t n, size_t at, size_t *from, size_t *len);

extern const char *const time__months[12];
extern const char *const time__weekdays[7];

void time__format(struct buf *b, const struct moment *m, const char *layout, size_t n);
/* time.ParseInLocation(); the error's text in the arena, or NULL. */
const char *time__parse(struct arena *a, const struct go_value *layout, const struct go_value *text,
                        struct moment *out);
/* time.ParseDuration() */
const char *time__parse_duration(struct arena *a, const struct go_value *text, int64_t *out);

/* Puts the moment into a zone of the zone database; one that is not known is UTC. */
void time__in_zone(struct arena *a, struct moment *m, const char *name);
