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

static const struct kust_place everywhere[] = {
    {NULL, NULL, "metadata/labels", true},
};

/* Where commonLabels go besides metadata: selectors and templates. */
static const struct kust_place selectors[] = {
    {"",                  "Service",               "spec/selector",                                  true },
    {"",                  "ReplicationController", "spec/selector",                                  true },
    {"",                  "ReplicationController", "spec/template/metadata/labels",                  true },
    {NULL,                "Deployment",            "spec/selector/matchLabels",                      true },
    {NULL,                "Deployment",            "spec/template/metadata/labels",                  true },
    {NULL,                "ReplicaSet",            "spec/selector/matchLabels",                      true },
    {NULL,                "ReplicaSet",            "spec/template/metadata/labels",                  true },
    {NULL,                "DaemonSet",             "spec/selector/matchLabels",                      true },
    {NULL,                "DaemonSet",             "spec/template/metadata/labels",                  true },
    {"apps",              "StatefulSet",           "spec/selector/matchLabels",                      true },
    {"apps",              "StatefulSet",           "spec/template/metadata/labels",                  true },
    {"apps",              "StatefulSet",           "spec/volumeClaimTemplates[]/metadata/labels",    true },
    {"batch",             "Job",                   "spec/selector/matchLabels",                      false},
    {"batch",             "Job",                   "spec/template/metadata/labels",                  true },
    {"batch",             "CronJob",               "spec/jobTemplate/spec/selector/matchLabels",     false},
    {"batch",             "CronJob",               "spec/jobTemplate/metadata/labels",               true },
    {"batch",             "CronJob",               "spec/jobTemplate/spec/template/metadata/labels", true },
    {"policy",            "PodDisruptionBudget",   "spec/selector/matchLabels",                      false},
    {"networking.k8s.io", "NetworkPolicy",         "spec/podSelector/matchLabels",                   false},
    {"networking.k8s.io", "NetworkPolicy",         "spec/ingress/from/podSelector/matchLabels",      false},
    {"networking.k8s.io", "NetworkPolicy",         "spec/egress/to/podSelector/matchLabels",         false},
};

static const struct kust_place templates[] = {
    {NULL,    NULL,                    "spec/template/metadata/labels",                  false},
    {NULL,    "Deployment",            "spec/template/metadata/labels",                  true },
    {NULL,    "ReplicaSet",            "spec/template/metadata/labels",                  true },
    {NULL,    "DaemonSet",             "spec/template/metadata/labels",                  true },
    {NULL,    "StatefulSet",           "spec/template/metadata/labels",                  true },
    {NULL,    "Job",                   "spec/template/metadata/labels",                  true },
    {NULL,    "ReplicationController", "spec/template/metadata/labels",                  true },
    {"batch", "CronJob",               "spec/jobTemplate/metadata/labels",               true },
    {"batch", "CronJob",               "spec/jobTemplate/spec/template/metadata/labels", true },
};

static const struct kust_place annotated[] = {
    {NULL,    NULL,                    "metadata/annotations",                                true},
    {"",      "ReplicationController", "spec/template/metadata/annotations",                  true},
    {NULL,    "Deployment",            "spec/template/metadata/annotations",                  true},
    {NULL,    "ReplicaSet",            "spec/template/metadata/annotations",                  true},
    {NULL,    "DaemonSet",             "spec/template/metadata/annotations",                  true},
    {NULL,    "StatefulSet",           "spec/template/metadata/annotations",                  true},
    {"batch", "Job",                   "spec/template/metadata/annotations",                  true},
    {"batch", "CronJob",               "spec/jobTemplate/metadata/annotations",               true},
    {"batch", "CronJob",               "spec/jobTemplate/spec/template/metadata/annotations", true},
};

static int put_specs(struct kust_layer *l, const struct value *specs, const struct value *add,
                     struct err *e)
{
    struct pairs p = {l->a, add};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < l->set->n; i++)
        rc = kust_at_specs(l->a, l->set->items[i], specs, add_pairs, &p, e);
    return rc;
}

static int put(struct kust_layer *l, const struct kust_place *places, size_t n,
               const struct value *add, struct err *e)
{
    struct pairs p = {l->a, add};
    for (size_t i = 0; i < l->set->n; i++) {
        struct kust_resource *r = l->set->items[i];
        for (size_t k = 0; k < n; k++) {
            if (!kust_place_fits(&places[k], r, l->a))
                continue;
            int rc =
                kust_visit(l->a, r->object, places[k].path, places[k].create, add_pairs, &p, e);
            if (rc < 0)
                return rc;
        }
    }
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

static const struct kust_place claims[] = {
    {"apps", "StatefulSet", "spec/volumeClaimTemplates[]/metadata/labels", true},
};

static int put_selectors(struct kust_layer *l, const struct value *pairs, struct err *e)
{
    int rc = put(l, selectors, ARRAY_LEN(selectors), pairs, e);
    return rc < 0 ? rc : put_specs(l, kust_specs(l, "commonLabels"), pairs, e);
}

static int put_included(struct kust_layer *l, const struct value *entry, const struct value *pairs,
                        struct err *e)
{
    int rc = 0;
    if (value_at_bool(entry, "includeSelectors", false))
        return put_selectors(l, pairs, e);
    if (value_at_bool(entry, "includeTemplates", false)) {
        rc = put(l, templates, ARRAY_LEN(templates), pairs, e);
        if (rc == 0)
            rc = put_specs(l, kust_specs(l, "templateLabels"), pairs, e);
    }
    if (rc == 0 && value_at_bool(entry, "includeVolumeClaimTemplates", false))
        rc = put(l, claims, ARRAY_LEN(claims), pairs, e);
    return rc;
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
        rc = put(l, everywhere, ARRAY_LEN(everywhere), pairs, e);
    if (rc == 0)
        rc = put_specs(l, kust_specs(l, "labels"), pairs, e);
    if (rc == 0)
        rc = put_specs(l, value_get(entry, "fields"), pairs, e);
    return rc < 0 ? rc : put_included(l, entry, pairs, e);
}

int kust_labels(struct kust_layer *l, struct err *e)
{
    const struct value *common = value_get(l->doc, "commonLabels");
    int rc = 0;
    VALUE_EACH_ITEM (entry, value_get(l->doc, "labels"))
        if (rc == 0)
            rc = one_entry(l, entry, e);
    if (rc == 0)
        rc = check_pairs(l, common, "commonLabels", e);
    if (rc < 0 || value_count(common) == 0)
        return rc;
    if (l->only)
        return put_specs(l, l->only, common, e);
    rc = put(l, everywhere, ARRAY_LEN(everywhere), common, e);
    return rc < 0 ? rc : put_selectors(l, common, e);
}

int kust_annotations(struct kust_layer *l, struct err *e)
{
    const struct value *common = value_get(l->doc, "commonAnnotations");
    int rc = check_pairs(l, common, "commonAnnotations", e);
    if (rc < 0 || value_count(common) == 0)
        return rc;
    if (!l->only)
        rc = put(l, annotated, ARRAY_LEN(annotated), common, e);
    return rc < 0 ? rc : put_specs(l, kust_specs(l, "commonAnnotations"), common, e);
}
