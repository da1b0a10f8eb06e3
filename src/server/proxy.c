#include "server/proxy.h"

#include <string.h>

#include "kube/cache.h"
#include "podnet/podnet.h"

static void all_services(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    (void)o;
    (void)c;
    key_add(s, "", "services");
}

static bool is_udp(const struct value *port)
{
    return strcmp(value_at_str(port, "protocol", "TCP"), "UDP") == 0;
}

/* The port number that a slice gives to the service port of this name; 0: it has none. */
static uint16_t slice_port(const struct value *slice, const char *name, bool udp)
{
    VALUE_EACH_ITEM (p, value_get(slice, "ports"))
        if (strcmp(value_at_str(p, "name", ""), name) == 0 && is_udp(p) == udp)
            return (uint16_t)value_at_int(p, "port", 0);
    return 0;
}

static bool usable(const struct value *endpoint, bool even_unready)
{
    return even_unready || value_at_bool(endpoint, "conditions.ready", true);
}

struct backends {
    struct podnet_backend *items;
    size_t n, cap;
};

static void add_backend(struct backends *b, struct arena *a, struct podnet_backend one)
{
    for (size_t i = 0; i < b->n; i++)
        if (strcmp(b->items[i].ip, one.ip) == 0 && b->items[i].port == one.port)
            return;
    if (b->n == b->cap) {
        size_t cap = b->cap ? b->cap * 2 : 8;
        b->items = arena_grow(a, b->items, b->cap * sizeof one, cap * sizeof one);
        b->cap = cap;
    }
    b->items[b->n++] = one;
}

static void collect(const struct object_list *slices, const struct object *service,
                    struct podnet_service_port *port, struct arena *a)
{
    struct backends b = {0};
    bool even_unready = value_at_bool(service->root, "spec.publishNotReadyAddresses", false);
    for (size_t i = 0; i < slices->n; i++) {
        const struct object *slice = slices->items[i];
        const char *owner = object_label(slice, "kubernetes.io/service-name");
        uint16_t number = slice_port(slice->root, port->name, port->udp);
        if (!owner || strcmp(owner, service->name) != 0 || !number)
            continue;
        VALUE_EACH_ITEM (ep, value_get(slice->root, "endpoints"))
            VALUE_EACH_ITEM (ip, value_get(ep, "addresses"))
                if (usable(ep, even_unready))
                    add_backend(&b, a,
                                (struct podnet_backend){value_str(ip, ""), number,
                                                        value_at_str(ep, "hostname", NULL)});
    }
    port->backends = b.items;
    port->n_backends = b.n;
}

static struct podnet_service flatten(const struct object *o, const struct object_list *slices,
                                     struct arena *a)
{
    const struct value *ports = value_at(o->root, "spec.ports");
    const char *ip = value_at_str(o->root, "spec.clusterIP", "");
    bool external = strcmp(value_at_str(o->root, "spec.type", ""), "ExternalName") == 0;
    struct podnet_service_port *out =
        ARENA_ARRAY(a, struct podnet_service_port, value_count(ports));
    size_t n = 0;
    VALUE_EACH_ITEM (p, ports) {
        out[n] =
            (struct podnet_service_port){.name = value_at_str(p, "name", ""),
                                         .udp = is_udp(p),
                                         .port = (uint16_t)value_at_int(p, "port", 0),
                                         .node_port = (uint16_t)value_at_int(p, "nodePort", 0)};
        collect(slices, o, &out[n++], a);
    }
    return (struct podnet_service){
        .ns = o->ns,
        .name = o->name,
        .ip = strcmp(ip, "None") == 0 ? "" : ip,
        .external_name = external ? value_at_str(o->root, "spec.externalName", NULL) : NULL,
        .sticky = strcmp(value_at_str(o->root, "spec.sessionAffinity", ""), "ClientIP") == 0,
        .ports = out,
        .n_ports = n,
    };
}

static int proxy_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                      struct err *e)
{
    (void)key;
    struct object_list services = cache_list(c->cache, &RES_SERVICE, NULL, a);
    struct podnet_service *flat = ARENA_ARRAY(a, struct podnet_service, services.n);
    for (size_t i = 0; i < services.n; i++) {
        struct object_list slices =
            cache_list(c->cache, &RES_ENDPOINT_SLICE, services.items[i]->ns, a);
        flat[i] = flatten(services.items[i], &slices, a);
    }
    return podnet_set_services(c->arg, flat, services.n, e);
}

static const struct controller_watch watches[] = {
    {&RES_SERVICE,        all_services},
    {&RES_ENDPOINT_SLICE, all_services},
    {NULL,                NULL        },
};

const struct controller proxy_controller = {
    .name = "service-proxy", .watches = watches, .workers = 1, .sync = proxy_sync};
