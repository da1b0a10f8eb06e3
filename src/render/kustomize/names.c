/* namespace, namePrefix and nameSuffix. */
#include "render/kustomize/kust_int.h"

static int set_ns(void *arg, struct value *at, struct err *e)
{
    (void)e;
    const struct value *ns = arg;
    uint32_t line = at->line;
    *at = *ns;
    at->line = line;
    return 0;
}

/* Service accounts called default; others move when references are mended. */
static void set_subjects(struct kust_layer *l, struct kust_resource *r, const struct value *ns)
{
    struct value *subjects = value_get_mut(r->object, "subjects");
    for (size_t i = 0; i < value_count(subjects); i++) {
        struct value *s = &subjects->items[i];
        if (strcmp(value_at_str(s, "kind", ""), "ServiceAccount") != 0)
            continue;
        if (strcmp(value_at_str(s, "name", ""), "default") == 0)
            (void)value_set(l->a, s, "namespace", ns);
    }
}

int kust_namespace(struct kust_layer *l, struct err *e)
{
    const struct value *ns = value_get(l->doc, "namespace");
    if (!ns || !*value_str(ns, ""))
        return 0;
    for (size_t i = 0; i < l->set->n; i++) {
        struct kust_resource *r = l->set->items[i];
        int rc = 0;
        if (kust_cluster_scoped(r) && strcmp(kust_kind(r), "Namespace") != 0)
            rc = 0;
        else if (strcmp(kust_kind(r), "Namespace") == 0 && !*kust_group(l->a, r))
            (void)value_set(l->a, value_make_object(l->a, r->object, "metadata"), "name", ns);
        else if (!kust_cluster_scoped(r))
            rc = kust_visit(l->a, r->object, "metadata/namespace", true, set_ns,
                            value_copy(l->a, ns), e);
        if (rc == 0)
            rc =
                kust_at_specs(l->a, r, kust_specs(l, "namespace"), set_ns, value_copy(l->a, ns), e);
        if (rc == 0 && strcmp(kust_kind(r), "CustomResourceDefinition") == 0)
            rc = kust_visit(l->a, r->object,
                            "spec/conversion/webhook/clientConfig/service/namespace", false, set_ns,
                            value_copy(l->a, ns), e);
        if (rc < 0)
            return rc;
        if (strstr(kust_kind(r), "RoleBinding"))
            set_subjects(l, r, ns);
    }
    /* Only now: subjects are found by the names everything had before. */
    for (size_t i = 0; i < l->set->n; i++)
        kust_renamed(l->set->items[i]);
    return 0;
}

static bool keeps_name(const struct kust_resource *r)
{
    return strcmp(kust_kind(r), "CustomResourceDefinition") == 0 ||
           strcmp(kust_kind(r), "APIService") == 0 || strcmp(kust_kind(r), "Namespace") == 0;
}

struct affix {
    struct arena *a;
    const char *prefix, *suffix;
};

static int put_affix(void *arg, struct value *at, struct err *e)
{
    const struct affix *x = arg;
    (void)e;
    if (value_is(at, VALUE_STRING))
        *at = *value_new_strf(x->a, "%s%s%s", x->prefix, at->text, x->suffix);
    return 0;
}

int kust_names(struct kust_layer *l, struct err *e)
{
    const char *prefix = value_at_str(l->doc, "namePrefix", "");
    const char *suffix = value_at_str(l->doc, "nameSuffix", "");
    struct affix before = {l->a, prefix, ""}, after = {l->a, "", suffix};
    /* Configured places stand for the usual one. */
    bool own = value_count(kust_specs(l, "namePrefix")) > 0;
    if (!*prefix && !*suffix)
        return 0;
    for (size_t i = 0; i < l->set->n; i++) {
        struct kust_resource *r = l->set->items[i];
        r->prefixes = arena_printf(l->a, "%s|%s", r->prefixes, prefix);
        r->suffixes = arena_printf(l->a, "%s|%s", r->suffixes, suffix);
        if (!l->only && !own && !keeps_name(r)) {
            const char *name = arena_printf(l->a, "%s%s%s", prefix, kust_name(r), suffix);
            (void)value_set_str(l->a, value_make_object(l->a, r->object, "metadata"), "name", name);
        }
        int rc = kust_at_specs(l->a, r, kust_specs(l, "namePrefix"), put_affix, &before, e);
        if (rc == 0)
            rc = kust_at_specs(l->a, r, kust_specs(l, "nameSuffix"), put_affix, &after, e);
        if (rc < 0)
            return rc;
        kust_renamed(r);
    }
    return 0;
}
