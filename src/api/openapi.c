#include "api/openapi.h"

#include <string.h>

#include "api/crd_int.h"
#include "api/tree_int.h"
#include "codec/json.h"

struct doc {
    struct arena *a;
    struct value *schemas; /* by full name */
    bool v2;
};

/* "core.v1.Pod" → "io.k8s.api.core.v1.Pod" */
static const char *full_name(struct arena *a, const char *name)
{
    const char *root =
        strncmp(name, "meta.", 5) == 0               ? "io.k8s.apimachinery.pkg.apis."
        : strncmp(name, "apiextensions.", 14) == 0   ? "io.k8s.apiextensions-apiserver.pkg.apis."
        : strncmp(name, "apiregistration.", 16) == 0 ? "io.k8s.kube-aggregator.pkg.apis."
                                                     : "io.k8s.api.";
    return arena_printf(a, "%s%s", root, name);
}

/* "crd.example.com", "v1", "Thing" → "com.example.crd.v1.Thing" */
static const char *custom_name(struct arena *a, const struct resource *r)
{
    const char *text = "";
    char *save = NULL, *copy = arena_strdup(a, r->group);
    for (char *w = strtok_r(copy, ".", &save); w; w = strtok_r(NULL, ".", &save))
        text = arena_printf(a, "%s%s%s", w, *text ? "." : "", text);
    return arena_printf(a, "%s.%s.%s", text, r->version, r->kind);
}

static struct value *node_of(struct doc *d, const struct schema *s);

static void put_type(struct doc *d, struct value *node, const char *type, const char *format)
{
    (void)value_set_str(d->a, node, "type", type);
    if (format)
        (void)value_set_str(d->a, node, "format", format);
}

static void put_scalar(struct doc *d, struct value *node, const struct schema *s)
{
    static const char *const formats[] = {
        [FORMAT_INT32] = "int32",   [FORMAT_INT64] = "int64",    [FORMAT_FLOAT] = "float",
        [FORMAT_BYTE] = "byte",     [FORMAT_TIME] = "date-time", [FORMAT_MICRO_TIME] = "date-time",
        [FORMAT_DOUBLE] = "double", [FORMAT_OTHER] = NULL,
    };
    const char *format = formats[s->format];
    switch ((int)s->type) {
    case SCHEMA_STRING:
        put_type(d, node, "string", format);
        break;
    case SCHEMA_INT:
        put_type(d, node, "integer", format);
        break;
    case SCHEMA_NUMBER:
        put_type(d, node, "number", format);
        break;
    case SCHEMA_BOOL:
        put_type(d, node, "boolean", NULL);
        break;
    case SCHEMA_INT_OR_STRING:
        if (d->v2)
            put_type(d, node, "string", "int-or-string");
        else
            (void)value_set_str(d->a, node, "format", "int-or-string");
        break;
    default:
        if (s->format == FORMAT_RAW)
            put_type(d, node, "object", NULL);
        break;
    }
}

/* What SSA and patches need to know of a place. */
static void put_extensions(struct doc *d, struct value *node, const struct schema *s)
{
    static const char *const types[] = {
        [LIST_ATOMIC] = "atomic", [LIST_SET] = "set", [LIST_MAP] = "map"};
    struct arena *a = d->a;
    if (s->list_type)
        (void)value_set_str(a, node, "x-kubernetes-list-type", types[s->list_type]);
    if (s->list_type == LIST_MAP) {
        struct value *keys = value_make_array(a, node, "x-kubernetes-list-map-keys");
        for (size_t i = 0; i < s->n_map_keys; i++)
            (void)value_push_str(a, keys, s->map_keys[i]);
    }
    if (s->type == SCHEMA_MAP && (s->flags & SCHEMA_ATOMIC))
        (void)value_set_str(a, node, "x-kubernetes-map-type", "atomic");
    bool merge = s->flags & SCHEMA_PATCH_MERGE, retain = s->flags & SCHEMA_PATCH_RETAIN;
    if (merge || retain)
        (void)value_set_str(a, node, "x-kubernetes-patch-strategy",
                            merge && retain ? "merge,retainKeys"
                            : merge         ? "merge"
                                            : "retainKeys");
    if (s->merge_key)
        (void)value_set_str(a, node, "x-kubernetes-patch-merge-key", s->merge_key);
}

static void define(struct doc *d, const struct schema *s);

