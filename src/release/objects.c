/* objects.c - a manifest becomes objects with their resources. */
#include <string.h>

#include "codec/yaml.h"
#include "release/release_int.h"

void release__push(struct arena *a, struct release_objects *list, struct release_object o)
{
    size_t n = list->n, size = sizeof o;
    if ((n & (n - 1)) == 0)
        list->items = arena_grow(a, list->items, n * size, (n ? 2 * n : 1) * size);
    list->items[list->n++] = o;
}

/* What has gone wrong so far: Helm reads to the end and then tells all of it. */
struct complaints {
    const char **items;
    size_t n;
};

static void complain(struct arena *a, struct complaints *c, const char *text)
{
    size_t n = c->n, size = sizeof *c->items;
    c->items = arena_grow(a, c->items, n * size, (n + 1) * size);
    c->items[c->n++] = text;
}

static const char *unknown_kind(struct arena *a, const struct value *root, const char *api_version)
{
    return arena_printf(a,
                        "resource mapping not found for name: \"%s\" namespace: \"%s\" from \"\": "
                        "no matches for kind \"%s\" in version \"%s\"\n"
                        "ensure CRDs are installed first",
                        value_at_str(root, "metadata.name", ""),
                        value_at_str(root, "metadata.namespace", ""),
                        value_str(value_get(root, "kind"), ""), api_version);
}

static int add(struct release_session *s, struct value *root, struct release_objects *out,
               struct complaints *bad, struct err *e);

static int add_items(struct release_session *s, const struct value *list,
                     struct release_objects *out, struct complaints *bad, struct err *e)
{
    int rc = 0;
    VALUE_EACH_ITEM (item, value_get(list, "items"))
        if (rc == 0)
            rc = add(s, value_copy(s->log->arena, item), out, bad, e);
    return rc;
}

static int add(struct release_session *s, struct value *root, struct release_objects *out,
               struct complaints *bad, struct err *e)
{
    struct arena *a = s->log->arena;
    const char *kind = value_str(value_get(root, "kind"), "");
    const char *api_version = value_str(value_get(root, "apiVersion"), "");
    size_t n = strlen(kind);
    struct release_object o = {.root = root};
    if (!*kind || !*api_version) {
        complain(a, bad,
                 arena_printf(a, "error validating \"\": error validating data: %s",
                              *kind          ? "apiVersion not set"
                              : *api_version ? "kind not set"
                                             : "[apiVersion not set, kind not set]"));
        return 0;
    }
    if (n > 4 && strcmp(kind + n - 4, "List") == 0 && value_get(root, "items"))
        return add_items(s, root, out, bad, e);
    int rc = kube_find(s->kube, api_version, kind, &o.res, e);
    if (rc == ERR_NOT_FOUND) {
        complain(a, bad, unknown_kind(a, root, api_version));
        return 0;
    }
    if (rc < 0)
        return release__note(s, e, rc);
    struct value *meta = value_make_object(a, root, "metadata");
    o.name = value_str(value_get(meta, "name"), "");
    o.ns = value_str(value_get(meta, "namespace"), "");
    if (o.res->namespaced && !*o.ns) {
        o.ns = s->ns;
        (void)value_set_str(a, meta, "namespace", o.ns);
    }
    if (!o.res->namespaced)
        o.ns = "";
    release__push(a, out, o);
    return 0;
}

int release_objects(struct release_session *s, const char *manifest, struct release_objects *out,
                    struct err *e)
{
    struct arena *a = s->log->arena;
    struct complaints bad = {0};
    struct value **docs;
    size_t n;
    *out = (struct release_objects){0};
    int rc = yaml_or_json_parse_all(a, manifest, strlen(manifest), 0, &docs, &n, e);
    if (rc < 0) {
        (void)release__note(s, e, rc);
        return release__wrap(s, e, rc, "error parsing ");
    }
    for (size_t i = 0; i < n && rc == 0; i++)
        if (!value_is(docs[i], VALUE_NULL))
            rc = add(s, docs[i], out, &bad, e);
    if (rc < 0 || bad.n == 0)
        return rc;
    const char *all = bad.items[0];
    for (size_t i = 1; i < bad.n; i++)
        all = arena_printf(a, "%s, %s", all, bad.items[i]);
    return release__fail(s, e, ERR_INVALID, bad.n > 1 ? "[%s]" : "%s", all);
}
