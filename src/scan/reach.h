/* reach.h - which packages of a lock file only its developers need. Private to scan/.
 *
 * Model      Packages point at what they need; two roots, what the program needs and what its
 *            developers need. What only the second leads to is theirs alone. What neither leads to
 *            is nobody's to call so.
 * Lifetime   Everything lives in the arena given.                                          */
#pragma once
#include <stdbool.h>

#include "base/arena.h"
#include "codec/value.h"

struct reach;

/* Names of the roots, which no package has. */
#define REACH_PROGRAM    "\n"
#define REACH_DEVELOPERS "\n\n"

struct reach *reach__new(struct arena *a);
void reach__edge(struct reach *g, const char *from, const char *to);
/* After the last edge. */
void reach__walk(struct reach *g);
bool reach__only_developers(const struct reach *g, const char *name);
