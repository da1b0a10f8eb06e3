#include <string.h>

#include "api/conditions.h"
#include "ctl/ctl.h"
#include "ctl/pods/pods.h"
#include "ctl/scheduler/plan.h"
#include "kube/cache_int.h"
#include "kube/events.h"
#include "kube/fan.h"

/* All pods that wait are placed by one sync, so that no two are promised the same room. */
#define ALL_PODS "pending"

struct work {
    struct controller_ctx *c;
    struct schedule_plan plan;
    bool again; /* a write has to be tried once more */
};

static struct value *binding_of(struct arena *a, const struct placement *p)
{
    struct value *b = value_new_object(a);
    (void)value_set_str(a, b, "apiVersion", "v1");
    (void)value_set_str(a, b, "kind", "Binding");
    struct value *meta = value_make_object(a, b, "metadata");
    (void)value_set_str(a, meta, "name", p->pod->name);
    (void)value_set_str(a, meta, "namespace", p->pod->ns);
    (void)value_set_str(a, meta, "uid", p->pod->uid);
    struct value *target = value_make_object(a, b, "target");
    (void)value_set_str(a, target, "apiVersion", "v1");
    (void)value_set_str(a, target, "kind", "Node");
    (void)value_set_str(a, target, "name", p->node);
    return b;
}

/* The cache learns of the node at once: the next sync counts what this one gave away. */
static void see(struct controller_ctx *c, const struct object *pod)
{
    struct object *now = NULL;
    struct err e;
    if (kube_get(c->kube, &RES_POD, pod->ns, pod->name, &now, &e) == 0)
        cache_saw(c->cache, &RES_POD, now);
    object_unref(now);
}

static int bind(struct controller_ctx *c, const struct placement *p, struct arena *a, struct err *e)
{
    int rc = kube_update(c->kube, &RES_POD, p->pod->ns, p->pod->name, "binding", binding_of(a, p),
                         NULL, e);
    see(c, p->pod);
    if (rc == 0)
        event_normal(c, &RES_POD, p->pod, "Scheduled", "Successfully assigned %s/%s to %s",
                     p->pod->ns, p->pod->name, p->node);
    return rc;
}

static int tell_why(struct controller_ctx *c, const struct placement *p, struct arena *a,
                    struct err *e)
{
    struct value *root = value_new_object(a);
    const struct value *had = value_get(p->pod->root, "status");
    (void)value_set(a, root, "status", had ? value_copy(a, had) : value_new_object(a));
    bool changed = condition_set(a, root,
                                 &(struct condition){.type = "PodScheduled",
                                                     .status = "False",
                                                     .reason = "Unschedulable",
                                                     .message = p->why},
                                 c->clock->real_ms(c->clock));
    if (!changed)
        return 0;
    event_warning(c, &RES_POD, p->pod, "FailedScheduling", "%s", p->why);
    return write_status(c, &RES_POD, p->pod, value_get(root, "status"), e);
}

static void carry_out(void *arg, size_t i)
{
    struct work *w = arg;
    const struct placement *p = &w->plan.items[i];
    AUTO(arena) struct arena *a = arena_new(0);
    struct err e = {0};
    int rc = p->node ? bind(w->c, p, a, &e) : tell_why(w->c, p, a, &e);
    if (rc < 0 && rc != ERR_NOT_FOUND)
        w->again = true;
}

static int scheduler_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                          struct err *e)
{
    (void)key;
    struct schedule_view v = {
        .pods = cache_list(c->cache, &RES_POD, NULL, a),
        .nodes = cache_list(c->cache, &RES_NODE, NULL, a),
        .claims = cache_list(c->cache, &RES_PERSISTENT_VOLUME_CLAIM, NULL, a),
        .volumes = cache_list(c->cache, &RES_PERSISTENT_VOLUME, NULL, a),
    };
    struct work w = {.c = c, .plan = schedule_plan(&v, a)};
    fan_run(c->fan, w.plan.n, carry_out, &w);
    return w.again ? err_set(e, ERR_AGAIN, "a pod changed while it was placed") : 0;
}

/* A pod that waits; or one that goes and gives its room to those who do. */
static void of_pod(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    (void)c;
    if (schedule_wants(o) || o->deleting || pod_is_finished(o))
        key_add(s, "", ALL_PODS);
}

static void of_other(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    (void)o;
    (void)c;
    key_add(s, "", ALL_PODS);
}

static const struct controller_watch WATCHES[] = {
    {&RES_POD,                     of_pod  },
    {&RES_NODE,                    of_other},
    {&RES_PERSISTENT_VOLUME_CLAIM, of_other},
    {&RES_PERSISTENT_VOLUME,       of_other},
    {NULL,                         NULL    },
};

const struct controller scheduler_controller = {
    .name = "default-scheduler",
    .watches = WATCHES,
    .workers = 1,
    .sync = scheduler_sync,
};
