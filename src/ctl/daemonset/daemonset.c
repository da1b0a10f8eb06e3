#include "ctl/daemonset/daemonset.h"

#include <string.h>

#include "ctl/daemonset/plan.h"
#include "ctl/pods/pods.h"
#include "ctl/revisions/revisions.h"

static int observe(struct controller_ctx *c, struct daemonset_view *v, struct revisions *r,
                   struct arena *a, struct err *e)
{
    struct selector sel;
    int rc = selector_from_value(value_at(v->set->root, "spec.selector"), a, &sel, e);
    if (rc == 0)
        rc = claim_run(
            c,
            &(struct claim){
                .owner_res = &RES_DAEMON_SET, .res = &RES_POD, .owner = v->set, .selector = &sel},
            a, &v->pods, e);
    if (rc == 0)
        rc = revisions_sync(c, &RES_DAEMON_SET, v->set, a, r, e);
    if (rc < 0)
        return rc;
    const char *hash = object_label(r->update, "controller-revision-hash");
    v->hash = hash ? hash : "";
    v->nodes = cache_list(c->cache, &RES_NODE, NULL, a);
    bool *doomed = ARENA_ARRAY(a, bool, v->pods.n + 1);
    for (size_t i = 0; i < v->pods.n; i++)
        doomed[i] = cache_is_deleting(c->cache, &RES_POD, v->pods.items[i]);
    v->doomed = doomed;
    return 0;
}

static int act(struct controller_ctx *c, const struct daemonset_view *v,
               const struct daemonset_plan *p, struct arena *a, struct err *e)
{
    int rc = pods_delete(c, &RES_DAEMON_SET, v->set, &p->remove, e);
    if (rc < 0 || p->n_create == 0)
        return rc;
    struct value **pods = ARENA_ARRAY(a, struct value *, p->n_create);
    for (size_t i = 0; i < p->n_create; i++)
        pods[i] = daemonset_pod(v->set, p->create[i], v->hash, a);
    struct pod_batch b = {
        .owner_res = &RES_DAEMON_SET, .owner = v->set, .pods = pods, .n = p->n_create};
    rc = pods_create(c, &b, a, e);
    return rc < 0 ? err_set(e, ERR_AGAIN, "create pod: %s", arena_strdup(a, e->msg)) : 0;
}

static int daemonset_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                          struct err *e)
{
    struct revisions r;
    struct daemonset_plan p = {0};
    struct daemonset_view v = {
        .set = cache_get(c->cache, &RES_DAEMON_SET, key->ns, key->name, a),
        .now_ms = c->clock->real_ms(c->clock),
    };
    if (!v.set || v.set->deleting)
        return 0;
    int rc = observe(c, &v, &r, a, e);
    if (rc == 0)
        rc = daemonset_plan(&v, a, &p, e);
    if (rc == 0)
        rc = act(c, &v, &p, a, e);
    if (p.again_ms)
        c->requeue_after_ms = p.again_ms > v.now_ms ? p.again_ms - v.now_ms : 1;
    if (rc == 0)
        rc = write_status(c, &RES_DAEMON_SET, v.set, p.status, e);
    return rc < 0 ? rc : revisions_forget(c, v.set, &r, &v.pods, NULL, e);
}

static void of_pod(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    keys_of_claimant(o, &RES_DAEMON_SET, c, s);
}

static void of_revision(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    (void)c;
    keys_of_owner(o, "DaemonSet", s);
}

static void of_node(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    (void)o;
    AUTO(arena) struct arena *a = arena_new(0);
    struct object_list l = cache_list(c->cache, &RES_DAEMON_SET, NULL, a);
    for (size_t i = 0; i < l.n; i++)
        key_add(s, l.items[i]->ns, l.items[i]->name);
}

static const struct controller_watch WATCHES[] = {
    {&RES_DAEMON_SET,          NULL       },
    {&RES_POD,                 of_pod     },
    {&RES_NODE,                of_node    },
    {&RES_CONTROLLER_REVISION, of_revision},
    {NULL,                     NULL       },
};

const struct controller daemonset_controller = {
    .name = "daemonset-controller",
    .watches = WATCHES,
    .sync = daemonset_sync,
};
