/* Where kinds keep names, labels, images and replicas when no configuration says more: Kustomize's
 * own field specs. */
#include "render/kustomize/kust_int.h"

/* group, version, kind, path, create */
static const struct kust_place name[] = {
    {"", "", "", "metadata/name", false},
};

static const struct kust_place namespace[] = {
    {"",                       "", "Namespace",                "metadata/name",          true },
    {"apiregistration.k8s.io", "", "APIService",               "spec/service/namespace", true },
    {"apiextensions.k8s.io",   "", "CustomResourceDefinition",
     "spec/conversion/webhook/clientConfig/service/namespace",                           false},
};

/* What commonLabels reaches besides: selectors, also of what a pod wants near or apart. */
static const struct kust_place selector_labels[] = {
    {"",                  "v1", "Service",               "spec/selector",                              true },
    {"",                  "v1", "ReplicationController", "spec/selector",                              true },
    {"",                  "",   "Deployment",            "spec/selector/matchLabels",                  true },
    {"apps",              "",   "Deployment",
     "spec/template/spec/affinity/podAffinity/preferredDuringSchedulingIgnoredDuringExecution/"
     "podAffinityTerm/labelSelector/matchLabels",                                                      false},
    {"apps",              "",   "Deployment",
     "spec/template/spec/affinity/podAffinity/requiredDuringSchedulingIgnoredDuringExecution/"
     "labelSelector/matchLabels",                                                                      false},
    {"apps",              "",   "Deployment",
     "spec/template/spec/affinity/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution/"
     "podAffinityTerm/labelSelector/matchLabels",                                                      false},
    {"apps",              "",   "Deployment",
     "spec/template/spec/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution/"
     "labelSelector/matchLabels",                                                                      false},
    {"apps",              "",   "Deployment",
     "spec/template/spec/topologySpreadConstraints/labelSelector/matchLabels",                         false},
    {"",                  "",   "ReplicaSet",            "spec/selector/matchLabels",                  true },
    {"",                  "",   "DaemonSet",             "spec/selector/matchLabels",                  true },
    {"apps",              "",   "StatefulSet",           "spec/selector/matchLabels",                  true },
    {"apps",              "",   "StatefulSet",
     "spec/template/spec/affinity/podAffinity/preferredDuringSchedulingIgnoredDuringExecution/"
     "podAffinityTerm/labelSelector/matchLabels",                                                      false},
    {"apps",              "",   "StatefulSet",
     "spec/template/spec/affinity/podAffinity/requiredDuringSchedulingIgnoredDuringExecution/"
     "labelSelector/matchLabels",                                                                      false},
    {"apps",              "",   "StatefulSet",
     "spec/template/spec/affinity/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution/"
     "podAffinityTerm/labelSelector/matchLabels",                                                      false},
    {"apps",              "",   "StatefulSet",
     "spec/template/spec/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution/"
     "labelSelector/matchLabels",                                                                      false},
    {"apps",              "",   "StatefulSet",
     "spec/template/spec/topologySpreadConstraints/labelSelector/matchLabels",                         false},
    {"batch",             "",   "Job",                   "spec/selector/matchLabels",                  false},
    {"batch",             "",   "CronJob",               "spec/jobTemplate/spec/selector/matchLabels", false},
    {"policy",            "",   "PodDisruptionBudget",   "spec/selector/matchLabels",                  false},
    {"networking.k8s.io", "",   "NetworkPolicy",         "spec/podSelector/matchLabels",               false},
    {"networking.k8s.io", "",   "NetworkPolicy",         "spec/ingress/from/podSelector/matchLabels",  false},
    {"networking.k8s.io", "",   "NetworkPolicy",         "spec/egress/to/podSelector/matchLabels",     false},
};

static const struct kust_place metadata_labels[] = {
    {"", "", "", "metadata/labels", true},
};

static const struct kust_place pod_labels[] = {
    {"",      "v1", "ReplicationController", "spec/template/metadata/labels",                  true},
    {"",      "",   "Deployment",            "spec/template/metadata/labels",                  true},
    {"",      "",   "ReplicaSet",            "spec/template/metadata/labels",                  true},
    {"",      "",   "DaemonSet",             "spec/template/metadata/labels",                  true},
    {"apps",  "",   "StatefulSet",           "spec/template/metadata/labels",                  true},
    {"batch", "",   "Job",                   "spec/template/metadata/labels",                  true},
    {"batch", "",   "CronJob",               "spec/jobTemplate/metadata/labels",               true},
    {"batch", "",   "CronJob",               "spec/jobTemplate/spec/template/metadata/labels", true},
};

static const struct kust_place claim_labels[] = {
    {"apps", "", "StatefulSet", "spec/volumeClaimTemplates[]/metadata/labels", true},
};

static const struct kust_place annotations[] = {
    {"",      "",   "",                      "metadata/annotations",                                true},
    {"",      "v1", "ReplicationController", "spec/template/metadata/annotations",                  true},
    {"",      "",   "Deployment",            "spec/template/metadata/annotations",                  true},
    {"",      "",   "ReplicaSet",            "spec/template/metadata/annotations",                  true},
    {"",      "",   "DaemonSet",             "spec/template/metadata/annotations",                  true},
    {"",      "",   "StatefulSet",           "spec/template/metadata/annotations",                  true},
    {"batch", "",   "Job",                   "spec/template/metadata/annotations",                  true},
    {"batch", "",   "CronJob",               "spec/jobTemplate/metadata/annotations",               true},
    {"batch", "",   "CronJob",               "spec/jobTemplate/spec/template/metadata/annotations", true},
};

