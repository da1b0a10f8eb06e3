/* discovery_kube.c - objects of the API as targets, by Prometheus's roles. */
#include <ctype.h>
#include <string.h>

#include "monitor/discovery_int.h"

struct run {
    const struct kube_discovery *how;
    struct cache *cache;
    struct discovery_sink *sink;
    struct arena *a; /* of one object */
    struct err *e;
};

struct kube_role {
    const char *name;
    const struct resource *resource;
    int (*add)(struct run *r, const struct object *o);
};

#define META "__meta_kubernetes_"

static void put(struct label_set *l, const char *name, const char *value)
{
    label_set_put(l, name, value);
}

static const char *number(struct run *r, int64_t n)
{
    return arena_printf(r->a, "%lld", (long long)n);
}

static const char *in_lower(struct run *r, const char *s)
{
    char *out = arena_strdup(r->a, s);
    for (char *p = out; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return out;
}

static void begin(struct run *r, const struct object *o, const char *kind)
{
    struct label_set *l = &r->sink->group;
    l->n = 0;
    r->sink->target.n = 0;
    if (*o->ns)
        put(l, META "namespace", o->ns);
    discovered_object(l, kind, o, r->a);
}

static int emit(struct run *r)
{
    return discovery__emit(r->sink, r->a, r->e);
}

static void put_node(struct run *r, struct label_set *l, const char *name)
{
    const struct object *node =
        r->how->with_node && *name ? cache_get(r->cache, &RES_NODE, "", name, r->a) : NULL;
    if (!node)
        return;
    put(l, META "node_name", name);
    discovered_labels(l, "node", node, r->a);
}

/* ---- node ---- */

static const char *node_address(const struct object *o)
{
    static const char *const kinds[] = {"InternalIP",  "InternalDNS",  "ExternalIP",
                                        "ExternalDNS", "LegacyHostIP", "Hostname"};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        VALUE_EACH_ITEM (x, value_at(o->root, "status.addresses"))
            if (strcmp(value_at_str(x, "type", ""), kinds[i]) == 0)
                return value_at_str(x, "address", "");
    return "";
}

static int add_node(struct run *r, const struct object *o)
{
    struct label_set *l = &r->sink->target;
    const char *host = node_address(o);
    int64_t port = value_at_int(o->root, "status.daemonEndpoints.kubeletEndpoint.Port", 0);
    if (!*host)
        return 0;
    begin(r, o, "node");
    put(l, "__address__", discovered_address(r->a, host, port));
    put(l, "instance", o->name);
    put(l, META "node_provider_id", value_at_str(o->root, "spec.providerID", ""));
    VALUE_EACH_ITEM (x, value_at(o->root, "status.addresses")) {
        const char *name = discovered_name(r->a, META "node_address_", value_at_str(x, "type", ""));
        if (!*label_set_get(l, name))
            put(l, name, value_at_str(x, "address", ""));
    }
    return emit(r);
}

/* ---- service ---- */

static void put_service(struct run *r, struct label_set *l, const char *ns, const char *name)
{
    const struct object *svc = *name ? cache_get(r->cache, &RES_SERVICE, ns, name, r->a) : NULL;
    if (!svc)
        return;
    put(l, META "namespace", ns);
    discovered_object(l, "service", svc, r->a);
}

static int add_service(struct run *r, const struct object *o)
{
    struct label_set *l = &r->sink->target;
    const struct value *spec = value_get(o->root, "spec");
    const char *type = value_at_str(spec, "type", "ClusterIP");
    bool external = strcmp(type, "ExternalName") == 0;
    int rc = 0;
    begin(r, o, "service");
    VALUE_EACH_ITEM (p, value_get(spec, "ports")) {
        int64_t port = value_at_int(p, "port", 0);
        l->n = 0;
        put(l, "__address__",
            discovered_address(r->a, arena_printf(r->a, "%s.%s.svc", o->name, o->ns), port));
        put(l, META "service_port_name", value_at_str(p, "name", ""));
        put(l, META "service_port_number", number(r, port));
        put(l, META "service_port_protocol", value_at_str(p, "protocol", "TCP"));
        put(l, META "service_type", type);
        put(l, external ? META "service_external_name" : META "service_cluster_ip",
            value_at_str(spec, external ? "externalName" : "clusterIP", ""));
        if (strcmp(type, "LoadBalancer") == 0)
            put(l, META "service_loadbalancer_ip", value_at_str(spec, "loadBalancerIP", ""));
        if (rc == 0)
            rc = emit(r);
    }
    return rc;
}

/* ---- pod ---- */

static void put_pod(struct run *r, struct label_set *l, const struct object *pod)
{
    const struct value *status = value_get(pod->root, "status"), *owner = object_controller(pod);
    const struct value *ready = object_condition(pod->root, "Ready");
    discovered_object(l, "pod", pod, r->a);
    put(l, META "pod_ip", value_at_str(status, "podIP", ""));
    put(l, META "pod_ready", in_lower(r, value_at_str(ready, "status", "unknown")));
    put(l, META "pod_phase", value_at_str(status, "phase", ""));
    put(l, META "pod_node_name", value_at_str(pod->root, "spec.nodeName", ""));
    put(l, META "pod_host_ip", value_at_str(status, "hostIP", ""));
    put(l, META "pod_uid", pod->uid);
    put(l, META "pod_controller_kind", value_at_str(owner, "kind", ""));
    put(l, META "pod_controller_name", value_at_str(owner, "name", ""));
}

static void put_port(struct run *r, struct label_set *l, const struct value *container,
                     const struct value *port)
{
    put(l, META "pod_container_name", value_at_str(container, "name", ""));
    put(l, META "pod_container_image", value_at_str(container, "image", ""));
    if (!port)
        return;
    put(l, META "pod_container_port_name", value_at_str(port, "name", ""));
    put(l, META "pod_container_port_number", number(r, value_at_int(port, "containerPort", 0)));
    put(l, META "pod_container_port_protocol", value_at_str(port, "protocol", "TCP"));
}

static const char *container_id(const struct object *pod, const char *field, const char *name)
{
    VALUE_EACH_ITEM (s, value_get(value_get(pod->root, "status"), field))
        if (strcmp(value_at_str(s, "name", ""), name) == 0)
            return value_at_str(s, "containerID", "");
    return "";
}

static int add_container(struct run *r, const struct object *pod, const struct value *c, bool init)
{
    struct label_set *l = &r->sink->target;
    const struct value *ports = value_get(c, "ports");
    const char *ip = value_at_str(pod->root, "status.podIP", "");
    int rc = 0;
    for (size_t i = 0; rc == 0 && (i == 0 || i < value_count(ports)); i++) {
        const struct value *p = value_item(ports, i);
        l->n = 0;
        put(l, "__address__",
            p ? discovered_address(r->a, ip, value_at_int(p, "containerPort", 0)) : ip);
        put_port(r, l, c, p);
        put(l, META "pod_container_id",
            container_id(pod, init ? "initContainerStatuses" : "containerStatuses",
                         value_at_str(c, "name", "")));
        put(l, META "pod_container_init", init ? "true" : "false");
        rc = emit(r);
    }
    return rc;
}

static int add_pod(struct run *r, const struct object *o)
{
    int rc = 0;
    if (!*value_at_str(o->root, "status.podIP", ""))
        return 0;
    begin(r, o, "pod");
    put_pod(r, &r->sink->group, o);
    put_node(r, &r->sink->group, value_at_str(o->root, "spec.nodeName", ""));
    VALUE_EACH_ITEM (c, value_at(o->root, "spec.containers"))
        if (rc == 0)
            rc = add_container(r, o, c, false);
    VALUE_EACH_ITEM (c, value_at(o->root, "spec.initContainers"))
        if (rc == 0)
            rc = add_container(r, o, c, true);
    return rc;
}

/* ---- endpoints and endpointslice ---- */

/* The pods of one object, so that their other ports can follow. */
struct seen {
    const struct object **pods;
    size_t n;
};

static const struct object *see_pod(struct run *r, struct seen *seen, const char *ns,
                                    const struct value *ref)
{
    const struct object *pod =
        strcmp(value_at_str(ref, "kind", ""), "Pod") == 0
            ? cache_get(r->cache, &RES_POD, value_at_str(ref, "namespace", ns),
                        value_at_str(ref, "name", ""), r->a)
            : NULL;
    for (size_t i = 0; pod && i < seen->n; i++)
        if (seen->pods[i] == pod)
            return pod;
    if (pod)
        seen->pods[seen->n++] = pod;
    return pod;
}

static void put_matching_port(struct run *r, struct label_set *l, const struct object *pod,
                              int64_t port)
{
    VALUE_EACH_ITEM (c, value_at(pod->root, "spec.containers"))
        VALUE_EACH_ITEM (p, value_get(c, "ports"))
            if (port && value_at_int(p, "containerPort", 0) == port) {
                put_port(r, l, c, p);
                return;
            }
}

static int put_backing(struct run *r, const struct object *o, const struct value *ref,
                       const char *node, int64_t port, struct seen *seen)
{
    struct label_set *l = &r->sink->target;
    const struct object *pod = see_pod(r, seen, o->ns, ref);
    bool is_node = strcmp(value_at_str(ref, "kind", ""), "Node") == 0;
    put_node(r, l, is_node ? value_at_str(ref, "name", "") : node);
    if (pod) {
        put_pod(r, l, pod);
        put_matching_port(r, l, pod, port);
    }
    return emit(r);
}

static bool has_port(const struct value *ports, const char *field, int64_t port)
{
    VALUE_EACH_ITEM (p, ports)
        if (value_at_int(p, field, 0) == port)
            return true;
    return false;
}

/* Ports of the pods that the endpoints do not name are targets, too. */
static int add_other_ports(struct run *r, const struct seen *seen,
                           bool (*named)(const struct object *o, int64_t port),
                           const struct object *o)
{
    struct label_set *l = &r->sink->target;
    int rc = 0;
    for (size_t i = 0; i < seen->n; i++) {
        const struct object *pod = seen->pods[i];
        const char *ip = value_at_str(pod->root, "status.podIP", "");
        VALUE_EACH_ITEM (c, value_at(pod->root, "spec.containers"))
            VALUE_EACH_ITEM (p, value_get(c, "ports")) {
                int64_t port = value_at_int(p, "containerPort", 0);
                if (rc < 0 || !*ip || named(o, port))
                    continue;
                l->n = 0;
                put(l, "__address__", discovered_address(r->a, ip, port));
                put_pod(r, l, pod);
                put_port(r, l, c, p);
                rc = emit(r);
            }
    }
    return rc;
}

static bool endpoints_name(const struct object *o, int64_t port)
{
    VALUE_EACH_ITEM (s, value_get(o->root, "subsets"))
        if (has_port(value_get(s, "ports"), "port", port))
            return true;
    return false;
}

static int add_subset(struct run *r, const struct object *o, const struct value *subset,
                      const char *field, struct seen *seen)
{
    struct label_set *l = &r->sink->target;
    int rc = 0;
    VALUE_EACH_ITEM (p, value_get(subset, "ports"))
        VALUE_EACH_ITEM (x, value_get(subset, field)) {
            const struct value *ref = value_get(x, "targetRef");
            const char *node = value_at_str(x, "nodeName", "");
            int64_t port = value_at_int(p, "port", 0);
            if (rc < 0)
                break;
            l->n = 0;
            put(l, "__address__", discovered_address(r->a, value_at_str(x, "ip", ""), port));
            put(l, META "endpoint_port_name", value_at_str(p, "name", ""));
            put(l, META "endpoint_port_protocol", value_at_str(p, "protocol", "TCP"));
            put(l, META "endpoint_ready", strcmp(field, "addresses") == 0 ? "true" : "false");
            put(l, META "endpoint_address_target_kind", value_at_str(ref, "kind", ""));
            put(l, META "endpoint_address_target_name", value_at_str(ref, "name", ""));
            put(l, META "endpoint_node_name", node);
            put(l, META "endpoint_hostname", value_at_str(x, "hostname", ""));
            rc = put_backing(r, o, ref, node, port, seen);
        }
    return rc;
}

static int add_endpoints(struct run *r, const struct object *o)
{
    size_t room = 1;
    int rc = 0;
    VALUE_EACH_ITEM (s, value_get(o->root, "subsets"))
        room +=
            value_count(value_get(s, "addresses")) + value_count(value_get(s, "notReadyAddresses"));
    struct seen seen = {.pods = ARENA_ARRAY(r->a, const struct object *, room)};
    begin(r, o, "endpoints");
    put_service(r, &r->sink->group, o->ns, o->name);
    VALUE_EACH_ITEM (s, value_get(o->root, "subsets")) {
        if (rc == 0)
            rc = add_subset(r, o, s, "addresses", &seen);
        if (rc == 0)
            rc = add_subset(r, o, s, "notReadyAddresses", &seen);
    }
    return rc < 0 ? rc : add_other_ports(r, &seen, endpoints_name, o);
}

static bool slice_names(const struct object *o, int64_t port)
{
    return has_port(value_get(o->root, "ports"), "port", port);
}

static void put_condition(struct label_set *l, const char *name, const struct value *endpoint,
                          const char *field)
{
    const struct value *v = value_get(value_get(endpoint, "conditions"), field);
    if (value_is(v, VALUE_BOOL))
        put(l, name, v->boolean ? "true" : "false");
}

static void put_endpoint(struct label_set *l, const struct value *x)
{
    const struct value *ref = value_get(x, "targetRef");
    put_condition(l, META "endpointslice_endpoint_conditions_ready", x, "ready");
    put_condition(l, META "endpointslice_endpoint_conditions_serving", x, "serving");
    put_condition(l, META "endpointslice_endpoint_conditions_terminating", x, "terminating");
    put(l, META "endpointslice_endpoint_hostname", value_at_str(x, "hostname", ""));
    put(l, META "endpointslice_endpoint_node_name", value_at_str(x, "nodeName", ""));
    put(l, META "endpointslice_endpoint_zone", value_at_str(x, "zone", ""));
    put(l, META "endpointslice_address_target_kind", value_at_str(ref, "kind", ""));
    put(l, META "endpointslice_address_target_name", value_at_str(ref, "name", ""));
}

static int add_endpoint(struct run *r, const struct object *o, const struct value *x,
                        const struct value *p, struct seen *seen)
{
    struct label_set *l = &r->sink->target;
    int64_t port = value_at_int(p, "port", 0);
    int rc = 0;
    VALUE_EACH_ITEM (address, value_get(x, "addresses")) {
        const char *host = value_str(address, "");
        if (rc < 0)
            break;
        l->n = 0;
        put(l, "__address__", port ? discovered_address(r->a, host, port) : host);
        put(l, META "endpointslice_port_name", value_at_str(p, "name", ""));
        put(l, META "endpointslice_port_protocol", value_at_str(p, "protocol", ""));
        put(l, META "endpointslice_port", port ? number(r, port) : "");
        put(l, META "endpointslice_port_app_protocol", value_at_str(p, "appProtocol", ""));
        put_endpoint(l, x);
        rc = put_backing(r, o, value_get(x, "targetRef"), value_at_str(x, "nodeName", ""), port,
                         seen);
    }
    return rc;
}

static int add_slice(struct run *r, const struct object *o)
{
    const struct value *endpoints = value_get(o->root, "endpoints");
    const char *service = object_label(o, "kubernetes.io/service-name");
    struct seen seen = {.pods =
                            ARENA_ARRAY(r->a, const struct object *, value_count(endpoints) + 1)};
    int rc = 0;
    begin(r, o, "endpointslice");
    put(&r->sink->group, META "endpointslice_address_type",
        value_at_str(o->root, "addressType", ""));
    put_service(r, &r->sink->group, o->ns, service ? service : "");
    VALUE_EACH_ITEM (x, endpoints)
        VALUE_EACH_ITEM (p, value_get(o->root, "ports"))
            if (rc == 0)
                rc = add_endpoint(r, o, x, p, &seen);
    return rc < 0 ? rc : add_other_ports(r, &seen, slice_names, o);
}

/* ---- all roles ---- */

static const struct kube_role roles[] = {
    {"node",          &RES_NODE,           add_node     },
    {"service",       &RES_SERVICE,        add_service  },
    {"pod",           &RES_POD,            add_pod      },
    {"endpoints",     &RES_ENDPOINTS,      add_endpoints},
    {"endpointslice", &RES_ENDPOINT_SLICE, add_slice    },
};

static int read_selectors(const struct value *v, struct arena *a, struct kube_discovery *out,
                          struct err *e)
{
    int r = 0;
    VALUE_EACH_ITEM (s, value_get(v, "selectors")) {
        const char *role = value_at_str(s, "role", "");
        if (r < 0)
            break;
        if (strcmp(role, out->role->name) != 0)
            return err_set(e, ERR_UNSUPPORTED,
                           "line %u: selectors: of another role than the discovery's: not acted "
                           "on here",
                           s->line);
        if (*value_at_str(s, "field", ""))
            return err_set(e, ERR_UNSUPPORTED, "line %u: selectors: field is not acted on here",
                           s->line);
        if (out->selector.n)
            return err_set(e, ERR_UNSUPPORTED, "line %u: selectors: more than one of a role",
                           s->line);
        r = selector_parse(value_at_str(s, "label", ""), a, &out->selector, e);
    }
    return r;
}

static int refuse(const struct value *v, const char *const *fields, struct err *e)
{
    for (; *fields; fields++) {
        const struct value *x = value_at(v, *fields);
        if (x && x->kind != VALUE_NULL && !(x->kind == VALUE_BOOL && !x->boolean))
            return err_set(e, ERR_UNSUPPORTED,
                           "line %u: kubernetes_sd_configs: %s is not acted on here: the objects "
                           "are those of slipway's own API",
                           x->line, *fields);
    }
    return 0;
}

int discovery__kube_read(const struct value *v, struct arena *a, struct kube_discovery *out,
                         struct err *e)
{
    static const char *const not_done[] = {"api_server",
                                           "kubeconfig_file",
                                           "basic_auth",
                                           "authorization",
                                           "oauth2",
                                           "bearer_token",
                                           "bearer_token_file",
                                           "tls_config",
                                           "proxy_url",
                                           "http_headers",
                                           "namespaces.own_namespace",
                                           "attach_metadata.namespace",
                                           "attach_metadata.deployment",
                                           "attach_metadata.job",
                                           "attach_metadata.cronjob",
                                           NULL};
    const char *role = value_at_str(v, "role", "");
    *out = (struct kube_discovery){
        .namespaces = value_at(v, "namespaces.names"),
        .with_node = value_at_bool(v, "attach_metadata.node", false),
    };
    for (size_t i = 0; i < ARRAY_LEN(roles); i++)
        if (strcmp(roles[i].name, role) == 0)
            out->role = &roles[i];
    if (!out->role)
        return err_set(e, ERR_UNSUPPORTED,
                       "line %u: kubernetes_sd_configs: role %.40s is not acted on here", v->line,
                       role);
    int r = refuse(v, not_done, e);
    return r < 0 ? r : read_selectors(v, a, out, e);
}

static int run_in(struct run *r, const char *ns)
{
    AUTO(arena) struct arena *all = arena_new(0);
    const struct kube_role *role = r->how->role;
    struct object_list list = cache_list(r->cache, role->resource, ns, all);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < list.n; i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        if (!selector_matches(&r->how->selector, value_at(list.items[i]->root, "metadata.labels")))
            continue;
        r->a = a;
        rc = role->add(r, list.items[i]);
    }
    return rc;
}

int discovery__kube_run(const struct kube_discovery *k, struct cache *cache,
                        struct discovery_sink *s, struct err *e)
{
    struct run r = {.how = k, .cache = cache, .sink = s, .e = e};
    int rc = 0;
    if (!value_count(k->namespaces) || k->role->resource == &RES_NODE)
        return run_in(&r, NULL);
    VALUE_EACH_ITEM (ns, k->namespaces)
        if (rc == 0)
            rc = run_in(&r, value_str(ns, ""));
    return rc;
}
