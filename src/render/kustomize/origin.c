/* buildMetadata: [originAnnotations] - where every object came from, relative to the root. */
#include "render/kustomize/kust_int.h"

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

static void annotate(const struct kust_layer *root, const struct kust_resource *r)
{
    struct arena *a = root->a;
    const char *path = relative(a, root->dir, r->origin);
    const char *text = arena_printf(a, "path: %s\n", path);
    if (r->made_by)
        text =
            arena_printf(a, "configuredIn: %s\nconfiguredBy:\n  apiVersion: builtin\n  kind: %s\n",
                         path, r->made_by);
    if (r->made_name)
        text = arena_printf(a, "%s  name: %s\n", text, r->made_name);
    (void)value_set_str(a, value_make_object(a, r->object, "metadata.annotations"),
                        "config.kubernetes.io/origin", text);
}

int kust_origins(const struct kust_layer *root, struct err *e)
{
    bool wanted = false;
    VALUE_EACH_ITEM (item, value_get(root->doc, "buildMetadata")) {
        if (strcmp(value_str(item, ""), "originAnnotations") != 0)
            return err_set(e, ERR_UNSUPPORTED, "%s:%u: buildMetadata %s is not offered", root->file,
                           item->line, value_str(item, "that is no text"));
        wanted = true;
    }
    for (size_t i = 0; wanted && i < root->set->n; i++)
        if (root->set->items[i]->origin)
            annotate(root, root->set->items[i]);
    return 0;
}
