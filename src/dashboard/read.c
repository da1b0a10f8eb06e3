/* read.c - a dashboard's JSON in its simple form. */
#include <string.h>

#include "codec/json.h"
#include "dashboard/dashboard_int.h"

enum { NESTING_MAX = 4, ANNOTATIONS_MAX = 200 };

struct reader {
    struct arena *a;
    const struct value *root;
    struct dashboard *d;
    size_t cap;
    struct err *e;
};

/* ---- data sources ---- */

enum source { SOURCE_UNSAID, SOURCE_PROMETHEUS, SOURCE_OTHER, SOURCE_MIXED };

static enum source typed(const char *type)
{
    const char *at = strstr(type, "prometheus");
    return at || strcmp(type, "victoriametrics-metrics-datasource") == 0 ? SOURCE_PROMETHEUS
                                                                         : SOURCE_OTHER;
}

/* What a variable of type datasource, or an input of an exported dashboard, stands for. */
static enum source referred(const struct reader *r, const char *name)
{
    VALUE_EACH_ITEM (x, value_at(r->root, "templating.list"))
        if (strcmp(value_at_str(x, "name", ""), name) == 0 &&
            strcmp(value_at_str(x, "type", ""), "datasource") == 0)
            return typed(value_at_str(x, "query", "prometheus"));
    VALUE_EACH_ITEM (x, value_get(r->root, "__inputs"))
        if (strcmp(value_at_str(x, "name", ""), name) == 0)
            return typed(value_at_str(x, "pluginId", "prometheus"));
    return SOURCE_UNSAID;
}

/* Of a name alone nothing is known, but what it says itself. */
static enum source named(const struct reader *r, const char *name)
{
    const char *variable = dashboard__reference(r->a, name);
    if (strcmp(name, "-- Mixed --") == 0)
        return SOURCE_MIXED;
    if (variable)
        return referred(r, variable);
    return strncmp(name, "-- ", 3) == 0 || strcasestr(name, "loki") ? SOURCE_OTHER : SOURCE_UNSAID;
}

static enum source source_of(const struct reader *r, const struct value *v)
{
    if (value_is(v, VALUE_STRING))
        return named(r, v->text);
    const char *type = value_at_str(v, "type", ""), *uid = value_at_str(v, "uid", "");
    if (strcmp(uid, "-- Mixed --") == 0 || strcmp(type, "mixed") == 0)
        return SOURCE_MIXED;
    return *type && !strchr(type, '$') ? typed(type) : named(r, uid);
}

static bool is_ours(const struct reader *r, const struct value *query, enum source around)
{
    enum source s = source_of(r, value_get(query, "datasource"));
    if (s == SOURCE_UNSAID)
        s = around;
    return s != SOURCE_OTHER && *value_at_str(query, "expr", "");
}

/* ---- panels ---- */

static int list_at(struct reader *r, const struct value *v, const char *path,
                   const struct value **out)
{
    *out = value_at(v, path);
    if (!*out || value_is(*out, VALUE_ARRAY) || value_is(*out, VALUE_NULL))
        return 0;
    return err_set(r->e, ERR_INVALID, "line %u, column %u: %s is no list but %s", (*out)->line,
                   (*out)->column, path, value_kind_name((*out)->kind));
}

static int read_queries(struct reader *r, const struct value *v, struct dashboard_panel *p)
{
    const struct value *targets;
    enum source around = source_of(r, value_get(v, "datasource"));
    int rc = list_at(r, v, "targets", &targets);
    if (rc < 0)
        return rc;
    p->queries = ARENA_ARRAY(r->a, struct dashboard_query, value_count(targets));
    VALUE_EACH_ITEM (x, targets) {
        if (!is_ours(r, x, around))
            continue;
        p->queries[p->n++] = (struct dashboard_query){
            .ref = value_at_str(x, "refId", ""),
            .expr = value_at_str(x, "expr", ""),
            .legend = value_at_str(x, "legendFormat", ""),
            .instant = value_at_bool(x, "instant", false) && !value_at_bool(x, "range", false),
            .line = value_get(x, "expr")->line};
    }
    /* A query that was begun, with nothing in it, is nobody else's. */
    p->passed = p->n == 0 && value_count(targets) && around != SOURCE_PROMETHEUS &&
                !value_get(value_item(targets, 0), "expr");
    p->passed |= p->n == 0 && value_count(targets) && around == SOURCE_OTHER;
    r->d->passed += p->passed;
    return 0;
}

