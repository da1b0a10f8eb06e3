/* fit.c - the reasons for which a pod may not run on a node, in upstream's order and words. */
#include <string.h>

#include "api/selector.h"
#include "ctl/pods/pods.h"
#include "ctl/scheduler/plan_int.h"

/* ---- taints ---- */

static bool toleration_covers(const struct value *t, const struct value *taint)
{
    const char *effect = value_str(value_get(t, "effect"), "");
    const char *key = value_str(value_get(t, "key"), "");
    if (*effect && strcmp(effect, value_str(value_get(taint, "effect"), "")) != 0)
        return false;
    bool exists = strcmp(value_str(value_get(t, "operator"), "Equal"), "Exists") == 0;
    if (!*key)
        return exists;
    if (strcmp(key, value_str(value_get(taint, "key"), "")) != 0)
        return false;
    return exists || strcmp(value_str(value_get(t, "value"), ""),
                            value_str(value_get(taint, "value"), "")) == 0;
}

bool schedule__tolerates(const struct object *pod, const struct value *taint)
{
    VALUE_EACH_ITEM(t, value_at(pod->root, "spec.tolerations"))
    if (toleration_covers(t, taint))
        return true;
    return false;
}

static const char *taint_refusal(const struct object *node, const struct object *pod,
                                 struct arena *a)
{
    VALUE_EACH_ITEM(t, value_at(node->root, "spec.taints"))
    {
        const char *effect = value_str(value_get(t, "effect"), "");
        if (strcmp(effect, "PreferNoSchedule") == 0 || schedule__tolerates(pod, t))
            continue;
        return arena_printf(a, "node(s) had untolerated taint {%s: %s}",
                            value_str(value_get(t, "key"), ""),
                            value_str(value_get(t, "value"), ""));
    }
    return NULL;
}

/* A node that was made unschedulable has that as a taint, too; pods may tolerate it. */
static bool is_unschedulable(const struct object *node, const struct object *pod)
{
    struct value key = {.kind = VALUE_STRING, .n = 32, .text = "node.kubernetes.io/unschedulable"};
    struct value effect = {.kind = VALUE_STRING, .n = 10, .text = "NoSchedule"};
    struct member m[] = {
        {.key = "key",    .key_len = 3, .value = key   },
        {.key = "effect", .key_len = 6, .value = effect}
    };
    const struct value taint = {.kind = VALUE_OBJECT, .n = 2, .members = m};
    return value_at_bool(node->root, "spec.unschedulable", false) &&
           !schedule__tolerates(pod, &taint);
}

/* ---- node selectors ---- */

static bool one_of(const struct value *values, const char *text)
{
    VALUE_EACH_ITEM(v, values)
    if (strcmp(value_str(v, ""), text) == 0)
        return true;
    return false;
}

static bool expression_holds(const struct value *x, const char *has)
{
    const char *op = value_str(value_get(x, "operator"), "");
    const struct value *values = value_get(x, "values");
    if (strcmp(op, "Exists") == 0)
        return has != NULL;
    if (strcmp(op, "DoesNotExist") == 0)
        return has == NULL;
    if (strcmp(op, "NotIn") == 0)
        return !has || !one_of(values, has);
    if (!has)
        return false;
    if (strcmp(op, "In") == 0)
        return one_of(values, has);
    long long n = strtoll(has, NULL, 10);
    long long limit = strtoll(value_str(value_item(values, 0), "0"), NULL, 10);
    return strcmp(op, "Gt") == 0 ? n > limit : strcmp(op, "Lt") == 0 && n < limit;
}

static bool term_holds(const struct value *term, const struct object *node)
{
    VALUE_EACH_ITEM(x, value_get(term, "matchExpressions"))
    if (!expression_holds(x, object_label(node, value_str(value_get(x, "key"), ""))))
        return false;
    VALUE_EACH_ITEM(x, value_get(term, "matchFields"))
    if (strcmp(value_str(value_get(x, "key"), ""), "metadata.name") != 0 ||
        !expression_holds(x, node->name))
        return false;
    return value_count(value_get(term, "matchExpressions")) +
               value_count(value_get(term, "matchFields")) >
           0;
}

