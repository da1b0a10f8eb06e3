/* document.c - a chart in the form that Helm's releases keep, and what can be read out of it. */
#include <string.h>

#include "codec/base64.h"
#include "render/helm/values_int.h"

struct value *helm__chart_metadata(struct arena *a, const struct helm_chart *c)
{
    struct value *meta = value_copy(a, c->meta), *list = value_new_array(a);
    (void)value_set_str(a, meta, "name", c->name);
    for (size_t i = 0; i < c->n_wants; i++) {
        const struct helm_dependency *d = c->wants[i];
        struct value *v = value_new_object(a), *tags = value_new_array(a);
        (void)value_set_str(a, v, "name", d->name);
        (void)value_set_str(a, v, "version", d->version);
        (void)value_set_str(a, v, "repository", d->repository);
        (void)value_set_str(a, v, "condition", d->condition);
        for (size_t k = 0; k < d->n_tags; k++)
            (void)value_push_str(a, tags, d->tags[k]);
        if (d->n_tags)
            (void)value_set(a, v, "tags", tags);
        (void)value_set_bool(a, v, "enabled", d->enabled);
        if (d->import_values)
            (void)value_set(a, v, "import-values", d->import_values);
        (void)value_set_str(a, v, "alias", d->alias);
        (void)value_push(a, list, v);
    }
    (void)value_remove(meta, "dependencies");
    if (c->n_wants)
        (void)value_set(a, meta, "dependencies", list);
    return meta;
}

/* Go's omitempty: members that say nothing are left out, but for a dependency's repository. */
static struct value *without_empty(struct arena *a, const struct value *v)
{
    if (value_is(v, VALUE_ARRAY)) {
        struct value *list = value_new_array(a);
        VALUE_EACH_ITEM (i, v)
            (void)value_push(a, list, without_empty(a, i));
        return list;
    }
    if (!value_is(v, VALUE_OBJECT))
        return arena_dup(a, v, sizeof *v);
    struct value *out = value_new_object(a);
    VALUE_EACH_MEMBER (m, v) {
        bool flag = value_is(&m->value, VALUE_BOOL);
        bool says = flag ? m->value.boolean : value_count(&m->value) > 0;
        if (says || strcmp(m->key, "repository") == 0)
            (void)value_setn(a, out, m->key, m->key_len, without_empty(a, &m->value));
    }
    return out;
}

/* The members in the order of Helm's struct. */
static struct value *ordered(struct arena *a, const struct value *meta)
{
    static const char *const names[] = {
        "name",        "home",        "sources",     "version",      "description", "keywords",
        "maintainers", "icon",        "apiVersion",  "condition",    "tags",        "appVersion",
        "deprecated",  "annotations", "kubeVersion", "dependencies", "type"};
    struct value *out = value_new_object(a);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (value_get(meta, names[i]))
            (void)value_set(a, out, names[i], value_get(meta, names[i]));
    return out;
}

static struct value *files_of(struct arena *a, const struct helm_file_list *files)
{
    if (files->n == 0)
        return value_null(a);
    struct value *list = value_new_array(a);
    for (size_t i = 0; i < files->n; i++) {
        const struct helm_file *f = &files->items[i];
        struct value *v = value_new_object(a);
        (void)value_set_str(a, v, "name", f->name);
        (void)value_set_str(a, v, "data", base64_encode(a, f->bytes, f->n, BASE64_STD));
        (void)value_push(a, list, v);
    }
    return list;
}

int helm_chart_document(const struct helm_chart *c, struct helm_log *log, struct value **out,
                        struct err *e)
{
    struct arena *a = log->arena;
    struct value *doc = value_new_object(a);
    struct go_value values = go_map_size(c->values) ? go_map(c->values) : go_nil();
    (void)value_set(a, doc, "metadata", ordered(a, without_empty(a, helm__chart_metadata(a, c))));
    (void)value_set(a, doc, "lock", c->lock ? c->lock : value_null(a));
    (void)value_set(a, doc, "templates", files_of(a, &c->templates));
    int rc = go_to_value(a, &values, value_set(a, doc, "values", value_null(a)), e);
    if (rc < 0)
        return helm__note(log, e, rc);
    (void)value_set(a, doc, "schema",
                    c->schema
                        ? value_new_str(a, base64_encode(a, c->schema, c->schema_len, BASE64_STD))
                        : value_null(a));
    (void)value_set(a, doc, "files", files_of(a, &c->files));
    *out = doc;
    return 0;
}

static struct go_map *table_of(struct arena *a, const struct value *v)
{
    return value_is(v, VALUE_OBJECT) ? go_from_value(a, v).map : go_map_new(a, 0);
}

int helm_document_values(const struct value *doc, const struct value *config, struct helm_log *log,
                         struct go_map **out, struct err *e)
{
    struct arena *a = log->arena;
    const struct helm_chart c = {.name = value_at_str(doc, "metadata.name", ""),
                                 .values = table_of(a, value_get(doc, "values"))};
    return helm__coalesce(log, &c, table_of(a, config), false, out, e);
}

void helm_chart_set_values(struct helm_chart *c, struct go_map *values)
{
    c->values = values;
}

void helm_values_under(struct go_map *values, const struct value *config, struct helm_log *log)
{
    helm__tables(log, values, table_of(log->arena, config), "", false);
}
