#include "render/environments.h"

#include <string.h>

#include "base/map.h"
#include "codec/yaml.h"
#include "render/kustomize/kustomize.h"

enum { DEPTH_MAX = 32, FOLDERS_MAX = 20000 };

struct search {
    struct tree *tree;
    const char *dir;
    struct arena *a;
    struct environment *items;
    size_t n, folders;
    struct map used; /* folders that a kustomization builds upon */
};

static const char *below(struct search *s, const char *dir, const char *name)
{
    return *dir ? arena_printf(s->a, "%s/%s", dir, name) : name;
}

/* A path in the tree as seen from the folder that is searched. */
static const char *seen(const struct search *s, const char *path)
{
    size_t n = strlen(s->dir);
    path += n;
    return *path == '/' ? path + 1 : *path ? path : ".";
}

static void add(struct search *s, const char *name, const char *path, const char *values)
{
    struct environment one = {name, path, values};
    s->items = arena_grow(s->a, s->items, s->n * sizeof one, (s->n + 1) * sizeof one);
    s->items[s->n++] = one;
}

/* ---- charts ---- */

static bool yaml_name(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

static bool values_name(const char *name)
{
    static const char word[] = "values";
    size_t n = sizeof word - 1;
    return yaml_name(name) && strncmp(name, word, n) == 0 && (name[n] == '-' || name[n] == '.') &&
           strchr(name + n + 1, '.');
}

/* `folder` of the chart ("": itself): every file that `fits`. */
static int add_values(struct search *s, const char *chart, const char *folder,
                      bool (*fits)(const char *name), struct err *e)
{
    struct tree_entry *entries;
    size_t n;
    enum tree_kind kind;
    const char *dir = *folder ? below(s, chart, folder) : chart;
    int rc = tree_stat(s->tree, dir, &kind, e);
    if (rc < 0 || kind != TREE_DIR)
        return rc;
    rc = tree_list(s->tree, dir, s->a, &entries, &n, e);
    for (size_t i = 0; rc == 0 && i < n; i++)
        if (entries[i].kind == TREE_FILE && fits(entries[i].name))
            add(s, seen(s, below(s, dir, entries[i].name)), chart,
                *folder ? below(s, folder, entries[i].name) : entries[i].name);
    return rc;
}

static int add_chart(struct search *s, const char *path, struct err *e)
{
    const char *text;
    size_t n, before = s->n;
    struct value *chart;
    const char *file = below(s, path, "Chart.yaml");
    int rc = tree_read(s->tree, file, s->a, &text, &n, e);
    if (rc == 0 && (rc = yaml_parse(s->a, text, n, 0, &chart, e)) < 0)
        rc = err_wrap(e, rc, "%s", file);
    if (rc < 0 || strcmp(value_at_str(chart, "type", ""), "library") == 0)
        return rc;
    rc = add_values(s, path, "", values_name, e);
    if (rc == 0)
        rc = add_values(s, path, "values", yaml_name, e);
    if (rc == 0)
        rc = add_values(s, path, "environments", yaml_name, e);
    if (rc == 0 && s->n == before)
        add(s, seen(s, path), path, NULL);
    return rc;
}

/* ---- kustomizations ---- */

static void use_all(struct search *s, const char *dir, const struct value *list)
{
    VALUE_EACH_ITEM (v, list) {
        const char *path;
        if (value_is(v, VALUE_STRING) && tree_join(s->a, dir, v->text, &path, NULL) == 0)
            (void)map_put(&s->used, path, s);
    }
}

static int add_kustomization(struct search *s, const char *dir, const char *file, struct err *e)
{
    const char *text;
    size_t n;
    struct value *k;
    int rc = tree_read(s->tree, file, s->a, &text, &n, e);
    if (rc == 0 && (rc = yaml_parse(s->a, text, n, YAML_FIRST, &k, e)) < 0)
        rc = err_wrap(e, rc, "%s", file);
    if (rc < 0)
        return rc;
    static const char *const fields[] = {"resources", "bases", "components"};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        use_all(s, dir, value_get(k, fields[i]));
    if (strcmp(value_at_str(k, "kind", ""), "Component") != 0)
        add(s, seen(s, dir), dir, NULL);
    return 0;
}

/* ---- the search ---- */

static int search(struct search *s, const char *dir, int depth, struct err *e)
{
    struct tree_entry *entries;
    size_t n;
    if (depth > DEPTH_MAX || s->folders++ > FOLDERS_MAX)
        return err_set(e, ERR_TOO_LARGE, "%s: more than %d folders, or %d below each other", s->dir,
                       FOLDERS_MAX, DEPTH_MAX);
    enum tree_kind kind;
    int rc = tree_stat(s->tree, below(s, dir, "Chart.yaml"), &kind, e);
    if (rc < 0 || kind == TREE_FILE)
        return rc < 0 ? rc : add_chart(s, dir, e);
    const char *file = kustomize_file(s->tree, dir, s->a);
    if (file)
        rc = add_kustomization(s, dir, file, e);
    if (rc == 0)
        rc = tree_list(s->tree, dir, s->a, &entries, &n, e);
    for (size_t i = 0; rc == 0 && i < n; i++)
        if (entries[i].kind == TREE_DIR && *entries[i].name != '.')
            rc = search(s, below(s, dir, entries[i].name), depth + 1, e);
    return rc;
}

int environments_find(struct tree *t, const char *dir, struct arena *a, struct environment **out,
                      size_t *n, struct err *e)
{
    struct search s = {.tree = t, .dir = dir, .a = a};
    map_init(&s.used);
    int rc = search(&s, dir, 0, e);
    size_t kept = 0;
    for (size_t i = 0; rc == 0 && i < s.n; i++)
        if (!map_has(&s.used, s.items[i].path))
            s.items[kept++] = s.items[i];
    s.n = kept;
    if (rc == 0 && s.n == 0)
        add(&s, ".", dir, NULL);
    map_done(&s.used);
    *out = s.items;
    *n = s.n;
    return rc;
}
