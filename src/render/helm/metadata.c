/* metadata.c - what a chart says of itself, as Helm prints it. */
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "codec/yaml.h"
#include "render/helm/chart.h"
#include "render/helm/helm_int.h"

const char *helm_chart_name(const struct helm_chart *c)
{
    return c->name;
}

const char *helm_chart_version(const struct helm_chart *c)
{
    return c->version;
}

bool helm_chart_is_old(const struct helm_chart *c)
{
    return strcmp(c->api_version, "v1") == 0;
}

/* Go's omitempty. */
static bool says_something(const struct value *v)
{
    switch (v->kind) {
    case VALUE_NULL:
        return false;
    case VALUE_BOOL:
        return v->boolean;
    case VALUE_STRING:
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        return v->n > 0;
    case VALUE_INT:
    case VALUE_FLOAT:
        break;
    }
    return true;
}

/* The fields of a Go struct, in its order; those whose name begins with '+' stand there empty, too.
 */
static struct value *as_struct(const struct value *object, const char *const *fields,
                               struct arena *a)
{
    struct value *out = value_new_object(a);
    for (; *fields; fields++) {
        bool always = **fields == '+';
        const char *name = *fields + always;
        const struct value *v = value_get(object, name);
        if (v && says_something(v))
            (void)value_set(a, out, name, v);
        else if (always)
            (void)value_set_str(a, out, name, "");
    }
    return out;
}

static void as_structs(struct value *object, const char *field, const char *const *fields,
                       struct arena *a)
{
    struct value *list = value_get_mut(object, field);
    if (!list)
        return;
    struct value *out = value_new_array(a);
    VALUE_EACH_ITEM (v, list)
        (void)value_push(a, out, as_struct(v, fields, a));
    *list = *out;
}

struct value *helm_dependency_doc(const struct value *dependency, struct arena *a)
{
    static const char *const fields[] = {"+name",         "version", "+repository",
                                         "condition",     "tags",    "enabled",
                                         "import-values", "alias",   NULL};
    return as_struct(dependency, fields, a);
}

struct value *helm_chart_meta(const struct helm_chart *c, struct arena *a)
{
    static const char *const fields[] = {
        "name",        "home",        "sources",     "version",      "description", "keywords",
        "maintainers", "icon",        "apiVersion",  "condition",    "tags",        "appVersion",
        "deprecated",  "annotations", "kubeVersion", "dependencies", "type",        NULL};
    static const char *const of_maintainer[] = {"name", "email", "url", NULL};
    struct value *out = as_struct(c->meta, fields, a), *list = value_get_mut(out, "dependencies");
    as_structs(out, "maintainers", of_maintainer, a);
    if (list) {
        struct value *all = value_new_array(a);
        VALUE_EACH_ITEM (d, list)
            (void)value_push(a, all, helm_dependency_doc(d, a));
        *list = *all;
    }
    return out;
}

const char *helm_chart_yaml(const struct helm_chart *c, struct arena *a)
{
    return yaml_text(a, helm_chart_meta(c, a), YAML_FOLD);
}

void helm_chart_set(struct helm_chart *c, const char *field, const char *text, struct arena *a)
{
    (void)value_set_str(a, c->meta, field, text);
    if (strcmp(field, "version") == 0)
        c->version = arena_strdup(a, text);
    if (strcmp(field, "appVersion") == 0)
        c->app_version = arena_strdup(a, text);
}

const struct value *helm_chart_wants(const struct helm_chart *c)
{
    return value_get(c->meta, "dependencies");
}

const struct value *helm_chart_lock(const struct helm_chart *c)
{
    return c->lock;
}

bool helm_chart_has_values(const struct helm_chart *c)
{
    return c->values != NULL;
}

size_t helm_chart_children(const struct helm_chart *c, struct helm_chart *const **out)
{
    *out = c->deps;
    return c->n_deps;
}

static size_t list_of(const struct helm_file_list *files, struct arena *a,
                      struct helm_chart_file **out)
{
    struct helm_chart_file *list = ARENA_ARRAY(a, struct helm_chart_file, files->n + 1);
    for (size_t i = 0; i < files->n; i++)
        list[i] = (struct helm_chart_file){
            files->items[i].name, {files->items[i].bytes, files->items[i].n}
        };
    *out = list;
    return files->n;
}

size_t helm_chart_raw(const struct helm_chart *c, struct arena *a, struct helm_chart_file **out)
{
    return list_of(&c->raw, a, out);
}

size_t helm_chart_rest(const struct helm_chart *c, struct arena *a, struct helm_chart_file **out)
{
    return list_of(&c->files, a, out);
}

static bool is_crd(const char *name)
{
    const char *dot = strrchr(name, '.');
    return strncmp(name, "crds/", 5) == 0 && dot &&
           (strcasecmp(dot, ".yaml") == 0 || strcasecmp(dot, ".yml") == 0 ||
            strcasecmp(dot, ".json") == 0);
}

static void add_crds(const struct helm_chart *c, struct arena *a, struct helm_file_list *list)
{
    for (size_t i = 0; i < c->files.n; i++)
        if (is_crd(c->files.items[i].name))
            helm__files_add(a, list, c->files.items[i]);
    for (size_t i = 0; i < c->n_deps; i++)
        add_crds(c->deps[i], a, list);
}

size_t helm_chart_crds(const struct helm_chart *c, struct arena *a, struct helm_chart_file **out)
{
    struct helm_file_list list = {0};
    add_crds(c, a, &list);
    return list_of(&list, a, out);
}

int helm_fail(struct helm_log *log, struct err *e, enum err_code code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    log->error = arena_vprintf(log->arena, fmt, ap);
    va_end(ap);
    return err_set(e, code, "%s", log->error);
}
