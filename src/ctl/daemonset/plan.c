#include "ctl/daemonset/plan.h"

#include <string.h>

#include "api/intstr.h"
#include "base/buf.h"
#include "ctl/pods/pods.h"
#include "ctl/scheduler/plan_int.h"

/* What one node has and should have. */
struct site {
    const struct object *node;
    bool should_run, may_stay;
    const struct object **pods; /* of the set, on it or meant for it; not going */
    size_t n;
};

struct planner {
    const struct daemonset_view *v;
    struct arena *a;
    struct site *sites;
    const struct object *as_pod; /* the template, for the scheduler's checks */
    int64_t max_unavailable, max_surge, min_ready_s, desired;
    bool rolling;
    struct daemonset_plan out;
};

/* ---- pods ---- */

static void tolerate(struct arena *a, struct value *list, const char *key, const char *effect)
{
    struct value *t = value_new_object(a);
    (void)value_set_str(a, t, "key", key);
    (void)value_set_str(a, t, "operator", "Exists");
    (void)value_set_str(a, t, "effect", effect);
    VALUE_EACH_ITEM(had, list)
    if (value_equal(had, t))
        return;
    (void)value_push(a, list, t);
}

/* A daemon stays where others would have to leave. */
static void tolerate_troubles(struct arena *a, struct value *spec)
{
    struct value *l = value_make_array(a, spec, "tolerations");
    tolerate(a, l, "node.kubernetes.io/not-ready", "NoExecute");
    tolerate(a, l, "node.kubernetes.io/unreachable", "NoExecute");
    tolerate(a, l, "node.kubernetes.io/disk-pressure", "NoSchedule");
    tolerate(a, l, "node.kubernetes.io/memory-pressure", "NoSchedule");
    tolerate(a, l, "node.kubernetes.io/pid-pressure", "NoSchedule");
    tolerate(a, l, "node.kubernetes.io/unschedulable", "NoSchedule");
    if (value_bool(value_get(spec, "hostNetwork"), false))
        tolerate(a, l, "node.kubernetes.io/network-unavailable", "NoSchedule");
}

/* Every required term is narrowed to the one node; there are no terms: one is made. */
static void aim(struct arena *a, struct value *spec, const char *node)
{
    struct value *field = value_new_object(a), *fields = value_new_array(a);
    (void)value_set_str(a, field, "key", "metadata.name");
    (void)value_set_str(a, field, "operator", "In");
    (void)value_push_str(a, value_make_array(a, field, "values"), node);
    (void)value_push(a, fields, field);
    struct value *terms = value_make_array(
        a, spec,
        "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms");
    if (value_count(terms) == 0)
        (void)value_push(a, terms, value_new_object(a));
    for (size_t i = 0; i < value_count(terms); i++)
        (void)value_set(a, &terms->items[i], "matchFields", fields);
}

struct value *daemonset_pod(const struct object *set, const char *node, const char *hash,
                            struct arena *a)
{
    struct value *pod =
        pod_of_template(a, value_at(set->root, "spec.template"), &RES_DAEMON_SET, set);
    struct value *meta = value_get_mut(pod, "metadata"), *spec = value_get_mut(pod, "spec");
    (void)value_set_str(a, meta, "generateName", arena_printf(a, "%s-", set->name));
    struct value *labels = value_make_object(a, meta, "labels");
    (void)value_set_str(a, labels, "controller-revision-hash", hash);
    const char *generation = object_annotation(set, "deprecated.daemonset.template.generation");
    if (generation)
        (void)value_set_str(a, labels, "pod-template-generation", generation);
    if (node)
        aim(a, spec, node);
    tolerate_troubles(a, spec);
    return pod;
}

/* ---- nodes ---- */

static const char *aimed_at(const struct object *pod)
{
    const char *node = value_at_str(pod->root, "spec.nodeName", "");
    if (*node)
        return node;
    return value_at_str(pod->root,
                        "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution."
                        "nodeSelectorTerms[0].matchFields[0].values[0]",
                        "");
}

static bool selected(const struct planner *p, const struct object *node)
{
    const struct value *spec = value_get(p->as_pod->root, "spec");
    const char *name = value_str(value_get(spec, "nodeName"), "");
    if (*name && strcmp(name, node->name) != 0)
        return false;
    VALUE_EACH_MEMBER(m, value_get(spec, "nodeSelector"))
    {
        const char *has = object_label(node, m->key);
        if (!has || strcmp(has, value_str(&m->value, "")) != 0)
            return false;
    }
    const struct value *required =
        value_at(spec, "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution");
    return !required || schedule__node_selected(required, node, p->a);
}

static void judge_node(const struct planner *p, struct site *s)
{
    s->should_run = s->may_stay = selected(p, s->node);
    VALUE_EACH_ITEM(t, value_at(s->node->root, "spec.taints"))
    {
        const char *effect = value_str(value_get(t, "effect"), "");
        if (strcmp(effect, "PreferNoSchedule") == 0 || schedule__tolerates(p->as_pod, t))
            continue;
        s->should_run = false;
        if (strcmp(effect, "NoExecute") == 0)
            s->may_stay = false;
    }
}

