/* diff.h - do two states of one object differ in anything that a person would call different?
 *
 * Model      The first choice is to compare what the server predicts (a dry run of the apply)
 *            with what is live: defaults and other writers' fields are then on both sides. Where
 *            no prediction can be had, the wanted object is held against the live one: every
 *            field that is wanted must be there.
 * Guarantees Pure. Bookkeeping (managedFields, resourceVersion, status …) never differs. */
#pragma once
#include "codec/value.h"

/* Parts left out of the comparison: an Application's spec.ignoreDifferences, all entries. */
struct diff_ignore {
    const struct value *entries; /* an array, or NULL */
};

/* ERR_UNSUPPORTED names an entry that is not understood. */
int diff_ignore_check(const struct value *entries, struct err *e) MUST_CHECK;

/* A copy without bookkeeping and without what is ignored. Paths are those of `live`, whose
 * managers may be named. */
struct value *diff_normal(const struct value *object, const struct diff_ignore *ignore,
                          struct arena *a);

/* The path of the first difference, or NULL. */
const char *diff_objects(const struct value *predicted, const struct value *live,
                         const struct diff_ignore *ignore, struct arena *a);
const char *diff_config(const struct value *wanted, const struct value *live, struct arena *a);
/* The same, with parts ignored. */
const char *diff_config_ignoring(const struct value *wanted, const struct value *live,
                                 const struct diff_ignore *ignore, struct arena *a);

/* `wanted` with the ignored parts as they are live (RespectIgnoreDifferences). */
struct value *diff_keep_ignored(const struct value *wanted, const struct value *live,
                                const struct diff_ignore *ignore, struct arena *a);
