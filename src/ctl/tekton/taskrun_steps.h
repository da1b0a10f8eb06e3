/* taskrun_steps.h - what a pod's containers say about a TaskRun's steps. */
#pragma once
#include "codec/value.h"

/* All steps have ended, or the pod has. */
bool taskrun_steps_complete(const struct value *pod);
bool taskrun_steps_failed(const struct value *pod);
/* Why, as a condition's reason and message; of a pod that failed. */
void taskrun_steps_failure(const struct value *pod, struct arena *a, const char **reason,
                           const char **message);

/* Fills steps, sidecars, results and artifacts of a status from the pod. */
void taskrun_steps_status(const struct value *run, const struct value *pod, struct value *status,
                          struct arena *a);

/* A sentence when results do not have their declared types or keys, else NULL. */
const char *taskrun_results_problem(const struct value *status, struct arena *a);
