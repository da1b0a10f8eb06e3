/* metadata.h - what a scraped page says about its metrics: "# HELP", "# TYPE" and "# UNIT". Pure.
 */
#pragma once
#include "base/arena.h"

enum { METRIC_NOTES_MAX = 10000, METRIC_NOTES_BYTES_MAX = 1 << 20 };

struct metric_note {
    const char *name, *type, *help, *unit; /* "unknown", "" and "" where nothing is said */
};

/* One for each metric, in the order of the page; what is past a maximum is left out. */
size_t metric_notes_read(const char *text, size_t n, struct arena *a, struct metric_note **out);
