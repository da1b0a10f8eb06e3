#include "monitor/monitors.h"

#include <string.h>

#include "api/selector.h"
#include "base/log.h"
#include "kube/events.h"
#include "monitor/discovered.h"
#include "monitor/monitors_int.h"

enum { AGAIN_MS = 60000 };

/* One sync of one monitor. */
struct search {
    struct controller_ctx *c;
    struct arena *arena;
    const struct object *monitor;
    const char *prefix; /* of its targets' keys */
    struct selector selector;
    const struct endpoint *endpoint; /* the one at hand, and its number */
    size_t number;
    const char **kept;
    size_t n, cap;
};

static const char *spec_text(const struct search *s, const char *field)
{
    return value_at_str(value_get(s->monitor->root, "spec"), field, "");
}

/* ---- which namespaces ---- */

static bool in_namespaces(const struct object *monitor, const char *ns)
{
    const struct value *sel = value_at(monitor->root, "spec.namespaceSelector");
    const struct value *names = value_get(sel, "matchNames");
    if (value_at_bool(sel, "any", false))
        return true;
    VALUE_EACH_ITEM (n, names)
        if (strcmp(value_str(n, ""), ns) == 0)
            return true;
    return value_count(names) == 0 && strcmp(monitor->ns, ns) == 0;
}

/* ---- a target's labels before relabelling ---- */

/* Labels of the operator that are asked for by name: of the service, of the pod. */
static void put_named(struct label_set *l, const struct value *names, const struct object *from,
                      struct arena *a)
{
    VALUE_EACH_ITEM (n, names) {
        const char *v = from ? object_label(from, value_str(n, "")) : NULL;
        if (v)
            label_set_put(l, discovered_name(a, "", value_str(n, "")), v);
    }
}

static const struct value *container_of_port(const struct object *pod, int64_t number,
                                             const char *name, const struct value **port)
{
    VALUE_EACH_ITEM (c, value_at(pod->root, "spec.containers"))
        VALUE_EACH_ITEM (p, value_get(c, "ports"))
            if (name ? strcmp(value_at_str(p, "name", ""), name) == 0
                     : value_at_int(p, "containerPort", 0) == number) {
                *port = p;
                return c;
            }
    return NULL;
}

static void put_pod(struct label_set *l, const struct object *pod, int64_t number, struct arena *a)
{
    const struct value *port = NULL;
    const struct value *container = container_of_port(pod, number, NULL, &port);
    discovered_object(l, "pod", pod, a);
    label_set_put(l, "__meta_kubernetes_pod_ip", value_at_str(pod->root, "status.podIP", ""));
    label_set_put(l, "__meta_kubernetes_pod_uid", pod->uid);
    label_set_put(l, "__meta_kubernetes_pod_phase", value_at_str(pod->root, "status.phase", ""));
    label_set_put(l, "__meta_kubernetes_pod_node_name",
                  value_at_str(pod->root, "spec.nodeName", ""));
    label_set_put(l, "__meta_kubernetes_pod_host_ip", value_at_str(pod->root, "status.hostIP", ""));
    label_set_put(l, "pod", pod->name);
    if (!container)
        return;
    label_set_put(l, "container", value_at_str(container, "name", ""));
    label_set_put(l, "__meta_kubernetes_pod_container_name", value_at_str(container, "name", ""));
    label_set_put(l, "__meta_kubernetes_pod_container_port_name", value_at_str(port, "name", ""));
    label_set_put(l, "__meta_kubernetes_pod_container_port_number",
                  arena_printf(a, "%lld", (long long)number));
}

/* ---- a target ---- */

static void keep_key(struct search *s, const char *key)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 16;
        s->kept = arena_grow(s->arena, s->kept, s->cap * sizeof *s->kept, cap * sizeof *s->kept);
        s->cap = cap;
    }
    s->kept[s->n++] = key;
}

