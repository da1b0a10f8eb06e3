/* textproto.h - the text form of protocol buffers, as far as test files use it. */
#pragma once
#include "codec/value.h"

/* A message becomes an object whose members are arrays, one item for every time a field stands
 * there; numbers and enum names are strings as they were written. */
int textproto_parse(struct arena *a, const char *text, size_t n, struct value **out,
                    struct err *e) MUST_CHECK;
