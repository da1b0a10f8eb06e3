/* values.c - values from several sources become one tree, as Helm joins them.
 *
 * Maps are shared on purpose wherever Helm shares them: what a subchart puts two levels deep into
 * "global" is seen by its parent and by the charts that come after it. */
#include <string.h>

#include "codec/number.h"
#include "render/helm/values_int.h"

/* ---- the user's sources ---- */

static bool is_map(const struct go_value *v)
{
    return v && go_kind_of(v) == GO_MAP;
}

static bool is_null(const struct go_value *v)
{
    return go_kind_of(v) == GO_INTERFACE;
}

/* Maps in both are merged, everything else is replaced. */
static void merge_over(struct go_map *base, struct go_map *over)
{
    size_t n;
    const struct go_entry *entries = go_map_sorted(over, &n);
    for (size_t i = 0; i < n; i++) {
        const struct go_value *old = go_map_get(base, entries[i].key, entries[i].n);
        if (is_map(old) && is_map(&entries[i].value))
            merge_over(old->map, entries[i].value.map);
        else
            go_map_set(base, entries[i].key, entries[i].n, entries[i].value);
    }
}

static int merge_file(const char *path, struct helm_reader *r, struct helm_log *log,
                      struct go_map *base, struct err *e)
{
    const char *text;
    size_t n;
    struct go_map *more = NULL;
    int rc = r->read(r, path, log->arena, &text, &n, e);
    if (rc < 0)
        return helm__note(log, e, rc);
    rc = helm__yaml_table(text, n, log, &more, e);
    if (rc < 0)
        return helm__wrap(log, e, rc, "failed to parse %s", path);
    if (more)
        merge_over(base, more);
    return 0;
}

static int merge_set(const struct helm_value_source *s, struct helm_reader *r, struct helm_log *log,
                     struct go_map *base, struct err *e)
{
    static const char *const options[] = {
        [HELM_SET] = "--set",           [HELM_SET_STRING] = "--set-string",
        [HELM_SET_FILE] = "--set-file", [HELM_SET_LITERAL] = "--set-literal",
        [HELM_SET_JSON] = "--set-json", [HELM_VALUES_FILE] = "--values",
    };
    int rc = helm_values_set(s->kind, s->text, r, log, base, e);
    if (rc < 0 && s->kind == HELM_SET_JSON)
        return helm__fail(log, e, ERR_INVALID, "failed parsing --set-json data %s", s->text);
    return rc < 0 ? helm__wrap(log, e, rc, "failed parsing %s data", options[s->kind]) : 0;
}

int helm_values_merge(const struct helm_value_source *sources, size_t n, struct helm_reader *r,
                      struct helm_log *log, struct go_map **out, struct err *e)
{
    struct go_map *base = go_map_new(log->arena, 8);
    for (int kind = HELM_VALUES_FILE; kind <= HELM_SET_LITERAL; kind++)
        for (size_t i = 0; i < n; i++) {
            const struct helm_value_source *s = &sources[i];
            if ((int)s->kind != kind)
                continue;
            int rc = kind == HELM_VALUES_FILE ? merge_file(s->text, r, log, base, e)
                                              : merge_set(s, r, log, base, e);
            if (rc < 0)
                return rc;
        }
    *out = base;
    return 0;
}

/* ---- coalescing ---- */

static const char *prefixed(struct arena *a, const char *prefix, const char *key)
{
    return *prefix ? arena_printf(a, "%s.%s", prefix, key) : key;
}

/* %v, for warnings: map[a:1 b:[x]] */
static const char *shown(struct arena *a, const struct go_value *v)
{
    char number[NUMBER_TEXT_MAX];
    size_t n = 0;
    switch ((int)go_kind_of(v)) {
    case GO_STRING:
        return arena_strndup(a, v->s, v->n);
    case GO_BOOL:
        return v->b ? "true" : "false";
    case GO_INT64:
        return arena_printf(a, "%lld", (long long)v->i);
    case GO_FLOAT64:
        return arena_strndup(a, number, number_format_g(v->f, number));
    case GO_MAP:
    case GO_SLICE:
        break;
    default:
        return "<nil>";
    }
    bool map = go_kind_of(v) == GO_MAP;
    const struct go_entry *entries = map ? go_map_sorted(v->map, &n) : NULL;
    const char *out = map ? "map[" : "[";
    n = map ? n : v->n;
    for (size_t i = 0; i < n; i++)
        out = arena_printf(a, "%s%s%s%s%s", out, i ? " " : "", map ? entries[i].key : "",
                           map ? ":" : "", shown(a, map ? &entries[i].value : &v->items[i]));
    return arena_printf(a, "%s]", out);
}

