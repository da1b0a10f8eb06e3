#include <arpa/inet.h>
#include <string.h>

#include "apiserver/apiserver_int.h"
#include "base/log.h"
#include "base/thread.h"

enum { RESERVED_MAX = 256, STATIC_BAND = 256 };

/* What is taken, in memory; filled from the stored Services at start. */
struct services {
    pthread_mutex_t mutex;
    uint32_t network, size; /* host order */
    uint32_t next;
    unsigned next_port;
    unsigned char *ips; /* a bit an address */
    unsigned char ports[65536 / 8];
};

struct reservation {
    size_t n_ips, n_ports;
    uint32_t ips[8];
    unsigned ports[RESERVED_MAX];
};

static bool bit(const unsigned char *map, size_t i)
{
    return map[i / 8] & (1u << (i % 8));
}

static void set_bit(unsigned char *map, size_t i, bool on)
{
    if (on)
        map[i / 8] |= (unsigned char)(1u << (i % 8));
    else
        map[i / 8] &= (unsigned char)~(1u << (i % 8));
}

/* Leading zeros are read as decimal, as Go once did. */
static bool parse_ip(const char *text, struct in_addr *out)
{
    unsigned b[4];
    char more;
    if (sscanf(text, "%3u.%3u.%3u.%3u%c", &b[0], &b[1], &b[2], &b[3], &more) != 4 || b[0] > 255 ||
        b[1] > 255 || b[2] > 255 || b[3] > 255)
        return false;
    out->s_addr = htonl(b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3]);
    return true;
}

static bool offset_of(const struct services *v, const char *ip, uint32_t *out)
{
    struct in_addr in;
    if (!parse_ip(ip, &in))
        return false;
    uint32_t at = ntohl(in.s_addr) - v->network;
    *out = at;
    return ntohl(in.s_addr) >= v->network && at < v->size;
}

static bool has_ports(const char *type)
{
    return strcmp(type, "NodePort") == 0 || strcmp(type, "LoadBalancer") == 0;
}

/* ---- start ---- */

static void take_stored(struct services *v, const struct value *obj)
{
    uint32_t at;
    VALUE_EACH_ITEM (ip, value_at(obj, "spec.clusterIPs")) {
        if (offset_of(v, value_str(ip, ""), &at))
            set_bit(v->ips, at, true);
    }
    VALUE_EACH_ITEM (p, value_at(obj, "spec.ports")) {
        set_bit(v->ports, (size_t)(value_at_int(p, "nodePort", 0) & 0xffff), true);
    }
}

int services__init(struct apiserver *s, struct err *e)
{
    unsigned bits = 0;
    char text[64];
    struct in_addr in;
    (void)snprintf(text, sizeof text, "%s", s->service_cidr);
    char *slash = strchr(text, '/');
    if (slash) {
        *slash = '\0';
        bits = (unsigned)strtoul(slash + 1, NULL, 10);
    }
    if (!slash || inet_pton(AF_INET, text, &in) != 1 || bits < 12 || bits > 30)
        return err_set(e, ERR_INVALID, "service range \"%s\" is not an IPv4 network of /12 to /30",
                       s->service_cidr);
    struct services *v = s->services = calloc(1, sizeof *v);
    if (!v)
        log_die("out of memory");
    (void)pthread_mutex_init(&v->mutex, NULL);
    v->size = 1u << (32 - bits);
    v->network = ntohl(in.s_addr) & ~(v->size - 1);
    v->ips = calloc(1, v->size / 8 + 1);
    if (!v->ips)
        log_die("out of memory");
    set_bit(v->ips, 0, true);
    set_bit(v->ips, v->size - 1, true);
    v->next = v->size > 2 * STATIC_BAND ? STATIC_BAND : 1;
    v->next_port = s->node_port_first;
    const struct served *k = kinds__of(s, &RES_SERVICE);
    struct entry_list l = {0};
    int rc = store_list(s->store, k->prefix, NULL, 0, 0, &l, e);
    for (size_t i = 0; rc == 0 && i < l.n; i++) {
        AUTO(object) struct object *o = stored__object(s, k, l.items[i]);
        take_stored(v, o->root);
    }
    entry_list_done(&l);
    return rc;
}