static void put_reference(struct doc *d, struct value *node, const struct schema *s)
{
    const char *ref = arena_printf(d->a, "#/%s/%s", d->v2 ? "definitions" : "components/schemas",
                                   full_name(d->a, s->name));
    define(d, s);
    if (d->v2 || !s->dflt) {
        if (!d->v2) {
            struct value *all = value_make_array(d->a, node, "allOf");
            (void)value_set_str(d->a, value_push(d->a, all, value_new_object(d->a)), "$ref", ref);
        } else {
            (void)value_set_str(d->a, node, "$ref", ref);
        }
        return;
    }
    struct value *all = value_make_array(d->a, node, "allOf");
    (void)value_set_str(d->a, value_push(d->a, all, value_new_object(d->a)), "$ref", ref);
}

static struct value *node_of(struct doc *d, const struct schema *s)
{
    struct value *node = value_new_object(d->a), *dflt;
    if (s->type == SCHEMA_STRUCT && s->name) {
        put_reference(d, node, s);
    } else if (s->type == SCHEMA_LIST) {
        put_type(d, node, "array", NULL);
        (void)value_set(d->a, node, "items", node_of(d, s->items));
    } else if (s->type == SCHEMA_MAP) {
        put_type(d, node, "object", NULL);
        (void)value_set(d->a, node, "additionalProperties", node_of(d, s->items));
    } else {
        put_scalar(d, node, s);
    }
    if (s->dflt && !d->v2 && json_parse(d->a, s->dflt, strlen(s->dflt), 0, &dflt, NULL) == 0)
        (void)value_set(d->a, node, "default", dflt);
    put_extensions(d, node, s);
    return node;
}

static void define(struct doc *d, const struct schema *s)
{
    const char *name = full_name(d->a, s->name);
    if (value_get(d->schemas, name))
        return;
    (void)value_set(d->a, d->schemas, name, value_null(d->a)); /* it may hold itself */
    struct value *node = value_new_object(d->a), *required = value_new_array(d->a);
    (void)value_set_str(d->a, node, "type", "object");
    struct value *props = value_new_object(d->a);
    for (size_t i = 0; i < s->n_fields; i++) {
        (void)value_set(d->a, props, s->fields[i].name, node_of(d, s->fields[i].schema));
        if (s->fields[i].required)
            (void)value_push_str(d->a, required, s->fields[i].name);
    }
    if (required->n)
        (void)value_set(d->a, node, "required", required);
    (void)value_set(d->a, node, "properties", props);
    if (s->flags & SCHEMA_ATOMIC)
        (void)value_set_str(d->a, node, "x-kubernetes-map-type", "atomic");
    (void)value_set(d->a, d->schemas, name, node);
}

static struct value *gvk(struct arena *a, const struct resource *r)
{
    struct value *v = value_new_object(a);
    (void)value_set_str(a, v, "group", r->group);
    (void)value_set_str(a, v, "kind", r->kind);
    (void)value_set_str(a, v, "version", r->version);
    return v;
}

/* Names of kinds as `kubectl explain` looks for them. */
static void name_kind(struct doc *d, const char *name, const struct resource *r)
{
    struct value *node = value_get_mut(d->schemas, name);
    if (!node || node->kind != VALUE_OBJECT)
        return;
    struct value *list = value_make_array(d->a, node, "x-kubernetes-group-version-kind");
    (void)value_push(d->a, list, gvk(d->a, r));
}

static void define_custom(struct doc *d, const struct kind *k)
{
    static const char meta[] = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
    const char *name = custom_name(d->a, k->resource);
    struct value *node =
        k->crd->open_api ? value_copy(d->a, k->crd->open_api) : value_new_object(d->a);
    define(d, schema_named("meta.v1.ObjectMeta"));
    if (!k->crd->open_api)
        (void)value_set_bool(d->a, node, "x-kubernetes-preserve-unknown-fields", true);
    (void)value_set_str(d->a, node, "type", "object");
    struct value *props = sub_object(d->a, node, "properties");
    static const char *const given[] = {"apiVersion", "kind"};
    for (size_t i = 0; i < 2; i++)
        (void)value_set_str(d->a, value_set(d->a, props, given[i], value_new_object(d->a)), "type",
                            "string");
    struct value *ref = value_set(d->a, props, "metadata", value_new_object(d->a));
    (void)value_set_str(
        d->a, ref, "$ref",
        arena_printf(d->a, "#/%s/%s", d->v2 ? "definitions" : "components/schemas", meta));
    if (!d->v2) {
        (void)value_remove(ref, "$ref");
        struct value *all = value_make_array(d->a, ref, "allOf");
        (void)value_set_str(d->a, value_push(d->a, all, value_new_object(d->a)), "$ref",
                            arena_printf(d->a, "#/components/schemas/%s", meta));
    }
    (void)value_set(d->a, d->schemas, name, node);
}

