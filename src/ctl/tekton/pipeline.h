/* pipeline.h - a Pipeline's tasks and what each waits for.
 *
 * Model      Tasks and finally tasks are nodes. A task depends on those named in runAfter and
 *            on those whose results it uses; only the second kind must have succeeded.
 * Guarantees Nodes stand in an order in which dependencies come first; a cycle, an unknown
 *            name or a name that stands twice is refused.                                 */
#pragma once
#include "codec/value.h"

enum { PIPELINE_TASKS_MAX = 1024 };

struct pipeline_node {
    const struct value *task;
    const char *name;
    bool final;
    const struct pipeline_node **after; /* all it depends on */
    bool *uses_results;                 /* for each of `after` */
    size_t n_after;
};

struct pipeline {
    struct pipeline_node *nodes; /* dependencies first, finally tasks last */
    size_t n;
};

int pipeline_make(const struct value *spec, struct arena *a, struct pipeline *out,
                  struct err *e) MUST_CHECK;
const struct pipeline_node *pipeline_find(const struct pipeline *p, const char *name);

/* The pieces of "tasks.NAME.results.RESULT" and its like; false when it is something else. */
struct task_ref {
    const char *task, *field, *result; /* field: "results", "status", "outputs" … */
    bool final;                        /* "finally.NAME…" */
};
bool task_ref_parse(const char *name, struct arena *a, struct task_ref *out);
