#include <string.h>

#include "codec/json.h"
#include "codec/yaml.h"
#include "k8s.h"

struct named {
    const char *name;
    struct schema *schema;
};

struct maker {
    struct arena *a;
    const struct value *types; /* where names lead to */
    struct named made[256];
    size_t n;
};

static const char *str(const struct value *v, const char *key)
{
    return value_str(value_get(v, key), "");
}

static int by_name(const void *x, const void *y)
{
    const struct schema_field *a = x, *b = y;
    return strcmp(a->name, b->name);
}

static struct schema *slot(struct maker *m, const char *name, bool *fresh)
{
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->made[i].name, name) == 0) {
            *fresh = false;
            return m->made[i].schema;
        }
    *fresh = true;
    m->made[m->n] = (struct named){name, ARENA_NEW(m->a, struct schema)};
    return m->made[m->n++].schema;
}

static void strings(struct maker *m, const struct value *list, const char *const **out, uint8_t *n)
{
    const char **keys = ARENA_ARRAY(m->a, const char *, value_count(list) + 1);
    *n = 0;
    VALUE_EACH_ITEM (k, list)
        keys[(*n)++] = value_str(k, "");
    *out = keys;
}

/* ---- OpenAPI ---- */

static void from_openapi(struct maker *m, const struct value *node, struct schema *out);

static const struct schema *new_openapi(struct maker *m, const struct value *node)
{
    struct schema *s = ARENA_NEW(m->a, struct schema);
    from_openapi(m, node, s);
    return s;
}

static void add_patch(const struct value *node, struct schema *s)
{
    const char *strategy = str(node, "x-kubernetes-patch-strategy");
    s->merge_key = value_str(value_get(node, "x-kubernetes-patch-merge-key"), NULL);
    if (strstr(strategy, "merge"))
        s->flags |= SCHEMA_PATCH_MERGE;
    if (strstr(strategy, "retainKeys"))
        s->flags |= SCHEMA_PATCH_RETAIN;
    if (strstr(strategy, "replace"))
        s->flags |= SCHEMA_PATCH_REPLACE;
}

static void from_ref(struct maker *m, const char *ref, struct schema *out)
{
    bool fresh;
    const char *name = strrchr(ref, '/') + 1;
    struct schema *s = slot(m, name, &fresh);
    if (fresh)
        from_openapi(m, value_get(m->types, name), s);
    *out = *s;
}

static void from_openapi(struct maker *m, const struct value *node, struct schema *out)
{
    const struct value *first = value_item(value_get(node, "allOf"), 0);
    const char *ref = *str(node, "$ref") ? str(node, "$ref") : str(first, "$ref");
    const struct value *props = value_get(node, "properties");
    const struct value *more = value_get(node, "additionalProperties");
    if (*ref) {
        from_ref(m, ref, out);
    } else if (props) {
        struct schema_field *f = ARENA_ARRAY(m->a, struct schema_field, value_count(props) + 1);
        size_t n = value_count(props), i = 0;
        out->type = SCHEMA_STRUCT;
        out->fields = f; /* before its members: it may hold itself */
        out->n_fields = (uint16_t)n;
        VALUE_EACH_MEMBER (p, props)
            f[i++].name = p->key;
        qsort(f, n, sizeof *f, by_name);
        for (i = 0; i < n; i++)
            f[i].schema = new_openapi(m, value_get(props, f[i].name));
    } else if (strcmp(str(node, "type"), "array") == 0) {
        out->type = SCHEMA_LIST;
        out->items = new_openapi(m, value_get(node, "items"));
    } else if (value_is(more, VALUE_OBJECT)) {
        out->type = SCHEMA_MAP;
        out->items = new_openapi(m, more);
    }
    add_patch(node, out);
    if (out->type == SCHEMA_STRUCT && out->merge_key) { /* a list by reference */
        struct schema *item = arena_dup(m->a, out, sizeof *out);
        out->items = item;
    }
}

const struct schema *k8s_openapi(struct arena *a, const struct value *doc, const char *name)
{
    struct maker *m = ARENA_NEW(a, struct maker);
    m->a = a;
    m->types = value_at(doc, "components.schemas");
    bool fresh;
    struct schema *s = slot(m, name, &fresh);
    from_openapi(m, value_get(m->types, name), s);
    return s;
}

