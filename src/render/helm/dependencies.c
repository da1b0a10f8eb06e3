/* dependencies.c - which of its charts a chart uses, under which names, and what it imports. */
#include <string.h>

#include "codec/semver.h"
#include "render/helm/values_int.h"

/* ---- conditions and tags ---- */

/* The value at "a.b.c" when it is there and no table. */
static const struct go_value *bare_value(struct go_map *m, const char *path, struct arena *a)
{
    const char *dot = strrchr(path, '.');
    if (dot)
        m = helm__table(m, arena_strndup(a, path, (size_t)(dot - path)), NULL);
    const char *key = dot ? dot + 1 : path;
    const struct go_value *v = m ? go_map_get(m, key, strlen(key)) : NULL;
    return v && go_kind_of(v) != GO_MAP ? v : NULL;
}

/* The first path of "a.enabled,b.enabled" with a bool decides. */
static void apply_conditions(struct helm_log *log, struct helm_dependency *d, struct go_map *values,
                             const char *prefix)
{
    struct arena *a = log->arena;
    const char *s = d->condition;
    s += strspn(s, " \t\n");
    for (size_t n; *s; s += n + (s[n] == ',')) {
        n = strcspn(s, ",");
        if (n == 0)
            continue;
        size_t len = n;
        while (!s[n] && len && strchr(" \t\n", s[len - 1]))
            len--; /* blanks at the end of the whole */
        const char *path = arena_strndup(a, s, len);
        const struct go_value *v = bare_value(values, arena_printf(a, "%s%s", prefix, path), a);
        if (v && go_kind_of(v) == GO_BOOL) {
            d->enabled = v->b;
            return;
        }
        if (v)
            helm__warn(log,
                       "dependencies.go:64: Warning: Condition path '%s' for chart %s "
                       "returned non-bool value",
                       path, d->name);
    }
}

static void apply_tags(struct helm_log *log, struct helm_dependency *d, struct go_map *tags)
{
    bool on = false, off = false;
    for (size_t i = 0; i < d->n_tags; i++) {
        const struct go_value *v = go_map_get(tags, d->tags[i], strlen(d->tags[i]));
        if (!v)
            continue;
        if (go_kind_of(v) != GO_BOOL) {
            helm__warn(log,
                       "dependencies.go:95: Warning: Tag '%s' for chart %s returned non-bool "
                       "value",
                       d->tags[i], d->name);
            continue;
        }
        on |= v->b;
        off |= !v->b;
    }
    d->enabled = on || !off;
}

/* ---- which charts, under which names ---- */

static bool fits(const struct helm_chart *c, const struct helm_dependency *d, struct arena *a)
{
    struct semver version;
    struct semver_range *range;
    return strcmp(c->name, d->name) == 0 && semver_parse(a, c->version, &version, NULL) == 0 &&
           semver_range_parse(a, d->version, &range, NULL) == 0 &&
           semver_range_has(range, &version);
}

static bool is_wanted(const struct helm_chart *c, const struct helm_chart *sub, struct arena *a)
{
    for (size_t i = 0; i < c->n_wants; i++)
        if (fits(sub, c->wants[i], a))
            return true;
    return false;
}

/* The chart that a dependency means: a copy, so that it may have a name of its own. */
static struct helm_chart *named(struct helm_chart *const *charts, size_t n,
                                const struct helm_dependency *d, struct arena *a)
{
    for (size_t i = 0; i < n; i++) {
        if (!fits(charts[i], d, a))
            continue;
        struct helm_chart *copy = arena_dup(a, charts[i], sizeof *copy);
        copy->wants = ARENA_ARRAY(a, struct helm_dependency *, copy->n_wants + 1);
        if (copy->n_wants)
            memcpy(copy->wants, charts[i]->wants, copy->n_wants * sizeof *copy->wants);
        copy->deps = ARENA_ARRAY(a, struct helm_chart *, copy->n_deps + 1);
        if (copy->n_deps)
            memcpy(copy->deps, charts[i]->deps, copy->n_deps * sizeof *copy->deps);
        if (*d->alias)
            copy->name = d->alias;
        return copy;
    }
    return NULL;
}

static void set_charts(struct helm_chart *c, struct helm_chart **charts, size_t n)
{
    c->deps = charts;
    c->n_deps = n;
    for (size_t i = 0; i < n; i++)
        charts[i]->parent = c;
}

/* First the charts that nobody declared, then the declared ones in the order of Chart.yaml. */
static void choose_charts(struct helm_chart *c, struct arena *a)
{
    struct helm_chart **chosen = ARENA_ARRAY(a, struct helm_chart *, c->n_deps + c->n_wants + 1);
    size_t n = 0;
    for (size_t i = 0; i < c->n_deps; i++)
        if (!is_wanted(c, c->deps[i], a))
            chosen[n++] = c->deps[i];
    for (size_t i = 0; i < c->n_wants; i++) {
        struct helm_dependency *d = c->wants[i];
        struct helm_chart *sub = named(c->deps, c->n_deps, d, a);
        if (sub)
            chosen[n++] = sub;
        if (*d->alias)
            d->name = d->alias;
    }
    set_charts(c, chosen, n);
}

static bool is_off(const struct helm_chart *c, const char *name)
{
    for (size_t i = 0; i < c->n_wants; i++)
        if (!c->wants[i]->enabled && strcmp(c->wants[i]->name, name) == 0)
            return true;
    return false;
}

