/* Kustomize's "legacy" order: what others need comes first, webhooks last. */
#include "render/kustomize/kust_int.h"

static int rank(const char *kind)
{
    static const char *const first[] = {"Namespace",
                                        "ResourceQuota",
                                        "StorageClass",
                                        "CustomResourceDefinition",
                                        "ServiceAccount",
                                        "PodSecurityPolicy",
                                        "Role",
                                        "ClusterRole",
                                        "RoleBinding",
                                        "ClusterRoleBinding",
                                        "ConfigMap",
                                        "Secret",
                                        "Endpoints",
                                        "Service",
                                        "LimitRange",
                                        "PriorityClass",
                                        "PersistentVolume",
                                        "PersistentVolumeClaim",
                                        "Deployment",
                                        "StatefulSet",
                                        "CronJob",
                                        "PodDisruptionBudget"};
    static const char *const last[] = {"MutatingWebhookConfiguration",
                                       "ValidatingWebhookConfiguration"};
    for (size_t i = 0; i < ARRAY_LEN(first); i++)
        if (strcmp(first[i], kind) == 0)
            return (int)i - (int)ARRAY_LEN(first);
    for (size_t i = 0; i < ARRAY_LEN(last); i++)
        if (strcmp(last[i], kind) == 0)
            return 1 + (int)i;
    return 0;
}

static int compare(const void *pa, const void *pb)
{
    const struct kust_resource *a = *(struct kust_resource *const *)pa;
    const struct kust_resource *b = *(struct kust_resource *const *)pb;
    const char *ka = kust_kind(a), *kb = kust_kind(b);
    int ra = rank(ka), rb = rank(kb);
    if (ra != rb)
        return ra < rb ? -1 : 1;
    const char *va = value_at_str(a->object, "apiVersion", "");
    const char *vb = value_at_str(b->object, "apiVersion", "");
    /* The core group has no name, and is therefore before all others. */
    bool ca = !strchr(va, '/'), cb = !strchr(vb, '/');
    if (ca != cb)
        return ca ? -1 : 1;
    int c = strcmp(va, vb);
    if (c == 0)
        c = strcmp(ka, kb);
    if (c == 0)
        c = strcmp(kust_ns(a), kust_ns(b));
    return c ? c : strcmp(kust_name(a), kust_name(b));
}

void kust_order(struct kust_set *s)
{
    if (s->n > 1)
        qsort(s->items, s->n, sizeof *s->items, compare);
}
