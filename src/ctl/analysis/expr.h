/* expr.h - conditions: the expression language of Argo Rollouts (expr-lang), as far as conditions
 * use it.
 *
 * Model      result[0] < 0.05 && len(result) > 0; literals, lists, members, indexes, arithmetic,
 *            comparisons, in, contains, startsWith, endsWith, && || ! (and or not), ?:, ??, and the
 *            functions len, default, isNaN, isInf, isNil, asInt, asFloat, abs, min, max, sum,
 *            all, any, none, one, filter, map, count with {# …} predicates.
 * Guarantees Pure; length, nesting and work are limited.                                 */
#pragma once
#include "codec/value.h"

/* What `text` says of `result`. ERR_INVALID names what is wrong, and where. */
int expr_eval(struct arena *a, const char *text, const struct value *result,
              const struct value **out, struct err *e) MUST_CHECK;

/* The same, for a truth; ERR_INVALID when it is none. */
int expr_true(struct arena *a, const char *text, const struct value *result, bool *out,
              struct err *e) MUST_CHECK;
