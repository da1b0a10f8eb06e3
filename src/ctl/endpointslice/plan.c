#include "ctl/endpointslice/plan.h"

#include <string.h>

#include "codec/json.h"
#include "ctl/pods/pods.h"
#include "kube/write.h"

#define MANAGED_BY "endpointslice.kubernetes.io/managed-by"
#define SERVICE    "kubernetes.io/service-name"
#define HEADLESS   "service.kubernetes.io/headless"
#define OUR_NAME   "endpointslice-controller.k8s.io"

struct endpoint {
    struct value *value;
    const char *id; /* of its pod */
    bool placed;
};

/* What is in slices of its own: one address family with one set of port numbers. */
struct group {
    const char *family, *ports_text;
    struct value *ports;
    struct endpoint *items;
    size_t n, cap;
};

struct slice {
    const struct object *o; /* NULL: new */
    struct value *endpoints;
    bool changed;
};

struct planner {
    const struct service_view *v;
    struct arena *a;
    struct group groups[64];
    size_t n_groups;
    bool *used; /* slices of the view that a group took */
    struct slice_plan out;
    size_t cap;
};

static void act(struct planner *p, const struct object *slice, const struct value *body)
{
    if (p->out.n == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 8;
        p->out.actions = arena_grow(p->a, p->out.actions, p->cap * sizeof *p->out.actions,
                                    cap * sizeof *p->out.actions);
        p->cap = cap;
    }
    p->out.actions[p->out.n++] = (struct slice_action){slice, body};
}

/* ---- the endpoints that should be ---- */

static struct value *ports_of(struct planner *p, const struct object *pod)
{
    struct arena *a = p->a;
    struct value *l = value_new_array(a);
    VALUE_EACH_ITEM (sp, value_at(p->v->service->root, "spec.ports")) {
        int64_t n = service_target_port(pod, sp);
        if (n == 0)
            continue;
        struct value *port = value_new_object(a);
        (void)value_set_str(a, port, "name", value_str(value_get(sp, "name"), ""));
        (void)value_set_str(a, port, "protocol", value_str(value_get(sp, "protocol"), "TCP"));
        (void)value_set_int(a, port, "port", n);
        if (value_get(sp, "appProtocol"))
            (void)value_set(a, port, "appProtocol", value_get(sp, "appProtocol"));
        (void)value_push(a, l, port);
    }
    return l;
}

static const struct object *node_of(const struct planner *p, const char *name)
{
    for (size_t i = 0; i < p->v->nodes.n; i++)
        if (strcmp(p->v->nodes.items[i]->name, name) == 0)
            return p->v->nodes.items[i];
    return NULL;
}

static void set_place(struct planner *p, struct value *ep, const struct object *pod)
{
    const char *node = value_at_str(pod->root, "spec.nodeName", "");
    if (!*node)
        return;
    (void)value_set_str(p->a, ep, "nodeName", node);
    const struct object *n = node_of(p, node);
    const char *zone = n ? object_label(n, "topology.kubernetes.io/zone") : NULL;
    if (!zone)
        return;
    (void)value_set_str(p->a, ep, "zone", zone);
    const char *near = value_at_str(p->v->service->root, "spec.trafficDistribution", "");
    if (strcmp(near, "PreferClose") != 0 || !value_at_bool(ep, "conditions.ready", false))
        return;
    struct value *hint = value_new_object(p->a);
    (void)value_set_str(p->a, hint, "name", zone);
    (void)value_push(p->a, value_make_array(p->a, ep, "hints.forZones"), hint);
}

static struct value *endpoint_of(struct planner *p, const struct object *pod,
                                 const struct value *addresses)
{
    struct arena *a = p->a;
    bool serving = pod_is_ready(pod);
    struct value *ep = value_new_object(a);
    (void)value_set(a, ep, "addresses", addresses);
    struct value *c = value_make_object(a, ep, "conditions");
    (void)value_set_bool(a, c, "ready",
                         service_publishes_not_ready(p->v->service) || (serving && !pod->deleting));
    (void)value_set_bool(a, c, "serving", serving);
    (void)value_set_bool(a, c, "terminating", pod->deleting);
    const char *host = service_hostname(p->v->service, pod);
    if (host)
        (void)value_set_str(a, ep, "hostname", host);
    (void)value_set(a, ep, "targetRef", service_pod_ref(a, pod));
    set_place(p, ep, pod);
    return ep;
}

