#include "ctl/replicaset/replicaset.h"

#include "ctl/pods/pods.h"
#include "ctl/replicaset/plan.h"
#include "kube/events.h"

/* ReplicationControllers are ReplicaSets with a simpler selector. */
static const struct resource *resource_of(const struct controller_ctx *c)
{
    return c->controller == &replication_controller ? &RES_REPLICATION_CONTROLLER
                                                    : &RES_REPLICA_SET;
}

static int observe(struct controller_ctx *c, const struct key *key, struct arena *a,
                   struct replicaset_view *v, struct err *e)
{
    v->now_ms = c->clock->real_ms(c->clock);
    v->set = cache_get(c->cache, resource_of(c), key->ns, key->name, a);
    if (!v->set)
        return err_set(e, ERR_NOT_FOUND, "replica set is gone");
    struct selector sel;
    int rc = selector_of_owner(resource_of(c), v->set, a, &sel, e);
    if (rc < 0)
        return rc;
    struct object_list mine;
    rc = claim_run(c,
                   &(struct claim){.owner_res = resource_of(c),
                                   .res = &RES_POD,
                                   .owner = v->set,
                                   .selector = &sel,
                                   .eligible = pod_is_active},
                   a, &mine, e);
    v->pods = (struct object_list){.items = ARENA_ARRAY(a, const struct object *, mine.n + 1)};
    for (size_t i = 0; rc == 0 && i < mine.n; i++)
        if (pod_is_active(mine.items[i]) && !cache_is_deleting(c->cache, &RES_POD, mine.items[i]))
            v->pods.items[v->pods.n++] = mine.items[i];
    return rc;
}

static int create_pods(struct controller_ctx *c, const struct object *set, size_t n,
                       struct arena *a, size_t *done, struct err *e)
{
    struct value **pods = ARENA_ARRAY(a, struct value *, n);
    struct value *pod =
        pod_of_template(a, value_at(set->root, "spec.template"), resource_of(c), set);
    (void)value_set_str(a, value_make_object(a, pod, "metadata"), "generateName",
                        arena_printf(a, "%s-", set->name));
    for (size_t i = 0; i < n; i++)
        pods[i] = pod;
    struct pod_batch b = {.owner_res = resource_of(c), .owner = set, .pods = pods, .n = n};
    int rc = pods_create(c, &b, a, e);
    *done = b.done;
    return rc;
}

/* Carries the plan out; a failure becomes the outcome's and is retried with back-off. */
static int act(struct controller_ctx *c, const struct replicaset_view *v,
               const struct replicaset_plan *p, struct arena *a, struct replicaset_outcome *out)
{
    struct err e = {0};
    int rc = 0;
    if (p->create) {
        size_t done = 0;
        rc = create_pods(c, v->set, p->create, a, &done, &e);
        out->created = (int64_t)done;
        out->failure_reason = "FailedCreate";
    } else if (p->remove.n) {
        rc = pods_delete(c, resource_of(c), v->set, &p->remove, &e);
        out->removed = rc == 0 ? (int64_t)p->remove.n : 0;
        out->failure_reason = "FailedDelete";
    }
    if (rc < 0)
        out->failure = arena_strdup(a, e.msg);
    return rc;
}

static int replicaset_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                           struct err *e)
{
    struct replicaset_view v = {0};
    int rc = observe(c, key, a, &v, e);
    if (rc < 0)
        return rc == ERR_NOT_FOUND && !v.set ? 0 : rc;
    struct replicaset_plan p = replicaset_plan(&v, a);
    struct replicaset_outcome done = {0};
    int failed = act(c, &v, &p, a, &done);

    /* Deleted pods are not in the list that readiness was counted from. */
    if (done.removed)
        rc = 0;
    else
        rc = write_status(c, resource_of(c), v.set, replicaset_status(&v, &done, a), e);
    if (p.again_ms)
        c->requeue_after_ms = p.again_ms > v.now_ms ? p.again_ms - v.now_ms : 1;
    if (failed < 0)
        return err_set(e, ERR_AGAIN, "%s", done.failure);
    return rc;
}

static void of_pod(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    keys_of_claimant(o, resource_of(c), c, s);
}

static const struct controller_watch WATCHES[] = {
    {&RES_REPLICA_SET, NULL  },
    {&RES_POD,         of_pod},
    {NULL,             NULL  },
};

const struct controller replicaset_controller = {
    .name = "replicaset-controller",
    .watches = WATCHES,
    .workers = 8,
    .sync = replicaset_sync,
};

static const struct controller_watch RC_WATCHES[] = {
    {&RES_REPLICATION_CONTROLLER, NULL  },
    {&RES_POD,                    of_pod},
    {NULL,                        NULL  },
};

const struct controller replication_controller = {
    .name = "replication-controller",
    .watches = RC_WATCHES,
    .sync = replicaset_sync,
};
