/* value.c - a dashboard as it is served. */
#include <string.h>

#include "dashboard/dashboard_int.h"

/* Empty texts are left out. */
static void put(struct arena *a, struct value *v, const char *key, const char *text)
{
    if (*text)
        (void)value_set_str(a, v, key, text);
}

static struct value *faults(struct arena *a, const struct dashboard_faults *f)
{
    struct value *list = value_new_array(a);
    for (size_t i = 0; i < f->n; i++) {
        struct value *v = value_push(a, list, value_new_object(a));
        (void)value_set_int(a, v, "line", f->items[i].line);
        put(a, v, "where", f->items[i].where);
        put(a, v, "expr", f->items[i].expr);
        put(a, v, "message", f->items[i].text);
    }
    return list;
}

struct value *dashboard_summary(struct arena *a, const struct dashboard *d,
                                const struct dashboard_faults *f)
{
    struct value *v = value_new_object(a);
    size_t queries = 0;
    for (size_t i = 0; i < d->n_panels; i++)
        queries += d->panels[i].n;
    (void)value_set_str(a, v, "uid", d->uid);
    (void)value_set_str(a, v, "title", d->title);
    (void)value_set_int(a, v, "schemaVersion", d->schema_version);
    (void)value_set_int(a, v, "panelCount", (int64_t)d->n_panels);
    (void)value_set_int(a, v, "queryCount", (int64_t)queries);
    (void)value_set_int(a, v, "passedBy", (int64_t)d->passed);
    (void)value_set_int(a, v, "faultCount", (int64_t)f->total);
    (void)value_set(a, v, "faults", faults(a, f));
    return v;
}

/* The dashboard's own variables in a text, each once. */
static void put_used(struct arena *a, struct value *v, const struct dashboard *d, const char *text)
{
    struct dashboard__text t;
    bool used[DASHBOARD_VARIABLES_MAX] = {false};
    if (dashboard__split(a, d, text, &t, NULL) < 0)
        return;
    for (size_t i = 0; i < t.n; i++)
        if (t.pieces[i].variable)
            used[t.pieces[i].variable - d->variables] = true;
    struct value *names = NULL;
    for (size_t i = 0; i < d->n_variables; i++) {
        if (!used[i])
            continue;
        if (!names)
            names = value_set(a, v, "variables", value_new_array(a));
        (void)value_push_str(a, names, d->variables[i].name);
    }
}

static void put_panel(struct arena *a, struct value *list, const struct dashboard *d,
                      const struct dashboard_panel *p)
{
    struct value *v = value_push(a, list, value_new_object(a));
    (void)value_set_int(a, v, "id", p->id);
    put(a, v, "title", p->title);
    put(a, v, "type", p->type);
    put(a, v, "unit", p->unit);
    put(a, v, "row", p->row);
    put(a, v, "repeat", p->repeat);
    if (p->passed)
        (void)value_set_bool(a, v, "passedBy", true);
    struct value *queries = value_set(a, v, "queries", value_new_array(a));
    for (size_t i = 0; i < p->n; i++) {
        struct value *q = value_push(a, queries, value_new_object(a));
        put(a, q, "refId", p->queries[i].ref);
        put(a, q, "expr", p->queries[i].expr);
        put(a, q, "legendFormat", p->queries[i].legend);
        put_used(a, q, d, p->queries[i].expr);
        if (p->queries[i].instant)
            (void)value_set_bool(a, q, "instant", true);
    }
}

struct value *dashboard_value(struct arena *a, const struct dashboard *d,
                              const struct dashboard_faults *f)
{
    struct value *v = dashboard_summary(a, d, f);
    struct value *list = value_set(a, v, "variables", value_new_array(a));
    for (size_t i = 0; i < d->n_variables; i++) {
        struct value *x = value_push(a, list, value_new_object(a));
        put(a, x, "name", d->variables[i].name);
        put(a, x, "type", d->variables[i].type);
        put(a, x, "label", d->variables[i].label);
        put(a, x, "query", d->variables[i].query);
        put_used(a, x, d, d->variables[i].query);
        put(a, x, "value", d->variables[i].value ? d->variables[i].value : "");
        if (d->variables[i].ours)
            (void)value_set_bool(a, x, "prometheus", true);
    }
    list = value_set(a, v, "annotations", value_new_array(a));
    for (size_t i = 0; i < d->n_annotations; i++) {
        struct value *x = value_push(a, list, value_new_object(a));
        put(a, x, "name", d->annotations[i].name);
        put(a, x, "expr", d->annotations[i].expr);
    }
    list = value_set(a, v, "panels", value_new_array(a));
    for (size_t i = 0; i < d->n_panels; i++)
        put_panel(a, list, d, &d->panels[i]);
    return v;
}
