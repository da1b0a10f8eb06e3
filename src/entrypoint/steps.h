/* steps.h - what earlier steps of the pod left, for the one that is about to run.
 *
 * Model      A step's results are files in /tekton/steps/step-NAME/results. A reference
 *            $(steps.NAME.results.RESULT) in an argument, an environment variable or a script
 *            is replaced by the file's text; [N], .KEY and [*] look into JSON.
 * Guarantees What names nothing stays as it is.                                           */
#pragma once
#include <stdbool.h>

#include "base/arena.h"

/* Arguments with references replaced; one that is nothing but …[*] becomes many. */
char *const *steps_arguments(char *const *args, struct arena *a);
const char *steps_text(const char *text, struct arena *a);
void steps_environment(struct arena *a); /* of this process */

/* A script with references is copied to `folder`, replaced; else `script` itself. */
const char *steps_script(const char *script, const char *folder, struct arena *a);

/* Tekton's when expressions as JSON: whether they allow the step. */
int steps_allow(const char *when, struct arena *a, bool *out, struct err *e) MUST_CHECK;
