#include "ctl/deployment/deployment.h"

#include <string.h>

#include "ctl/deployment/plan.h"
#include "ctl/pods/pods.h"
#include "kube/events.h"

static struct object_list pods_of(struct controller_ctx *c, const struct object_list *sets,
                                  struct arena *a)
{
    struct object_list out = {0};
    for (size_t i = 0; i < sets->n; i++) {
        struct object_list l = cache_owned(c->cache, &RES_POD, sets->items[i]->uid, a);
        out.items =
            arena_grow(a, out.items, out.n * sizeof *out.items, (out.n + l.n) * sizeof *out.items);
        for (size_t k = 0; k < l.n; k++)
            out.items[out.n++] = l.items[k];
    }
    return out;
}

static int observe(struct controller_ctx *c, const struct key *key, struct arena *a,
                   struct deployment_view *v, struct err *e)
{
    v->now_ms = c->clock->real_ms(c->clock);
    v->deployment = cache_get(c->cache, &RES_DEPLOYMENT, key->ns, key->name, a);
    if (!v->deployment)
        return err_set(e, ERR_NOT_FOUND, "deployment is gone");
    struct selector sel;
    int rc = selector_from_value(value_at(v->deployment->root, "spec.selector"), a, &sel, e);
    if (rc < 0)
        return rc;
    rc = claim_run(c,
                   &(struct claim){.owner_res = &RES_DEPLOYMENT,
                                   .res = &RES_REPLICA_SET,
                                   .owner = v->deployment,
                                   .selector = &sel},
                   a, &v->sets, e);
    const char *strategy = value_at_str(v->deployment->root, "spec.strategy.type", "");
    if (rc == 0 && strcmp(strategy, "Recreate") == 0)
        v->pods = pods_of(c, &v->sets, a);
    return rc;
}

/* A set of that name is there already: after a restart it may be ours; else the hash collided. */
static int create_met_another(struct controller_ctx *c, const struct deployment_view *v,
                              const struct deployment_action *x, struct arena *a, struct err *e)
{
    AUTO(object) struct object *o = NULL;
    int rc = kube_get(c->kube, &RES_REPLICA_SET, v->deployment->ns, x->name, &o, e);
    if (rc < 0)
        return rc;
    const char *owner = value_str(value_get(object_controller(o), "uid"), "");
    if (strcmp(owner, v->deployment->uid) == 0 &&
        value_equal(value_at(o->root, "spec.template"), value_at(x->body, "spec.template")))
        return err_set(e, ERR_AGAIN, "replica set %s is not in the cache yet", x->name);
    rc = write_status(c, &RES_DEPLOYMENT, v->deployment, deployment_collided(v, a), e);
    return rc < 0 ? rc : err_set(e, ERR_AGAIN, "replica set %s is another's", x->name);
}

static int create_set(struct controller_ctx *c, const struct deployment_view *v,
                      const struct deployment_action *x, struct arena *a, struct err *e)
{
    int rc = write_create(c, &RES_REPLICA_SET, x->body, a, NULL, e);
    if (rc == ERR_EXISTS)
        return create_met_another(c, v, x, a, e);
    if (rc < 0) {
        event_warning(c, &RES_DEPLOYMENT, v->deployment, "ReplicaSetCreateError",
                      "Failed to create new replica set \"%s\": %s", x->name, e->msg);
        const char *why = arena_strdup(a, e->msg);
        rc = write_status(c, &RES_DEPLOYMENT, v->deployment, deployment_failed(v, x->name, why, a),
                          e);
        return rc < 0 ? rc : err_set(e, ERR_AGAIN, "create replica set %s: %s", x->name, why);
    }
    if (x->to > 0)
        event_normal(c, &RES_DEPLOYMENT, v->deployment, "ScalingReplicaSet",
                     "Scaled up replica set %s from 0 to %lld", x->name, (long long)x->to);
    return 0;
}

