/* element.h - what an operator makes of two values. Private to promql/. */
#pragma once
#include "promql/eval.h"

bool element_compares(enum binary_op op);
/* Arithmetic gives something else than the metric was. */
bool element_changes_name(enum binary_op op);
/* Of two floats; a comparison gives 0 or 1. */
double element_compute(enum binary_op op, double l, double r);

enum element {
    ELEMENT_NONE,    /* types that do not go together: said, and no result */
    ELEMENT_DROPPED, /* a comparison that does not hold */
    ELEMENT_KEPT,
};
/* A comparison that holds gives the left value, or with `bool` 0 and 1. */
enum element element(struct eval *ev, const struct expr *x, struct cell l, struct cell r,
                     struct cell *out);
