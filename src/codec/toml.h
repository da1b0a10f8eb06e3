/* toml.h - TOML 1.0 text to values.
 *
 * Model      Tables are objects, arrays of tables arrays; dates and times are text as written.
 * Guarantees A key that is set twice, a table that is opened twice and everything else the
 *            specification refuses is refused with its line. Nesting and the number of keys of one
 *            table are limited, as both cost more than their bytes.                            */
#pragma once
#include "codec/value.h"

enum { TOML_DEPTH_MAX = 64, TOML_KEYS_MAX = 4096 };

int toml_parse(struct arena *a, const char *text, size_t n, struct value **out,
               struct err *e) MUST_CHECK;