bool schedule__node_selected(const struct value *node_selector, const struct object *node,
                             struct arena *a)
{
    (void)a;
    VALUE_EACH_ITEM(term, value_get(node_selector, "nodeSelectorTerms"))
    if (term_holds(term, node))
        return true;
    return false;
}

static bool selects_node(const struct object *pod, const struct object *node, struct arena *a)
{
    VALUE_EACH_MEMBER(m, value_at(pod->root, "spec.nodeSelector"))
    {
        const char *has = object_label(node, m->key);
        if (!has || strcmp(has, value_str(&m->value, "")) != 0)
            return false;
    }
    const struct value *required = value_at(
        pod->root, "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution");
    return !required || schedule__node_selected(required, node, a);
}

/* ---- host ports ---- */

static bool wants_port(const struct object *pod, int64_t port, const char *protocol)
{
    VALUE_EACH_ITEM(c, value_at(pod->root, "spec.containers"))
    {
        VALUE_EACH_ITEM(p, value_get(c, "ports"))
        if (value_int(value_get(p, "hostPort"), 0) == port &&
            strcmp(value_str(value_get(p, "protocol"), "TCP"), protocol) == 0)
            return true;
    }
    return false;
}

static bool on_node(const struct object *pod, const struct object *node)
{
    return strcmp(value_at_str(pod->root, "spec.nodeName", ""), node->name) == 0 &&
           !pod_is_finished(pod);
}

static bool ports_are_free(const struct schedule_view *v, const struct object *node,
                           const struct object *pod)
{
    VALUE_EACH_ITEM(c, value_at(pod->root, "spec.containers"))
    {
        VALUE_EACH_ITEM(p, value_get(c, "ports"))
        {
            int64_t port = value_int(value_get(p, "hostPort"), 0);
            const char *protocol = value_str(value_get(p, "protocol"), "TCP");
            for (size_t i = 0; port && i < v->pods.n; i++)
                if (on_node(v->pods.items[i], node) && wants_port(v->pods.items[i], port, protocol))
                    return false;
        }
    }
    return true;
}

/* ---- pod affinity ---- */

static bool in_namespaces(const struct value *term, const struct object *pod,
                          const struct object *other)
{
    const struct value *list = value_get(term, "namespaces");
    if (value_get(term, "namespaceSelector"))
        return value_count(value_get(term, "namespaceSelector")) == 0 || one_of(list, other->ns);
    return value_count(list) ? one_of(list, other->ns) : strcmp(pod->ns, other->ns) == 0;
}

/* Whether a pod that the term means runs in the node's domain. */
static bool term_met(const struct schedule_view *v, const struct value *term,
                     const struct object *pod, const struct object *node, struct arena *a)
{
    const char *key = value_str(value_get(term, "topologyKey"), "");
    const char *domain = object_label(node, key);
    struct selector sel;
    if (!domain || selector_from_value(value_get(term, "labelSelector"), a, &sel, NULL) < 0)
        return false;
    for (size_t i = 0; i < v->pods.n; i++) {
        const struct object *p = v->pods.items[i];
        if (!*value_at_str(p->root, "spec.nodeName", "") || pod_is_finished(p) ||
            !in_namespaces(term, pod, p) ||
            !selector_matches(&sel, value_at(p->root, "metadata.labels")))
            continue;
        for (size_t k = 0; k < v->nodes.n; k++) {
            const char *d = object_label(v->nodes.items[k], key);
            if (d && strcmp(d, domain) == 0 && on_node(p, v->nodes.items[k]))
                return true;
        }
    }
    return false;
}

/* The first pod of a group that wants to be together has nobody to join yet. */
static bool is_first(const struct schedule_view *v, const struct value *term,
                     const struct object *pod, struct arena *a)
{
    struct selector sel;
    if (selector_from_value(value_get(term, "labelSelector"), a, &sel, NULL) < 0 ||
        !selector_matches(&sel, value_at(pod->root, "metadata.labels")))
        return false;
    for (size_t k = 0; k < v->nodes.n; k++)
        if (term_met(v, term, pod, v->nodes.items[k], a))
            return false;
    return true;
}

#define REQUIRED "requiredDuringSchedulingIgnoredDuringExecution"

