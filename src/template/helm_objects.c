#include "template/helm_objects.h"

#include "base/own.h"
#include "template/functions_int.h"

#include "base/banned.h"

/* ---- .Values ---- */

static int as_map(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)args;
    (void)n;
    *out = go_map(c->self->map ? c->self->map : go_map_new(c->arena, 0));
    return 0;
}

static int as_yaml(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)args;
    (void)n;
    return encode__yaml(c, c->self, true, out);
}

static bool is_table(const struct go_value *v)
{
    return v && v->type->kind == GO_MAP && v->type->elem == &go_interface_type;
}

/* "a.b.c" from table to table. */
static const struct go_value *walk(const struct go_value *from, const char *path, size_t n)
{
    const struct go_value *at = from;
    for (const char *p = path, *end = path + n; at; p++) {
        const char *dot = memchr(p, '.', (size_t)(end - p));
        size_t len = (size_t)((dot ? dot : end) - p);
        at = is_table(at) ? go_map_get(at->map, p, len) : NULL;
        p += len;
        if (!dot)
            break;
    }
    return at;
}

static int table(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)n;
    const struct go_value *found = walk(c->self, args[0].s, args[0].n);
    if (!is_table(found)) {
        const char *dot = memrchr(args[0].s, '.', args[0].n);
        const char *last = dot ? dot + 1 : args[0].s;
        return go_fail(c, "\"%.*s\" is not a table", (int)(args[0].s + args[0].n - last), last);
    }
    *out = helm_values(found->map);
    return 0;
}

static int path_value(struct go_call *c, const struct go_value *args, size_t n,
                      struct go_value *out)
{
    (void)n;
    const struct go_value *found = args[0].n ? walk(c->self, args[0].s, args[0].n) : NULL;
    if (!args[0].n)
        return go_fail(c, "YAML path cannot be empty");
    if (!found || is_table(found))
        return go_fail(c, "\"%.*s\" is not a value", (int)args[0].n, args[0].s);
    *out = *found;
    return 0;
}

static const struct go_func values_methods[] = {
    {"AsMap",     "",    as_map    },
    {"PathValue", "s>a", path_value},
    {"Table",     "s",   table     },
    {"YAML",      "",    as_yaml   },
    {NULL,        NULL,  NULL      },
};

const struct go_type helm_values_type = {.name = "chartutil.Values",
                                         .kind = GO_MAP,
                                         .elem = &go_interface_type,
                                         .methods = values_methods,
                                         .defined = true};

struct go_value helm_values(struct go_map *m)
{
    return go_typed_map(&helm_values_type, m);
}

/* ---- .Chart ---- */

static const struct go_field maintainer_fields[] = {
    {"Name",  &go_string_type, "name",  true, false},
    {"Email", &go_string_type, "email", true, false},
    {"URL",   &go_string_type, "url",   true, false},
};
static const struct go_type maintainer_type = {.name = "chart.Maintainer",
                                               .kind = GO_STRUCT,
                                               .fields = maintainer_fields,
                                               .n_fields = ARRAY_LEN(maintainer_fields),
                                               .defined = true};
static const struct go_type maintainer_ptr = {
    .name = "*chart.Maintainer", .kind = GO_PTR, .elem = &maintainer_type};
static const struct go_type maintainers_type = {
    .name = "[]*chart.Maintainer", .kind = GO_SLICE, .elem = &maintainer_ptr};

static const struct go_field dependency_fields[] = {
    {"Name",         &go_string_type,  "name",          false, false},
    {"Version",      &go_string_type,  "version",       true,  false},
    {"Repository",   &go_string_type,  "repository",    false, false},
    {"Condition",    &go_string_type,  "condition",     true,  false},
    {"Tags",         &go_strings_type, "tags",          true,  false},
    {"Enabled",      &go_bool_type,    "enabled",       true,  false},
    {"ImportValues", &go_list_type,    "import-values", true,  false},
    {"Alias",        &go_string_type,  "alias",         true,  false},
};
static const struct go_type dependency_type = {.name = "chart.Dependency",
                                               .kind = GO_STRUCT,
                                               .fields = dependency_fields,
                                               .n_fields = ARRAY_LEN(dependency_fields),
                                               .defined = true};
static const struct go_type dependency_ptr = {
    .name = "*chart.Dependency", .kind = GO_PTR, .elem = &dependency_type};