static const struct kust_place images[] = {
    {"", "", "", "spec/containers[]/image",                      false},
    {"", "", "", "spec/initContainers[]/image",                  false},
    {"", "", "", "spec/volumes[]/image/reference",               false},
    {"", "", "", "spec/template/spec/containers[]/image",        false},
    {"", "", "", "spec/template/spec/initContainers[]/image",    false},
    {"", "", "", "spec/template/spec/volumes[]/image/reference", false},
};

static const struct kust_place replicas[] = {
    {"", "", "Deployment",            "spec/replicas", true},
    {"", "", "ReplicationController", "spec/replicas", true},
    {"", "", "ReplicaSet",            "spec/replicas", true},
    {"", "", "StatefulSet",           "spec/replicas", true},
};

#define ALL(rows)                                                                                  \
    {                                                                                              \
        (rows), ARRAY_LEN(rows)                                                                    \
    }

/* By their names in `configurations`; a list may be made of several. */
static const struct {
    const char *field;
    struct {
        const struct kust_place *places;
        size_t n;
    } parts[4];
} lists[] = {
    {"namePrefix",                {ALL(name)}                                        },
    {"nameSuffix",                {ALL(name)}                                        },
    {"namespace",                 {ALL(namespace)}                                   },
    {"commonLabels",
     {ALL(selector_labels), ALL(metadata_labels), ALL(pod_labels), ALL(claim_labels)}},
    {"metadataLabels",            {ALL(metadata_labels)}                             }, /* what `labels` always reaches */
    {"templateLabels",            {ALL(metadata_labels), ALL(pod_labels)}            },
    {"volumeClaimTemplateLabels", {ALL(claim_labels)}                                },
    {"commonAnnotations",         {ALL(annotations)}                                 },
    {"images",                    {ALL(images)}                                      },
    {"replicas",                  {ALL(replicas)}                                    },
};

static struct kust_place place_of(const struct value *spec)
{
    return (struct kust_place){.group = value_at_str(spec, "group", ""),
                               .version = value_at_str(spec, "version", ""),
                               .kind = value_at_str(spec, "kind", ""),
                               .path = value_at_str(spec, "path", ""),
                               .create = value_at_bool(spec, "create", false)};
}

static bool selects(const char *want, const char *is)
{
    return !want || !*want || strcmp(want, is ? is : "") == 0;
}

/* A spec that one which is there may stand for is not one more: configured ones come first, so
 * "metadata/name of kind X" stands for "metadata/name of any". */
static void add(struct kust_place *all, size_t *n, const struct kust_place *p)
{
    for (size_t i = 0; i < *n; i++)
        if (strcmp(all[i].path, p->path) == 0 && selects(p->kind, all[i].kind) &&
            selects(p->group, all[i].group) && selects(p->version, all[i].version))
            return;
    all[(*n)++] = *p;
}

const struct kust_place *kust_places_more(struct arena *a, const struct kust_place *own,
                                          size_t n_own, const struct value *specs, size_t *n)
{
    *n = n_own;
    if (value_count(specs) == 0)
        return own;
    struct kust_place *all = ARENA_ARRAY(a, struct kust_place, n_own + value_count(specs));
    *n = 0;
    VALUE_EACH_ITEM (spec, specs) {
        struct kust_place p = place_of(spec);
        if (*p.path)
            add(all, n, &p);
    }
    for (size_t i = 0; i < n_own; i++)
        add(all, n, &own[i]);
    return all;
}

/* Kustomize's own places of a field. */
static const struct kust_place *default_places(struct arena *a, const char *field, size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        if (strcmp(lists[i].field, field) != 0)
            continue;
        size_t total = 0;
        for (size_t k = 0; k < ARRAY_LEN(lists[i].parts); k++)
            total += lists[i].parts[k].n;
        struct kust_place *all = ARENA_ARRAY(a, struct kust_place, total);
        for (size_t k = 0; k < ARRAY_LEN(lists[i].parts) && lists[i].parts[k].n > 0; k++) {
            memcpy(all + *n, lists[i].parts[k].places, lists[i].parts[k].n * sizeof *all);
            *n += lists[i].parts[k].n;
        }
        return all;
    }
    return NULL;
}

const struct kust_place *kust_places(const struct kust_layer *l, const char *field, size_t *n)
{
    if (l->only)
        return kust_places_more(l->a, NULL, 0, l->only, n);
    size_t n_own;
    const struct kust_place *own = default_places(l->a, field, &n_own);
    return kust_places_more(l->a, own, n_own, value_get(l->set->config, field), n);
}

static bool fits(const struct kust_place *p, const struct kust_resource *r, const char *kind)
{
    if (!selects(p->kind, kind))
        return false;
    const char *version = value_at_str(r->object, "apiVersion", ""), *slash = strchr(version, '/');
    size_t group = slash ? (size_t)(slash - version) : 0;
    return (!p->group || !*p->group ||
            (strlen(p->group) == group && memcmp(p->group, version, group) == 0)) &&
           selects(p->version, slash ? slash + 1 : version);
}

bool kust_place_fits(const struct kust_place *p, const struct kust_resource *r)
{
    return fits(p, r, kust_kind(r));
}

bool kust_place_fitted(const struct kust_place *p, const struct kust_resource *r)
{
    return fits(p, r, r->was[0].kind);
}

int kust_at_places(const struct kust_layer *l, const char *field, kust_visit_fn fn, void *arg,
                   struct err *e)
{
    size_t n;
    const struct kust_place *places = kust_places(l, field, &n);
    int rc = 0;
    for (size_t i = 0; i < l->set->n; i++)
        for (size_t k = 0; rc == 0 && k < n; k++)
            if (kust_place_fits(&places[k], l->set->items[i]))
                rc = kust_visit(l->a, l->set->items[i]->object, places[k].path, places[k].create,
                                fn, arg, e);
    return rc;
}
