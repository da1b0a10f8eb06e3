#include "api/schema.h"

#include <string.h>

#include "api/tables_int.h"

const struct schema *schema_named(const char *name)
{
    size_t lo = 0, hi = schema__n_types;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = strcmp(name, schema__types[mid].name);
        if (c == 0)
            return schema__types[mid].schema;
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}

const struct schema *schema_builtin(const char *api_version, const char *kind)
{
    for (size_t i = 0; i < schema__n_types; i++) {
        const struct named_type *t = &schema__types[i];
        if (strcmp(t->group_version, api_version) == 0 &&
            strcmp(strrchr(t->name, '.') + 1, kind) == 0)
            return t->schema;
    }
    return NULL;
}

const struct schema_field *schema_field(const struct schema *s, const char *name)
{
    if (!s || s->type != SCHEMA_STRUCT)
        return NULL;
    size_t lo = 0, hi = s->n_fields;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = strcmp(name, s->fields[mid].name);
        if (c == 0)
            return &s->fields[mid];
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}

const struct schema *schema_member(const struct schema *s, const char *name)
{
    if (!s)
        return NULL;
    if (s->type == SCHEMA_MAP)
        return s->items;
    const struct schema_field *f = schema_field(s, name);
    return f ? f->schema : NULL;
}
