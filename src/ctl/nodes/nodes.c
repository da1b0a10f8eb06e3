#include "ctl/nodes/nodes.h"

#include <string.h>

#include "ctl/nodes/plan.h"
#include "ctl/pods/pods.h"
#include "kube/events.h"

#define LEASES "kube-node-lease"

/* ---- nodes ---- */

static int64_t latest(int64_t x, int64_t y)
{
    return x > y ? x : y;
}

/* By its lease, or by its conditions. */
static int64_t last_heard_ms(struct controller_ctx *c, const struct object *node, struct arena *a)
{
    const struct object *lease = cache_get(c->cache, &RES_LEASE, LEASES, node->name, a);
    int64_t ms = lease ? time_ms(value_at(lease->root, "spec.renewTime"), 0) : 0;
    ms = latest(ms,
                time_ms(value_get(object_condition(node->root, "Ready"), "lastHeartbeatTime"), 0));
    return latest(ms, time_ms(value_at(node->root, "metadata.creationTimestamp"), 0));
}

static int set_taints(struct controller_ctx *c, const struct object *node, struct value *taints,
                      struct arena *a, struct err *e)
{
    struct value *patch = value_new_object(a);
    (void)value_set(a, value_make_object(a, patch, "spec"), "taints",
                    value_count(taints) ? taints : value_null(a));
    (void)value_set(a, value_make_object(a, patch, "metadata"), "resourceVersion",
                    value_new_strf(a, "%llu", (unsigned long long)node->rv));
    return write_patch(c, &RES_NODE, node, patch, e);
}

static int node_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                     struct err *e)
{
    const struct object *node = cache_get(c->cache, &RES_NODE, NULL, key->name, a);
    if (!node || node->deleting)
        return 0;
    int64_t now = c->clock->real_ms(c->clock), heard = last_heard_ms(c, node, a);
    struct value *status = node_silent_status(node, heard, now, a);
    if (status) {
        event_warning(c, &RES_NODE, node, "NodeNotReady", "Node %s status is now: NodeNotReady",
                      node->name);
        return write_status(c, &RES_NODE, node, status, e);
    }
    struct value *taints = node_taints(node, now, a);
    int rc = taints ? set_taints(c, node, taints, a, e) : 0;
    if (heard + NODE_GRACE_MS > now)
        c->requeue_after_ms = heard + NODE_GRACE_MS - now < 3600000
                                  ? heard + NODE_GRACE_MS - now + 1
                                  : 0; /* a time in the far future: nobody waits for it */
    return rc;
}

/* Leases are read, not watched for keys: each renewal would be a sync. */
static void no_keys(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    (void)o;
    (void)c;
    (void)s;
}

static const struct controller_watch NODE_AND_LEASE[] = {
    {&RES_NODE,  NULL   },
    {&RES_LEASE, no_keys},
    {NULL,       NULL   },
};

const struct controller node_controller = {
    .name = "node-controller",
    .watches = NODE_AND_LEASE,
    .sync = node_sync,
};

/* ---- pods that may not stay ---- */

enum { QUARANTINE_MS = 40000 };

static bool covers(const struct value *t, const struct value *taint)
{
    const char *effect = value_str(value_get(t, "effect"), "");
    const char *key = value_str(value_get(t, "key"), "");
    bool exists = strcmp(value_str(value_get(t, "operator"), "Equal"), "Exists") == 0;
    if (*effect && strcmp(effect, "NoExecute") != 0)
        return false;
    if (!*key)
        return exists;
    return strcmp(key, value_str(value_get(taint, "key"), "")) == 0 &&
           (exists || strcmp(value_str(value_get(t, "value"), ""),
                             value_str(value_get(taint, "value"), "")) == 0);
}

/* When the pod has to go for this taint; INT64_MAX: never, it tolerates it. */
static int64_t due_ms(const struct object *pod, const struct value *taint, int64_t now_ms)
{
    int64_t seconds = -1;
    bool tolerated = false;
    VALUE_EACH_ITEM (t, value_at(pod->root, "spec.tolerations")) {
        if (!covers(t, taint))
            continue;
        const struct value *s = value_get(t, "tolerationSeconds");
        tolerated = true;
        if (s && (seconds < 0 || value_int(s, 0) < seconds))
            seconds = value_int(s, 0);
    }
    if (!tolerated)
        return now_ms;
    return seconds < 0 ? INT64_MAX
                       : time_ms(value_get(taint, "timeAdded"), now_ms) + seconds * 1000;
}

static int64_t eviction_ms(const struct object *pod, const struct object *node, int64_t now_ms)
{
    int64_t due = INT64_MAX;
    VALUE_EACH_ITEM (t, value_at(node->root, "spec.taints")) {
        int64_t d = strcmp(value_str(value_get(t, "effect"), ""), "NoExecute") == 0
                        ? due_ms(pod, t, now_ms)
                        : INT64_MAX;
        due = d < due ? d : due;
    }
    return due;
}

/* On a node that is gone: after a while, in case it comes back. */
static int64_t orphan_ms(const struct object *pod, int64_t now_ms)
{
    int64_t born = time_ms(value_at(pod->root, "metadata.creationTimestamp"), now_ms);
    int64_t started = time_ms(value_at(pod->root, "status.startTime"), born);
    return latest(born, started) + QUARANTINE_MS;
}

static int podgc_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                      struct err *e)
{
    const struct object *pod = cache_get(c->cache, &RES_POD, key->ns, key->name, a);
    const char *on = pod ? value_at_str(pod->root, "spec.nodeName", "") : "";
    if (!*on)
        return 0;
    int64_t now = c->clock->real_ms(c->clock);
    const struct object *node = cache_get(c->cache, &RES_NODE, NULL, on, a);
    if (node && (pod->deleting || pod_is_finished(pod)))
        return 0;
    int64_t due = node ? eviction_ms(pod, node, now) : orphan_ms(pod, now);
    if (due == INT64_MAX)
        return 0;
    if (due > now) {
        c->requeue_after_ms = due - now;
        return 0;
    }
    /* Nobody is left to stop the containers of a node that is gone. */
    struct kube_delete_opts opts = {.propagation = KUBE_BACKGROUND, .grace_s = node ? -1 : 0};
    if (node)
        event_normal(c, &RES_POD, pod, "TaintManagerEviction", "Marking for deletion Pod %s/%s",
                     pod->ns, pod->name);
    return write_delete(c, &RES_POD, pod, &opts, e);
}

/* Taints change seldom; heartbeats come often and change none. */
static void of_node(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const struct object *now = cache_get(c->cache, &RES_NODE, NULL, o->name, a);
    bool executes = false;
    VALUE_EACH_ITEM (t, value_at(o->root, "spec.taints"))
        executes |= strcmp(value_str(value_get(t, "effect"), ""), "NoExecute") == 0;
    if (now && !executes)
        return;
    struct object_list l = cache_list(c->cache, &RES_POD, NULL, a);
    for (size_t i = 0; i < l.n; i++)
        if (strcmp(value_at_str(l.items[i]->root, "spec.nodeName", ""), o->name) == 0)
            key_add(s, l.items[i]->ns, l.items[i]->name);
}

static const struct controller_watch PODGC_WATCHES[] = {
    {&RES_POD,  NULL   },
    {&RES_NODE, of_node},
    {NULL,      NULL   },
};

const struct controller podgc_controller = {
    .name = "taint-eviction-controller",
    .watches = PODGC_WATCHES,
    .sync = podgc_sync,
};
