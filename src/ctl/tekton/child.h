/* child.h - the TaskRun, CustomRun or PipelineRun of one pipeline task. */
#pragma once
#include "ctl/tekton/pipelinerun_plan.h"

/* `task`: the pipeline task with all variables replaced. `params`: of this combination of its
 * matrix, or NULL; `index`: its number, < 0 without a matrix. */
struct value *child_make(const struct pipelinerun_view *v, const struct value *task,
                         const struct value *params, int index, struct arena *a);

/* "TaskRun", "CustomRun" or "PipelineRun". */
const char *child_kind(const struct value *task);