static void drop_disabled(struct helm_chart *c, struct arena *a)
{
    struct helm_chart **charts = ARENA_ARRAY(a, struct helm_chart *, c->n_deps + 1);
    struct helm_dependency **wants = ARENA_ARRAY(a, struct helm_dependency *, c->n_wants + 1);
    size_t n = 0, n_wants = 0;
    for (size_t i = 0; i < c->n_deps; i++)
        if (!is_off(c, c->deps[i]->name))
            charts[n++] = c->deps[i];
    for (size_t i = 0; i < c->n_wants; i++)
        if (!is_off(c, c->wants[i]->name))
            wants[n_wants++] = c->wants[i];
    set_charts(c, charts, n);
    c->wants = wants;
    c->n_wants = n_wants;
}

static int enable(struct helm_log *log, struct helm_chart *c, struct go_map *values,
                  const char *path, struct err *e)
{
    struct go_map *all;
    if (!c->has_wants)
        return 0;
    choose_charts(c, log->arena);
    for (size_t i = 0; i < c->n_wants; i++)
        c->wants[i]->enabled = true;
    int rc = helm__coalesce(log, c, values, false, &all, e);
    if (rc < 0)
        return rc;
    struct go_map *tags = helm__table(all, "tags", NULL);
    for (size_t i = 0; i < c->n_wants && tags; i++)
        apply_tags(log, c->wants[i], tags);
    for (size_t i = 0; i < c->n_wants; i++)
        apply_conditions(log, c->wants[i], all, path);
    drop_disabled(c, log->arena);
    for (size_t i = 0; i < c->n_deps && rc == 0; i++)
        rc = enable(log, c->deps[i], all, arena_printf(log->arena, "%s%s.", path, c->deps[i]->name),
                    e);
    c->has_wants = c->n_wants > 0;
    return rc;
}

/* ---- import-values ---- */

static struct go_map *nested(struct arena *a, const char *path, struct go_map *inner)
{
    if (strcmp(path, ".") == 0)
        return inner;
    size_t n = strcspn(path, ".");
    struct go_map *m = go_map_new(a, 1), *below = inner;
    if (path[n])
        below = nested(a, path + n + 1, inner);
    go_map_set(m, arena_strndup(a, path, n), n, go_map(below));
    return m;
}

static const char *text_or(struct arena *a, const struct value *v, const char *dflt)
{
    if (!v || v->kind == VALUE_NULL)
        return dflt;
    return v->kind == VALUE_STRING || v->kind == VALUE_INT ? arena_strndup(a, v->text, v->n) : dflt;
}

/* One import of a dependency into `b`; *as gets its normal form. */
static void import_one(struct helm_log *log, const struct helm_dependency *d, const struct value *v,
                       struct go_map *all, struct go_map *b, struct value *as)
{
    struct arena *a = log->arena;
    bool pair = v->kind == VALUE_OBJECT;
    const char *parent = ".", *child, *missing;
    if (pair) {
        child = text_or(a, value_get(v, "child"), "<nil>");
        parent = text_or(a, value_get(v, "parent"), "<nil>");
    } else {
        child = arena_printf(a, "exports.%s", value_str(v, ""));
    }
    *as = *value_new_object(a);
    (void)value_set_str(a, as, "child", child);
    (void)value_set_str(a, as, "parent", parent);
    struct go_map *table = helm__table(all, arena_printf(a, "%s.%s", d->name, child), &missing);
    if (table) {
        helm__tables(log, b, nested(a, parent, table), "", true);
        return;
    }
    const char *key = helm__quote(a, missing, strcspn(missing, "."));
    if (pair)
        helm__warn(log,
                   "dependencies.go:270: Warning: ImportValues missing table from chart %s: "
                   "%s is not a table",
                   d->name, key);
    else
        helm__warn(log,
                   "dependencies.go:287: Warning: ImportValues missing table: %s is not a "
                   "table",
                   key);
}

/* From the leaves up; what a parent says itself wins over what it imports. */
static int import(struct helm_log *log, struct helm_chart *c, struct err *e)
{
    struct arena *a = log->arena;
    struct go_map *all, *b = go_map_new(a, 4);
    for (size_t i = 0; i < c->n_deps; i++) {
        int rc = import(log, c->deps[i], e);
        if (rc < 0)
            return rc;
    }
    if (!c->has_wants)
        return 0;
    int rc = helm__coalesce(log, c, NULL, true, &all, e);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < c->n_wants; i++) {
        struct helm_dependency *d = c->wants[i];
        struct value *as = value_new_array(a), one;
        VALUE_EACH_ITEM (v, d->imported ? NULL : d->import_values)
            if (v->kind == VALUE_OBJECT || v->kind == VALUE_STRING) {
                import_one(log, d, v, all, b, &one);
                (void)value_push(a, as, &one);
            }
        d->import_values = value_count(as) ? as : NULL;
        d->imported = true;
    }
    struct go_value v = go_map(all);
    c->values = go_copy(a, &v).map; /* tables of `all` hang in b, too */
    helm__tables(log, c->values, b, "", true);
    return 0;
}

int helm__dependencies(struct helm_log *log, struct helm_chart *c, struct go_map *values,
                       struct err *e)
{
    int rc = enable(log, c, values, "", e);
    return rc < 0 ? rc : import(log, c, e);
}
