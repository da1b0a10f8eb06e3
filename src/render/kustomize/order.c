/* Kustomize's "legacy" order: what others need comes first, webhooks last. */
#include "render/kustomize/kust_int.h"

struct ranked {
    struct kust_resource *r;
    int rank;
    const char *group, *type, *name; /* type and name are what is compared as text */
};

/* What sortOptions lists instead: first, everything else, last. */
static int listed_rank(const struct value *lists, const char *kind)
{
    const struct value *first = value_get(lists, "orderFirst"),
                       *last = value_get(lists, "orderLast");
    for (size_t i = 0; i < value_count(first); i++)
        if (strcmp(value_str(value_item(first, i), ""), kind) == 0)
            return (int)i - (int)value_count(first);
    for (size_t i = 0; i < value_count(last); i++)
        if (strcmp(value_str(value_item(last, i), ""), kind) == 0)
            return 1 + (int)i;
    return 0;
}

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

static void name_for_order(struct arena *a, struct ranked *x)
{
    const char *text = value_at_str(x->r->object, "apiVersion", ""), *slash = strchr(text, '/');
    const char *version = slash ? slash + 1 : text, *ns = kust_ns(x->r), *name = kust_name(x->r);
    x->group = kust_group(a, x->r);
    x->type = arena_printf(a, "%s_%s_%s", *x->group ? x->group : "~G", *version ? version : "~V",
                           kust_kind(x->r));
    x->name = arena_printf(a, "%s|%s", *ns ? ns : "~X", *name ? name : "~N");
}

static int compare(const void *pa, const void *pb)
{
    const struct ranked *x = pa, *y = pb;
    const char *ka = kust_kind(x->r);
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    /* A Namespace of the core group comes before those of others; other kinds behind. */
    bool core = strcmp(ka, "Namespace") == 0 && (!*x->group || !*y->group);
    int c = strcmp(x->type, y->type);
    return c == 0 ? strcmp(x->name, y->name) : core ? -c : c;
}

int kust_order(const struct kust_layer *root, struct err *e)
{
    struct kust_set *s = root->set;
    enum kustomize_reorder asked = root->opts->reorder;
    const struct value *options = value_get(root->doc, "sortOptions"); /* before the flag */
    if (options && asked != KUSTOMIZE_AS_SORT_OPTIONS && root->opts->warn)
        root->opts->warn("Warning: Sorting order is set both in 'kustomization.yaml' "
                         "('sortOptions') and in a CLI flag ('--reorder'). Using the "
                         "kustomization file over the CLI flag.");
    if (!options && asked == KUSTOMIZE_FIFO)
        return 0;
    const char *order = value_at_str(options, "order", "legacy");
    const struct value *lists = value_get(options, "legacySortOptions");
    if (strcmp(order, "fifo") == 0 && !lists)
        return 0;
    if (options && !value_get(options, "order"))
        order = "";
    if (strcmp(order, "legacy") != 0)
        return err_set(e, ERR_INVALID, "sortOptions: order \"%s\" is not legacy or fifo%s", order,
                       lists ? ", or has legacySortOptions that it does not use" : "");
    struct ranked *all = ARENA_ARRAY(s->a, struct ranked, s->n + 1);
    for (size_t i = 0; i < s->n; i++) {
        const char *kind = kust_kind(s->items[i]);
        all[i].r = s->items[i];
        name_for_order(s->a, &all[i]);
        all[i].rank = lists ? listed_rank(lists, kind) : rank(kind);
    }
    if (s->n > 1)
        qsort(all, s->n, sizeof *all, compare);
    for (size_t i = 0; i < s->n; i++)
        s->items[i] = all[i].r;
    return 0;
}
