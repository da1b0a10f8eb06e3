/* native.h - arithmetic on native histograms. Pure; results live in the arena.
 *
 * Layouts that differ are brought to what both can say: the wider zero bucket, the coarser schema,
 * the bounds that both have.                                                               */
#pragma once
#include "tsdb/histogram.h"

/* What an addition had to bend. */
enum {
    NATIVE_COLLISION = 1,  /* one said its counter was reset, the other that it was not */
    NATIVE_RECONCILED = 2, /* custom bounds were cut to those in both */
};

/* Adds `sign` times `from` to `to`, which must be a copy of its own; what rounding loses is kept
 * until native_settle(). False, and nothing done: custom bounds and a schema do not mix. */
bool native_add(struct arena *a, struct histogram *to, const struct histogram *from, double sign,
                unsigned *bent);
/* Puts what was lost back and drops empty buckets. */
void native_settle(struct histogram *h);
/* In place. A negative factor makes a gauge; a division by zero leaves no buckets. */
void native_multiply(struct histogram *h, double factor);
void native_divide(struct histogram *h, double by);
/* In place: keeps what lies below (`upper`) or above the limit, guessing within buckets. */
void native_trim(struct histogram *h, double limit, bool upper);
/* Any infinite count, or sum. */
bool native_overflows(const struct histogram *h);
/* Whether the counter began anew between the two. */
bool native_is_reset(struct arena *a, const struct histogram *before, const struct histogram *h);
/* A coarser copy, or a plain one. */
struct histogram *native_at_schema(struct arena *a, const struct histogram *h, int32_t schema);

struct native_bucket {
    double lower, upper, count;
    bool negative, zero;
};

/* for (native_walk(&w, h, false); native_next(&w, &b);): ascending, or descending. */
struct native_walk {
    const struct histogram *h;
    size_t i;
    int part;
    bool down;
};
void native_walk(struct native_walk *w, const struct histogram *h, bool down);
bool native_next(struct native_walk *w, struct native_bucket *out);

/* Whether a bucket's ends belong to it. */
void native_ends(const struct histogram *h, const struct native_bucket *b, bool *low, bool *high);

/* How much of a bucket lies below `v`, which is within it. */
double native_below(const struct native_bucket *b, double v, bool linear);

/* Observations below `v`: those of the buckets before it and a part of the one that it is in.
 * Shown all buckets in their order; `before`: what the earlier ones hold. */
struct native_rank {
    double v, count;
    bool set;
};
void native_rank_look(struct native_rank *x, const struct native_bucket *b, double before,
                      bool linear);
static inline double native_rank_of(const struct native_rank *x, double all)
{
    return !x->set || x->count > all ? all : x->count;
}

/* Infos that a statistic may come with. */
enum {
    NATIVE_NAN_RESULT = 1, /* the quantile lies among observations of NaN */
    NATIVE_NAN_SKEW = 2,   /* there are observations of NaN, counted as the highest */
    NATIVE_NAN_LEFT_OUT = 4,
};
double native_quantile(const struct histogram *h, double q, unsigned *infos);
double native_fraction(const struct histogram *h, double lower, double upper, unsigned *infos);
double native_variance(const struct histogram *h);
/* "{count:3, sum:4, (1,2]:3}". */
char *native_text(struct arena *a, const struct histogram *h);
