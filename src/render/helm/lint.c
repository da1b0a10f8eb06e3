#include <stdarg.h>
#include <string.h>

#include "render/helm/lint_int.h"
#include "render/helm/schema_int.h"

void lint__say(struct linting *l, enum helm_lint_severity severity, const char *path,
               const char *fmt, ...)
{
    struct helm_lint *out = l->out;
    size_t n = out->n, size = sizeof *out->items;
    va_list ap;
    va_start(ap, fmt);
    const char *text = arena_vprintf(l->log->arena, fmt, ap);
    va_end(ap);
    if ((n & (n - 1)) == 0)
        out->items = arena_grow(l->log->arena, out->items, n * size, (n ? 2 * n : 1) * size);
    out->items[out->n++] = (struct helm_lint_message){severity, path, text};
    if (severity > out->highest)
        out->highest = severity;
}

bool lint__read(struct linting *l, const char *name, struct helm_text *out)
{
    struct arena *a = l->log->arena;
    enum tree_kind kind;
    const char *path = *l->path ? arena_printf(a, "%s/%s", l->path, name) : name;
    return tree_stat(l->tree, path, &kind, NULL) == 0 && kind == TREE_FILE &&
           tree_read(l->tree, path, a, &out->s, &out->n, NULL) == 0;
}

/* ---- values.yaml ---- */

/* Maps of `into` win over those of `from`. */
static void coalesce(struct go_map *into, const struct value *from, struct arena *a)
{
    VALUE_EACH_MEMBER (m, from) {
        struct go_value *have = go_map_get(into, m->key, m->key_len);
        if (!have)
            go_map_put(into, m->key, go_from_value(a, &m->value));
        else if (go_kind_of(have) == GO_MAP && m->value.kind == VALUE_OBJECT && have->map)
            coalesce(have->map, &m->value, a);
    }
}

static void lint_values(struct linting *l)
{
    struct arena *a = l->log->arena;
    struct helm_text text, schema;
    struct value *doc;
    const char *complaints = NULL;
    struct err e = {0};
    if (!lint__read(l, "values.yaml", &text)) {
        lint__say(l, HELM_LINT_INFO, "values.yaml", "file does not exist");
        return;
    }
    if (helm__yaml(text.s, text.n, l->log, &doc, &e) < 0) {
        lint__say(l, HELM_LINT_ERROR, "values.yaml", "unable to parse YAML: %s", l->log->error);
        return;
    }
    if (!lint__read(l, "values.schema.json", &schema) || schema.n == 0)
        return;
    struct go_value all = go_map(go_map_new(a, 0));
    struct value *given = ARENA_NEW(a, struct value);
    struct go_value user = go_map(l->values);
    if (go_to_value(a, &user, given, &e) == 0)
        coalesce(all.map, given, a);
    coalesce(all.map, doc, a);
    int rc = helm__schema_validate(l->log, schema.s, schema.n, &all, &complaints, &e);
    if (rc < 0)
        complaints = l->log->error;
    if (complaints)
        lint__say(l, HELM_LINT_ERROR, "values.yaml", "%s\n", complaints);
}

/* ---- charts/ ---- */

static const char *joined(struct arena *a, const char *list, const char *name)
{
    return list ? arena_printf(a, "%s,%s", list, name) : name;
}

static const char *name_of(const struct helm_chart *c)
{
    return value_at_str(c->meta, "name", "");
}

static bool wants(const struct helm_chart *c, const char *name)
{
    for (size_t i = 0; i < c->n_wants; i++)
        if (strcmp(c->wants[i]->name, name) == 0)
            return true;
    return false;
}

static bool has(const struct helm_chart *c, const char *name)
{
    for (size_t i = 0; i < c->n_deps; i++)
        if (strcmp(name_of(c->deps[i]), name) == 0)
            return true;
    return false;
}

static void lint_dependencies(struct linting *l)
{
    struct arena *a = l->log->arena;
    struct helm_log own = {.arena = a};
    const char *unwanted = NULL, *missing = NULL;
    struct helm_chart *c;
    if (helm_chart_load(l->tree, l->path, &own, &c, NULL) < 0) {
        lint__say(l, HELM_LINT_ERROR, "", "unable to load chart\n\t%s", own.error);
        return;
    }
    for (size_t i = 0; i < c->n_deps; i++)
        if (!wants(c, name_of(c->deps[i])))
            unwanted = joined(a, unwanted, name_of(c->deps[i]));
    for (size_t i = 0; i < c->n_wants; i++)
        if (!has(c, c->wants[i]->name))
            missing = joined(a, missing, c->wants[i]->name);
    if (unwanted)
        lint__say(l, HELM_LINT_ERROR, l->o->folder,
                  "chart metadata is missing these dependencies: %s", unwanted);
    if (missing)
        lint__say(l, HELM_LINT_WARNING, l->o->folder,
                  "chart directory is missing these dependencies: %s", missing);
}

int helm_lint(struct tree *t, const char *path, struct go_map *values,
              const struct helm_lint_opts *o, struct helm_log *log, struct helm_lint *out,
              struct err *e)
{
    struct linting l = {t, path, values, o, log, out};
    enum tree_kind kind;
    const char *file = *path ? arena_printf(log->arena, "%s/Chart.yaml", path) : "Chart.yaml";
    *out = (struct helm_lint){0};
    if (tree_stat(t, file, &kind, NULL) < 0 || kind == TREE_NONE)
        return helm__fail(log, e, ERR_NOT_FOUND,
                          "unable to check Chart.yaml file in chart: stat %s/Chart.yaml: no such "
                          "file or directory",
                          o->folder);
    lint__chart_file(&l);
    lint_values(&l);
    lint__templates(&l);
    lint_dependencies(&l);
    return 0;
}
