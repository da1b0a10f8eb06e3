#include "api/crd.h"

#include <string.h>

#include "api/crd_int.h"
#include "api/tree_int.h"

/* ---- nodes ---- */

bool crd__flag(const struct value *node, const char *name)
{
    return value_bool(value_get(node, name), false);
}

const struct value *crd__member(const struct value *node, const char *key)
{
    const struct value *found = value_get(value_get(node, "properties"), key);
    const struct value *more = value_get(node, "additionalProperties");
    return found ? found : value_is(more, VALUE_OBJECT) ? more : NULL;
}

static enum schema_type type_of(const struct value *node)
{
    static const struct {
        const char *name;
        enum schema_type type;
    } types[] = {
        {"object",  SCHEMA_STRUCT},
        {"array",   SCHEMA_LIST  },
        {"string",  SCHEMA_STRING},
        {"integer", SCHEMA_INT   },
        {"number",  SCHEMA_NUMBER},
        {"boolean", SCHEMA_BOOL  },
    };
    if (crd__flag(node, "x-kubernetes-int-or-string"))
        return SCHEMA_INT_OR_STRING;
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (is(str(node, "type"), types[i].name))
            return types[i].type;
    return SCHEMA_ANY;
}

static const struct schema *compile(struct arena *a, const struct value *node);

static int by_name(const void *x, const void *y)
{
    const struct schema_field *a = x, *b = y;
    return strcmp(a->name, b->name);
}

static bool is_required(const struct value *node, const char *name)
{
    VALUE_EACH_ITEM (r, value_get(node, "required"))
        if (is(value_str(r, ""), name))
            return true;
    return false;
}

static void compile_object(struct arena *a, struct schema *s, const struct value *node)
{
    const struct value *props = value_get(node, "properties");
    const struct value *more = value_get(node, "additionalProperties");
    if (is(str(node, "x-kubernetes-map-type"), "atomic"))
        s->flags |= SCHEMA_ATOMIC;
    if (!props) {
        s->type = SCHEMA_MAP;
        s->items = value_is(more, VALUE_OBJECT) ? compile(a, more) : NULL;
        if (!s->items)
            s->type = SCHEMA_ANY;
        return;
    }
    struct schema_field *f = ARENA_ARRAY(a, struct schema_field, value_count(props) + 1);
    VALUE_EACH_MEMBER (m, props)
        f[s->n_fields++] =
            (struct schema_field){m->key, compile(a, &m->value), is_required(node, m->key)};
    qsort(f, s->n_fields, sizeof *f, by_name);
    s->fields = f;
}

static void compile_list(struct arena *a, struct schema *s, const struct value *node)
{
    const char *type = str(node, "x-kubernetes-list-type");
    const struct value *keys = value_get(node, "x-kubernetes-list-map-keys");
    s->items = compile(a, value_get(node, "items"));
    s->list_type = is(type, "map") ? LIST_MAP : is(type, "set") ? LIST_SET : LIST_ATOMIC;
    const char **names = ARENA_ARRAY(a, const char *, value_count(keys) + 1);
    VALUE_EACH_ITEM (key, keys)
        if (s->n_map_keys < 16)
            names[s->n_map_keys++] = value_str(key, "");
    s->map_keys = names;
}

static const struct schema *compile(struct arena *a, const struct value *node)
{
    struct schema *s = ARENA_NEW(a, struct schema);
    struct schema_limits *limits = ARENA_NEW(a, struct schema_limits);
    limits->node = node;
    s->type = type_of(node);
    s->limits = limits;
    s->dflt_value = value_get(node, "default");
    if (crd__flag(node, "nullable"))
        s->flags |= SCHEMA_NULLABLE;
    if (crd__flag(node, "x-kubernetes-preserve-unknown-fields"))
        s->flags |= SCHEMA_PRESERVE;
    if (crd__flag(node, "x-kubernetes-embedded-resource"))
        s->flags |= SCHEMA_EMBEDDED;
    if (s->type == SCHEMA_STRUCT)
        compile_object(a, s, node);
    else if (s->type == SCHEMA_LIST)
        compile_list(a, s, node);
    return s;
}