void services__done(struct apiserver *s)
{
    if (!s->services)
        return;
    (void)pthread_mutex_destroy(&s->services->mutex);
    free(s->services->ips);
    free(s->services);
}

/* ---- taking ---- */

static struct reservation *reserved(struct call *c)
{
    if (!c->reserved)
        c->reserved = ARENA_NEW(c->a, struct reservation);
    return c->reserved;
}

static const char *take_ip(struct call *c, struct services *v)
{
    for (uint32_t tries = 0; tries < v->size; tries++) {
        uint32_t at = v->next;
        v->next = v->next + 1 < v->size - 1 ? v->next + 1 : 1;
        if (bit(v->ips, at))
            continue;
        set_bit(v->ips, at, true);
        struct reservation *r = reserved(c);
        r->ips[r->n_ips++] = at;
        char text[INET_ADDRSTRLEN];
        struct in_addr in = {.s_addr = htonl(v->network + at)};
        (void)inet_ntop(AF_INET, &in, text, sizeof text);
        return arena_strdup(c->a, text);
    }
    return NULL;
}

static int refuse_ip(struct call *c, const struct value *obj, const char *ip, const char *why)
{
    struct field_errors l;
    field_errors_init(&l, c->a);
    struct value shown = {.kind = VALUE_FLOAT};
    shown.text = arena_printf(c->a, "[]string{\"%s\"}", ip);
    shown.n = (uint32_t)strlen(shown.text);
    field_errors_addf(&l, FIELD_INVALID, "spec.clusterIPs", &shown, "failed to allocate IP %s: %s",
                      ip, why);
    return refuse_invalid(c, kinds__of(c->s, &RES_SERVICE), value_at_str(obj, "metadata.name", ""),
                          &l);
}

static int take_this_ip(struct call *c, struct services *v, const struct value *obj, const char *ip)
{
    uint32_t at;
    if (!offset_of(v, ip, &at) || at == 0 || at == v->size - 1)
        return refuse_ip(
            c, obj, ip,
            arena_printf(c->a, "the provided network does not match the current range"));
    if (bit(v->ips, at))
        return refuse_ip(c, obj, ip, "provided IP is already allocated");
    set_bit(v->ips, at, true);
    struct reservation *r = reserved(c);
    r->ips[r->n_ips++] = at;
    struct in_addr in = {.s_addr = htonl(v->network + at)};
    char canonical[INET_ADDRSTRLEN];
    (void)inet_ntop(AF_INET, &in, canonical, sizeof canonical);
    if (strcmp(canonical, ip) != 0)
        call_warn(c, arena_printf(c->a,
                                  "spec.clusterIPs[0]: non-standard IP address \"%s\" will be "
                                  "considered invalid in a future Kubernetes release: use \"%s\"",
                                  ip, canonical));
    return 0;
}

static void set_ip(struct call *c, struct value *spec, const char *ip)
{
    value_set_str(c->a, spec, "clusterIP", ip);
    struct value *all = value_new_array(c->a);
    value_push_str(c->a, all, ip);
    value_set(c->a, spec, "clusterIPs", all);
}

static void set_families(struct call *c, struct value *spec, bool headless)
{
    bool two = headless && value_count(value_get(spec, "selector")) == 0 &&
               !value_get(spec, "ipFamilyPolicy");
    if (!value_get(spec, "ipFamilyPolicy"))
        value_set_str(c->a, spec, "ipFamilyPolicy", two ? "RequireDualStack" : "SingleStack");
    if (value_count(value_get(spec, "ipFamilies")) == 0) {
        struct value *f = value_new_array(c->a);
        value_push_str(c->a, f, "IPv4");
        if (two)
            value_push_str(c->a, f, "IPv6");
        value_set(c->a, spec, "ipFamilies", f);
    }
}

