/* params.h - declared parameters meet given values.
 *
 * Model      A declaration has a name, a type (said or inferred from default and properties),
 *            a default, an enum. Given values win over defaults; object parameters take
 *            missing keys from the default. Values that are not declared are kept: embedded
 *            specs may use them.
 * Guarantees Refusals use upstream's sentences.                                          */
#pragma once
#include "ctl/tekton/subst.h"

/* "string", "array" or "object". */
const char *param_type(const struct value *decl);

/* A given value in the form that variables need: numbers and booleans become texts. */
const struct value *param_value(const struct value *v, struct arena *a);

/* Binds `given` ([{name, value}]) to `decls`; *out is an object by name. */
int params_bind(const struct value *decls, const struct value *given, struct arena *a,
                struct value **out, struct err *e) MUST_CHECK;

/* ERR_INVALID when a bound value is not in its declaration's enum. */
int params_check_enum(const struct value *decls, const struct value *bound,
                      struct err *e) MUST_CHECK;

/* ERR_INVALID when the tree indexes past the end of a bound array. */
int params_check_indexes(const struct value *tree, const struct value *bound, struct arena *a,
                         struct err *e) MUST_CHECK;

/* Puts params.NAME (and the older inputs.params.NAME) for every bound value. */
void params_scope(struct scope *s, const struct value *bound);

/* [{name, value}] by name, or NULL. */
const struct value *named(const struct value *list, const char *name);