static struct dashboard_panel *new_panel(struct reader *r)
{
    struct dashboard *d = r->d;
    if (d->n_panels == DASHBOARD_PANELS_MAX)
        return NULL;
    if (d->n_panels == r->cap) {
        size_t cap = r->cap ? 2 * r->cap : 32;
        d->panels =
            arena_grow(r->a, d->panels, r->cap * sizeof *d->panels, cap * sizeof *d->panels);
        r->cap = cap;
    }
    return &d->panels[d->n_panels++];
}

static int read_panel(struct reader *r, const struct value *v, const char *row)
{
    struct dashboard_panel *p = new_panel(r);
    if (!p)
        return err_set(r->e, ERR_TOO_LARGE, "line %u: more than %d panels", v->line,
                       DASHBOARD_PANELS_MAX);
    const char *unit = value_at_str(v, "fieldConfig.defaults.unit", NULL);
    if (!unit)
        unit = value_at_str(v, "yaxes[0].format", value_at_str(v, "format", ""));
    *p = (struct dashboard_panel){.id = value_at_int(v, "id", 0),
                                  .title = value_at_str(v, "title", ""),
                                  .type = value_at_str(v, "type", ""),
                                  .unit = unit,
                                  .row = row,
                                  .repeat = value_at_str(v, "repeat", ""),
                                  .line = v->line};
    return read_queries(r, v, p);
}

static int read_panels(struct reader *r, const struct value *owner, const char *row, int depth)
{
    const struct value *list;
    int rc = list_at(r, owner, "panels", &list);
    VALUE_EACH_ITEM (x, list) {
        if (rc < 0)
            break;
        if (!value_is(x, VALUE_OBJECT))
            rc = err_set(r->e, ERR_INVALID, "line %u, column %u: a panel is no object but %s",
                         x->line, x->column, value_kind_name(x->kind));
        else if (depth == NESTING_MAX)
            rc = err_set(r->e, ERR_TOO_LARGE, "line %u: rows within rows, more than %d deep",
                         x->line, NESTING_MAX - 1);
        else if (strcmp(value_at_str(x, "type", ""), "row") == 0)
            rc = read_panels(r, x, row = value_at_str(x, "title", ""), depth + 1);
        else
            rc = read_panel(r, x, row);
    }
    return rc;
}

static int read_rows(struct reader *r)
{
    const struct value *rows;
    int rc = list_at(r, r->root, "rows", &rows);
    VALUE_EACH_ITEM (x, rows)
        if (rc == 0)
            rc = read_panels(r, x, value_at_str(x, "title", ""), 1);
    return rc;
}

/* ---- variables and annotations ---- */

/* One value that it may have, as far as the file knows. */
static const char *some_value(const struct reader *r, const struct value *v, const char *type,
                              const char *query)
{
    const struct value *current = value_at(v, "current.value");
    const char *text =
        value_str(value_is(current, VALUE_ARRAY) ? value_item(current, 0) : current, NULL);
    bool listed = strcmp(type, "custom") == 0 || strcmp(type, "interval") == 0;
    if (text && strcmp(text, "$__all") == 0)
        text = value_at_str(v, "allValue", NULL);
    if (text && strncmp(text, "$__auto", 7) == 0)
        text = "5m";
    if ((!text || !*text) && listed) {
        const char *first = arena_strndup(r->a, query, strcspn(query, ","));
        const char *colon = strstr(first, " : ");
        text = arena_trimmed(r->a, colon ? colon + 3 : first);
    } else if (strcmp(type, "constant") == 0 || (!text && strcmp(type, "textbox") == 0)) {
        text = query;
    }
    return text && !strchr(text, '$') ? text : NULL;
}