static void define_kind(struct doc *d, const struct kind *k)
{
    if (k->crd) {
        define_custom(d, k);
        name_kind(d, custom_name(d->a, k->resource), k->resource);
    } else if (k->schema && k->schema->name) {
        define(d, k->schema);
        name_kind(d, full_name(d->a, k->schema->name), k->resource);
    }
}

/* ---- paths ---- */

static const struct {
    const char *method, *action;
    bool item;
} OPERATIONS[] = {
    {"get",    "list",   false},
    {"post",   "post",   false},
    {"get",    "get",    true },
    {"put",    "put",    true },
    {"patch",  "patch",  true },
    {"delete", "delete", true },
};

static void add_parameters(struct doc *d, struct value *op, const char *method)
{
    static const char *const names[] = {"dryRun", "fieldManager", "fieldValidation", "force"};
    struct value *list = value_make_array(d->a, op, "parameters");
    bool patch = is(method, "patch");
    if (is(method, "get"))
        return;
    for (size_t i = 0; i < (patch ? 4u : 3u); i++) {
        struct value *p = value_push(d->a, list, value_new_object(d->a));
        (void)value_set_str(d->a, p, "name", names[i]);
        (void)value_set_str(d->a, p, "in", "query");
        const char *type = is(names[i], "force") ? "boolean" : "string";
        if (d->v2)
            (void)value_set_str(d->a, p, "type", type);
        else
            (void)value_set_str(d->a, value_set(d->a, p, "schema", value_new_object(d->a)), "type",
                                type);
    }
}

static void add_paths(struct doc *d, struct value *paths, const struct kind *k)
{
    const struct resource *r = k->resource;
    const char *base = resource_path(r, r->namespaced ? "{namespace}" : NULL, NULL, NULL, d->a);
    for (size_t i = 0; i < ARRAY_LEN(OPERATIONS); i++) {
        const char *path = OPERATIONS[i].item ? arena_printf(d->a, "%s/{name}", base) : base;
        struct value *at = sub_object(d->a, paths, path);
        struct value *op = value_set(d->a, at, OPERATIONS[i].method, value_new_object(d->a));
        (void)value_set_str(d->a, op, "x-kubernetes-action", OPERATIONS[i].action);
        (void)value_set(d->a, op, "x-kubernetes-group-version-kind", gvk(d->a, r));
        add_parameters(d, op, OPERATIONS[i].method);
        struct value *ok = sub_object(d->a, sub_object(d->a, op, "responses"), "200");
        (void)value_set_str(d->a, ok, "description", "OK");
    }
}

static struct value *new_document(struct doc *d)
{
    struct value *root = value_new_object(d->a);
    (void)value_set_str(d->a, root, d->v2 ? "swagger" : "openapi", d->v2 ? "2.0" : "3.0.0");
    struct value *info = sub_object(d->a, root, "info");
    (void)value_set_str(d->a, info, "title", "Kubernetes");
    (void)value_set_str(d->a, info, "version", "v1.33.0");
    return root;
}

struct value *openapi_v3(const struct kind *const *kinds, size_t n, const char *group,
                         const char *version, struct arena *a)
{
    struct doc d = {.a = a, .schemas = value_new_object(a)};
    struct value *root = new_document(&d), *paths = value_new_object(a);
    for (size_t i = 0; i < n; i++) {
        if (!is(kinds[i]->resource->group, group) || !is(kinds[i]->resource->version, version))
            continue;
        define_kind(&d, kinds[i]);
        add_paths(&d, paths, kinds[i]);
    }
    (void)value_set(a, root, "paths", paths);
    struct value *components = value_set(a, root, "components", value_new_object(a));
    (void)value_set(a, components, "schemas", d.schemas);
    return root;
}

struct value *openapi_v2(const struct kind *const *kinds, size_t n, struct arena *a)
{
    struct doc d = {.a = a, .schemas = value_new_object(a), .v2 = true};
    struct value *root = new_document(&d), *paths = value_new_object(a);
    for (size_t i = 0; i < n; i++) {
        define_kind(&d, kinds[i]);
        add_paths(&d, paths, kinds[i]);
    }
    (void)value_set(a, root, "paths", paths);
    (void)value_set(a, root, "definitions", d.schemas);
    return root;
}