static int refuse_field(struct call *c, const struct value *obj, const char *field, const char *bad,
                        bool quoted, const char *why)
{
    struct field_errors l;
    field_errors_init(&l, c->a);
    struct value raw = {.kind = VALUE_FLOAT, .n = (uint32_t)strlen(bad), .text = bad};
    field_errors_add(&l, FIELD_INVALID, field, quoted ? value_new_str(c->a, bad) : &raw, why);
    return refuse_invalid(c, kinds__of(c->s, &RES_SERVICE), value_at_str(obj, "metadata.name", ""),
                          &l);
}

/* One family, one address; clusterIPs repeats clusterIP. */
static int check_addresses(struct call *c, struct value *obj, const struct value *old)
{
    struct value *spec = value_make_object(c->a, obj, "spec");
    const char *ip = value_str(value_get(spec, "clusterIP"), "");
    const struct value *ips = value_get(spec, "clusterIPs");
    const char *first = value_str(value_item(ips, 0), "");
    bool headless = strcmp(ip, "None") == 0;
    if (old && value_equal(ips, value_at(old, "spec.clusterIPs")) && strcmp(ip, first) != 0) {
        value_remove(spec, "clusterIPs"); /* the client changed only the one */
        ips = NULL;
    }
    if (value_count(ips) > 0 && (!*ip || strcmp(ip, first) != 0))
        return refuse_field(c, obj, "spec.clusterIPs",
                            arena_printf(c->a, "[]string{\"%s\"}", first), false,
                            *ip ? "first value must match `clusterIP`"
                                : "must be empty when `clusterIP` is not specified");
    const char *policy = value_at_str(spec, "ipFamilyPolicy", "");
    bool selectorless = headless && value_count(value_get(spec, "selector")) == 0;
    if (selectorless ||
        (old && value_equal(value_get(spec, "ipFamilies"), value_at(old, "spec.ipFamilies"))))
        return 0;
    if (strcmp(policy, "RequireDualStack") == 0)
        return refuse_field(c, obj, "spec.ipFamilyPolicy", policy, true,
                            "this cluster is not configured for dual-stack services");
    VALUE_EACH_ITEM (f, value_get(spec, "ipFamilies")) {
        if (strcmp(value_str(f, ""), "IPv6") == 0)
            return refuse_field(c, obj, "spec.ipFamilies[0]", "IPv6", true,
                                "not configured on this cluster");
    }
    return 0;
}

static int allocate_ip(struct call *c, struct services *v, struct value *obj,
                       const struct value *old)
{
    struct value *spec = value_make_object(c->a, obj, "spec");
    const char *had = value_at_str(old, "spec.clusterIP", "");
    const char *ip = value_str(value_get(spec, "clusterIP"), "");
    if (strcmp(value_str(value_get(spec, "type"), "ClusterIP"), "ExternalName") == 0) {
        bool same = *ip && strcmp(ip, had) == 0;
        if (same || !*ip) { /* a Service that becomes a name gives its address back */
            static const char *const gone[] = {"clusterIP", "clusterIPs", "ipFamilies",
                                               "ipFamilyPolicy"};
            for (size_t i = 0; i < ARRAY_LEN(gone); i++)
                value_remove(spec, gone[i]);
        }
        return 0;
    }
    bool was_name = old && strcmp(value_at_str(old, "spec.type", ""), "ExternalName") == 0;
    if (!*ip && old && !was_name)
        ip = had; /* an update need not repeat it */
    set_families(c, spec, strcmp(ip, "None") == 0);
    if (*ip && strcmp(ip, "None") != 0 && strcmp(ip, had) != 0) {
        int rc = take_this_ip(c, v, obj, ip);
        if (rc < 0)
            return rc;
    } else if (!*ip) {
        ip = take_ip(c, v);
        if (!ip)
            return refuse_ip(c, obj, "", "range is full");
    }
    set_ip(c, spec, ip);
    return 0;
}

static int refuse_port(struct call *c, const struct value *obj, size_t i, int64_t port,
                       const char *why)
{
    struct field_errors l;
    field_errors_init(&l, c->a);
    field_errors_add_int(&l, FIELD_INVALID, arena_printf(c->a, "spec.ports[%zu].nodePort", i), port,
                         why);
    return refuse_invalid(c, kinds__of(c->s, &RES_SERVICE), value_at_str(obj, "metadata.name", ""),
                          &l);
}