const struct schema *schema_compile_crd(struct arena *a, const struct value *open_api_v3)
{
    static const char *const given[] = {"apiVersion", "kind", "metadata"};
    static const struct schema text = {.type = SCHEMA_STRING};
    struct schema *s = arena_dup(a, compile(a, open_api_v3), sizeof *s);
    struct schema_field *f = ARENA_ARRAY(a, struct schema_field, s->n_fields + 4u);
    size_t n = 0;
    for (size_t i = 0; i < s->n_fields; i++)
        if (!is(s->fields[i].name, given[0]) && !is(s->fields[i].name, given[1]) &&
            !is(s->fields[i].name, given[2]))
            f[n++] = s->fields[i];
    f[n++] = (struct schema_field){given[0], &text, false};
    f[n++] = (struct schema_field){given[1], &text, false};
    f[n++] = (struct schema_field){given[2], schema_named("meta.v1.ObjectMeta"), false};
    qsort(f, n, sizeof *f, by_name);
    s->type = SCHEMA_STRUCT;
    s->fields = f;
    s->n_fields = (uint16_t)n;
    return s;
}

/* ---- versions ---- */

static const char *short_names(struct arena *a, const struct value *list)
{
    const char *text = "";
    VALUE_EACH_ITEM (n, list)
        text = arena_printf(a, "%s%s%s", text, *text ? "," : "", value_str(n, ""));
    return text;
}

static void compile_columns(struct arena *a, struct crd_version *v, const struct value *list)
{
    struct crd_column *c = ARENA_ARRAY(a, struct crd_column, value_count(list) + 1);
    VALUE_EACH_ITEM (i, list)
        c[v->n_columns++] = (struct crd_column){.name = str(i, "name"),
                                                .type = str(i, "type"),
                                                .format = str(i, "format"),
                                                .description = str(i, "description"),
                                                .json_path = str(i, "jsonPath"),
                                                .priority = value_int(value_get(i, "priority"), 0)};
    v->columns = c;
}

static void compile_version(struct arena *a, struct crd_version *v, const struct value *spec,
                            const struct value *in)
{
    const struct value *names = value_get(spec, "names");
    const struct value *scale = value_at(in, "subresources.scale");
    const char *categories = short_names(a, value_get(names, "categories"));
    v->resource = (struct resource){.group = str(spec, "group"),
                                    .version = str(in, "name"),
                                    .kind = str(names, "kind"),
                                    .plural = str(names, "plural"),
                                    .singular = str(names, "singular"),
                                    .short_names = short_names(a, value_get(names, "shortNames")),
                                    .namespaced = is(str(spec, "scope"), "Namespaced"),
                                    .status = value_at(in, "subresources.status") != NULL,
                                    .scale = scale != NULL,
                                    .categories = *categories ? categories : NULL};
    v->list_kind = str(names, "listKind");
    v->open_api = value_at(in, "schema.openAPIV3Schema");
    v->schema = v->open_api ? schema_compile_crd(a, v->open_api) : NULL;
    v->served = crd__flag(in, "served");
    v->storage = crd__flag(in, "storage");
    v->deprecated = crd__flag(in, "deprecated");
    if (v->deprecated)
        v->deprecation_warning =
            value_str(value_get(in, "deprecationWarning"),
                      arena_printf(a, "%s/%s %s is deprecated", v->resource.group,
                                   v->resource.version, v->resource.kind));
    compile_columns(a, v, value_get(in, "additionalPrinterColumns"));
    const struct value *fields = value_get(in, "selectableFields");
    const char **paths = ARENA_ARRAY(a, const char *, value_count(fields) + 1);
    VALUE_EACH_ITEM (f, fields)
        paths[v->n_selectable++] = str(f, "jsonPath");
    v->selectable = paths;
    if (scale) {
        v->scale_spec = str(scale, "specReplicasPath");
        v->scale_status = str(scale, "statusReplicasPath");
        v->scale_selector = value_str(value_get(scale, "labelSelectorPath"), NULL);
    }
}

int crd_compile(struct arena *a, const struct value *root, const struct crd **out, struct err *e)
{
    const struct value *spec = value_get(root, "spec"), *versions = value_get(spec, "versions");
    if (!value_count(versions))
        return err_set(e, ERR_INVALID, "CustomResourceDefinition %s has no versions",
                       value_at_str(root, "metadata.name", ""));
    struct crd *c = ARENA_NEW(a, struct crd);
    struct crd_version *v = ARENA_ARRAY(a, struct crd_version, value_count(versions));
    c->name = value_at_str(root, "metadata.name", "");
    VALUE_EACH_ITEM (in, versions)
        compile_version(a, &v[c->n++], spec, in);
    c->versions = v;
    *out = c;
    return 0;
}

const struct crd_version *crd_version(const struct crd *c, const char *version)
{
    for (size_t i = 0; i < c->n; i++)
        if (is(c->versions[i].resource.version, version))
            return &c->versions[i];
    return NULL;
}

/* ---- pruning ---- */

struct prune {
    struct arena *a;
    struct err *e;
    struct strict_errors *out;
};

static int prune(struct prune *p, const struct value *node, struct value *v, const char *path,
                 bool keep);

