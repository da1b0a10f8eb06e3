/* ValueAddTransformer: one text put into fields, or into a place of the file paths they hold. */
#include "render/kustomize/kust_int.h"

struct insertion {
    struct arena *a;
    const char *value;
    int64_t position; /* of a path's parts, from 1; 0: in place of all */
};

/* "a/b" at 2 is "a/VALUE/b"; a position past the end is the end. */
static const char *into_path(const struct insertion *x, const char *path)
{
    const char *root = *path == '/' ? "/" : "", *p = path + (*path == '/');
    int64_t left = x->position - 1;
    const char *at = p;
    for (; left > 0 && *at; left--) {
        at += strcspn(at, "/");
        at += *at == '/';
    }
    if (!*p)
        return arena_printf(x->a, "%s%s", root, x->value);
    if (!*at)
        return arena_printf(x->a, "%s/%s", path, x->value);
    return arena_printf(x->a, "%s%.*s%s/%s", root, (int)(at - p), p, x->value, at);
}

static int put(void *arg, struct value *at, struct err *e)
{
    const struct insertion *x = arg;
    const char *is = kust_scalar(x->a, at);
    if (!is && !value_is(at, VALUE_NULL))
        return err_set(e, ERR_INVALID, "value add: the field is a %s", value_kind_name(at->kind));
    *at = *value_new_str(x->a, x->position > 0 ? into_path(x, is ? is : "") : x->value);
    return 0;
}

static int add_to(struct kust_layer *l, struct insertion *x, const struct value *target,
                  struct err *e)
{
    const char *path = value_at_str(target, "fieldPath", "");
    bool ns = strcmp(path, "metadata/namespace") == 0;
    x->position = value_at_int(target, "filePathPosition", 0);
    if (!*path)
        return kust_error(l, target, e, "value add: fieldPath is empty");
    if (x->position < 0)
        return kust_error(l, target, e, "value add: filePathPosition is negative");
    if (ns)
        x->position = 0;
    AUTO(kust_target) struct kust_target *t = NULL;
    int rc = kust_target_new(l, value_get(target, "selector"), &t, e);
    for (size_t i = 0; rc == 0 && i < l->set->n; i++) {
        const struct kust_resource *r = l->set->items[i];
        if (!kust_target_selects(t, r, l->a) || (ns && kust_cluster_scoped(r)))
            continue;
        rc = kust_visit(l->a, r->object, path, true, put, x, e);
    }
    return rc;
}

int kust_value_add(struct kust_layer *l, struct err *e)
{
    const struct value *v = value_item(value_get(l->doc, "valueAdd"), 0);
    const char *path, *base = strrchr(l->dir, '/'), *file = value_at_str(v, "targetFilePath", "");
    struct insertion x = {.a = l->a, .value = value_at_str(v, "value", "")};
    if (!*x.value)
        x.value = base ? base + 1 : l->dir;
    struct value *doc = NULL;
    int rc = *file ? kust_read_yaml(l, v, file, &path, &doc, e) : 0;
    const struct value *more = value_get(doc, "targets");
    if (rc == 0 && value_count(value_get(v, "targets")) + value_count(more) == 0)
        return kust_error(l, v, e, "value add: there is no target");
    VALUE_EACH_ITEM (target, value_get(v, "targets"))
        if (rc == 0)
            rc = add_to(l, &x, target, e);
    VALUE_EACH_ITEM (target, more)
        if (rc == 0)
            rc = add_to(l, &x, target, e);
    return rc;
}
