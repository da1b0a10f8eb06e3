/* tables_int.h - the constant tables that tools/schema-gen.py writes.                    */
#pragma once
#include <stddef.h>

#include "api/schema.h"

struct named_type {
    const char *name;          /* "core.v1.Pod" */
    const char *group_version; /* "v1" when it is a kind, else "" */
    const struct schema *schema;
};

extern const struct named_type schema__types[]; /* by name */
extern const size_t schema__n_types;
