/* pipeline_state.h - where each task of a running pipeline stands. */
#pragma once
#include "ctl/tekton/pipelinerun_plan.h"
#include "ctl/tekton/subst.h"

struct task_state {
    const struct pipeline_node *node;
    const struct value *task;  /* the pipeline task with results replaced */
    const struct value **runs; /* by number, when it has begun */
    size_t n_runs;
    bool done, succeeded, failed, cancelled;
    bool ignored;        /* failed, and onError says continue */
    const char *skipped; /* the reason, or NULL */
};

struct pipeline_state {
    const struct pipelinerun_view *view;
    struct pipeline graph;
    struct task_state *tasks; /* in the graph's order */
    struct scope *results;    /* tasks.NAME.results.RESULT of what has ended */
};

int pipeline_observe(const struct pipelinerun_view *v, struct arena *a, struct pipeline_state *out,
                     struct err *e) MUST_CHECK;
struct task_state *pipeline_task(const struct pipeline_state *s, const char *name);

/* Every task outside finally has ended or will not run. */
bool pipeline_dag_done(const struct pipeline_state *s);

/* The first result the tree needs that no task has given, or NULL. */
const struct task_ref *pipeline_missing(const struct pipeline_state *s, const struct value *tree,
                                        struct arena *a);

/* Adds tasks.NAME.status, tasks.NAME.reason and tasks.status, for finally tasks. */
void pipeline_scope_status(const struct pipeline_state *s, struct scope *into);

/* The pipeline's own results, of the tasks that have ended. */
const struct value *pipeline_results(const struct pipeline_state *s, struct arena *a);

/* childReferences and skippedTasks; `created` are children of this very plan. */
const struct value *pipeline_references(const struct pipeline_state *s,
                                        const struct value *const *created, size_t n,
                                        struct arena *a);
const struct value *pipeline_skipped(const struct pipeline_state *s, struct arena *a);
