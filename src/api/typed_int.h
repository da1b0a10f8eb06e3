/* typed_int.h - comparing, merging and cutting values by their schema, for managed.c.
 *
 * Model    At every place a value has a shape: a scalar, something atomic, a map, or a list
 *          whose items have keys. Where the schema says nothing, maps are maps and lists are
 *          atomic. NULL is "absent"; a null value is not.                                */
#pragma once
#include "api/fieldset_int.h"

struct comparison {
    struct fieldset added, modified, removed;
};

/* The step of a list's item ("k:…" or "v:…"), or NULL with a reason. */
const char *typed__item_step(const struct schema *list, const struct value *item, struct arena *a,
                             const char **why);

/* Does the value fit its schema? Errors as structured-merge-diff words them.
 * allow_dups: items with equal keys are not an error. */
int typed__check(const struct schema *s, const struct value *v, bool allow_dups, struct arena *a,
                 struct err *e);
void typed__to_set(const struct schema *s, const struct value *v, struct arena *a,
                   struct fieldset *out);
void typed__compare(const struct schema *s, const struct value *lhs, const struct value *rhs,
                    struct arena *a, struct comparison *out);
/* What rhs says, on top of lhs. */
struct value *typed__merge(const struct schema *s, const struct value *lhs, const struct value *rhs,
                           struct arena *a);
/* Without what `gone` names (extract: only that); NULL when nothing is left. */
struct value *typed__remove(const struct schema *s, const struct value *v,
                            const struct fieldset *gone, bool extract, struct arena *a);

/* A value as Go's %#v prints it. */
const char *typed__go(const struct value *v, struct arena *a);