static const struct go_type dependencies_type = {
    .name = "[]*chart.Dependency", .kind = GO_SLICE, .elem = &dependency_ptr};

static const struct go_field metadata_fields[] = {
    {"Name",         &go_string_type,     "name",         true, false},
    {"Home",         &go_string_type,     "home",         true, false},
    {"Sources",      &go_strings_type,    "sources",      true, false},
    {"Version",      &go_string_type,     "version",      true, false},
    {"Description",  &go_string_type,     "description",  true, false},
    {"Keywords",     &go_strings_type,    "keywords",     true, false},
    {"Maintainers",  &maintainers_type,   "maintainers",  true, false},
    {"Icon",         &go_string_type,     "icon",         true, false},
    {"APIVersion",   &go_string_type,     "apiVersion",   true, false},
    {"Condition",    &go_string_type,     "condition",    true, false},
    {"Tags",         &go_string_type,     "tags",         true, false},
    {"AppVersion",   &go_string_type,     "appVersion",   true, false},
    {"Deprecated",   &go_bool_type,       "deprecated",   true, false},
    {"Annotations",  &go_string_map_type, "annotations",  true, false},
    {"KubeVersion",  &go_string_type,     "kubeVersion",  true, false},
    {"Dependencies", &dependencies_type,  "dependencies", true, false},
    {"Type",         &go_string_type,     "type",         true, false},
};
static const struct go_type metadata_type = {.name = "chart.Metadata",
                                             .kind = GO_STRUCT,
                                             .fields = metadata_fields,
                                             .n_fields = ARRAY_LEN(metadata_fields),
                                             .defined = true};

static const struct go_field chart_fields[] = {
    {"Metadata", &metadata_type, NULL, false, true },
    {"IsRoot",   &go_bool_type,  NULL, false, false},
};
static const struct go_type chart_type = {.name = "struct { chart.Metadata; IsRoot bool }",
                                          .kind = GO_STRUCT,
                                          .fields = chart_fields,
                                          .n_fields = ARRAY_LEN(chart_fields)};

static struct go_value field_of(struct arena *a, const struct go_type *t, const struct value *v);

static struct go_value struct_of(struct arena *a, const struct go_type *as, const struct value *v)
{
    const struct go_type *t = as->kind == GO_PTR ? as->elem : as;
    struct go_value *fields = ARENA_ARRAY(a, struct go_value, t->n_fields);
    for (uint32_t i = 0; i < t->n_fields; i++)
        fields[i] = field_of(a, t->fields[i].type, value_get(v, t->fields[i].json));
    return go_struct(as, fields);
}

/* What YAML wrote as the type that Go's struct wants: an unquoted version is text, too. */
static struct go_value field_of(struct arena *a, const struct go_type *t, const struct value *v)
{
    if (t->kind == GO_STRUCT || t->kind == GO_PTR)
        return struct_of(a, t, v);
    if (!v || v->kind == VALUE_NULL)
        return go_zero(t);
    if (t->kind == GO_INTERFACE)
        return go_from_value(a, v);
    if (t->kind == GO_BOOL)
        return go_bool(value_bool(v, false));
    if (t->kind == GO_STRING && v->kind == VALUE_BOOL)
        return go_str(v->boolean ? "true" : "false");
    if (t->kind == GO_STRING && v->kind >= VALUE_INT && v->kind <= VALUE_STRING)
        return go_strn(v->text, v->n);
    if (t->kind == GO_SLICE && v->kind == VALUE_ARRAY) {
        struct go_value *items = v->n ? ARENA_ARRAY(a, struct go_value, v->n) : NULL;
        for (uint32_t i = 0; i < v->n; i++)
            items[i] = field_of(a, t->elem, &v->items[i]);
        return go_typed_list(t, items, v->n);
    }
    if (t->kind == GO_MAP && v->kind == VALUE_OBJECT) {
        struct go_map *m = go_map_new(a, v->n);
        VALUE_EACH_MEMBER (e, v)
            go_map_set(m, e->key, e->key_len, field_of(a, t->elem, &e->value));
        return go_typed_map(t, m);
    }
    return go_zero(t);
}

struct go_value helm_chart(struct arena *a, const struct value *chart_yaml, bool is_root)
{
    struct go_value *fields = ARENA_ARRAY(a, struct go_value, ARRAY_LEN(chart_fields));
    fields[0] = struct_of(a, &metadata_type, chart_yaml);
    fields[1] = go_bool(is_root);
    return go_struct(&chart_type, fields);
}