static bool is_going(const struct daemonset_view *v, size_t i)
{
    return v->pods.items[i]->deleting || (v->doomed && v->doomed[i]);
}

static void read_sites(struct planner *p)
{
    const struct daemonset_view *v = p->v;
    p->sites = ARENA_ARRAY(p->a, struct site, v->nodes.n + 1);
    for (size_t i = 0; i < v->nodes.n; i++) {
        struct site *s = &p->sites[i];
        s->node = v->nodes.items[i];
        s->pods = ARENA_ARRAY(p->a, const struct object *, v->pods.n + 1);
        for (size_t k = 0; k < v->pods.n; k++)
            if (!is_going(v, k) && strcmp(aimed_at(v->pods.items[k]), s->node->name) == 0)
                s->pods[s->n++] = v->pods.items[k];
        judge_node(p, s);
        p->desired += s->should_run;
    }
}

/* ---- deciding ---- */

static void drop(struct planner *p, const struct object *pod)
{
    for (size_t i = 0; i < p->out.remove.n; i++)
        if (p->out.remove.items[i] == pod)
            return;
    p->out.remove.items[p->out.remove.n++] = pod;
}

static bool is_fresh(const struct planner *p, const struct object *pod)
{
    const char *h = object_label(pod, "controller-revision-hash");
    return h && strcmp(h, p->v->hash) == 0;
}

static bool is_available(struct planner *p, const struct object *pod)
{
    return pod_is_available(pod, p->min_ready_s, p->v->now_ms, &p->out.again_ms);
}

static int oldest_first(const void *px, const void *py)
{
    const struct object *x = *(const struct object *const *)px;
    const struct object *y = *(const struct object *const *)py;
    bool rx = pod_is_ready(x), ry = pod_is_ready(y);
    if (rx != ry)
        return rx ? -1 : 1;
    int d = strcmp(value_at_str(x->root, "metadata.creationTimestamp", ""),
                   value_at_str(y->root, "metadata.creationTimestamp", ""));
    return d ? d : strcmp(x->name, y->name);
}

/* One node: none too few, none too many, none that has ended. */
static void manage(struct planner *p, struct site *s)
{
    size_t live = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (pod_is_finished(s->pods[i]) || !(s->should_run || s->may_stay))
            drop(p, s->pods[i]);
        else
            s->pods[live++] = s->pods[i];
    }
    s->n = live;
    if (s->should_run && s->n == 0)
        p->out.create[p->out.n_create++] = s->node->name;
    if (s->n < 2)
        return;
    qsort(s->pods, s->n, sizeof(struct object *), oldest_first);
    bool surging =
        p->max_surge > 0 && s->n == 2 && is_fresh(p, s->pods[0]) != is_fresh(p, s->pods[1]);
    if (surging) {
        const struct object *fresh = s->pods[is_fresh(p, s->pods[0]) ? 0 : 1];
        const struct object *old = s->pods[is_fresh(p, s->pods[0]) ? 1 : 0];
        if (is_available(p, fresh) || !is_available(p, old))
            drop(p, old);
        return;
    }
    for (size_t i = 1; i < s->n; i++)
        drop(p, s->pods[i]);
}

/* Old pods that are of no use go first and cost nothing; of the others as many as may lack. */
static void replace(struct planner *p)
{
    int64_t lacking = 0;
    for (size_t i = 0; i < p->v->nodes.n; i++) {
        struct site *s = &p->sites[i];
        bool serves = false;
        for (size_t k = 0; k < s->n; k++)
            serves |= is_available(p, s->pods[k]);
        lacking += s->should_run && !serves;
    }
    for (size_t i = 0; i < p->v->nodes.n; i++) {
        struct site *s = &p->sites[i];
        if (s->n == 1 && s->should_run && !is_fresh(p, s->pods[0]) && !is_available(p, s->pods[0]))
            drop(p, s->pods[0]);
    }
    for (size_t i = 0; i < p->v->nodes.n && lacking < p->max_unavailable; i++) {
        struct site *s = &p->sites[i];
        if (s->n == 1 && s->should_run && !is_fresh(p, s->pods[0]) && is_available(p, s->pods[0])) {
            drop(p, s->pods[0]);
            lacking++;
        }
    }
}

static void surge(struct planner *p)
{
    int64_t doubled = 0;
    for (size_t i = 0; i < p->v->nodes.n; i++)
        doubled += p->sites[i].n > 1;
    for (size_t i = 0; i < p->v->nodes.n; i++) {
        struct site *s = &p->sites[i];
        if (s->n != 1 || !s->should_run || is_fresh(p, s->pods[0]))
            continue;
        if (!is_available(p, s->pods[0])) {
            p->out.create[p->out.n_create++] = s->node->name;
        } else if (doubled < p->max_surge) {
            p->out.create[p->out.n_create++] = s->node->name;
            doubled++;
        }
    }
}

