/* pipelinerun_plan.h - what a PipelineRun needs next.
 *
 * Pure: the view holds the run, its pipeline and its children; the plan says what to create,
 * what to cancel and what the status becomes. A run that is done gives an empty plan.      */
#pragma once
#include "ctl/tekton/pipeline.h"

struct pipelinerun_view {
    const struct value *run;
    const struct value *spec;            /* the pipeline's, from pipelinespec_apply() */
    const struct value *bindings;        /* of the run's workspaces, claims made */
    const char *pipeline;                /* its name, or the run's */
    const struct value *const *children; /* TaskRuns, CustomRuns, PipelineRuns the run owns */
    size_t n_children;
    int64_t now_ms;
};

struct pipelinerun_cancel {
    const struct value *child;
    const char *message;
};

struct pipelinerun_plan {
    const struct value *status;  /* NULL: as it is */
    const struct value **create; /* whole objects, apiVersion and kind say which */
    size_t n_create;
    struct pipelinerun_cancel *cancel;
    size_t n_cancel;
    int64_t requeue_ms;
};

void pipelinerun_plan(const struct pipelinerun_view *v, struct arena *a,
                      struct pipelinerun_plan *out);

/* ---- before the first plan ---- */

/* Why a run cannot begin, with upstream's reason. */
struct refusal {
    const char *reason, *message;
};

/* Binds the run's parameters and replaces what is known from the start. 0, or ERR_INVALID with
 * *why filled. */
int pipelinespec_apply(const struct value *run, const struct value *spec, const char *pipeline,
                       struct arena *a, const struct value **out, struct refusal *why) MUST_CHECK;

/* Nanoseconds; 0: no limit. `which`: "pipeline", "tasks", "finally". */
int64_t pipelinerun_timeout_ns(const struct value *run, const char *which);
