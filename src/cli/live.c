#include "cli/live.h"

#include <string.h>

#include "codec/patch.h"
#include "ctl/gitops/diff.h"

#define SYNCER "argocd-controller"

/* Notes and digests that a sync adds to what Git says. */
static const char *const bookkeeping[] = {"metadata.annotations",
                                          "spec.template.metadata.annotations"};
static const char *const added_keys[] = {"argocd.argoproj.io/tracking-id",
                                         "slipway.dev/config-hash"};

static void carry_over(struct value *target, const struct value *live, struct arena *a)
{
    for (size_t i = 0; i < ARRAY_LEN(bookkeeping); i++)
        for (size_t k = 0; k < ARRAY_LEN(added_keys); k++) {
            const struct value *v = value_get(value_at(live, bookkeeping[i]), added_keys[k]);
            if (v && (i == 0 || value_at(target, "spec.template")))
                (void)value_set(a, value_make_object(a, target, bookkeeping[i]), added_keys[k], v);
        }
}

/* Who applied it: a field that is wanted no more goes only with the one who set it. */
static const char *manager_of(const struct value *live)
{
    const char *found = SYNCER;
    VALUE_EACH_ITEM (m, value_at(live, "metadata.managedFields")) {
        const char *name = value_at_str(m, "manager", "");
        if (strcmp(value_at_str(m, "operation", ""), "Apply") != 0 ||
            *value_at_str(m, "subresource", ""))
            continue;
        if (strcmp(name, SYNCER) == 0)
            return SYNCER;
        found = name;
    }
    return found;
}

static int one_change(struct kube *k, const char *ns, struct value *target, struct arena *a,
                      struct change *out, struct err *e)
{
    AUTO(object) struct object *live = NULL;
    AUTO(object) struct object *predicted = NULL;
    const struct resource *res;
    struct err why;
    *out = (struct change){.after = target};
    if (kube_find(k, value_at_str(target, "apiVersion", ""), value_at_str(target, "kind", ""), &res,
                  &why) < 0) {
        out->note = arena_strdup(a, why.msg);
        return 0;
    }
    struct value *meta = value_make_object(a, target, "metadata");
    if (!res->namespaced)
        (void)value_remove(meta, "namespace");
    else if (!*value_at_str(meta, "namespace", ""))
        (void)value_set_str(a, meta, "namespace", ns);
    const char *name = value_at_str(meta, "name", "");
    const char *where = res->namespaced ? value_at_str(meta, "namespace", "") : NULL;
    int rc = *name ? kube_get(k, res, where, name, &live, e) : ERR_NOT_FOUND;
    if (rc == ERR_NOT_FOUND)
        return 0;
    if (rc < 0)
        return rc;
    carry_over(target, live->root, a);
    out->before = diff_normal(live->root, NULL, a);
    const char *manager = arena_strdup(a, manager_of(live->root));
    if (kube_apply_dry(k, res, where, name, manager, target, &predicted, &why) == 0) {
        out->after = diff_normal(predicted->root, NULL, a);
    } else {
        out->after = patch_merge(a, out->before, target);
        out->note = arena_printf(a, "cannot be applied: %s", why.msg);
    }
    return 0;
}

int live_changes(struct kube *k, const char *ns, struct value *const *objects, size_t n,
                 struct arena *a, struct changes *out, struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        struct change one;
        int rc = one_change(k, ns, objects[i], a, &one, e);
        if (rc < 0)
            return rc;
        changes_add(a, out, &one);
    }
    return 0;
}

static bool wanted(const struct value *r, struct value *const *objects, size_t n, struct arena *a)
{
    const char *group = value_at_str(r, "group", ""), *version = value_at_str(r, "version", "");
    const char *both = arena_printf(a, "%s%s%s", group, *group ? "/" : "", version);
    for (size_t i = 0; i < n; i++) {
        const struct value *o = objects[i];
        if (strcmp(value_at_str(o, "kind", ""), value_at_str(r, "kind", "")) == 0 &&
            strcmp(value_at_str(o, "apiVersion", ""), both) == 0 &&
            strcmp(value_at_str(o, "metadata.name", ""), value_at_str(r, "name", "")) == 0 &&
            strcmp(value_at_str(o, "metadata.namespace", ""), value_at_str(r, "namespace", "")) ==
                0)
            return true;
    }
    return false;
}

int live_left_over(struct kube *k, const struct value *resources, struct value *const *objects,
                   size_t n, struct arena *a, struct changes *out, struct err *e)
{
    VALUE_EACH_ITEM (r, resources) {
        AUTO(object) struct object *live = NULL;
        const struct resource *res;
        const char *group = value_at_str(r, "group", "");
        const char *version =
            arena_printf(a, "%s%s%s", group, *group ? "/" : "", value_at_str(r, "version", ""));
        if (wanted(r, objects, n, a) ||
            kube_find(k, version, value_at_str(r, "kind", ""), &res, NULL) < 0)
            continue;
        int rc = kube_get(k, res, value_at_str(r, "namespace", ""), value_at_str(r, "name", ""),
                          &live, e);
        if (rc < 0 && rc != ERR_NOT_FOUND)
            return rc;
        if (rc == 0)
            changes_add(a, out, &(struct change){.before = diff_normal(live->root, NULL, a)});
    }
    return 0;
}
