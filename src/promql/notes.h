/* notes.h - what a query wants to say besides its result: warnings and infos, each once.
 *
 * Two notes are one when their texts are; the place that is named is the last one's. Private to
 * promql/.                                                                                  */
#pragma once
#include "base/arena.h"
#include "promql/promql.h"

struct notes;
struct eval;

struct notes *notes_new(struct arena *a);
/* `at`: offset in the query. */
void note_warn(struct eval *ev, size_t at, const char *fmt, ...) PRINTF(3, 4);
void note_info(struct eval *ev, size_t at, const char *fmt, ...) PRINTF(3, 4);

/* A classic histogram's counts fell from one bucket to the next at this time. */
struct fixed_buckets {
    double min_bucket, max_bucket, max_diff;
    int64_t min_ms, max_ms;
};
void note_monotonicity(struct eval *ev, size_t at, const char *metric,
                       const struct fixed_buckets *f);
/* A sample's start lies before the sample before it: once a series. */
void note_overlap(struct eval *ev, size_t at, const char *metric);

/* ---- in upstream's words ---- */

void note_mixed(struct eval *ev, size_t at, const char *metric);   /* floats and histograms */
void note_ignored(struct eval *ev, size_t at, const char *metric); /* histograms, in a range */
void note_schemas(struct eval *ev, size_t at, const char *metric); /* exponential and custom */
void note_not_counter(struct eval *ev, size_t at, const char *metric);
void note_not_gauge(struct eval *ev, size_t at, const char *metric);
/* `doing`: "addition", "subtraction", "aggregation". */
void note_reconciled(struct eval *ev, size_t at, const char *doing);
void note_collision(struct eval *ev, size_t at, const char *doing);
void note_quantile(struct eval *ev, size_t at, double q); /* when it is not within 0 and 1 */

/* "… (1:5)": the place in the query. */
void notes_print(const struct notes *n, const char *query, struct arena *a,
                 struct promql_result *out);