static int put_target(struct search *s, struct label_set *l, struct err *e)
{
    struct arena *a = s->arena;
    const struct value *spec = s->endpoint->spec;
    const struct discovered_spec how = {
        .scheme = value_at_str(spec, "scheme", "http"),
        .path = value_at_str(spec, "path", "/metrics"),
        .params = value_get(spec, "params"),
        .relabel = s->endpoint->relabel,
    };
    const char *url, *key = arena_printf(a, "%s%zu/%s/%s", s->prefix, s->number,
                                         label_set_get(l, "pod"), label_set_get(l, "__address__"));
    struct scrape_opts o = s->endpoint->opts;
    struct labels labels;
    if (s->n == DISCOVERED_MAX)
        return err_set(e, ERR_TOO_LARGE, "more than %d targets", DISCOVERED_MAX);
    if (!discovered_target(&how, l, a, &url, &labels))
        return 0;
    int r = relabel_new(value_get(spec, "metricRelabelings"), true, &o.relabel, e);
    if (r < 0)
        return r;
    scraper_put(s->c->arg, key, url, &labels, &o);
    keep_key(s, key);
    return 0;
}

static bool has_ended(const struct object *pod)
{
    const char *phase = value_at_str(pod->root, "status.phase", "");
    return strcmp(phase, "Failed") == 0 || strcmp(phase, "Succeeded") == 0;
}

/* ---- ServiceMonitor ---- */

/* The endpoint's port: by the name that the service has for it, or as the container has it. */
static bool is_port(const struct value *spec, const struct value *port, const struct object *pod)
{
    const char *name = value_at_str(spec, "port", NULL);
    const struct value *target = value_get(spec, "targetPort"), *found = NULL;
    int64_t number = value_at_int(port, "port", 0);
    if (name && *name)
        return strcmp(value_at_str(port, "name", ""), name) == 0;
    if (value_is(target, VALUE_INT))
        return target->i == number;
    return target && pod && container_of_port(pod, 0, value_str(target, ""), &found) &&
           value_at_int(found, "containerPort", 0) == number;
}

static const char *port_text(const struct value *spec, struct arena *a)
{
    const char *name = value_at_str(spec, "port", "");
    const struct value *target = value_get(spec, "targetPort");
    if (*name)
        return name;
    if (!target)
        target = value_get(spec, "portNumber");
    return value_is(target, VALUE_INT) ? arena_printf(a, "%lld", (long long)target->i)
                                       : value_str(target, "");
}

static int service_endpoint(struct search *s, const struct object *svc, const struct value *port,
                            const struct value *ep, struct err *e)
{
    struct arena *a = s->arena;
    struct label_set *l = ARENA_NEW(a, struct label_set);
    const struct value *spec = value_get(s->monitor->root, "spec"),
                       *ref = value_get(ep, "targetRef");
    const char *kind = value_at_str(ref, "kind", ""),
               *address = value_at_str(ep, "addresses[0]", "");
    int64_t number = value_at_int(port, "port", 0);
    const struct object *pod =
        strcmp(kind, "Pod") == 0
            ? cache_get(s->c->cache, &RES_POD, svc->ns, value_at_str(ref, "name", ""), a)
            : NULL;
    if (!*address || !is_port(s->endpoint->spec, port, pod) || (pod && has_ended(pod)))
        return 0;
    label_set_put(l, "__address__", discovered_address(a, address, number));
    label_set_put(l, "__meta_kubernetes_namespace", svc->ns);
    discovered_object(l, "service", svc, a);
    label_set_put(l, "__meta_kubernetes_endpoint_port_name", value_at_str(port, "name", ""));
    label_set_put(l, "__meta_kubernetes_endpoint_ready",
                  value_at_bool(ep, "conditions.ready", true) ? "true" : "false");
    label_set_put(l, "__meta_kubernetes_endpoint_address_target_kind", kind);
    label_set_put(l, "__meta_kubernetes_endpoint_address_target_name",
                  value_at_str(ref, "name", ""));
    label_set_put(l, "namespace", svc->ns);
    label_set_put(l, "service", svc->name);
    if (strcmp(kind, "Node") == 0)
        label_set_put(l, "node", value_at_str(ref, "name", ""));
    if (pod)
        put_pod(l, pod, number, a);
    const char *named =
        *spec_text(s, "jobLabel") ? object_label(svc, spec_text(s, "jobLabel")) : NULL;
    label_set_put(l, "job", named && *named ? named : svc->name);
    label_set_put(l, "endpoint", port_text(s->endpoint->spec, a));
    put_named(l, value_get(spec, "targetLabels"), svc, a);
    put_named(l, value_get(spec, "podTargetLabels"), pod, a);
    return put_target(s, l, e);
}

