/* labels.h - what names a series: pairs of name and value, sorted by name. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct label {
    const char *name, *value;
};

struct labels {
    const struct label *items; /* by name; no empty values */
    size_t n;
};

/* Sorts, drops empty values and copies everything into the arena. A name that stands twice keeps
 * its last value. */
struct labels labels_make(struct arena *a, const struct label *items, size_t n);
struct labels labels_copy(struct arena *a, const struct labels *l);

const char *labels_get(const struct labels *l, const char *name); /* "" when absent */
int labels_compare(const struct labels *a, const struct labels *b);
uint64_t labels_hash(const struct labels *l);
/* {__name__="up", job="x"} as Prometheus prints it: up{job="x"}. */
char *labels_text(const struct labels *l, struct arena *a);
