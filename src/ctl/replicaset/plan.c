#include "ctl/replicaset/plan.h"

#include <string.h>

#include "api/conditions.h"
#include "base/buf.h"
#include "ctl/pods/pods.h"

struct replicaset_plan replicaset_plan(const struct replicaset_view *v, struct arena *a)
{
    struct replicaset_plan p = {0};
    int64_t want = value_at_int(v->set->root, "spec.replicas", 1);
    int64_t min_ready_s = value_at_int(v->set->root, "spec.minReadySeconds", 0);
    for (size_t i = 0; i < v->pods.n; i++)
        (void)pod_is_available(v->pods.items[i], min_ready_s, v->now_ms, &p.again_ms);
    if (v->set->deleting)
        return p;
    int64_t have = (int64_t)v->pods.n;
    if (have < want)
        p.create = (size_t)(want - have);
    if (have <= want)
        return p;
    struct object_list victims = {
        .items = arena_dup(a, v->pods.items, v->pods.n * sizeof *v->pods.items), .n = v->pods.n};
    pods_rank(&victims, v->now_ms);
    victims.n = (size_t)(have - want);
    p.remove = victims;
    return p;
}

static bool has_labels(const struct object *pod, const struct value *labels)
{
    VALUE_EACH_MEMBER (m, labels)
        if (!object_label(pod, m->key) ||
            strcmp(object_label(pod, m->key), value_str(&m->value, "")) != 0)
            return false;
    return true;
}

/* Counts are left out where they are 0, as upstream's omitempty does. */
static void set_count(struct arena *a, struct value *status, const char *key, int64_t n)
{
    if (n)
        (void)value_set_int(a, status, key, n);
}

static struct value *conditions(const struct replicaset_view *v,
                                const struct replicaset_outcome *done, struct arena *a)
{
    const struct value *had = value_at(v->set->root, "status.conditions");
    struct value *root = value_new_object(a);
    (void)value_set(a, value_make_object(a, root, "status"), "conditions",
                    had ? value_copy(a, had) : value_new_array(a));
    if (!done->failure) {
        (void)condition_remove(root, "ReplicaFailure");
        return value_make_array(a, root, "status.conditions");
    }
    (void)condition_set(a, root,
                        &(struct condition){.type = "ReplicaFailure",
                                            .status = "True",
                                            .reason = done->failure_reason,
                                            .message = done->failure},
                        v->now_ms);
    return value_make_array(a, root, "status.conditions");
}

struct value *replicaset_status(const struct replicaset_view *v,
                                const struct replicaset_outcome *done, struct arena *a)
{
    const struct value *root = v->set->root;
    const struct value *labels = value_at(root, "spec.template.metadata.labels");
    int64_t min_ready_s = value_at_int(root, "spec.minReadySeconds", 0);
    int64_t labelled = 0, ready = 0, available = 0;
    for (size_t i = 0; i < v->pods.n; i++) {
        const struct object *p = v->pods.items[i];
        labelled += has_labels(p, labels);
        ready += pod_is_ready(p);
        available += pod_is_available(p, min_ready_s, v->now_ms, NULL);
    }
    int64_t delta = done->created - done->removed;
    struct value *s = value_new_object(a);
    (void)value_set_int(a, s, "replicas", (int64_t)v->pods.n + delta);
    set_count(a, s, "fullyLabeledReplicas", labelled + delta);
    set_count(a, s, "readyReplicas", ready);
    set_count(a, s, "availableReplicas", available);
    set_count(a, s, "observedGeneration", value_at_int(root, "metadata.generation", 0));
    struct value *c = conditions(v, done, a);
    if (value_count(c))
        (void)value_set(a, s, "conditions", c);
    return s;
}

const char *replicaset_plan_text(const struct replicaset_plan *p, struct arena *a)
{
    AUTO_BUF struct buf b;
    buf_init(&b, (size_t)1 << 20);
    if (p->create)
        buf_printf(&b, "create %zu\n", p->create);
    for (size_t i = 0; i < p->remove.n; i++)
        buf_printf(&b, "delete %s\n", p->remove.items[i]->name);
    return arena_strdup(a, buf_text(&b));
}