/* ---- structured-merge-diff ---- */

static void from_smd(struct maker *m, const struct value *node, struct schema *out);

static const struct value *type_named(struct maker *m, const char *name)
{
    VALUE_EACH_ITEM (t, m->types)
        if (strcmp(str(t, "name"), name) == 0)
            return t;
    return NULL;
}

static const struct schema *smd_type(struct maker *m, const struct value *ref)
{
    const char *name = str(ref, "namedType");
    bool fresh = true;
    struct schema *s = *name ? slot(m, name, &fresh) : ARENA_NEW(m->a, struct schema);
    if (fresh)
        from_smd(m, *name ? type_named(m, name) : ref, s);
    const char *relation = str(ref, "elementRelationship");
    if (!*relation)
        return s;
    struct schema *changed = arena_dup(m->a, s, sizeof *s);
    if (strcmp(relation, "atomic") == 0) {
        changed->flags |= SCHEMA_ATOMIC;
        changed->list_type = LIST_ATOMIC;
    }
    return changed;
}

static void smd_map(struct maker *m, const struct value *map, struct schema *out)
{
    const struct value *fields = value_get(map, "fields"), *items = value_get(map, "elementType");
    struct schema_field *f = ARENA_ARRAY(m->a, struct schema_field, value_count(fields) + 1);
    out->type = fields ? SCHEMA_STRUCT : SCHEMA_MAP;
    if (strcmp(str(map, "elementRelationship"), "atomic") == 0)
        out->flags |= SCHEMA_ATOMIC;
    if (items && fields)
        out->flags |= SCHEMA_PRESERVE;
    out->fields = f;
    VALUE_EACH_ITEM (x, fields) {
        const struct value *dflt = value_get(x, "default");
        const struct schema *s = smd_type(m, value_get(x, "type"));
        if (dflt) {
            struct schema *with = arena_dup(m->a, s, sizeof *s);
            with->dflt_value = dflt;
            s = with;
        }
        f[out->n_fields++] = (struct schema_field){str(x, "name"), s, false};
    }
    qsort(f, out->n_fields, sizeof *f, by_name);
    if (items && !fields)
        out->items = smd_type(m, items);
}

static void from_smd(struct maker *m, const struct value *node, struct schema *out)
{
    const struct value *map = value_get(node, "map"), *list = value_get(node, "list");
    const char *scalar = str(node, "scalar");
    if (map && list) { /* of any form */
        out->type = SCHEMA_ANY;
        if (strcmp(str(map, "elementRelationship"), "atomic") == 0)
            out->flags |= SCHEMA_ATOMIC;
    } else if (map) {
        smd_map(m, map, out);
    } else if (list) {
        out->type = SCHEMA_LIST;
        strings(m, value_get(list, "keys"), &out->map_keys, &out->n_map_keys);
        out->list_type = strcmp(str(list, "elementRelationship"), "associative") != 0 ? LIST_ATOMIC
                         : out->n_map_keys                                            ? LIST_MAP
                                                                                      : LIST_SET;
        out->items = smd_type(m, value_get(list, "elementType"));
    } else {
        out->type = strcmp(scalar, "string") == 0    ? SCHEMA_STRING
                    : strcmp(scalar, "numeric") == 0 ? SCHEMA_NUMBER
                    : strcmp(scalar, "boolean") == 0 ? SCHEMA_BOOL
                                                     : SCHEMA_ANY;
    }
}

const struct schema *k8s_smd(struct arena *a, const char *yaml, const char *name)
{
    struct value *doc;
    if (yaml_parse(a, yaml, strlen(yaml), 0, &doc, NULL) < 0)
        return NULL;
    struct maker *m = ARENA_NEW(a, struct maker);
    m->a = a;
    m->types = value_get(doc, "types");
    if (!type_named(m, name))
        return NULL;
    bool fresh;
    struct schema *s = slot(m, name, &fresh);
    from_smd(m, type_named(m, name), s);
    return s;
}
