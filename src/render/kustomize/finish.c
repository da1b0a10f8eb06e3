/* What the very end of a build does to every object. */
#include "codec/yaml.h"
#include "render/kustomize/kust_int.h"

/* The version whose output this is, as that version signs it. */
#define MANAGED_BY "kustomize-v5.8.2"

bool kust_is_local(const struct kust_resource *r)
{
    const struct value *v =
        value_get(value_at(r->object, "metadata.annotations"), "config.kubernetes.io/local-config");
    return v && !(value_is(v, VALUE_STRING) && strcmp(v->text, "false") == 0);
}

/* What Kustomize notes on objects while it builds. */
static bool internal(const char *key)
{
    static const char prefix[] = "internal.config.kubernetes.io/";
    static const char *const keys[] = {"previousKinds",   "previousNames", "previousNamespaces",
                                       "prefixes",        "suffixes",      "allowNameChange",
                                       "allowKindChange", "refBy",         "generatorBehavior",
                                       "needsHashSuffix"};
    if (strncmp(key, prefix, sizeof prefix - 1) != 0)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (strcmp(key + sizeof prefix - 1, keys[i]) == 0)
            return true;
    return false;
}

/* Annotations are text whatever the file's author wrote, and none is better than null. */
static void tidy(struct kust_set *s, struct value *object)
{
    struct value *meta = value_get_mut(object, "metadata");
    struct value *notes = value_get_mut(meta, "annotations");
    for (size_t i = 0; value_is(notes, VALUE_OBJECT) && i < notes->n;) {
        const struct member *m = &notes->members[i];
        if (!internal(m->key) || !value_removen(notes, m->key, m->key_len))
            i++;
    }
    if (notes && value_count(notes) == 0) {
        (void)value_remove(meta, "annotations");
        return;
    }
    for (size_t i = 0; value_is(notes, VALUE_OBJECT) && i < notes->n; i++) {
        struct value *v = &notes->members[i].value;
        const char *text = kust_scalar(s->a, v);
        if (text && !value_is(v, VALUE_STRING))
            *v = *value_new_str(s->a, text);
    }
}

/* What the object is once it was printed. */
static int settle(struct kust_set *s, struct kust_resource *r, struct err *e)
{
    int rc = yaml_settle(s->a, r->object, e);
    if (rc == 0)
        rc = yaml_through_json(s->a, r->object, e);
    return rc < 0 ? err_wrap(e, rc, "%s: %s %s", r->origin ? r->origin : "a generator",
                             kust_kind(r), kust_name(r))
                  : 0;
}

int kust_finish(const struct kust_layer *root, struct err *e)
{
    struct kust_set *s = root->set;
    size_t kept = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (kust_is_local(s->items[i]))
            continue;
        tidy(s, s->items[i]->object);
        if (root->opts->managed_by_label || kust_build_metadata(root, KUST_MANAGED_BY))
            (void)value_set_str(s->a,
                                value_make_object(s->a, s->items[i]->object, "metadata.labels"),
                                "app.kubernetes.io/managed-by", MANAGED_BY);
        int rc = settle(s, s->items[i], e);
        if (rc < 0)
            return rc;
        s->items[kept++] = s->items[i];
    }
    s->n = kept;
    return 0;
}