/* ---- .Capabilities ---- */

static int versions_have(struct go_call *c, const struct go_value *args, size_t n,
                         struct go_value *out)
{
    (void)n;
    *out = go_bool(false);
    for (uint32_t i = 0; i < c->self->n && !out->b; i++)
        out->b = go_deep_equal(&c->self->items[i], &args[0]);
    return 0;
}

static int kube_version_text(struct go_call *c, const struct go_value *args, size_t n,
                             struct go_value *out)
{
    (void)args;
    (void)n;
    *out = c->self->fields[0];
    return 0;
}

static const struct go_func versions_methods[] = {
    {"Has", "s",  versions_have},
    {NULL,  NULL, NULL         },
};
static const struct go_type versions_type = {.name = "chartutil.VersionSet",
                                             .kind = GO_SLICE,
                                             .elem = &go_string_type,
                                             .methods = versions_methods,
                                             .defined = true};

static const struct go_func kube_version_methods[] = {
    {"String",     "",   kube_version_text},
    {"GitVersion", "",   kube_version_text},
    {NULL,         NULL, NULL             },
};
static const struct go_field kube_version_fields[] = {
    {"Version", &go_string_type, NULL, false, false},
    {"Major",   &go_string_type, NULL, false, false},
    {"Minor",   &go_string_type, NULL, false, false},
};
static const struct go_type kube_version_type = {.name = "chartutil.KubeVersion",
                                                 .kind = GO_STRUCT,
                                                 .fields = kube_version_fields,
                                                 .n_fields = ARRAY_LEN(kube_version_fields),
                                                 .methods = kube_version_methods,
                                                 .ptr_stringer = &kube_version_methods[0],
                                                 .defined = true};

static const struct go_field helm_version_fields[] = {
    {"Version",      &go_string_type, "version",        true, false},
    {"GitCommit",    &go_string_type, "git_commit",     true, false},
    {"GitTreeState", &go_string_type, "git_tree_state", true, false},
    {"GoVersion",    &go_string_type, "go_version",     true, false},
};
static const struct go_type helm_version_type = {.name = "version.BuildInfo",
                                                 .kind = GO_STRUCT,
                                                 .fields = helm_version_fields,
                                                 .n_fields = ARRAY_LEN(helm_version_fields),
                                                 .defined = true};

static const struct go_field capabilities_fields[] = {
    {"KubeVersion", &kube_version_type, NULL, false, false},
    {"APIVersions", &versions_type,     NULL, false, false},
    {"HelmVersion", &helm_version_type, NULL, false, false},
};
static const struct go_type capabilities_type = {.name = "chartutil.Capabilities",
                                                 .kind = GO_STRUCT,
                                                 .fields = capabilities_fields,
                                                 .n_fields = ARRAY_LEN(capabilities_fields),
                                                 .defined = true};
static const struct go_type capabilities_ptr = {
    .name = "*chartutil.Capabilities", .kind = GO_PTR, .elem = &capabilities_type};

static struct go_value kube_version(struct arena *a, const char *text)
{
    struct go_value *fields = ARENA_ARRAY(a, struct go_value, 3);
    const char *major = text + (*text == 'v');
    size_t n = strcspn(major, ".");
    const char *minor = major + n + (major[n] == '.');
    fields[0] = go_str(text);
    fields[1] = go_strn(major, n);
    fields[2] = go_strn(minor, strspn(minor, "0123456789"));
    return go_struct(&kube_version_type, fields);
}

struct go_value helm_capabilities(struct arena *a, const struct helm_capabilities *c)
{
    struct go_value *versions = ARENA_ARRAY(a, struct go_value, c->n_api_versions + 1);
    for (size_t i = 0; i < c->n_api_versions; i++)
        versions[i] = go_str(c->api_versions[i]);
    struct go_value *helm = ARENA_ARRAY(a, struct go_value, 4);
    helm[0] = go_str(c->helm_version);
    helm[1] = go_str(c->git_commit);
    helm[2] = go_str(c->git_tree_state);
    helm[3] = go_str(c->go_version);
    struct go_value *fields = ARENA_ARRAY(a, struct go_value, 3);
    fields[0] = kube_version(a, c->kube_version);
    fields[1] = go_typed_list(&versions_type, versions, c->n_api_versions);
    fields[2] = go_struct(&helm_version_type, helm);
    return go_struct(&capabilities_ptr, fields);
}