static struct group *group_of(struct planner *p, const char *family, struct value *ports)
{
    const char *text = json_text(p->a, ports, JSON_SORTED);
    for (size_t i = 0; i < p->n_groups; i++)
        if (strcmp(p->groups[i].family, family) == 0 && strcmp(p->groups[i].ports_text, text) == 0)
            return &p->groups[i];
    if (p->n_groups == ARRAY_LEN(p->groups))
        return NULL; /* more port tables than anybody means to have */
    p->groups[p->n_groups] = (struct group){.family = family, .ports_text = text, .ports = ports};
    return &p->groups[p->n_groups++];
}

static struct value *addresses_of(struct arena *a, const struct object *pod, bool v6)
{
    struct value *l = value_new_array(a);
    const struct value *ips = value_at(pod->root, "status.podIPs");
    VALUE_EACH_ITEM (ip, ips) {
        const char *text = value_str(value_get(ip, "ip"), "");
        if (*text && (strchr(text, ':') != NULL) == v6)
            (void)value_push_str(a, l, text);
    }
    const char *only = value_at_str(pod->root, "status.podIP", "");
    if (!value_count(ips) && (strchr(only, ':') != NULL) == v6)
        (void)value_push_str(a, l, only);
    return l;
}

static void add_pod(struct planner *p, const struct object *pod, const char *family)
{
    struct value *addresses = addresses_of(p->a, pod, strcmp(family, "IPv6") == 0);
    struct group *g = value_count(addresses) ? group_of(p, family, ports_of(p, pod)) : NULL;
    if (!g)
        return;
    if (g->n == g->cap) {
        size_t cap = g->cap ? g->cap * 2 : 16;
        g->items = arena_grow(p->a, g->items, g->cap * sizeof *g->items, cap * sizeof *g->items);
        g->cap = cap;
    }
    g->items[g->n++] = (struct endpoint){endpoint_of(p, pod, addresses), pod->uid, false};
}

static void collect(struct planner *p, const char *family)
{
    size_t before = p->n_groups;
    for (size_t i = 0; i < p->v->pods.n; i++) {
        const struct object *pod = p->v->pods.items[i];
        if (!service_may_serve(pod))
            continue;
        if (service_node_known(p->v, pod))
            add_pod(p, pod, family);
        else
            p->out.node_missing = true;
    }
    if (p->n_groups == before) /* the empty slice that says: nothing here */
        (void)group_of(p, family, value_new_array(p->a));
}

/* ---- the slices that should be ---- */

/* The Service's own labels, and those that say whose this is. */
static struct value *labels_of(struct planner *p)
{
    struct arena *a = p->a;
    const struct object *s = p->v->service;
    struct value *l = value_new_object(a);
    VALUE_EACH_MEMBER (m, value_at(s->root, "metadata.labels"))
        if (strcmp(m->key, HEADLESS) != 0 && strcmp(m->key, SERVICE) != 0 &&
            strcmp(m->key, MANAGED_BY) != 0)
            (void)value_set(a, l, m->key, &m->value);
    if (service_is_headless(s))
        (void)value_set_str(a, l, HEADLESS, "");
    (void)value_set_str(a, l, SERVICE, s->name);
    (void)value_set_str(a, l, MANAGED_BY, OUR_NAME);
    return l;
}

static struct value *body_new(struct planner *p, const struct group *g)
{
    struct arena *a = p->a;
    struct value *v = value_new_object(a);
    (void)value_set_str(a, v, "apiVersion", "discovery.k8s.io/v1");
    (void)value_set_str(a, v, "kind", "EndpointSlice");
    struct value *meta = value_make_object(a, v, "metadata");
    (void)value_set_str(a, meta, "generateName", arena_printf(a, "%s-", p->v->service->name));
    (void)value_set_str(a, meta, "namespace", p->v->service->ns);
    (void)value_push(a, value_make_array(a, meta, "ownerReferences"),
                     owner_reference(a, &RES_SERVICE, p->v->service));
    (void)value_set_str(a, v, "addressType", g->family);
    return v;
}

