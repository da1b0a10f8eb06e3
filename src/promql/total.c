#include "promql/total.h"

#include <math.h>

/* Nothing smaller can overflow by one addition. */
static const double NEAR_LIMIT = 1e307;

static bool side_is_large(const struct histogram_side *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (!(fabs(s->items[i].count) < NEAR_LIMIT))
            return true;
    return false;
}

static bool is_large(const struct histogram *h)
{
    return !(fabs(h->count) < NEAR_LIMIT && fabs(h->sum) < NEAR_LIMIT &&
             fabs(h->zero_count) < NEAR_LIMIT) ||
           side_is_large(&h->positive) || side_is_large(&h->negative);
}

static bool add(struct total *t, const struct histogram *h)
{
    unsigned bent;
    bool ok = native_add(t->arena, t->h, h, 1, &bent);
    t->reconciled |= (bent & NATIVE_RECONCILED) != 0;
    return ok;
}

/* Adds to the sum unless that overflows, then goes on with the mean. */
static bool add_or_move(struct total *t, const struct histogram *h)
{
    if (!is_large(t->h) && !is_large(h))
        return add(t, h);
    struct histogram *before = histogram_copy(t->arena, t->h);
    if (!add(t, h) || !native_overflows(t->h))
        return histogram_is_custom(t->h) == histogram_is_custom(h);
    t->h = before;
    t->moving = true;
    native_divide(t->h, t->n - 1);
    return true;
}

bool total_add(struct total *t, const struct histogram *h)
{
    t->n += 1;
    t->reset |= h->hint == HISTOGRAM_RESET;
    t->not_reset |= h->hint == HISTOGRAM_NOT_RESET;
    if (!t->h) {
        t->h = histogram_copy(t->arena, h);
        return true;
    }
    if (!t->mean)
        return add(t, h);
    if (!t->moving && !add_or_move(t, h))
        return false;
    if (!t->moving)
        return true;
    struct histogram *share = histogram_copy(t->arena, h);
    native_divide(share, t->n);
    native_multiply(t->h, (t->n - 1) / t->n);
    return add(t, share);
}

struct histogram *total_value(struct total *t)
{
    if (t->mean && !t->moving)
        native_divide(t->h, t->n);
    native_settle(t->h);
    return t->h;
}