static int read_variable(struct reader *r, const struct value *v)
{
    static const char *const types[] = {"query",   "custom", "constant", "interval", "datasource",
                                        "textbox", "adhoc",  "groupby",  "switch"};
    const char *name = value_at_str(v, "name", ""), *type = value_at_str(v, "type", "");
    const struct value *query = value_get(v, "query");
    const char *text = value_str(query, value_at_str(query, "query", ""));
    size_t known = 0;
    while (known < ARRAY_LEN(types) && strcmp(types[known], type) != 0)
        known++;
    if (!*name)
        return err_set(r->e, ERR_INVALID, "line %u: a variable without a name", v->line);
    if (known == ARRAY_LEN(types))
        return err_set(r->e, ERR_INVALID, "line %u: variable %s has type \"%.40s\", which is none",
                       v->line, name, type);
    enum source s = source_of(r, value_get(v, "datasource"));
    r->d->variables[r->d->n_variables++] = (struct dashboard_variable){
        .name = name,
        .type = type,
        .label = value_at_str(v, "label", ""),
        .query = text,
        .value = some_value(r, v, type, text),
        .ours = strcmp(type, "query") == 0 && s != SOURCE_OTHER && s != SOURCE_MIXED,
        .line = query ? query->line : v->line};
    return 0;
}

static int read_variables(struct reader *r)
{
    const struct value *list;
    int rc = list_at(r, r->root, "templating.list", &list);
    if (value_count(list) > DASHBOARD_VARIABLES_MAX)
        return err_set(r->e, ERR_TOO_LARGE, "line %u: more than %d variables", list->line,
                       DASHBOARD_VARIABLES_MAX);
    r->d->variables = ARENA_ARRAY(r->a, struct dashboard_variable, value_count(list));
    VALUE_EACH_ITEM (x, list)
        if (rc == 0)
            rc = read_variable(r, x);
    return rc;
}

static int read_annotations(struct reader *r)
{
    const struct value *list;
    int rc = list_at(r, r->root, "annotations.list", &list);
    if (value_count(list) > ANNOTATIONS_MAX)
        return err_set(r->e, ERR_TOO_LARGE, "line %u: more than %d annotations", list->line,
                       ANNOTATIONS_MAX);
    r->d->annotations = ARENA_ARRAY(r->a, struct dashboard_annotation, value_count(list));
    VALUE_EACH_ITEM (x, list) {
        const struct value *target = value_get(x, "target");
        const struct value *expr = value_get(*value_at_str(x, "expr", "") ? x : target, "expr");
        enum source s = source_of(r, value_get(x, "datasource"));
        if (rc == 0 && s != SOURCE_OTHER && *value_str(expr, ""))
            r->d->annotations[r->d->n_annotations++] =
                (struct dashboard_annotation){value_at_str(x, "name", ""), expr->text, expr->line};
    }
    return rc;
}

int dashboard_read(struct arena *a, const char *text, size_t n, struct dashboard *out,
                   struct err *e)
{
    struct dashboard d = {0};
    struct value *root;
    if (n > DASHBOARD_FILE_MAX)
        return err_set(e, ERR_TOO_LARGE, "a dashboard of %zu bytes, more than %d", n,
                       DASHBOARD_FILE_MAX);
    int rc = json_parse(a, text, n, JSON_SHALLOW, &root, e);
    if (rc < 0)
        return rc;
    const struct value *inner = value_get(root, "dashboard");
    struct reader r = {a, value_is(inner, VALUE_OBJECT) ? inner : root, &d, 0, e};
    if (value_get(r.root, "elements") || value_at(r.root, "spec.elements"))
        return err_set(e, ERR_UNSUPPORTED,
                       "a dashboard of Grafana's newer form, with elements:"
                       " export it in the classic one");
    if (!value_get(r.root, "panels") && !value_get(r.root, "rows") &&
        !value_is(value_get(r.root, "title"), VALUE_STRING))
        return err_set(e, ERR_INVALID,
                       "line %u, column %u: no dashboard: it has neither title nor"
                       " panels",
                       root->line, root->column);
    d.uid = value_at_str(r.root, "uid", "");
    d.title = value_at_str(r.root, "title", "");
    d.schema_version = value_at_int(r.root, "schemaVersion", 0);
    if ((rc = read_variables(&r)) == 0 && (rc = read_annotations(&r)) == 0 &&
        (rc = read_panels(&r, r.root, "", 0)) == 0)
        rc = read_rows(&r);
    if (rc == 0)
        *out = d;
    return rc;
}
