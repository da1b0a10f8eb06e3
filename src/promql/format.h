/* format.h - an expression as text again, as Prometheus lays it out.
 *
 * Guarantees What is printed parses to the same expression. Lines of more than 100 characters are
 *            broken where calls, aggregations, operators and parentheses allow it.           */
#pragma once
#include "promql/ast.h"

char *promql_format(struct arena *a, const struct expr *x);