static bool has_node_port(const struct value *obj, int64_t port)
{
    if (value_at_int(obj, "spec.healthCheckNodePort", 0) == port)
        return true;
    VALUE_EACH_ITEM (p, value_at(obj, "spec.ports")) {
        if (value_at_int(p, "nodePort", 0) == port)
            return true;
    }
    return false;
}

/* The node port that the same port of the old object had. */
static int64_t had_port(const struct value *old, const struct value *port)
{
    VALUE_EACH_ITEM (p, value_at(old, "spec.ports")) {
        if (value_at_int(p, "port", 0) == value_at_int(port, "port", 0) &&
            strcmp(value_at_str(p, "protocol", "TCP"), value_at_str(port, "protocol", "TCP")) == 0)
            return value_at_int(p, "nodePort", 0);
    }
    return 0;
}

static bool mine(const struct call *c, unsigned port)
{
    for (size_t i = 0; c->reserved && i < c->reserved->n_ports; i++)
        if (c->reserved->ports[i] == port)
            return true;
    return false;
}

static int take_port(struct call *c, struct services *v, const struct value *obj, size_t i,
                     int64_t *port)
{
    unsigned first = c->s->node_port_first, last = c->s->node_port_last;
    struct reservation *r = reserved(c);
    if (r->n_ports == RESERVED_MAX)
        return refuse_port(c, obj, i, *port, "too many ports");
    if (*port == 0) {
        for (unsigned tries = 0; tries <= last - first && *port == 0; tries++) {
            unsigned at = v->next_port;
            v->next_port = at < last ? at + 1 : first;
            if (!bit(v->ports, at))
                *port = at;
        }
        if (*port == 0)
            return refuse_port(c, obj, i, 0, "range is full");
    } else if (*port < first || *port > last) {
        return refuse_port(c, obj, i, *port,
                           arena_printf(c->a,
                                        "provided port is not in the valid range. The range of "
                                        "valid ports is %u-%u",
                                        first, last));
    } else if (mine(c, (unsigned)*port)) {
        return 0; /* TCP and UDP of one Service may share it */
    } else if (bit(v->ports, (size_t)*port)) {
        return refuse_port(c, obj, i, *port, "provided port is already allocated");
    }
    set_bit(v->ports, (size_t)*port, true);
    r->ports[r->n_ports++] = (unsigned)*port;
    return 0;
}

static int allocate_ports(struct call *c, struct services *v, struct value *obj,
                          const struct value *old)
{
    struct value *spec = value_get_mut(obj, "spec"), *ports = value_get_mut(spec, "ports");
    const char *type = value_str(value_get(spec, "type"), "ClusterIP");
    bool had = old && has_ports(value_at_str(old, "spec.type", ""));
    bool automatic = value_bool(value_get(spec, "allocateLoadBalancerNodePorts"), true);
    for (size_t i = 0; i < value_count(ports); i++) {
        struct value *p = &ports->items[i];
        int64_t port = value_at_int(p, "nodePort", 0);
        if (!has_ports(type)) {
            if (had && port && port == had_port(old, p))
                value_remove(p, "nodePort");
            continue;
        }
        if (port == 0 && had)
            port = had_port(old, p);
        if (port == 0 && strcmp(type, "LoadBalancer") == 0 && !automatic)
            continue;
        if (!(port && had && has_node_port(old, port))) {
            int rc = take_port(c, v, obj, i, &port);
            if (rc < 0)
                return rc;
        }
        value_set_int(c->a, p, "nodePort", port);
    }
    return 0;
}

