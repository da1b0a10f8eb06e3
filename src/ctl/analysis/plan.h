/* plan.h - what an AnalysisRun measures next, and what its measurements amount to. Pure.
 *
 * Model      Works on the values of spec.metrics[] and status.metricResults[] as Argo Rollouts
 *            has them.                                                                    */
#pragma once
#include "codec/value.h"

enum analysis_phase { /* from best to worst */
                      ANALYSIS_SUCCESSFUL,
                      ANALYSIS_RUNNING,
                      ANALYSIS_PENDING,
                      ANALYSIS_INCONCLUSIVE,
                      ANALYSIS_ERROR,
                      ANALYSIS_FAILED,
};

const char *analysis_phase_name(enum analysis_phase p);
enum analysis_phase analysis_phase_named(const char *text);
static inline bool analysis_over(enum analysis_phase p)
{
    return p != ANALYSIS_RUNNING && p != ANALYSIS_PENDING;
}

/* Refuses settings that cannot be followed. */
int analysis_check(const struct value *metric, struct err *e) MUST_CHECK;

/* When the next measurement is to be made; INT64_MAX: none (any more). A measurement that is
 * still under way counts as due at once. */
int64_t analysis_due_ms(const struct value *metric, const struct value *result,
                        int64_t run_started_ms);

/* What the metric amounts to; `terminating`: no more measurements will come. *why: a sentence for
 * a bad end, or "". */
enum analysis_phase analysis_assess(const struct value *metric, const struct value *result,
                                    bool terminating, struct arena *a, const char **why);

/* How many measurements the metric asks for; 0: without end. */
int64_t analysis_looks(const struct value *metric);

/* Counts a measurement that has ended into the result's counters. */
void analysis_count(struct arena *a, struct value *result, const struct value *measurement);

/* The phase of a measured value by the metric's conditions. */
enum analysis_phase analysis_judge(const struct value *metric, const struct value *measured,
                                   struct arena *a, struct err *e);
