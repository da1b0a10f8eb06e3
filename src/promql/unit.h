/* unit.h - units of time as Prometheus and Loki write them. */
#pragma once
#include <stddef.h>

/* Seconds of the unit that `text` begins with, the longest that fits, and its length: ns, us, µs,
 * ms, s, m, h, d, w, y. 0: it is none. */
double unit_seconds(const char *text, size_t *out_n);