static const char *affinity_refusal(const struct schedule_view *v, const struct object *node,
                                    const struct object *pod, struct arena *a)
{
    VALUE_EACH_ITEM(t, value_at(pod->root, "spec.affinity.podAffinity." REQUIRED))
    if (!term_met(v, t, pod, node, a) && !is_first(v, t, pod, a))
        return "node(s) didn't match pod affinity rules";
    VALUE_EACH_ITEM(t, value_at(pod->root, "spec.affinity.podAntiAffinity." REQUIRED))
    if (term_met(v, t, pod, node, a))
        return "node(s) didn't match pod anti-affinity rules";
    return NULL;
}

/* ---- volumes ---- */

static const struct object *named(const struct object_list *l, const char *ns, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->items[i]->name, name) == 0 && strcmp(l->items[i]->ns, ns) == 0)
            return l->items[i];
    return NULL;
}

static const char *claim_of(const struct object *pod, const struct value *volume, struct arena *a)
{
    const char *name = value_at_str(volume, "persistentVolumeClaim.claimName", NULL);
    if (!name && value_get(volume, "ephemeral"))
        name = arena_printf(a, "%s-%s", pod->name, value_str(value_get(volume, "name"), ""));
    return name;
}

const char *schedule__hopeless(const struct schedule_view *v, const struct object *pod,
                               struct arena *a)
{
    VALUE_EACH_ITEM(vol, value_at(pod->root, "spec.volumes"))
    {
        const char *name = claim_of(pod, vol, a);
        if (!name)
            continue;
        const struct object *claim = named(&v->claims, pod->ns, name);
        if (!claim)
            return arena_printf(a, "persistentvolumeclaim \"%s\" not found", name);
        if (claim->deleting)
            return arena_printf(a, "persistentvolumeclaim \"%s\" is being deleted", name);
        if (strcmp(value_at_str(claim->root, "status.phase", ""), "Bound") != 0)
            return "pod has unbound immediate PersistentVolumeClaims";
    }
    return NULL;
}

static bool volumes_reachable(const struct schedule_view *v, const struct object *node,
                              const struct object *pod, struct arena *a)
{
    VALUE_EACH_ITEM(vol, value_at(pod->root, "spec.volumes"))
    {
        const char *name = claim_of(pod, vol, a);
        const struct object *claim = name ? named(&v->claims, pod->ns, name) : NULL;
        const char *pv = claim ? value_at_str(claim->root, "spec.volumeName", "") : "";
        const struct object *volume = *pv ? named(&v->volumes, "", pv) : NULL;
        const struct value *required =
            volume ? value_at(volume->root, "spec.nodeAffinity.required") : NULL;
        if (required && !schedule__node_selected(required, node, a))
            return false;
    }
    return true;
}

/* ---- all of it ---- */

static const char *room_refusal(const struct room *room, const struct object *pod, struct arena *a)
{
    struct amounts want = schedule__requests(pod);
    for (size_t i = 0; i < want.n; i++) {
        const char *name = want.name[i];
        if (want.nano[i] == 0)
            continue;
        __int128 left = schedule__get(&room->total, name) - schedule__get(&room->used, name);
        if (want.nano[i] <= left)
            continue;
        return strcmp(name, "pods") == 0 ? "Too many pods"
                                         : arena_printf(a, "Insufficient %s", name);
    }
    return NULL;
}

const char *schedule__refusal(const struct schedule_view *v, const struct room *room,
                              const struct object *pod, struct arena *a)
{
    const struct object *node = room->node;
    const char *no;
    if (is_unschedulable(node, pod))
        return "node(s) were unschedulable";
    if ((no = taint_refusal(node, pod, a)))
        return no;
    if (!selects_node(pod, node, a))
        return "node(s) didn't match Pod's node affinity/selector";
    if (!ports_are_free(v, node, pod))
        return "node(s) didn't have free ports for the requested pod ports";
    if ((no = room_refusal(room, pod, a)) || (no = affinity_refusal(v, node, pod, a)))
        return no;
    return volumes_reachable(v, node, pod, a) ? NULL : "node(s) had volume node affinity conflict";
}
