#include "render/directory.h"

#include <string.h>

#include "vcs/match.h"

struct walk {
    struct tree *tree;
    struct arena *a;
    size_t root_len; /* of the folder rendered, with its slash */
    bool recurse;
    const char *include, *exclude; /* "" : none */
    struct value **items;
    size_t n;
};

static bool manifest(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0 ||
                   strcmp(dot, ".json") == 0 || strcmp(dot, ".jsonnet") == 0);
}

static bool wanted(const struct walk *w, const char *path)
{
    const char *rest = path + w->root_len;
    return manifest(path) && !(*w->exclude && path_match(w->exclude, rest)) &&
           (!*w->include || path_match(w->include, rest));
}

static int add_file(struct walk *w, const char *path, struct err *e)
{
    struct value **objects;
    size_t n, len = strlen(path);
    if (len > 8 && strcmp(path + len - 8, ".jsonnet") == 0)
        return err_set(e, ERR_UNSUPPORTED, "%s: jsonnet is not offered here", path);
    struct render_text t = {.path = path};
    int rc = tree_read(w->tree, path, w->a, &t.text, &t.len, e);
    if (rc == 0)
        rc = render_parse(&t, w->a, &objects, &n, e);
    if (rc < 0 || n == 0)
        return rc;
    w->items = arena_grow(w->a, w->items, w->n * sizeof *w->items, (w->n + n) * sizeof *w->items);
    memcpy(w->items + w->n, objects, n * sizeof *objects);
    w->n += n;
    return 0;
}

static int walk(struct walk *w, const char *dir, int depth, struct err *e)
{
    struct tree_entry *entries;
    size_t n;
    int rc = depth > 32 ? err_set(e, ERR_TOO_LARGE, "%s lies more than 32 folders deep", dir)
                        : tree_list(w->tree, dir, w->a, &entries, &n, e);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const char *path = arena_printf(w->a, "%s%s%s", dir, *dir ? "/" : "", entries[i].name);
        if (entries[i].kind == TREE_DIR && w->recurse)
            rc = walk(w, path, depth + 1, e);
        else if (entries[i].kind == TREE_FILE && wanted(w, path))
            rc = add_file(w, path, e);
    }
    return rc;
}

int directory_objects(struct tree *t, const char *path, const struct value *opts, struct arena *a,
                      struct value ***out, size_t *n, struct err *e)
{
    static const char *const known[] = {"recurse", "include", "exclude", "jsonnet"};
    VALUE_EACH_MEMBER (m, opts) {
        bool found = false;
        for (size_t i = 0; i < ARRAY_LEN(known); i++)
            found |= strcmp(m->key, known[i]) == 0;
        if (!found || (strcmp(m->key, "jsonnet") == 0 && value_count(&m->value) > 0))
            return err_set(e, ERR_UNSUPPORTED, "directory.%s is not offered here", m->key);
    }
    struct walk w = {
        .tree = t,
        .a = a,
        .root_len = *path ? strlen(path) + 1 : 0,
        .recurse = value_at_bool(opts, "recurse", false),
        .include = value_at_str(opts, "include", ""),
        .exclude = value_at_str(opts, "exclude", ""),
    };
    int rc = walk(&w, path, 0, e);
    if (rc < 0)
        return rc;
    *out = w.items;
    *n = w.n;
    return 0;
}
