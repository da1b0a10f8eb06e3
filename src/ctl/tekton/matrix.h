/* matrix.h - one pipeline task many times: every combination of a matrix's parameters. */
#pragma once
#include "codec/value.h"

enum { MATRIX_MAX = 256 };

/* The parameters ([{name, value}]) of every run, in upstream's order. ERR_TOO_LARGE past
 * MATRIX_MAX. An empty array in matrix.params gives none. Variables must have been replaced. */
int matrix_expand(const struct value *matrix, struct arena *a, const struct value **out,
                  struct err *e) MUST_CHECK;
