/* labels, commonLabels and commonAnnotations. */
#include "render/kustomize/kust_int.h"

struct pairs {
    struct arena *a;
    const struct value *add;
};

static int add_pairs(void *arg, struct value *at, struct err *e)
{
    struct pairs *p = arg;
    (void)e;
    if (value_is(at, VALUE_NULL))
        *at = *value_new_object(p->a);
    if (value_is(at, VALUE_OBJECT))
        VALUE_EACH_MEMBER (m, p->add)
            (void)value_set(p->a, at, m->key, &m->value);
    return 0;
}

static int check_pairs(struct kust_layer *l, const struct value *v, const char *field,
                       struct err *e)
{
    if (v && !value_is(v, VALUE_OBJECT) && !value_is(v, VALUE_NULL))
        return kust_error(l, v, e, "%s: keys and values are expected", field);
    VALUE_EACH_MEMBER (m, v)
        if (!value_is(&m->value, VALUE_STRING))
            return kust_error(l, &m->value, e, "%s: %s is not a string", field, m->key);
    return 0;
}

static int put(struct kust_layer *l, const char *field, const struct value *add, struct err *e)
{
    struct pairs p = {l->a, add};
    return kust_at_places(l, field, add_pairs, &p, e);
}

/* What an entry brings itself. */
static int put_fields(struct kust_layer *l, const struct value *fields, const struct value *add,
                      struct err *e)
{
    struct kust_layer own = *l;
    if (value_count(fields) == 0)
        return 0;
    own.only = fields;
    return put(&own, "labels", add, e);
}

static int put_included(struct kust_layer *l, const struct value *entry, const struct value *pairs,
                        struct err *e)
{
    int rc = 0;
    if (value_at_bool(entry, "includeSelectors", false))
        return put(l, "commonLabels", pairs, e);
    if (value_at_bool(entry, "includeTemplates", false))
        rc = put(l, "templateLabels", pairs, e);
    if (rc == 0 && value_at_bool(entry, "includeVolumeClaimTemplates", false))
        rc = put(l, "volumeClaimTemplateLabels", pairs, e);
    return rc < 0 ? rc : put(l, "metadataLabels", pairs, e);
}

static int one_entry(struct kust_layer *l, const struct value *entry, struct err *e)
{
    static const char *const known[] = {
        "pairs", "includeSelectors", "includeTemplates", "includeVolumeClaimTemplates", "fields",
        NULL};
    const struct value *pairs = value_get(entry, "pairs");
    int rc = kust_only(l, entry, "labels", known, e);
    if (rc == 0)
        rc = check_pairs(l, pairs, "labels.pairs", e);
    if (rc == 0)
        rc = put(l, "labels", pairs, e);
    if (rc == 0)
        rc = put_fields(l, value_get(entry, "fields"), pairs, e);
    return rc < 0 ? rc : put_included(l, entry, pairs, e);
}

int kust_labels(struct kust_layer *l, struct err *e)
{
    int rc = 0;
    VALUE_EACH_ITEM (entry, value_get(l->doc, "labels"))
        if (rc == 0)
            rc = one_entry(l, entry, e);
    return rc;
}

int kust_common_labels(struct kust_layer *l, struct err *e)
{
    const struct value *common = value_get(l->doc, "commonLabels");
    int rc = check_pairs(l, common, "commonLabels", e);
    return rc < 0 || value_count(common) == 0 ? rc : put(l, "commonLabels", common, e);
}

int kust_annotations(struct kust_layer *l, struct err *e)
{
    const struct value *common = value_get(l->doc, "commonAnnotations");
    int rc = check_pairs(l, common, "commonAnnotations", e);
    return rc < 0 || value_count(common) == 0 ? rc : put(l, "commonAnnotations", common, e);
}
