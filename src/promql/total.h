/* total.h - sums and means of native histograms. Private to promql/. */
#pragma once
#include "promql/native.h"

struct total {
    struct arena *arena;
    struct histogram *h; /* NULL: none yet */
    bool mean;
    double n;
    bool moving; /* a mean moved value by value, since the sum would overflow */
    bool reset, not_reset, reconciled;
};

/* False: custom bounds and a schema do not mix. */
bool total_add(struct total *t, const struct histogram *h);
struct histogram *total_value(struct total *t);
static inline bool total_collides(const struct total *t)
{
    return t->reset && t->not_reset;
}
