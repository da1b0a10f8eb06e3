/* fleet.h - the series of a made-up fleet: what a hundred Pods of a shop export, over and over.
 *
 * Model      Every hundred series are one Pod's: requests by code and method, a histogram of their
 *            latency, events, the container's processor time and memory, constants. Counters
 *            count on, now and then they rest; gauges wander.
 * Guarantees The same numbers give the same series and the same values, on any machine.       */
#pragma once
#include "tsdb/labels.h"

enum { FLEET_POD_SERIES = 100 };

struct fleet_series {
    struct labels labels;
    double v;
    uint64_t random;
};

/* Series i, before its first value; the labels are in the arena, sorted by name. */
void fleet_series(size_t i, struct arena *a, struct fleet_series *out);
/* Its next value; i is the series' number. */
double fleet_next(size_t i, struct fleet_series *s);