/* Load balancers that keep to local endpoints are asked for their health at a port of its own. */
static int allocate_health_port(struct call *c, struct services *v, struct value *obj,
                                const struct value *old)
{
    struct value *spec = value_get_mut(obj, "spec");
    bool needs = strcmp(value_at_str(spec, "type", ""), "LoadBalancer") == 0 &&
                 strcmp(value_at_str(spec, "externalTrafficPolicy", ""), "Local") == 0;
    int64_t port = value_at_int(spec, "healthCheckNodePort", 0);
    int64_t had = value_at_int(old, "spec.healthCheckNodePort", 0);
    if (!needs) {
        if (port == had)
            value_remove(spec, "healthCheckNodePort");
        return 0;
    }
    if (port == 0)
        port = had;
    if (port == 0 || port != had) {
        int rc = take_port(c, v, obj, 0, &port);
        if (rc < 0)
            return rc;
    }
    value_set_int(c->a, spec, "healthCheckNodePort", port);
    return 0;
}

static bool said_again(const struct value *spec, const struct value *was, const char *field)
{
    return value_get(spec, field) && value_equal(value_get(spec, field), value_get(was, field));
}

/* What only the old type had and the client merely sent back goes with the type. */
static void drop_of_old_type(struct value *obj, const struct value *old)
{
    struct value *spec = value_get_mut(obj, "spec");
    const struct value *was = value_get(old, "spec");
    const char *type = value_at_str(spec, "type", "ClusterIP");
    const char *before = value_at_str(was, "type", "ClusterIP");
    if (!old || strcmp(type, before) == 0)
        return;
    if (strcmp(type, "ExternalName") == 0 && said_again(spec, was, "internalTrafficPolicy"))
        value_remove(spec, "internalTrafficPolicy");
    bool external = has_ports(type) || value_count(value_get(spec, "externalIPs")) > 0;
    if (!external && said_again(spec, was, "externalTrafficPolicy"))
        value_remove(spec, "externalTrafficPolicy");
    if (strcmp(before, "LoadBalancer") == 0) {
        static const char *const fields[] = {"allocateLoadBalancerNodePorts", "loadBalancerClass"};
        for (size_t i = 0; i < ARRAY_LEN(fields); i++)
            if (said_again(spec, was, fields[i]))
                value_remove(spec, fields[i]);
    }
}

int service_allocate(struct call *c, struct value *obj, const struct value *old)
{
    drop_of_old_type(obj, old);
    struct services *v = c->s->services;
    int rc = check_addresses(c, obj, old);
    if (rc < 0)
        return rc;
    LOCK_SCOPE(&v->mutex);
    rc = allocate_ip(c, v, obj, old);
    if (rc == 0)
        rc = allocate_ports(c, v, obj, old);
    return rc < 0 ? rc : allocate_health_port(c, v, obj, old);
}

/* ---- giving back ---- */

void service_undo(struct call *c)
{
    struct reservation *r = c->reserved;
    if (!r)
        return;
    struct services *v = c->s->services;
    LOCK_SCOPE(&v->mutex);
    for (size_t i = 0; i < r->n_ips; i++)
        set_bit(v->ips, r->ips[i], false);
    for (size_t i = 0; i < r->n_ports; i++)
        set_bit(v->ports, r->ports[i], false);
    r->n_ips = r->n_ports = 0;
}

void service_release(struct call *c, const struct value *obj, const struct value *keep)
{
    struct services *v = c->s->services;
    const char *ip = value_at_str(obj, "spec.clusterIP", "");
    uint32_t at;
    LOCK_SCOPE(&v->mutex);
    if (strcmp(ip, value_at_str(keep, "spec.clusterIP", "")) != 0 && offset_of(v, ip, &at))
        set_bit(v->ips, at, false);
    VALUE_EACH_ITEM (p, value_at(obj, "spec.ports")) {
        int64_t port = value_at_int(p, "nodePort", 0);
        if (port > 0 && port < 65536 && !has_node_port(keep, port))
            set_bit(v->ports, (size_t)port, false);
    }
}

const char *services__first(struct apiserver *s, struct arena *a)
{
    char text[INET_ADDRSTRLEN];
    struct in_addr in = {.s_addr = htonl(s->services->network + 1)};
    (void)inet_ntop(AF_INET, &in, text, sizeof text);
    return arena_strdup(a, text);
}
