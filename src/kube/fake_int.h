/* fake_int.h - the parts of the fake that only look at values. */
#pragma once
#include "api/object.h"

/* "a=b,c!=d,e,!f,g in (x,y),h notin (z)"; NULL matches all. */
bool fake__match_labels(const struct object *o, const char *selector);
/* "metadata.name=x,status.phase!=y" */
bool fake__match_fields(const struct object *o, const char *selector);

/* A merge patch that merges lists of named things by name. */
struct value *fake__merge(struct arena *a, const struct value *doc, const struct value *patch);

/* Merges `now` into doc and removes what `before` had and `now` has not (before may be NULL). */
struct value *fake__apply(struct arena *a, const struct value *doc, const struct value *before,
                          const struct value *now);
