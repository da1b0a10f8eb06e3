/* clock.h - the one place that reads time; everything else is handed a clock.
 *
 * Model    A clock is a port with two readings: real (UTC, milliseconds since 1970) and
 *          monotonic (milliseconds, for durations). The simulator supplies its own.
 * Threads  Any.                                                                    */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct clock {
    int64_t (*real_ms)(const struct clock *c);
    int64_t (*mono_ms)(const struct clock *c);
};

extern const struct clock clock_system;

int64_t clock_real_ms(void); /* clock_system's; for logs and edges that have no clock */
int64_t clock_real_ns(void);
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);

enum { CLOCK_TEXT_MAX = 40 };

/* "2026-01-02T03:04:05Z", as metav1.Time prints it. `out` has CLOCK_TEXT_MAX bytes. */
void clock_format_rfc3339(int64_t ms, char *out);
void clock_format_rfc3339_ms(int64_t ms, char *out);    /* …05.678Z */
void clock_format_rfc3339_micro(int64_t us, char *out); /* …05.678901Z, metav1.MicroTime */
void clock_format_rfc3339_nano(int64_t ns, char *out);  /* …05.678901234Z */

/* Accepts what Go's time.RFC3339Nano accepts. Result in nanoseconds since 1970. */
int clock_parse_rfc3339(const char *text, int64_t *out_ns, struct err *e) MUST_CHECK;

/* Go duration: "1h2m3.5s", "300ms", "-1.5h". Result in nanoseconds. */
int clock_parse_duration(const char *text, int64_t *out_ns, struct err *e) MUST_CHECK;

/* As Go's Duration.String(): "1m30s", "1.5s", "0s". `out` has CLOCK_TEXT_MAX bytes. */
void clock_format_duration(int64_t ns, char *out);