void helm__tables(struct helm_log *log, struct go_map *dst, struct go_map *src, const char *prefix,
                  bool merge)
{
    size_t n, n_src;
    if (!src || !dst || src == dst)
        return;
    struct arena *a = log->arena;
    const struct go_entry *theirs = go_map_sorted(src, &n_src); /* before any null of dst */
    const struct go_entry *mine = go_map_sorted(dst, &n);
    for (size_t i = 0; i < n; i++)
        if (is_null(&mine[i].value))
            go_map_set(src, mine[i].key, mine[i].n, go_nil());
    for (size_t i = 0; i < n_src; i++) {
        const struct go_entry *s = &theirs[i];
        const struct go_value *ours = go_map_get(dst, s->key, s->n);
        /* A null of ours has taken the place of what the source had. */
        struct go_value val = ours && is_null(ours) ? go_nil() : s->value;
        if (!ours) {
            go_map_set(dst, s->key, s->n, val);
        } else if (is_null(ours) && !merge && !is_null(&s->value)) {
            (void)go_map_remove(dst, s->key, s->n);
        } else if (is_map(&val) && is_map(ours)) {
            helm__tables(log, ours->map, val.map, prefixed(a, prefix, s->key), merge);
        } else if (is_map(&val)) {
            helm__warn(log,
                       "coalesce.go:316: warning: cannot overwrite table with non table for "
                       "%s (%s)",
                       prefixed(a, prefix, s->key), shown(a, &val));
        } else if (is_map(ours) && !is_null(&val)) {
            helm__warn(log,
                       "coalesce.go:319: warning: destination for %s is a table. Ignoring "
                       "non-table value (%s)",
                       prefixed(a, prefix, s->key), shown(a, &val));
        }
    }
}

static struct helm_chart *child_named(const struct helm_chart *c, const char *name, size_t n)
{
    for (size_t i = 0; i < c->n_deps; i++)
        if (strncmp(c->deps[i]->name, name, n) == 0 && !c->deps[i]->name[n])
            return c->deps[i];
    return NULL;
}

/* The chart's own values, where `v` says nothing. */
static void chart_values(struct helm_log *log, const struct helm_chart *c, struct go_map *v,
                         const char *prefix, bool merge)
{
    if (!c->values)
        return;
    struct go_value own = go_map(c->values);
    size_t n;
    const struct go_entry *entries = go_map_sorted(go_copy(log->arena, &own).map, &n);
    prefix = prefixed(log->arena, prefix, c->name);
    for (size_t i = 0; i < n; i++) {
        const struct go_entry *s = &entries[i];
        const struct go_value *ours = go_map_get(v, s->key, s->n);
        if (!ours)
            go_map_set(v, s->key, s->n, s->value);
        else if (is_null(ours) && !merge)
            (void)go_map_remove(v, s->key, s->n);
        else if (is_map(ours) && is_map(&s->value))
            helm__tables(log, ours->map, s->value.map, prefixed(log->arena, prefix, s->key),
                         merge || child_named(c, s->key, s->n));
        else if (is_map(ours) && !is_null(&s->value))
            helm__warn(log, "coalesce.go:237: warning: skipped value for %s.%s: Not a table.",
                       prefix, s->key);
    }
}

/* The map at "global"; a new one when there is none; NULL: it is something else. */
static struct go_map *globals_of(struct arena *a, const struct go_map *m)
{
    const struct go_value *v = go_map_get(m, "global", 6);
    if (!v)
        return go_map_new(a, 4);
    return is_map(v) ? v->map ? v->map : go_map_new(a, 4) : NULL;
}

