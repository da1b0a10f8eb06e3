/* spawn_int.h - other programs whose output is read line by line. */
#pragma once
#include "base/err.h"

/* Runs argv[0] (found in PATH) with `env` (NULL: ours), hands over each line of its output (with
 * its errors when `with_errors`), and waits. *exit_code is 128 + signal when it was killed. */
int spawn_lines(const char *const *argv, const char *const *env, _Bool with_errors,
                void (*on_line)(void *arg, const char *line), void *arg, int *exit_code,
                struct err *e) MUST_CHECK;
