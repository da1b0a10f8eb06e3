/* program.h - small static programs that travel inside this one: put where they can be run.
 *
 * The entrypoint of pipeline steps is one; runtime/ carries its shim the same way.        */
#pragma once
#include <stddef.h>

#include "base/err.h"

struct program {
    const void *bytes;
    size_t n;
};

/* The step entrypoint (README.md). */
struct program program_entrypoint(void);

/* Makes `path` this program, mode 0755; one that is there already is left alone. Processes that
 * run an older one are not disturbed. */
int program_install(const struct program *p, const char *path, struct err *e) MUST_CHECK;