static void emit(struct planner *p, const struct group *g, const struct slice *s)
{
    struct arena *a = p->a;
    const struct value *had = s->o ? value_at(s->o->root, "metadata.labels") : NULL;
    struct value *labels = labels_of(p);
    if (s->o && !s->changed && value_equal(labels, had))
        return;
    struct value *body = s->o ? object_edit(a, s->o) : body_new(p, g);
    (void)value_set(a, value_get_mut(body, "metadata"), "labels", labels);
    bool some = value_count(s->endpoints) > 0;
    (void)value_set(a, body, "endpoints", some ? s->endpoints : value_null(a));
    (void)value_set(a, body, "ports", some ? g->ports : value_null(a));
    act(p, s->o, body);
}

static struct endpoint *wanted(struct group *g, const struct value *ep)
{
    const char *id = value_at_str(ep, "targetRef.uid", "");
    for (size_t i = 0; i < g->n; i++)
        if (!g->items[i].placed && strcmp(g->items[i].id, id) == 0)
            return &g->items[i];
    return NULL;
}

/* What of an existing slice stays, brought up to date. */
static struct slice keep(struct planner *p, struct group *g, const struct object *o)
{
    struct slice s = {.o = o, .endpoints = value_new_array(p->a)};
    VALUE_EACH_ITEM (ep, value_get(o->root, "endpoints")) {
        struct endpoint *w = wanted(g, ep);
        s.changed |= !w || !value_equal(w->value, ep);
        if (!w)
            continue;
        w->placed = true;
        (void)value_push(p->a, s.endpoints, w->value);
    }
    return s;
}

static void fill(struct planner *p, struct group *g, struct slice *s)
{
    for (size_t i = 0; i < g->n && value_count(s->endpoints) < ENDPOINTS_A_SLICE; i++) {
        if (g->items[i].placed)
            continue;
        g->items[i].placed = true;
        (void)value_push(p->a, s->endpoints, g->items[i].value);
        s->changed = true;
    }
}

static bool has_unplaced(const struct group *g)
{
    for (size_t i = 0; i < g->n; i++)
        if (!g->items[i].placed)
            return true;
    return false;
}

static bool fits(const struct planner *p, const struct group *g, const struct object *o)
{
    if (strcmp(value_at_str(o->root, "addressType", ""), g->family) != 0)
        return false;
    const struct value *ports = value_get(o->root, "ports");
    return value_equal(ports, g->ports) ||
           (value_count(ports) == 0 && value_count(value_get(o->root, "endpoints")) == 0) ||
           (g->n == 0 && p->n_groups == 1);
}

static void plan_group(struct planner *p, struct group *g)
{
    struct slice *s = ARENA_ARRAY(p->a, struct slice, p->v->slices.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < p->v->slices.n; i++) {
        const struct object *o = p->v->slices.items[i];
        if (p->used[i] || !fits(p, g, o) || (g->n == 0 && n > 0))
            continue;
        p->used[i] = true;
        s[n++] = keep(p, g, o);
    }
    for (size_t i = 0; i < n; i++) {
        fill(p, g, &s[i]);
        if (value_count(s[i].endpoints) == 0 && (g->n > 0 || i > 0))
            act(p, s[i].o, NULL);
        else
            emit(p, g, &s[i]);
    }
    while (has_unplaced(g) || (g->n == 0 && n == 0)) {
        struct slice fresh = {.endpoints = value_new_array(p->a), .changed = true};
        fill(p, g, &fresh);
        emit(p, g, &fresh);
        n++;
    }
}

struct slice_plan endpointslice_plan(const struct service_view *v, struct arena *a)
{
    struct planner *p = ARENA_NEW(a, struct planner);
    p->v = v;
    p->a = a;
    p->used = ARENA_ARRAY(a, bool, v->slices.n + 1);
    const struct value *families = value_at(v->service->root, "spec.ipFamilies");
    VALUE_EACH_ITEM (f, families)
        collect(p, value_str(f, "IPv4"));
    if (!value_count(families))
        collect(p, "IPv4");
    for (size_t i = 0; i < p->n_groups; i++)
        plan_group(p, &p->groups[i]);
    for (size_t i = 0; i < v->slices.n; i++)
        if (!p->used[i])
            act(p, v->slices.items[i], NULL);
    return p->out;
}
