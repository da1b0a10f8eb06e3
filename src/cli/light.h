/* light.h - the verbs that need neither server nor network: the small program's own.
 *
 * Model      slipway is two programs. The one that users start knows these verbs and is there at
 *            once; for all others, and for arguments that are URLs, it becomes the whole program,
 *            which loads fifty libraries and knows everything.                            */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

/* False: not for the small program. */
bool light_run(int argc, char **argv, int *code);

/* The content at a URL; the small program has none (light_net.c and light_alone.c). */
int light_fetch(const char *url, size_t max, struct arena *a, const char **out, size_t *n,
                struct err *e) MUST_CHECK;
