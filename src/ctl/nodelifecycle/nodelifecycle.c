#include "ctl/nodelifecycle/nodelifecycle.h"

#include <string.h>

#include "kube/cache.h"

#define NOT_READY   "node.kubernetes.io/not-ready"
#define UNREACHABLE "node.kubernetes.io/unreachable"

static bool is_ours(const struct value *taint)
{
    const char *key = value_at_str(taint, "key", "");
    return strcmp(key, NOT_READY) == 0 || strcmp(key, UNREACHABLE) == 0;
}

/* NULL for a ready node. */
static const char *wanted(const struct value *node)
{
    const char *ready = value_at_str(object_condition(node, "Ready"), "status", "False");
    if (strcmp(ready, "True") == 0)
        return NULL;
    return strcmp(ready, "Unknown") == 0 ? UNREACHABLE : NOT_READY;
}

struct value *nodelifecycle_taints(const struct value *node, struct arena *a)
{
    const char *want = wanted(node);
    struct value *taints = value_new_array(a);
    bool differs = false, has = false;
    VALUE_EACH_ITEM (t, value_at(node, "spec.taints")) {
        bool keep = !is_ours(t) || (want && strcmp(value_at_str(t, "key", ""), want) == 0);
        has = has || (keep && is_ours(t));
        differs = differs || !keep;
        if (keep)
            (void)value_push(a, taints, t);
    }
    if (want && !has) {
        struct value *t = value_push(a, taints, value_new_object(a));
        (void)value_set_str(a, t, "key", want);
        (void)value_set_str(a, t, "effect", "NoSchedule");
        differs = true;
    }
    return differs ? taints : NULL;
}

static int nodelifecycle_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                              struct err *e)
{
    const struct object *node = cache_get(c->cache, &RES_NODE, NULL, key->name, a);
    struct value *taints = node ? nodelifecycle_taints(node->root, a) : NULL;
    if (!taints)
        return 0;
    struct value *patch = value_new_object(a);
    (void)value_set(a, value_make_object(a, patch, "spec"), "taints",
                    value_count(taints) ? taints : value_null(a));
    (void)value_set(a, value_make_object(a, patch, "metadata"), "resourceVersion",
                    value_new_strf(a, "%llu", (unsigned long long)node->rv));
    return kube_patch(c->kube, &RES_NODE, NULL, key->name, NULL, KUBE_PATCH_MERGE, patch, NULL, e);
}

static const struct controller_watch watches[] = {
    {&RES_NODE, NULL},
    {NULL,      NULL},
};

const struct controller nodelifecycle_controller = {.name = "node-lifecycle-controller",
                                                    .watches = watches,
                                                    .workers = 1,
                                                    .sync = nodelifecycle_sync};
