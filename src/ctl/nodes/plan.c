#include "ctl/nodes/plan.h"

#include <string.h>

#include "base/own.h"
#include "ctl/pods/pods.h"

/* Which condition, with which status, makes which taint. */
static const struct {
    const char *type, *status, *key;
    bool executes; /* pods that do not tolerate it have to go */
} RULES[] = {
    {"Ready",              "False",   "node.kubernetes.io/not-ready",           true },
    {"Ready",              "Unknown", "node.kubernetes.io/unreachable",         true },
    {"MemoryPressure",     "True",    "node.kubernetes.io/memory-pressure",     false},
    {"DiskPressure",       "True",    "node.kubernetes.io/disk-pressure",       false},
    {"PIDPressure",        "True",    "node.kubernetes.io/pid-pressure",        false},
    {"NetworkUnavailable", "True",    "node.kubernetes.io/network-unavailable", false},
};

#define UNSCHEDULABLE "node.kubernetes.io/unschedulable"

static bool holds(const struct object *node, const char *type, const char *status)
{
    const struct value *c = object_condition(node->root, type);
    return strcmp(value_str(value_get(c, "status"), ""), status) == 0;
}

/* A node that has not said anything yet is as good as not ready. */
static bool rule_holds(const struct object *node, size_t i)
{
    if (strcmp(RULES[i].type, "Ready") == 0 && strcmp(RULES[i].status, "False") == 0 &&
        !object_condition(node->root, "Ready"))
        return true;
    return holds(node, RULES[i].type, RULES[i].status);
}

static bool is_ours(const char *key)
{
    for (size_t i = 0; i < ARRAY_LEN(RULES); i++)
        if (strcmp(key, RULES[i].key) == 0)
            return true;
    return strcmp(key, UNSCHEDULABLE) == 0;
}

static const struct value *find(const struct value *taints, const char *key, const char *effect)
{
    VALUE_EACH_ITEM (t, taints) {
        if (strcmp(value_str(value_get(t, "key"), ""), key) == 0 &&
            strcmp(value_str(value_get(t, "effect"), ""), effect) == 0)
            return t;
    }
    return NULL;
}

/* The taint as it is there already, with the time it was added, or a new one. */
static void want(struct arena *a, struct value *out, const struct value *had, const char *key,
                 const char *effect, int64_t now_ms)
{
    const struct value *old = find(had, key, effect);
    if (old) {
        (void)value_push(a, out, old);
        return;
    }
    struct value *t = value_new_object(a);
    (void)value_set_str(a, t, "key", key);
    (void)value_set_str(a, t, "effect", effect);
    if (strcmp(effect, "NoExecute") == 0 || strcmp(key, UNSCHEDULABLE) == 0)
        (void)value_set(a, t, "timeAdded", time_value(a, now_ms));
    (void)value_push(a, out, t);
}

struct value *node_taints(const struct object *node, int64_t now_ms, struct arena *a)
{
    const struct value *had = value_at(node->root, "spec.taints");
    struct value *out = value_new_array(a);
    VALUE_EACH_ITEM (t, had) {
        if (!is_ours(value_str(value_get(t, "key"), "")))
            (void)value_push(a, out, t);
    }
    for (size_t i = 0; i < ARRAY_LEN(RULES); i++) {
        if (!rule_holds(node, i))
            continue;
        want(a, out, had, RULES[i].key, "NoSchedule", now_ms);
        if (RULES[i].executes && object_condition(node->root, "Ready"))
            want(a, out, had, RULES[i].key, "NoExecute", now_ms);
    }
    if (value_at_bool(node->root, "spec.unschedulable", false))
        want(a, out, had, UNSCHEDULABLE, "NoSchedule", now_ms);

    bool same = value_count(had) == value_count(out);
    VALUE_EACH_ITEM (t, out)
        same = same &&
               find(had, value_str(value_get(t, "key"), ""), value_str(value_get(t, "effect"), ""));
    return same ? NULL : out;
}

struct value *node_silent_status(const struct object *node, int64_t last_heard_ms, int64_t now_ms,
                                 struct arena *a)
{
    static const char *const types[] = {"Ready", "MemoryPressure", "DiskPressure", "PIDPressure"};
    if (now_ms - last_heard_ms < NODE_GRACE_MS || !object_condition(node->root, "Ready") ||
        holds(node, "Ready", "Unknown"))
        return NULL;
    struct value *s = value_copy(a, value_get(node->root, "status"));
    struct value *l = value_get_mut(s, "conditions");
    for (size_t i = 0; i < value_count(l); i++) {
        struct value *c = &l->items[i];
        for (size_t k = 0; k < ARRAY_LEN(types); k++) {
            if (strcmp(value_str(value_get(c, "type"), ""), types[k]) != 0)
                continue;
            (void)value_set_str(a, c, "status", "Unknown");
            (void)value_set_str(a, c, "reason", "NodeStatusUnknown");
            (void)value_set_str(a, c, "message", "Kubelet stopped posting node status.");
            (void)value_set(a, c, "lastTransitionTime", time_value(a, now_ms));
        }
    }
    return s;
}
