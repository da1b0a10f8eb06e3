/* buildMetadata: where every object came from and what changed it, relative to the root. */
#include "render/kustomize/kust_int.h"
#include "render/kustomize/remote.h"

/* Kept where patches may take it away, too. */
#define NOTE "alpha.config.kubernetes.io/transformations"

static const char *relative(struct arena *a, const char *dir, const char *path)
{
    const char *up = "";
    for (;;) {
        size_t n = strcspn(dir, "/");
        if (n == 0 || strncmp(dir, path, n) != 0 || path[n] != '/')
            break;
        path += n + 1;
        dir += n + (dir[n] == '/');
    }
    while (*dir) {
        up = arena_printf(a, "%s../", up);
        size_t n = strcspn(dir, "/");
        dir += n + (dir[n] == '/');
    }
    return arena_printf(a, "%s%s", up, path);
}

/* Paths in a repository count from its root. */
static const char *place(const struct kust_layer *root, const char *path,
                         const struct kustomize_repository *of)
{
    return of ? path : relative(root->a, root->dir, path);
}

static const char *repository(struct arena *a, const struct kustomize_repository *of,
                              const char *indent)
{
    if (!of)
        return "";
    return arena_printf(a, "%srepo: %s\n%s%s%s%s", indent, of->url, *of->ref ? indent : "",
                        *of->ref ? "ref: " : "", of->ref, *of->ref ? "\n" : "");
}

static void annotate(const struct kust_layer *root, const struct kust_resource *r)
{
    struct arena *a = root->a;
    const char *path = place(root, r->origin, r->of), *from = repository(a, r->of, "");
    const char *text = arena_printf(a, "path: %s\n%s", path, from);
    if (r->made_by)
        text = arena_printf(a, "%sconfiguredIn: %s\nconfiguredBy:\n  apiVersion: %s\n  kind: %s\n",
                            from, path, r->made_api ? r->made_api : "builtin", r->made_by);
    if (r->made_name)
        text = arena_printf(a, "%s  name: %s\n", text, r->made_name);
    (void)value_set_str(a, value_make_object(a, r->object, "metadata.annotations"),
                        "config.kubernetes.io/origin", text);
}

bool kust_build_metadata(const struct kust_layer *root, const char *word)
{
    VALUE_EACH_ITEM (item, value_get(root->doc, "buildMetadata"))
        if (strcmp(value_str(item, ""), word) == 0)
            return true;
    return false;
}

void kust_transformed(const struct kust_layer *l, const char *kind, const struct value *config)
{
    struct arena *a = l->a;
    if (!kust_build_metadata(l->root, KUST_TRANSFORMATIONS))
        return;
    const char *path = l->plugin && l->plugin->origin ? l->plugin->origin : l->file;
    const char *from = repository(a, l->of, "  ");
    const char *text =
        arena_printf(a, "- %sconfiguredIn: %s\n  configuredBy:\n    apiVersion: %s\n    kind: %s\n",
                     *from ? arena_printf(a, "%s  ", from + 2) : "", place(l->root, path, l->of),
                     value_at_str(config, "apiVersion", "builtin"), kind);
    static const char *const parts[] = {"name", "namespace"};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        const char *is = value_str(value_get(value_get(config, "metadata"), parts[i]), "");
        if (*is)
            text = arena_printf(a, "%s    %s: %s\n", text, parts[i], is);
    }
    for (size_t i = 0; i < l->set->n; i++) {
        struct value *notes =
            value_make_object(a, l->set->items[i]->object, "metadata.annotations");
        const char *before = value_str(value_get(notes, NOTE), "");
        (void)value_set_str(a, notes, NOTE, arena_printf(a, "%s%s", before, text));
    }
}

int kust_origins(const struct kust_layer *root, struct err *e)
{
    static const char *const known[] = {KUST_ORIGINS, KUST_TRANSFORMATIONS, KUST_MANAGED_BY};
    VALUE_EACH_ITEM (item, value_get(root->doc, "buildMetadata")) {
        bool fits = false;
        for (size_t i = 0; i < ARRAY_LEN(known); i++)
            fits |= strcmp(value_str(item, ""), known[i]) == 0;
        if (!fits)
            return kust_error(root, item, e, "buildMetadata: %s is not one of %s, %s, %s",
                              value_str(item, "this"), known[0], known[1], known[2]);
    }
    for (size_t i = 0; kust_build_metadata(root, KUST_ORIGINS) && i < root->set->n; i++)
        if (root->set->items[i]->origin)
            annotate(root, root->set->items[i]);
    return 0;
}
