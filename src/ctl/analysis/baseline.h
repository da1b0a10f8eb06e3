/* baseline.h - the provider plugin slipway.dev/baseline: does the new version fail more often than
 * the last good one did?
 *
 * Model      Two selections of counters, `errors` among `requests`, are counted twice: since the
 *            analysis began, and in the time `before` the rollout in which the last good version
 *            served. What is worse by more than `tolerance` is condemned when luck explains it
 *            in fewer than `falsePositiveRate` of all analyses; the rate is shared among the
 *            measurements, so looking more often condemns no more good releases. `limit` is a
 *            ratio that is too much whatever was before.
 * Guarantees baseline_judge() is pure. Counts are differences of samples, with resets, never
 *            extrapolated: a request is counted once.                                       */
#pragma once
#include "ctl/analysis/chance.h"
#include "ctl/analysis/measure.h"

struct baseline {
    const char *errors, *requests; /* instant vector selectors of counters */
    int64_t before_ms;
    double rate;      /* of good releases condemned, at most */
    double tolerance; /* an excess up to this ratio is borne */
    double limit;     /* a ratio; >= 1: none */
    int64_t looks;    /* measurements that share the rate */
};

/* What was counted. */
struct baseline_counts {
    struct tally now, before;
    int64_t now_ms, before_ms;
    double clump; /* of what was before: chance_clump() */
};

struct baseline_verdict {
    bool bad;
    double chance;      /* the lower of what luck explains; 1 when nothing is worse */
    const char *reason; /* a sentence, in either case */
};

/* The plugin's settings; NULL when the metric is measured otherwise. */
const struct value *baseline_settings(const struct value *metric);

/* ERR_INVALID names a setting that cannot be followed; of a metric that has settings. */
int baseline_read(const struct value *metric, struct baseline *out, struct err *e) MUST_CHECK;

struct baseline_verdict baseline_judge(const struct baseline *b, const struct baseline_counts *c,
                                       struct arena *a);

int baseline_measure(struct measure_ctx *m, const struct value *settings, struct measurement *out,
                     struct err *e) MUST_CHECK;
