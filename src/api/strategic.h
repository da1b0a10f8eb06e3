/* strategic.h - strategic merge patch: lists merge by key where the schema says so.
 *
 * Model    $patch: replace|delete|merge, $retainKeys, $deleteFromPrimitiveList and
 *          $setElementOrder as upstream. Results share with their inputs; inputs are not
 *          written.                                                                      */
#pragma once
#include "api/schema.h"

int strategic_apply(struct arena *a, const struct schema *s, const struct value *doc,
                    const struct value *patch, struct value **out, struct err *e) MUST_CHECK;

/* The patch that makes `modified` of `original`. */
int strategic_diff(struct arena *a, const struct schema *s, const struct value *original,
                   const struct value *modified, struct value **out, struct err *e) MUST_CHECK;

/* kubectl apply: deletions from original → modified, the rest from current → modified.
 * ERR_CONFLICT when current moved elsewhere and `overwrite` is false. */
int strategic_diff3(struct arena *a, const struct schema *s, const struct value *original,
                    const struct value *modified, const struct value *current, bool overwrite,
                    struct value **out, struct err *e);