static int update_set(struct controller_ctx *c, const struct deployment_view *v,
                      const struct deployment_action *x, struct arena *a, struct err *e)
{
    int rc = write_update(c, &RES_REPLICA_SET, x->body, a, NULL, e);
    if (rc < 0 || x->from == x->to)
        return rc;
    event_normal(c, &RES_DEPLOYMENT, v->deployment, "ScalingReplicaSet",
                 "Scaled %s replica set %s from %lld to %lld", x->to > x->from ? "up" : "down",
                 x->name, (long long)x->from, (long long)x->to);
    return 0;
}

static int act(struct controller_ctx *c, const struct deployment_view *v,
               const struct deployment_plan *p, struct arena *a, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; i < p->n && rc == 0; i++) {
        const struct deployment_action *x = &p->actions[i];
        if (x->verb == DEPLOYMENT_CREATE)
            rc = create_set(c, v, x, a, e);
        else if (x->verb == DEPLOYMENT_UPDATE)
            rc = update_set(c, v, x, a, e);
        else
            rc = write_delete(c, &RES_REPLICA_SET, x->set, NULL, e);
    }
    return rc;
}

/* The annotation first: its write gives the version that the status must be written over. */
static int write_back(struct controller_ctx *c, const struct deployment_view *v,
                      const struct deployment_plan *p, struct arena *a, struct err *e)
{
    const struct object *d = v->deployment;
    if (p->revision) {
        struct value *patch = value_new_object(a);
        (void)value_set_str(a, value_make_object(a, patch, "metadata.annotations"),
                            "deployment.kubernetes.io/revision", p->revision);
        int rc = write_patch(c, &RES_DEPLOYMENT, d, patch, e);
        if (rc < 0)
            return rc;
        const struct object *now = cache_get(c->cache, &RES_DEPLOYMENT, d->ns, d->name, a);
        if (!now || value_at_int(now->root, "metadata.generation", 0) !=
                        value_at_int(d->root, "metadata.generation", 0))
            return 0; /* something else changed too: the next sync looks at all of it */
        d = now;
    }
    return write_status(c, &RES_DEPLOYMENT, d, p->status, e);
}

static int deployment_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                           struct err *e)
{
    struct deployment_view v = {0};
    struct deployment_plan p = {0};
    int rc = observe(c, key, a, &v, e);
    if (rc < 0)
        return rc == ERR_NOT_FOUND && !v.deployment ? 0 : rc;
    rc = deployment_plan(&v, a, &p, e);
    if (rc == 0)
        rc = act(c, &v, &p, a, e);
    if (rc == 0)
        rc = write_back(c, &v, &p, a, e);
    if (p.again_ms)
        c->requeue_after_ms = p.again_ms > v.now_ms ? p.again_ms - v.now_ms : 1;
    return rc;
}

static void of_set(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    keys_of_claimant(o, &RES_DEPLOYMENT, c, s);
}

/* A Recreate waits for the last old pod. */
static void of_pod(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    const struct value *ref = object_controller(o);
    if (!ref || strcmp(value_str(value_get(ref, "kind"), ""), "ReplicaSet") != 0)
        return;
    AUTO(arena) struct arena *a = arena_new(0);
    const struct object *set =
        cache_get(c->cache, &RES_REPLICA_SET, o->ns, value_str(value_get(ref, "name"), ""), a);
    const struct value *owner = set ? object_controller(set) : NULL;
    const char *name = value_str(value_get(owner, "name"), NULL);
    const struct object *d = name ? cache_get(c->cache, &RES_DEPLOYMENT, o->ns, name, a) : NULL;
    if (d && strcmp(value_at_str(d->root, "spec.strategy.type", ""), "Recreate") == 0)
        key_add(s, o->ns, name);
}

static const struct controller_watch WATCHES[] = {
    {&RES_DEPLOYMENT,  NULL  },
    {&RES_REPLICA_SET, of_set},
    {&RES_POD,         of_pod},
    {NULL,             NULL  },
};

const struct controller deployment_controller = {
    .name = "deployment-controller",
    .watches = WATCHES,
    .workers = 8,
    .sync = deployment_sync,
};
