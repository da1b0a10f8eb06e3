/* analysis.h - Argo Rollouts' AnalysisRun: metrics are measured until they say good or bad.
 *
 * Model      An AnalysisRun holds metrics (templates are resolved by who makes the run). Each is
 *            measured at its interval; a measurement is successful, failed, inconclusive or an
 *            error; counts and limits decide the metric, the worst metric decides the run.
 *            Providers: prometheus, web, job.
 * Guarantees What is decided stays decided. A secret argument appears in no status, event or log.
 *            plan.h is pure; everything a decision needs is in the run's status.
 * Not here   Templates and what a verdict leads to (ctl/gitops).                          */
#pragma once
#include "codec/value.h"
#include "kube/controller.h"

struct analysis_opts {
    /* An instant PromQL query here, for templates without an address: {"resultType": "vector",
     * "result": […]} as the HTTP API has it. NULL: an address is required. */
    int (*query)(void *arg, const char *query, int64_t at_ms, struct arena *a, struct value **out,
                 struct err *e);
    void *arg;
};

/* arg: a struct analysis_opts that outlives the runner. */
extern const struct controller analysis_controller;
