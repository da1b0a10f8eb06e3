#include "ctl/endpointslice/endpointslice.h"

#include <string.h>

#include "ctl/endpointslice/plan.h"
#include "kube/write.h"

static struct object_list slices_of(struct controller_ctx *c, const char *ns, const char *service,
                                    struct arena *a)
{
    struct object_list l = cache_list(c->cache, &RES_ENDPOINT_SLICE, ns, a), out = {0};
    out.items = ARENA_ARRAY(a, const struct object *, l.n + 1);
    for (size_t i = 0; i < l.n; i++) {
        const char *of = object_label(l.items[i], "kubernetes.io/service-name");
        const char *by = object_label(l.items[i], "endpointslice.kubernetes.io/managed-by");
        if (of && by && strcmp(of, service) == 0 &&
            strcmp(by, "endpointslice-controller.k8s.io") == 0 &&
            !cache_is_deleting(c->cache, &RES_ENDPOINT_SLICE, l.items[i]))
            out.items[out.n++] = l.items[i];
    }
    return out;
}

static int act(struct controller_ctx *c, const struct slice_plan *p, struct arena *a, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; i < p->n && rc == 0; i++) {
        const struct slice_action *x = &p->actions[i];
        if (!x->body)
            rc = write_delete(c, &RES_ENDPOINT_SLICE, x->slice, NULL, e);
        else if (x->slice)
            rc = write_update(c, &RES_ENDPOINT_SLICE, x->body, a, NULL, e);
        else
            rc = write_create(c, &RES_ENDPOINT_SLICE, x->body, a, NULL, e);
    }
    return rc;
}

static int endpointslice_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                              struct err *e)
{
    struct service_view v = {
        .service = cache_get(c->cache, &RES_SERVICE, key->ns, key->name, a),
        .slices = slices_of(c, key->ns, key->name, a),
    };
    if (!v.service) {
        struct slice_plan gone = {.actions = ARENA_ARRAY(a, struct slice_action, v.slices.n + 1)};
        for (size_t i = 0; i < v.slices.n; i++)
            gone.actions[gone.n++] = (struct slice_action){.slice = v.slices.items[i]};
        return act(c, &gone, a, e);
    }
    if (v.service->deleting || !service_is_selecting(v.service))
        return 0;
    service_observe(c, &v, a);
    struct slice_plan p = endpointslice_plan(&v, a);
    return act(c, &p, a, e);
}

static bool has_pod(const struct object *slice, const struct object *pod)
{
    VALUE_EACH_ITEM (ep, value_get(slice->root, "endpoints")) {
        if (strcmp(value_at_str(ep, "targetRef.uid", ""), pod->uid) == 0)
            return true;
    }
    return false;
}

/* Those that select it now, and those that did when their slices were written. */
static void of_pod(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    keys_of_service(o, c, s);
    AUTO(arena) struct arena *a = arena_new(0);
    struct object_list l = cache_list(c->cache, &RES_ENDPOINT_SLICE, o->ns, a);
    for (size_t i = 0; i < l.n; i++) {
        const char *service = object_label(l.items[i], "kubernetes.io/service-name");
        if (service && has_pod(l.items[i], o))
            key_add(s, o->ns, service);
    }
}

static void of_slice(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    (void)c;
    const char *service = object_label(o, "kubernetes.io/service-name");
    if (service)
        key_add(s, o->ns, service);
}

/* A node that appears lets its pods in; nodes change seldom. */
static void of_node(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    (void)o;
    AUTO(arena) struct arena *a = arena_new(0);
    struct object_list l = cache_list(c->cache, &RES_SERVICE, NULL, a);
    for (size_t i = 0; i < l.n; i++)
        if (service_is_selecting(l.items[i]))
            key_add(s, l.items[i]->ns, l.items[i]->name);
}

static const struct controller_watch WATCHES[] = {
    {&RES_SERVICE,        NULL    },
    {&RES_POD,            of_pod  },
    {&RES_ENDPOINT_SLICE, of_slice},
    {&RES_NODE,           of_node },
    {NULL,                NULL    },
};

const struct controller endpointslice_controller = {
    .name = "endpoint-slice-controller",
    .watches = WATCHES,
    .workers = 4,
    .sync = endpointslice_sync,
};