static int service_slice(struct search *s, const struct object *svc, const struct object *slice,
                         struct err *e)
{
    int r = 0;
    VALUE_EACH_ITEM (port, value_get(slice->root, "ports"))
        VALUE_EACH_ITEM (ep, value_get(slice->root, "endpoints"))
            if (r == 0)
                r = service_endpoint(s, svc, port, ep, e);
    return r;
}

static int find_services(struct search *s, struct err *e)
{
    struct object_list services = cache_list(s->c->cache, &RES_SERVICE, NULL, s->arena);
    int r = 0;
    for (size_t i = 0; r == 0 && i < services.n; i++) {
        const struct object *svc = services.items[i];
        if (!in_namespaces(s->monitor, svc->ns) ||
            !selector_matches(&s->selector, value_at(svc->root, "metadata.labels")))
            continue;
        struct object_list slices = cache_list(s->c->cache, &RES_ENDPOINT_SLICE, svc->ns, s->arena);
        for (size_t k = 0; r == 0 && k < slices.n; k++) {
            const char *of = object_label(slices.items[k], "kubernetes.io/service-name");
            if (of && strcmp(of, svc->name) == 0)
                r = service_slice(s, svc, slices.items[k], e);
        }
    }
    return r;
}

/* ---- PodMonitor ---- */

static bool is_pod_port(const struct value *spec, const struct value *port)
{
    const char *name = value_at_str(spec, "port", "");
    const struct value *target = value_get(spec, "targetPort");
    if (*name)
        return strcmp(value_at_str(port, "name", ""), name) == 0;
    if (!target)
        target = value_get(spec, "portNumber");
    return value_is(target, VALUE_INT)
               ? target->i == value_at_int(port, "containerPort", 0)
               : target && strcmp(value_str(target, ""), value_at_str(port, "name", "")) == 0;
}

static int pod_port(struct search *s, const struct object *pod, const struct value *port,
                    struct err *e)
{
    struct arena *a = s->arena;
    struct label_set *l = ARENA_NEW(a, struct label_set);
    const struct value *spec = value_get(s->monitor->root, "spec");
    const char *ip = value_at_str(pod->root, "status.podIP", "");
    int64_t number = value_at_int(port, "containerPort", 0);
    const char *named =
        *spec_text(s, "jobLabel") ? object_label(pod, spec_text(s, "jobLabel")) : NULL;
    label_set_put(l, "__address__", discovered_address(a, ip, number));
    label_set_put(l, "__meta_kubernetes_namespace", pod->ns);
    label_set_put(l, "namespace", pod->ns);
    put_pod(l, pod, number, a);
    label_set_put(l, "job",
                  named && *named ? named
                                  : arena_join(a, s->monitor->ns, "/", s->monitor->name, NULL));
    label_set_put(l, "endpoint", port_text(s->endpoint->spec, a));
    put_named(l, value_get(spec, "podTargetLabels"), pod, a);
    return put_target(s, l, e);
}

static int find_pods(struct search *s, struct err *e)
{
    struct object_list pods = cache_list(s->c->cache, &RES_POD, NULL, s->arena);
    int r = 0;
    for (size_t i = 0; r == 0 && i < pods.n; i++) {
        const struct object *pod = pods.items[i];
        if (!in_namespaces(s->monitor, pod->ns) || pod->deleting || has_ended(pod) ||
            !*value_at_str(pod->root, "status.podIP", "") ||
            !selector_matches(&s->selector, value_at(pod->root, "metadata.labels")))
            continue;
        VALUE_EACH_ITEM (c, value_at(pod->root, "spec.containers"))
            VALUE_EACH_ITEM (p, value_get(c, "ports"))
                if (r == 0 && is_pod_port(s->endpoint->spec, p))
                    r = pod_port(s, pod, p, e);
    }
    return r;
}