static int prune_embedded(struct prune *p, struct value *v, const char *path)
{
    struct value *meta = value_get_mut(v, "metadata");
    const char *at = arena_printf(p->a, "%s.metadata", path);
    if (!meta)
        return 0;
    const struct value *before = value_copy(p->a, meta);
    int r = decode__meta(meta, at, p->out, p->a, p->e);
    if (r < 0)
        return err_wrap(p->e, r, "%s: Invalid value: %s", at, typed__go(before, p->a));
    return 0;
}

static bool is_given(const char *key)
{
    return is(key, "apiVersion") || is(key, "kind") || is(key, "metadata");
}

static int prune_object(struct prune *p, const struct value *node, struct value *v,
                        const char *path, bool keep)
{
    bool embedded = crd__flag(node, "x-kubernetes-embedded-resource");
    int r = embedded ? prune_embedded(p, v, path) : 0;
    bool below = node && value_get(node, "properties") == NULL && keep;
    keep = keep || crd__flag(node, "x-kubernetes-preserve-unknown-fields");
    for (size_t i = 0; r == 0 && i < v->n;) {
        const char *key = v->members[i].key;
        const struct value *sub = crd__member(node, key);
        const char *at = arena_printf(p->a, "%s%s%s", path, *path ? "." : "", key);
        bool given = (embedded || !*path) && is_given(key);
        if (!sub && !keep && !given) {
            strict_errors_add(p->out, p->a, arena_printf(p->a, "unknown field \"%s\"", at));
            (void)value_remove(v, key);
            continue;
        }
        if (!given)
            r = prune(p, sub, &v->members[i].value, at, sub ? false : keep || below);
        i++;
    }
    return r;
}

static int prune(struct prune *p, const struct value *node, struct value *v, const char *path,
                 bool keep)
{
    if (v->kind == VALUE_FLOAT)
        *v = *value_new_float(p->a, v->d); /* 2.0 is 2 from now on */
    if (v->kind == VALUE_OBJECT)
        return prune_object(p, node, v, path, keep);
    const struct value *items = value_get(node, "items");
    bool below = items ? false : keep || crd__flag(node, "x-kubernetes-preserve-unknown-fields");
    for (size_t i = 0; v->kind == VALUE_ARRAY && i < v->n; i++) {
        int r = prune(p, items, &v->items[i], arena_printf(p->a, "%s[%zu]", path, i), below);
        if (r < 0)
            return r;
    }
    return 0;
}

int crd__decode(const struct kind *k, struct value *obj, struct strict_errors *out, struct arena *a,
                struct err *e)
{
    struct prune p = {a, e, out};
    struct value *meta = value_get_mut(obj, "metadata");
    if (obj->kind != VALUE_OBJECT)
        return err_set(e, ERR_INVALID,
                       "json: cannot unmarshal %s into Go value of type "
                       "map[string]interface {}",
                       value_kind_name(obj->kind));
    int r = meta ? decode__meta(meta, "metadata", out, a, e) : 0;
    if (r < 0)
        return r;
    return prune(&p, k->crd->open_api, obj, "", !k->crd->open_api);
}

/* ---- defaults ---- */

/* A null where none may be goes, so that a default can take its place. */
static bool drops_null(const struct value *node, const struct value *v)
{
    return node && v->kind == VALUE_NULL && !crd__flag(node, "nullable") &&
           (*str(node, "type") || crd__flag(node, "x-kubernetes-int-or-string"));
}

void crd__fill(const struct value *node, struct value *v, struct arena *a)
{
    if (v->kind == VALUE_ARRAY) {
        const struct value *items = value_get(node, "items");
        for (size_t i = 0; items && i < v->n; i++)
            crd__fill(items, &v->items[i], a);
        return;
    }
    if (v->kind != VALUE_OBJECT || !node)
        return;
    for (size_t i = v->n; i-- > 0;) {
        const struct value *sub = crd__member(node, v->members[i].key);
        if (drops_null(sub, &v->members[i].value))
            (void)value_remove(v, v->members[i].key);
    }
    VALUE_EACH_MEMBER (m, value_get(node, "properties")) {
        const struct value *dflt = value_get(&m->value, "default");
        if (dflt && !value_get(v, m->key))
            (void)value_set(a, v, m->key, value_copy(a, dflt));
    }
    for (size_t i = 0; i < v->n; i++) {
        const struct value *sub = crd__member(node, v->members[i].key);
        if (sub)
            crd__fill(sub, &v->members[i].value, a);
    }
}

void crd__default(const struct kind *k, struct value *obj, struct arena *a)
{
    if (k->crd->open_api)
        crd__fill(k->crd->open_api, obj, a);
}
