/* patch.h - JSON Patch (RFC 6902) and JSON Merge Patch (RFC 7386) on values.
 *
 * Results share with the originals where they are equal; originals are not written.  */
#pragma once
#include "codec/value.h"

int patch_json(struct arena *a, const struct value *doc, const struct value *patch,
               struct value **out, struct err *e) MUST_CHECK;
struct value *patch_merge(struct arena *a, const struct value *doc, const struct value *patch);

/* The merge patch that makes `to` of `from` (empty object: nothing to change). */
struct value *patch_merge_diff(struct arena *a, const struct value *from, const struct value *to);