static struct go_map *shallow_copy(struct arena *a, struct go_map *m)
{
    size_t n;
    const struct go_entry *entries = go_map_sorted(m, &n);
    struct go_map *copy = go_map_new(a, n);
    for (size_t i = 0; i < n; i++)
        go_map_set(copy, entries[i].key, entries[i].n, entries[i].value);
    return copy;
}

static void global_table(struct helm_log *log, struct go_map *dst, const struct go_entry *s,
                         const char *prefix)
{
    struct go_map *copy = shallow_copy(log->arena, s->value.map);
    const struct go_value *ours = go_map_get(dst, s->key, s->n);
    if (ours && !is_map(ours)) {
        helm__warn(log,
                   "coalesce.go:161: Conflict: cannot merge map onto non-map for %s. Skipping.",
                   helm__quote(log->arena, s->key, s->n));
        return;
    }
    if (ours)
        helm__tables(log, copy, ours->map, prefixed(log->arena, prefix, s->key), true);
    go_map_set(dst, s->key, s->n, go_map(copy));
}

/* What is global in `src` is global in `dst`, and wins. */
static void globals(struct helm_log *log, struct go_map *dst, struct go_map *src,
                    const char *prefix)
{
    struct go_map *ours = globals_of(log->arena, dst), *theirs = globals_of(log->arena, src);
    if (!ours || !theirs) {
        helm__warn(log,
                   "coalesce.go:%d: warning: skipping globals because %s global is not a "
                   "table.",
                   ours ? 145 : 138, ours ? "source" : "destination");
        return;
    }
    size_t n;
    const struct go_entry *entries = go_map_sorted(theirs, &n);
    for (size_t i = 0; i < n; i++) {
        const struct go_entry *s = &entries[i];
        if (is_map(&s->value))
            global_table(log, ours, s, prefix);
        else if (is_map(go_map_get(ours, s->key, s->n)))
            helm__warn(log, "coalesce.go:175: key %s is table. Skipping", s->key);
        else
            go_map_set(ours, s->key, s->n, s->value);
    }
    go_map_set(dst, "global", 6, go_map(ours));
}

static int coalesce(struct helm_log *log, const struct helm_chart *c, struct go_map *dst,
                    const char *prefix, bool merge, struct err *e)
{
    chart_values(log, c, dst, prefix, merge);
    prefix = prefixed(log->arena, prefix, c->name);
    for (size_t i = 0; i < c->n_deps; i++) {
        const struct helm_chart *sub = c->deps[i];
        struct go_value *v = go_map_get(dst, sub->name, strlen(sub->name));
        if (v && !is_map(v))
            return helm__fail(log, e, ERR_INVALID, "type mismatch on %s: %s", sub->name,
                              is_null(v) ? "%!t(<nil>)"
                                         : arena_printf(log->arena, "%%!t(%s=%s)", go_type_name(v),
                                                        shown(log->arena, v)));
        struct go_map *own = v && v->map ? v->map : go_map_new(log->arena, 8);
        go_map_put(dst, sub->name, go_map(own));
        globals(log, own, dst, prefix);
        int rc = coalesce(log, sub, own, prefix, merge, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int helm__coalesce(struct helm_log *log, const struct helm_chart *c, struct go_map *values,
                   bool merge, struct go_map **out, struct err *e)
{
    struct go_map *copy = go_map_new(log->arena, 8);
    if (values) {
        struct go_value v = go_map(values);
        copy = go_copy(log->arena, &v).map;
    }
    int rc = coalesce(log, c, copy, "", merge, e);
    if (rc == 0)
        *out = copy;
    return rc;
}

/* ---- paths ---- */

struct go_map *helm__table(struct go_map *m, const char *path, const char **missing)
{
    for (;;) {
        size_t n = strcspn(path, ".");
        const struct go_value *v = go_map_get(m, path, n);
        if (!is_map(v)) {
            if (missing)
                *missing = path;
            return NULL;
        }
        m = v->map;
        if (!path[n])
            return m;
        path += n + 1;
    }
}
