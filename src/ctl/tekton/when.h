/* when.h - `when` expressions: input in values, input notin values, or CEL. */
#pragma once
#include "codec/value.h"

/* Whether all of a list allow execution; variables must have been replaced. */
int when_allows(const struct value *list, struct arena *a, bool *out, struct err *e) MUST_CHECK;
