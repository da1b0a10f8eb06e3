#include "render/render.h"

#include <string.h>

#include "codec/yaml.h"
#include "render/directory.h"
#include "render/helm/application.h"
#include "render/kustomize/again.h"

enum { OBJECTS_MAX = 20000 };

static bool exists(struct tree *t, const char *dir, const char *name, struct arena *a)
{
    enum tree_kind kind;
    const char *path = *dir ? arena_printf(a, "%s/%s", dir, name) : name;
    return tree_stat(t, path, &kind, NULL) == 0 && kind == TREE_FILE;
}

int render_detect(struct tree *t, const char *path, enum render_tool *out, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 16);
    enum tree_kind kind;
    int rc = tree_stat(t, path, &kind, e);
    if (rc < 0)
        return rc;
    if (kind != TREE_DIR)
        return err_set(e, ERR_NOT_FOUND, "folder %s does not exist", path);
    *out = RENDER_DIRECTORY;
    if (exists(t, path, "Chart.yaml", a))
        *out = RENDER_HELM;
    else if (kustomize_file(t, path, a))
        *out = RENDER_KUSTOMIZE;
    return 0;
}

static struct kustomize_opts kustomize_opts_of(const struct render_opts *opts,
                                               struct render_result *r, struct arena *a)
{
    r->made = opts->noted ? kustomize_made_new(a) : NULL;
    return (struct kustomize_opts){.overrides = opts->kustomize,
                                   .helm = true,
                                   .helm_kube_version = opts->kube_version,
                                   .helm_api_versions = opts->api_versions,
                                   .n_helm_api_versions = opts->n_api_versions,
                                   .now_ns = opts->now_ns,
                                   .remote = opts->remote,
                                   .charts = opts->charts,
                                   .charted = &r->charted,
                                   .made = r->made};
}

int render_again(struct tree *t, const struct render_opts *opts, const struct render_result *before,
                 const char *const *files, struct arena *a, struct render_result *out,
                 struct err *e)
{
    const char *path;
    struct render_result r = {.tool = before->tool};
    struct kustomize_result made;
    if (!before->made || tree_join(a, "", opts->path ? opts->path : "", &path, NULL) < 0)
        return err_set(e, ERR_UNSUPPORTED, "there is nothing to build on");
    struct kustomize_opts o = kustomize_opts_of(opts, &r, a);
    struct kustomize_change change = {before->made, files};
    int rc = kustomize_build_again(t, path, &o, &change, a, &made, e);
    if (rc < 0)
        return rc;
    r.objects = made.objects;
    r.n = made.n;
    r.fresh = made.fresh;
    r.n_fresh = made.n_fresh;
    *out = r;
    return 0;
}

int render_objects(struct tree *t, const struct render_opts *opts, struct arena *a,
                   struct render_result *out, struct err *e)
{
    struct kustomize_opts o;
    const char *path;
    int rc = tree_join(a, "", opts->path ? opts->path : "", &path, e);
    struct render_result r = {.n = 0};
    if (rc == 0)
        rc = render_detect(t, path, &r.tool, e);
    if (rc < 0)
        return rc;
    switch (r.tool) {
    case RENDER_HELM:
        r.charted = true;
        rc = helm_application(t, path, opts, a, &r.objects, &r.n, e);
        break;
    case RENDER_KUSTOMIZE:
        o = kustomize_opts_of(opts, &r, a);
        rc = kustomize_build(t, path, &o, a, &r.objects, &r.n, e);
        break;
    case RENDER_DIRECTORY:
        rc = directory_objects(t, path, opts->directory, a, &r.objects, &r.n, e);
        break;
    }
    if (rc == 0)
        *out = r;
    return rc;
}

struct objects {
    struct arena *a;
    const char *path;
    struct value **items;
    size_t n, cap;
};

static int add(struct objects *l, const struct value *v, struct err *e)
{
    if (!value_is(v, VALUE_OBJECT))
        return err_set(e, ERR_INVALID, "%s:%u: an object is expected, not %s", l->path, v->line,
                       value_kind_name(v->kind));
    const char *kind = value_str(value_get(v, "kind"), NULL);
    const char *version = value_str(value_get(v, "apiVersion"), NULL);
    bool versioned = version && *version;
    if (!kind || !*kind || !versioned)
        return err_set(e, ERR_INVALID, "%s:%u: %s is missing", l->path, v->line,
                       kind && *kind ? "apiVersion" : "kind");
    const struct value *items = value_get(v, "items");
    size_t len = strlen(kind);
    if (len >= 4 && strcmp(kind + len - 4, "List") == 0 && value_is(items, VALUE_ARRAY)) {
        VALUE_EACH_ITEM (item, items) {
            int rc = add(l, item, e);
            if (rc < 0)
                return rc;
        }
        return 0;
    }
    const struct value *meta = value_get(v, "metadata");
    if (!*value_str(value_get(meta, "name"), "") &&
        !*value_str(value_get(meta, "generateName"), ""))
        return err_set(e, ERR_INVALID, "%s:%u: %s has no metadata.name", l->path, v->line, kind);
    if (l->n == OBJECTS_MAX)
        return err_set(e, ERR_TOO_LARGE, "%s: more than %d objects", l->path, OBJECTS_MAX);
    if (l->n == l->cap) {
        size_t more = l->cap ? l->cap * 2 : 8;
        l->items = arena_grow(l->a, l->items, l->cap * sizeof *l->items, more * sizeof *l->items);
        l->cap = more;
    }
    l->items[l->n++] = value_copy(l->a, v);
    return 0;
}

int render_parse(const struct render_text *t, struct arena *a, struct value ***out, size_t *n,
                 struct err *e)
{
    struct value **docs;
    size_t n_docs;
    unsigned flags = t->yaml_flags | YAML_STRICT_KEYS;
    int rc = yaml_or_json_parse_all(a, t->text, t->len, flags, &docs, &n_docs, e);
    if (rc < 0)
        return err_wrap(e, rc, "%s", t->path);
    struct objects l = {.a = a, .path = t->path};
    for (size_t i = 0; i < n_docs; i++)
        if (!value_is(docs[i], VALUE_NULL) && (rc = add(&l, docs[i], e)) < 0)
            return rc;
    *out = l.items;
    *n = l.n;
    return 0;
}
