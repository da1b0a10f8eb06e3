/* chance.h - how likely luck alone explains as many failures. Pure.
 *
 * Model      Failures are counts among requests. Both answers are upper tails: the probability of
 *            at least `bad` failures if nothing were wrong.
 * Guarantees Exact tails, not approximations: whoever condemns only below alpha condemns what is
 *            not worse with a probability of at most alpha, however few the requests are, as long
 *            as they fail independently of one another. Where they fail in clumps, counts are
 *            thinned by how clumped they were before (docs/analysis.md measures what that
 *            leaves). 0 <= result <= 1.                                                      */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { CHANCE_MAX = 1000000000 }; /* no more requests than that */

struct tally {
    int64_t bad, all;
};

/* Fisher's exact test, one-sided: `now` fails no more often than `before` did. */
double chance_worse(struct tally now, struct tally before);

/* The binomial test, one-sided: each request fails with a probability of at most `ratio`. */
double chance_above(struct tally now, double ratio);

/* How many failures come at once: the variance of slices of time by what it would be if requests
 * failed independently (Pearson's chi-square by its degrees of freedom); at least 1. */
double chance_clump(const struct tally *slices, size_t n);

/* As many incidents as the tally amounts to when `clump` failures are one; never more failures. */
struct tally chance_thin(struct tally t, double clump);