/* Pods that no node of the list has. */
static void drop_strays(struct planner *p)
{
    for (size_t i = 0; i < p->v->pods.n; i++) {
        const char *at = value_at_str(p->v->pods.items[i]->root, "spec.nodeName", "");
        const char *aim_at = aimed_at(p->v->pods.items[i]);
        bool known = false;
        for (size_t k = 0; k < p->v->nodes.n; k++)
            known |= strcmp(p->v->nodes.items[k]->name, aim_at) == 0;
        if (!known && !*at && !is_going(p->v, i))
            drop(p, p->v->pods.items[i]);
    }
}

/* ---- the status ---- */

static void set_count(struct arena *a, struct value *s, const char *key, int64_t n)
{
    if (n)
        (void)value_set_int(a, s, key, n);
}

static struct value *status_of(struct planner *p)
{
    int64_t current = 0, stray = 0, ready = 0, available = 0, updated = 0;
    for (size_t i = 0; i < p->v->nodes.n; i++) {
        struct site *s = &p->sites[i];
        if (s->should_run && s->n > 0) {
            qsort(s->pods, s->n, sizeof(struct object *), oldest_first);
            current++;
            ready += pod_is_ready(s->pods[0]);
            available += is_available(p, s->pods[0]);
            bool fresh = false;
            for (size_t k = 0; k < s->n; k++)
                fresh |= is_fresh(p, s->pods[k]);
            updated += fresh;
        }
        stray += !s->should_run && s->n > 0;
    }
    struct value *s = value_new_object(p->a);
    (void)value_set_int(p->a, s, "currentNumberScheduled", current);
    (void)value_set_int(p->a, s, "numberMisscheduled", stray);
    (void)value_set_int(p->a, s, "desiredNumberScheduled", p->desired);
    (void)value_set_int(p->a, s, "numberReady", ready);
    set_count(p->a, s, "observedGeneration",
              value_at_int(p->v->set->root, "metadata.generation", 0));
    set_count(p->a, s, "updatedNumberScheduled", updated);
    set_count(p->a, s, "numberAvailable", available);
    set_count(p->a, s, "numberUnavailable", p->desired - available);
    const struct value *collisions = value_at(p->v->set->root, "status.collisionCount");
    if (collisions)
        (void)value_set(p->a, s, "collisionCount", collisions);
    return s;
}

static int read_strategy(struct planner *p, struct err *e)
{
    const struct value *root = p->v->set->root;
    const struct value *u = value_at(root, "spec.updateStrategy.rollingUpdate");
    p->rolling = strcmp(value_at_str(root, "spec.updateStrategy.type", ""), "OnDelete") != 0;
    p->min_ready_s = value_at_int(root, "spec.minReadySeconds", 0);
    p->max_unavailable = 1;
    int rc = 0;
    if (value_get(u, "maxSurge"))
        rc = intstr_scale(value_get(u, "maxSurge"), p->desired, true, &p->max_surge, e);
    if (rc == 0 && value_get(u, "maxUnavailable"))
        rc = intstr_scale(value_get(u, "maxUnavailable"), p->desired, true, &p->max_unavailable, e);
    if (p->max_unavailable == 0 && p->max_surge == 0)
        p->max_unavailable = 1;
    return rc;
}

static void drop_object(void *o)
{
    object_unref(o);
}

int daemonset_plan(const struct daemonset_view *v, struct arena *a, struct daemonset_plan *out,
                   struct err *e)
{
    struct planner p = {.v = v, .a = a};
    struct arena *own = arena_new(0);
    struct object *as_pod = object_new(own, daemonset_pod(v->set, NULL, v->hash, own));
    arena_defer(a, drop_object, as_pod);
    p.as_pod = as_pod;
    read_sites(&p);
    int rc = read_strategy(&p, e);
    if (rc < 0)
        return rc;
    p.out.create = ARENA_ARRAY(a, const char *, 2 * v->nodes.n + 1);
    p.out.remove.items = ARENA_ARRAY(a, const struct object *, v->pods.n + 1);
    p.out.status = status_of(&p);
    if (!v->set->deleting) {
        for (size_t i = 0; i < v->nodes.n; i++)
            manage(&p, &p.sites[i]);
        drop_strays(&p);
        if (p.rolling && p.max_surge > 0)
            surge(&p);
        else if (p.rolling)
            replace(&p);
    }
    *out = p.out;
    return 0;
}

const char *daemonset_plan_text(const struct daemonset_plan *p, struct arena *a)
{
    AUTO_BUF struct buf b;
    buf_init(&b, (size_t)1 << 20);
    for (size_t i = 0; i < p->n_create; i++)
        buf_printf(&b, "create on %s\n", p->create[i]);
    for (size_t i = 0; i < p->remove.n; i++)
        buf_printf(&b, "delete %s\n", p->remove.items[i]->name);
    return arena_strdup(a, buf_text(&b));
}