/* ---- both ---- */

static int find_targets(struct search *s, const char *field,
                        int (*find)(struct search *, struct err *), struct err *e)
{
    const struct value *spec = value_get(s->monitor->root, "spec");
    int r = monitors__check(s->monitor, e);
    if (r == 0)
        r = selector_from_value(value_get(spec, "selector"), s->arena, &s->selector, e);
    VALUE_EACH_ITEM (v, value_get(spec, field)) {
        struct endpoint ep;
        if (r < 0)
            break;
        r = monitors__endpoint(s->c, s->monitor, v, s->arena, &ep, e);
        s->endpoint = &ep;
        if (r == 0)
            r = find(s, e);
        s->number++;
        relabel_free(ep.relabel);
    }
    s->endpoint = NULL;
    return r;
}

static int sync_monitor(struct search *s, const struct resource *res, const char *field,
                        int (*find)(struct search *, struct err *), struct err *e)
{
    int r = find_targets(s, field, find, e);
    if (r == ERR_INVALID || r == ERR_TOO_LARGE) {
        event_warning(s->c, res, s->monitor, "InvalidConfiguration", "not acted on: %s", e->msg);
        log_warn("metrics", "%s %s/%s: not acted on: %s", res->singular, s->monitor->ns,
                 s->monitor->name, e->msg);
        s->n = 0;
        r = 0;
    }
    if (r == 0)
        scraper_keep(s->c->arg, s->prefix, s->kept, s->n);
    s->c->requeue_after_ms = AGAIN_MS;
    return r;
}

static int sync_key(struct controller_ctx *c, const struct resource *res, const struct key *key,
                    struct arena *a, struct err *e)
{
    bool services = res == &RES_SERVICE_MONITOR;
    struct search s = {
        .c = c,
        .arena = a,
        .monitor = cache_get(c->cache, res, key->ns, key->name, a),
        .prefix = arena_join(a, res->singular, "/", key->ns, "/", key->name, "/", NULL),
    };
    if (!s.monitor || s.monitor->deleting) {
        scraper_keep(c->arg, s.prefix, NULL, 0);
        return 0;
    }
    return sync_monitor(&s, res, services ? "endpoints" : "podMetricsEndpoints",
                        services ? find_services : find_pods, e);
}

static int service_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                        struct err *e)
{
    return sync_key(c, &RES_SERVICE_MONITOR, key, a, e);
}

static int pod_sync(struct controller_ctx *c, const struct key *key, struct arena *a, struct err *e)
{
    return sync_key(c, &RES_POD_MONITOR, key, a, e);
}

/* The monitors that look into the object's namespace. */
static void concerned(const struct object *o, struct controller_ctx *c, const struct resource *res,
                      struct key_sink *sink)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct object_list all = cache_list(c->cache, res, NULL, a);
    for (size_t i = 0; i < all.n; i++)
        if (in_namespaces(all.items[i], o->ns))
            key_add(sink, all.items[i]->ns, all.items[i]->name);
}

static void of_service(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    concerned(o, c, &RES_SERVICE_MONITOR, s);
}

static void of_pod(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    concerned(o, c, &RES_POD_MONITOR, s);
}

static const struct controller_watch service_watches[] = {
    {&RES_SERVICE_MONITOR, NULL      },
    {&RES_SERVICE,         of_service},
    {&RES_ENDPOINT_SLICE,  of_service},
    {&RES_POD,             of_service},
    {NULL,                 NULL      },
};
static const struct controller_watch pod_watches[] = {
    {&RES_POD_MONITOR, NULL  },
    {&RES_POD,         of_pod},
    {NULL,             NULL  },
};

const struct controller service_monitors_controller = {
    .name = "service-monitors", .watches = service_watches, .workers = 1, .sync = service_sync};
const struct controller pod_monitors_controller = {
    .name = "pod-monitors", .watches = pod_watches, .workers = 1, .sync = pod_sync};
