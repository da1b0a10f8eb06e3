/* taskspec.h - a Task's spec made ready to run: references filled in, variables replaced.
 *
 * Guarantees Pure. What only a running step can know ($(steps.a.results.r)) stays for the
 *            entrypoint. Refusals use upstream's sentences.                              */
#pragma once
#include "ctl/tekton/params.h"

/* Finds the spec of a StepAction that a step's `ref` names. */
struct step_actions {
    int (*find)(void *arg, const struct value *ref, struct arena *a, const struct value **spec,
                struct err *e);
    void *arg;
};

/* "unnamed-3" for a step without a name. */
const char *step_name(const struct value *step, size_t i, struct arena *a);

/* What was v1beta1 (or older) in a spec, in v1's spelling. */
const struct value *taskspec_modernize(const struct value *spec, struct arena *a);

/* Puts the referenced StepActions' content into the steps. */
int taskspec_fill_steps(const struct value *run, const struct value *spec,
                        const struct step_actions *actions, struct arena *a,
                        const struct value **out, struct err *e) MUST_CHECK;

/* Checks parameters and workspaces of the run against the spec. */
int taskspec_validate(const struct value *run, const struct value *spec, const char *task,
                      struct arena *a, struct err *e) MUST_CHECK;

/* Replaces variables. `volumes`: name of the pod's volume by workspace name. */
int taskspec_apply(const struct value *run, const struct value *spec, const char *task,
                   const struct value *volumes, struct arena *a, const struct value **out,
                   struct err *e) MUST_CHECK;

/* The path a workspace is mounted at. */
const char *workspace_path(const struct value *decl, const char *name, struct arena *a);
