#include <arpa/inet.h>
#include <string.h>

#include "api/crd_int.h"
#include "api/pod_int.h"
#include "api/validate_int.h"
#include "codec/base64.h"
#include "codec/json.h"

enum { OBJECT_DATA_MAX = 1048576 };

/* ---- addresses ---- */

void validate__ip(struct field_errors *l, const char *at, const struct value *v)
{
    name_errors(l, at, value_str(v, ""), name__ip(value_str(v, ""), l->arena));
}

bool validate__not_loopback(struct field_errors *l, const char *at, const char *ip)
{
    struct in_addr v4;
    const char *why = NULL;
    if (inet_pton(AF_INET, ip, &v4) == 1) {
        uint32_t a = ntohl(v4.s_addr);
        if (a == 0)
            why = "may not be unspecified (0.0.0.0 or ::)";
        else if (a >> 24 == 127)
            why = "may not be in the loopback range (127.0.0.0/8, ::1/128)";
        else if (a >> 16 == 0xa9fe)
            why = "may not be in the link-local range (169.254.0.0/16, fe80::/10)";
        else if (a >> 8 == 0xe00000)
            why = "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)";
    } else if (is(ip, "::")) {
        why = "may not be unspecified (0.0.0.0 or ::)";
    } else if (is(ip, "::1")) {
        why = "may not be in the loopback range (127.0.0.0/8, ::1/128)";
    } else if (strncasecmp(ip, "fe80:", 5) == 0) {
        why = "may not be in the link-local range (169.254.0.0/16, fe80::/10)";
    }
    if (why)
        bad_str(l, at, ip, why);
    return !why;
}

static bool read_cidr(const char *s, unsigned char addr[16], unsigned *bits, bool *v6)
{
    char text[64];
    const char *slash = strchr(s, '/');
    if (!slash || (size_t)(slash - s) >= sizeof text || !slash[1])
        return false;
    memcpy(text, s, (size_t)(slash - s));
    text[slash - s] = '\0';
    *v6 = strchr(text, ':') != NULL;
    char *end;
    unsigned long n = strtoul(slash + 1, &end, 10);
    if (*end || n > (*v6 ? 128 : 32) || slash[1] == '+' || slash[1] == '-')
        return false;
    *bits = (unsigned)n;
    memset(addr, 0, 16);
    return inet_pton(*v6 ? AF_INET6 : AF_INET, text, addr) == 1;
}

void validate__cidr(struct field_errors *l, const char *at, const struct value *v)
{
    unsigned char addr[16];
    unsigned bits;
    bool v6;
    if (!read_cidr(value_str(v, ""), addr, &bits, &v6))
        bad_str(l, at, value_str(v, ""),
                "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
}

bool validate__cidr_within(const char *inner, const char *outer)
{
    unsigned char a[16], b[16];
    unsigned na, nb;
    bool a6, b6;
    if (!read_cidr(inner, a, &na, &a6) || !read_cidr(outer, b, &nb, &b6))
        return true;
    if (a6 != b6 || na <= nb)
        return false;
    for (unsigned i = 0; i < nb; i++)
        if (((a[i / 8] ^ b[i / 8]) >> (7 - i % 8)) & 1)
            return false;
    return true;
}

/* ---- ConfigMaps and Secrets ---- */

void validate__config_keys(struct field_errors *l, const char *at, const struct value *map)
{
    VALUE_EACH_MEMBER (m, map)
        name_errors(l, path(l, "%s[%s]", at, m->key), m->key, name__config_key(m->key, l->arena));
}

static size_t decoded_size(const struct value *v)
{
    size_t n = value_count(v), pads = 0;
    while (pads < n && pads < 2 && v->text[n - 1 - pads] == '=')
        pads++;
    return n / 4 * 3 - (n ? pads : 0);
}

void validate_config_map(const struct value *obj, struct field_errors *l)
{
    const struct value *data = value_get(obj, "data"), *binary = value_get(obj, "binaryData");
    size_t total = 0;
    VALUE_EACH_MEMBER (m, data) {
        const char *at = path(l, "data[%s]", m->key);
        name_errors(l, at, m->key, name__config_key(m->key, l->arena));
        if (value_get(binary, m->key))
            bad_str(l, at, m->key, "duplicate of key present in binaryData");
        total += value_count(&m->value);
    }
    validate__config_keys(l, "binaryData", binary);
    VALUE_EACH_MEMBER (m, binary)
        total += decoded_size(&m->value);
    if (total > OBJECT_DATA_MAX)
        field_errors_add(l, FIELD_TOO_LONG, "[]", NULL, "may not be more than 1048576 bytes");
}

static void check_frozen(const struct value *obj, const struct value *old,
                         const char *const *fields, struct field_errors *l)
{
    static const char why[] = "field is immutable when `immutable` is set";
    if (!value_bool(value_get(old, "immutable"), false))
        return;
    if (!value_bool(value_get(obj, "immutable"), false))
        forbidden(l, "immutable", why);
    for (size_t i = 0; fields[i]; i++) {
        const struct value *x = value_get(obj, fields[i]), *y = value_get(old, fields[i]);
        if ((value_count(x) || value_count(y)) &&
            !value_equal(x ? x : value_null(l->arena), y ? y : value_null(l->arena)))
            forbidden(l, fields[i], why);
    }
}

void validate__update_config_map(const struct value *obj, const struct value *old,
                                 struct field_errors *l)
{
    static const char *const fields[] = {"data", "binaryData", NULL};
    check_frozen(obj, old, fields, l);
}

static void check_docker(const struct value *data, const char *key, struct field_errors *l)
{
    const struct value *v = value_get(data, key);
    const char *at = path(l, "data[%s]", key);
    char *text;
    size_t n;
    struct value *parsed;
    struct err e;
    if (!v) {
        required(l, at, NULL);
        return;
    }
    if (base64_decode(l->arena, v->text, v->n, BASE64_STD, &text, &n, NULL) < 0)
        return;
    if (json_parse(l->arena, text, n, 0, &parsed, &e) < 0)
        bad_str(l, at, "<secret contents redacted>",
                validate__go_json_error(l->arena, text, n, &e));
    else if (parsed->kind != VALUE_OBJECT)
        bad_str(l, at, "<secret contents redacted>",
                path(l, "json: cannot unmarshal %s into Go value of type map[string]interface {}",
                     value_kind_name(parsed->kind)));
}

/* Go names the character where the text stops being JSON. */
const char *validate__go_json_error(struct arena *a, const char *text, size_t n,
                                    const struct err *e)
{
    size_t i = strspn(text, " \t\r\n");
    if (i >= n)
        return "unexpected end of JSON input";
    if (!strchr("{[\"-0123456789tfn", text[i]))
        return arena_printf(a, "invalid character '%c' looking for beginning of value", text[i]);
    return e->msg;
}

void validate_secret(const struct value *obj, struct field_errors *l)
{
    const struct value *data = value_get(obj, "data");
    const char *type = str(obj, "type");
    size_t total = 0;
    validate__config_keys(l, "data", data);
    VALUE_EACH_MEMBER (m, data)
        total += decoded_size(&m->value);
    if (total > OBJECT_DATA_MAX)
        field_errors_add(l, FIELD_TOO_LONG, "data", NULL, "may not be more than 1048576 bytes");
    if (is(type, "kubernetes.io/service-account-token")) {
        const struct value *notes = value_at(obj, "metadata.annotations");
        if (!*str(notes, "kubernetes.io/service-account.name"))
            required(l, "metadata.annotations[kubernetes.io/service-account.name]", NULL);
    } else if (is(type, "kubernetes.io/dockercfg")) {
        check_docker(data, ".dockercfg", l);
    } else if (is(type, "kubernetes.io/dockerconfigjson")) {
        check_docker(data, ".dockerconfigjson", l);
    } else if (is(type, "kubernetes.io/basic-auth")) {
        if (!value_get(data, "username") && !value_get(data, "password")) {
            required(l, "data[username]", NULL);
            required(l, "data[password]", NULL);
        }
    } else if (is(type, "kubernetes.io/ssh-auth")) {
        if (!value_count(value_get(data, "ssh-privatekey")))
            required(l, "data[ssh-privatekey]", NULL);
    } else if (is(type, "kubernetes.io/tls")) {
        if (!value_get(data, "tls.crt"))
            required(l, "data[tls.crt]", NULL);
        if (!value_get(data, "tls.key"))
            required(l, "data[tls.key]", NULL);
    }
}

void validate__update_secret(const struct value *obj, const struct value *old,
                             struct field_errors *l)
{
    static const char *const fields[] = {"data", NULL};
    immutable(l, "type", value_get(obj, "type"), value_get(old, "type"));
    check_frozen(obj, old, fields, l);
}

void validate_service_account(const struct value *obj, struct field_errors *l)
{
    (void)obj;
    (void)l;
}

/* ---- services ---- */

static void check_service_port(const struct value *p, const char *at, bool need_name,
                               struct field_errors *l)
{
    static const char *const protocols[] = {"SCTP", "TCP", "UDP", NULL};
    const char *name = str(p, "name");
    const struct value *target = value_get(p, "targetPort");
    if (need_name && !*name)
        required(l, path(l, "%s.name", at), NULL);
    else if (*name)
        name_errors(l, path(l, "%s.name", at), name, name__dns1123_label(name, l->arena));
    port_number(l, path(l, "%s.port", at), value_get(p, "port"));
    one_of(l, path(l, "%s.protocol", at), str(p, "protocol"), protocols, true);
    if (value_is(target, VALUE_STRING))
        validate__name_errors_port(l, path(l, "%s.targetPort", at), target->text);
    else if (target)
        port_number(l, path(l, "%s.targetPort", at), target);
    const char *app = str(p, "appProtocol");
    if (*app)
        name_errors(l, path(l, "%s.appProtocol", at), app, name__qualified(app, l->arena));
}

static void check_service_ports(const struct value *spec, struct field_errors *l)
{
    const struct value *ports = value_get(spec, "ports");
    const char *type = str(spec, "type");
    bool headless = is(str(spec, "clusterIP"), "None");
    size_t n = value_count(ports);
    if (!n && !headless && !is(type, "ExternalName"))
        required(l, "spec.ports", NULL);
    for (size_t i = 0; i < n; i++) {
        const struct value *p = &ports->items[i];
        const char *at = path(l, "spec.ports[%zu]", i), *name = str(p, "name");
        check_service_port(p, at, n > 1, l);
        for (size_t j = 0; j < i && *name; j++)
            if (is(str(&ports->items[j], "name"), name)) {
                duplicate(l, path(l, "%s.name", at), name);
                break;
            }
    }
    for (size_t i = 0; i < n; i++)
        if (is(type, "ClusterIP") && value_int(value_get(&ports->items[i], "nodePort"), 0))
            forbidden(l, path(l, "spec.ports[%zu].nodePort", i),
                      "may not be used when `type` is 'ClusterIP'");
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++) {
            const struct value *p = &ports->items[i], *q = &ports->items[j];
            int64_t node = value_int(value_get(p, "nodePort"), 0);
            if (node && node == value_int(value_get(q, "nodePort"), 0) &&
                is(str(p, "protocol"), str(q, "protocol"))) {
                field_errors_add(l, FIELD_DUPLICATE, path(l, "spec.ports[%zu].nodePort", i),
                                 value_get(p, "nodePort"), NULL);
                break;
            }
        }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++) {
            const struct value *p = &ports->items[i], *q = &ports->items[j];
            if (value_int(value_get(p, "port"), 0) == value_int(value_get(q, "port"), -1) &&
                is(str(p, "protocol"), str(q, "protocol")))
                field_errors_add_raw(
                    l, FIELD_DUPLICATE, path(l, "spec.ports[%zu]", i),
                    path(l,
                         "core.ServicePort{Name:\"\", Protocol:\"%s\", AppProtocol:(*string)"
                         "(nil), Port:%lld, TargetPort:intstr.IntOrString{Type:0, IntVal:0, "
                         "StrVal:\"\"}, NodePort:0}",
                         str(p, "protocol"), (long long)value_int(value_get(p, "port"), 0)),
                    NULL);
        }
}

static void check_lb_fields(const struct value *spec, struct field_errors *l)
{
    static const char only[] = "may only be used when `type` is 'LoadBalancer'";
    bool lb = is(str(spec, "type"), "LoadBalancer");
    size_t i = 0;
    VALUE_EACH_ITEM (r, value_get(spec, "loadBalancerSourceRanges"))
        validate__cidr(l, path(l, "spec.LoadBalancerSourceRanges[%zu]", i++), r);
    if (!lb && value_count(value_get(spec, "loadBalancerSourceRanges")))
        forbidden(l, "spec.LoadBalancerSourceRanges", only);
    if (!lb && has(spec, "allocateLoadBalancerNodePorts"))
        forbidden(l, "spec.allocateLoadBalancerNodePorts", only);
    if (!lb && has(spec, "loadBalancerClass"))
        forbidden(l, "spec.loadBalancerClass", only);
}

static void check_traffic(const struct value *spec, struct field_errors *l)
{
    static const char *const policies[] = {"Cluster", "Local", NULL};
    const char *etp = str(spec, "externalTrafficPolicy"), *type = str(spec, "type");
    bool external = is(type, "LoadBalancer") || is(type, "NodePort") ||
                    (is(type, "ClusterIP") && value_count(value_get(spec, "externalIPs")));
    if (!external) {
        if (*etp)
            bad_str(l, "spec.externalTrafficPolicy", etp,
                    "may only be set for externally-accessible services");
    } else {
        one_of(l, "spec.externalTrafficPolicy", etp, policies, true);
    }
    int64_t check = value_int(value_get(spec, "healthCheckNodePort"), 0);
    if (check && !(is(type, "LoadBalancer") && is(etp, "Local")))
        bad(l, "spec.healthCheckNodePort", value_get(spec, "healthCheckNodePort"),
            "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is "
            "'Local'");
    one_of(l, "spec.internalTrafficPolicy", str(spec, "internalTrafficPolicy"), policies, false);
}

static void check_affinity_config(const struct value *spec, struct field_errors *l)
{
    static const char *const kinds[] = {"ClientIP", "None", NULL};
    const struct value *t = value_at(spec, "sessionAffinityConfig.clientIP.timeoutSeconds");
    one_of(l, "spec.sessionAffinity", str(spec, "sessionAffinity"), kinds, true);
    if (t && (value_int(t, 0) <= 0 || value_int(t, 0) > 86400))
        bad(l, "spec.sessionAffinityConfig.clientIP.timeoutSeconds", t,
            "must be greater than 0 and less than 86400");
}

static void check_families(const struct value *spec, struct field_errors *l)
{
    static const char *const policies[] = {"PreferDualStack", "RequireDualStack", "SingleStack",
                                           NULL};
    one_of(l, "spec.ipFamilyPolicy", str(spec, "ipFamilyPolicy"), policies, false);
    const struct value *ips = value_get(spec, "clusterIPs");
    const char *ip = str(spec, "clusterIP"), *type = str(spec, "type");
    if (is(type, "ExternalName")) {
        if (*ip || value_count(ips))
            forbidden(l, "spec.clusterIPs", "may not be set for ExternalName services");
        return;
    }
    for (size_t i = 0; i < value_count(ips); i++) {
        const char *s = value_str(&ips->items[i], ""), *at = path(l, "spec.clusterIPs[%zu]", i);
        if (is(s, "None")) {
            if (i == 0 && (is(type, "NodePort") || is(type, "LoadBalancer")))
                bad_str(l, at, s, path(l, "may not be set to 'None' for %s services", type));
        } else if (!validate__loose_ip(s)) {
            validate__ip(l, at, &ips->items[i]);
        }
    }
    if (!value_count(ips) && *ip && !is(ip, "None") && !validate__loose_ip(ip))
        validate__ip(l, "spec.clusterIPs[0]", value_get(spec, "clusterIP"));
    else if (!value_count(ips) && is(ip, "None") &&
             (is(type, "NodePort") || is(type, "LoadBalancer")))
        bad_str(l, "spec.clusterIPs[0]", ip,
                path(l, "may not be set to 'None' for %s services", type));
}

/* As Go's old parser takes it: with leading zeros. */
bool validate__loose_ip(const char *s)
{
    bool v6;
    unsigned a, b, c, d;
    char rest;
    return name__is_ip(s, &v6) || (sscanf(s, "%3u.%3u.%3u.%3u%c", &a, &b, &c, &d, &rest) == 4 &&
                                   a < 256 && b < 256 && c < 256 && d < 256);
}

void validate_service(const struct value *obj, struct field_errors *l)
{
    static const char *const types[] = {"ClusterIP", "ExternalName", "LoadBalancer", "NodePort",
                                        NULL};
    const struct value *spec = value_get(obj, "spec");
    const char *type = str(spec, "type"), *name = str(spec, "externalName");
    if (is(type, "ExternalName")) {
        size_t n = strlen(name);
        const char *bare = n && name[n - 1] == '.' ? arena_strndup(l->arena, name, n - 1) : name;
        if (n)
            name_errors(l, "spec.externalName", name, name__dns1123_subdomain(bare, l->arena));
        else
            required(l, "spec.externalName", NULL);
    }
    check_service_ports(spec, l);
    validate__meta_labels(l, "spec.selector", value_get(spec, "selector"));
    check_affinity_config(spec, l);
    one_of(l, "spec.type", type, types, true);
    size_t i = 0;
    VALUE_EACH_ITEM (ip, value_get(spec, "externalIPs")) {
        const char *at = path(l, "spec.externalIPs[%zu]", i++);
        if (validate__loose_ip(value_str(ip, "")))
            (void)validate__not_loopback(l, at, value_str(ip, ""));
        else
            validate__ip(l, at, ip);
    }
    check_families(spec, l);
    check_lb_fields(spec, l);
    check_traffic(spec, l);
}

void validate__update_service(const struct value *obj, const struct value *old,
                              struct field_errors *l)
{
    const struct value *now = value_at(obj, "spec.clusterIPs");
    const char *was = value_str(value_item(value_at(old, "spec.clusterIPs"), 0), "");
    bool named = is(value_at_str(obj, "spec.type", ""), "ExternalName") ||
                 is(value_at_str(old, "spec.type", ""), "ExternalName");
    if (named || !*was || is(was, value_str(value_item(now, 0), "")))
        return;
    if (value_count(now))
        bad(l, "spec.clusterIPs[0]", now, "may not change once set");
    else
        bad_shown(l, "spec.clusterIPs[0]", "[]string(nil)", "primary clusterIP can not be unset");
}

static void check_lb_status(const struct value *obj, struct field_errors *l)
{
    size_t i = 0;
    VALUE_EACH_ITEM (g, value_at(obj, "status.loadBalancer.ingress")) {
        const char *at = path(l, "status.loadBalancer.ingress[%zu]", i++),
                   *host = str(g, "hostname");
        if (*str(g, "ip"))
            validate__ip(l, path(l, "%s.ip", at), value_get(g, "ip"));
        if (*host)
            name_errors(l, path(l, "%s.hostname", at), host,
                        name__dns1123_subdomain(host, l->arena));
    }
}

void validate__update_service_status(const struct value *obj, const struct value *old,
                                     struct field_errors *l)
{
    (void)old;
    check_lb_status(obj, l);
}

void validate__update_ingress_status(const struct value *obj, const struct value *old,
                                     struct field_errors *l)
{
    (void)old;
    check_lb_status(obj, l);
}

/* ---- endpoints, namespaces, events ---- */

void validate_endpoints(const struct value *obj, struct field_errors *l)
{
    static const char *const protocols[] = {"SCTP", "TCP", "UDP", NULL};
    static const char *const lists[] = {"addresses", "notReadyAddresses"};
    size_t i = 0;
    VALUE_EACH_ITEM (s, value_get(obj, "subsets")) {
        const char *at = path(l, "subsets[%zu]", i++);
        const struct value *ports = value_get(s, "ports");
        if (!value_count(value_get(s, lists[0])) && !value_count(value_get(s, lists[1])))
            required(l, at, "must specify `addresses` or `notReadyAddresses`");
        for (size_t k = 0; k < 2; k++) {
            size_t n = 0;
            VALUE_EACH_ITEM (x, value_get(s, lists[k])) {
                const char *where = path(l, "%s.%s[%zu].ip", at, lists[k], n++);
                if (!validate__loose_ip(str(x, "ip"))) {
                    validate__ip(l, where, value_get(x, "ip"));
                    bad_str(l, where, str(x, "ip"), "must be a valid IP address");
                } else {
                    (void)validate__not_loopback(l, where, str(x, "ip"));
                }
            }
        }
        for (size_t p = 0; p < value_count(ports); p++) {
            const struct value *port = &ports->items[p];
            const char *where = path(l, "%s.ports[%zu]", at, p), *name = str(port, "name");
            if (ports->n > 1 && !*name)
                required(l, path(l, "%s.name", where), NULL);
            else if (*name)
                name_errors(l, path(l, "%s.name", where), name,
                            name__dns1123_label(name, l->arena));
            port_number(l, path(l, "%s.port", where), value_get(port, "port"));
            one_of(l, path(l, "%s.protocol", where), str(port, "protocol"), protocols, true);
        }
    }
}

static void check_taints(const struct value *taints, struct field_errors *l)
{
    static const char *const effects[] = {"NoSchedule", "PreferNoSchedule", "NoExecute", NULL};
    for (size_t i = 0; i < value_count(taints); i++) {
        const struct value *t = &taints->items[i];
        const char *at = path(l, "spec.taints[%zu]", i), *key = str(t, "key");
        name_errors(l, path(l, "%s.key", at), key, name__qualified(key, l->arena));
        name_errors(l, path(l, "%s.value", at), str(t, "value"),
                    name__label_value(str(t, "value"), l->arena));
        one_of(l, path(l, "%s.effect", at), str(t, "effect"), effects, true);
        for (size_t j = 0; j < i; j++) {
            const struct value *o = &taints->items[j];
            if (!is(str(o, "key"), key) || !is(str(o, "effect"), str(t, "effect")))
                continue;
            field_errors_add_raw(l, FIELD_DUPLICATE, at,
                                 path(l,
                                      "core.Taint{Key:\"%s\", Value:\"%s\", Effect:\"%s\", "
                                      "TimeAdded:<nil>}",
                                      key, str(t, "value"), str(t, "effect")),
                                 "taints must be unique by key and effect pair");
            break;
        }
    }
}

void validate_node(const struct value *obj, struct field_errors *l)
{
    size_t i = 0;
    check_taints(value_at(obj, "spec.taints"), l);
    VALUE_EACH_ITEM (c, value_at(obj, "spec.podCIDRs"))
        validate__cidr(l, path(l, "spec.podCIDRs[%zu]", i++), c);
}

/* What the cloud or the controller gave a node stays. */
void validate__update_node(const struct value *obj, const struct value *old, struct field_errors *l)
{
    const struct value *was = value_at(old, "spec.podCIDRs");
    const char *provider = value_at_str(old, "spec.providerID", "");
    if (value_count(was) && !value_equal(was, value_at(obj, "spec.podCIDRs")))
        forbidden(l, "spec.podCIDRs",
                  "node updates may not change podCIDR except from \"\" to valid");
    if (*provider && !is(provider, value_at_str(obj, "spec.providerID", "")))
        forbidden(l, "spec.providerID",
                  "node updates may not change providerID except from \"\" to valid");
}

void validate_namespace(const struct value *obj, struct field_errors *l)
{
    (void)obj;
    (void)l;
}

void validate__update_namespace_status(const struct value *obj, const struct value *old,
                                       struct field_errors *l)
{
    const char *phase = value_at_str(obj, "status.phase", "");
    bool deleting = value_at(old, "metadata.deletionTimestamp") != NULL;
    if (!deleting && !is(phase, "Active"))
        bad_str(l, "status.Phase", phase, "may only be 'Active' if `deletionTimestamp` is empty");
    if (deleting && !is(phase, "Terminating"))
        bad_str(l, "status.Phase", phase,
                "may only be 'Terminating' if `deletionTimestamp` is not empty");
}

void validate_event(const struct value *obj, struct field_errors *l)
{
    const struct value *o = value_get(obj, "involvedObject");
    const char *field = o ? "involvedObject" : "regarding";
    const char *ns = value_at_str(obj, "metadata.namespace", "");
    const char *other = str(o ? o : value_get(obj, "regarding"), "namespace");
    if (!is(other, ns) && !(!*other && is(ns, "default")))
        bad_str(l, path(l, "%s.namespace", o ? field : "involvedObject"), other,
                "does not match event.namespace");
}

/* ---- quotas and limits ---- */

static bool quantity_at(const struct value *map, const char *key, struct quantity *q)
{
    const struct value *v = value_get(map, key);
    return v && quantity_parse(value_str(v, ""), q, NULL) == 0;
}

static const char *show(const struct value *map, const char *key)
{
    return str(map, key);
}

/* `why` has two places for amounts: small's and big's. */
static void in_order(const struct value *x, const struct value *y, const char *key, const char *at,
                     const char *xs, const char *ys, struct field_errors *l)
{
    struct quantity a, b;
    if (quantity_at(x, key, &a) && quantity_at(y, key, &b) && quantity_cmp(&a, &b) > 0)
        bad(l, at, value_get(x, key),
            path(l, "%s value %s is greater than %s value %s", xs, show(x, key), ys, show(y, key)));
}

static void check_limit_keys(const struct value *limit, const char *at, struct field_errors *l)
{
    static const char *const maps[] = {"min", "max", "default", "defaultRequest",
                                       "maxLimitRequestRatio"};
    struct value *seen = value_new_object(l->arena);
    const struct value *min = value_get(limit, "min"), *max = value_get(limit, "max");
    const struct value *d = value_get(limit, "default"), *r = value_get(limit, "defaultRequest");
    for (size_t i = 0; i < ARRAY_LEN(maps); i++)
        VALUE_EACH_MEMBER (m, value_get(limit, maps[i]))
            (void)value_set_bool(l->arena, seen, m->key, true);
    VALUE_EACH_MEMBER (m, seen) {
        const char *k = m->key;
        struct quantity q;
        in_order(min, max, k, path(l, "%s.min[%s]", at, k), "min", "max", l);
        in_order(min, r, k, path(l, "%s.defaultRequest[%s]", at, k), "min", "default request", l);
        in_order(r, max, k, path(l, "%s.defaultRequest[%s]", at, k), "default request", "max", l);
        in_order(r, d, k, path(l, "%s.defaultRequest[%s]", at, k), "default request",
                 "default limit", l);
        in_order(min, d, k, path(l, "%s.default[%s]", at, k), "min", "default", l);
        in_order(d, max, k, path(l, "%s.default[%s]", at, k), "default", "max", l);
        const struct value *ratio = value_get(limit, "maxLimitRequestRatio");
        if (quantity_at(ratio, k, &q) && q.nano < 1000000000)
            bad(l, path(l, "%s.maxLimitRequestRatio[%s]", at, k), value_get(ratio, k),
                path(l, "ratio %s is less than 1", show(ratio, k)));
    }
}

void validate_limit_range(const struct value *obj, struct field_errors *l)
{
    const struct value *limits = value_at(obj, "spec.limits");
    for (size_t i = 0; i < value_count(limits); i++) {
        const struct value *x = &limits->items[i];
        const char *at = path(l, "spec.limits[%zu]", i), *type = str(x, "type");
        name_errors(l, path(l, "%s.type", at), type, name__qualified(type, l->arena));
        for (size_t j = 0; j < i; j++)
            if (is(str(&limits->items[j], "type"), type)) {
                duplicate(l, path(l, "%s.type", at), type);
                break;
            }
        if (is(type, "Pod")) {
            if (value_count(value_get(x, "default")))
                forbidden(l, path(l, "%s.default", at),
                          "may not be specified when `type` is 'Pod'");
            if (value_count(value_get(x, "defaultRequest")))
                forbidden(l, path(l, "%s.defaultRequest", at),
                          "may not be specified when `type` is 'Pod'");
        }
        if (is(type, "PersistentVolumeClaim") && !value_at(x, "min.storage") &&
            !value_at(x, "max.storage"))
            required(l, path(l, "%s.limits", at),
                     "either minimum or maximum storage value is required, but neither was "
                     "provided");
        check_limit_keys(x, at, l);
    }
}

static bool is_quota_resource(const char *name)
{
    static const char *const known[] = {"cpu",
                                        "memory",
                                        "ephemeral-storage",
                                        "requests.cpu",
                                        "requests.memory",
                                        "requests.storage",
                                        "requests.ephemeral-storage",
                                        "limits.cpu",
                                        "limits.memory",
                                        "limits.ephemeral-storage",
                                        "pods",
                                        "resourcequotas",
                                        "services",
                                        "replicationcontrollers",
                                        "secrets",
                                        "persistentvolumeclaims",
                                        "configmaps",
                                        "services.nodeports",
                                        "services.loadbalancers"};
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (is(known[i], name))
            return true;
    return strchr(name, '/') || strncmp(name, "hugepages-", 10) == 0 ||
           strncmp(name, "requests.hugepages-", 19) == 0;
}

static bool counts_objects(const char *name)
{
    static const char *const known[] = {"pods",
                                        "resourcequotas",
                                        "services",
                                        "replicationcontrollers",
                                        "secrets",
                                        "persistentvolumeclaims",
                                        "configmaps",
                                        "services.nodeports",
                                        "services.loadbalancers"};
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (is(known[i], name))
            return true;
    return strchr(name, '/') != NULL;
}

static void check_scopes(const struct value *spec, struct field_errors *l)
{
    static const char *const known[] = {"Terminating",          "NotTerminating",
                                        "BestEffort",           "NotBestEffort",
                                        "PriorityClass",        "CrossNamespacePodAffinity",
                                        "VolumeAttributesClass"};
    const struct value *scopes = value_get(spec, "scopes");
    unsigned seen = 0;
    VALUE_EACH_ITEM (s, scopes) {
        size_t i = 0;
        while (i < ARRAY_LEN(known) && !is(known[i], value_str(s, "")))
            i++;
        if (i == ARRAY_LEN(known))
            bad_shown(l, "spec.scopes", typed__go(scopes, l->arena), "unsupported scope");
        else
            seen |= 1u << i;
    }
    if ((seen & 3) == 3 || (seen & 12) == 12)
        bad_shown(l, "spec.scopes", typed__go(scopes, l->arena), "conflicting scopes");
    VALUE_EACH_ITEM (x, value_at(spec, "scopeSelector.matchExpressions")) {
        const char *op = str(x, "operator"), *at = "spec.scopeSelector.matchExpressions";
        size_t n = value_count(value_get(x, "values"));
        if ((is(op, "In") || is(op, "NotIn")) && !n)
            required(l, path(l, "%s.values", at),
                     "must be at least one value when `operator` is 'In' or 'NotIn' for scope "
                     "selector");
        if ((is(op, "Exists") || is(op, "DoesNotExist")) && n)
            bad_shown(l, path(l, "%s.values", at), typed__go(value_get(x, "values"), l->arena),
                      "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope "
                      "selector");
    }
}

void validate_resource_quota(const struct value *obj, struct field_errors *l)
{
    const struct value *spec = value_get(obj, "spec");
    VALUE_EACH_MEMBER (m, value_get(spec, "hard")) {
        const char *at = path(l, "spec.hard[%s]", m->key);
        struct quantity q;
        struct name_errors n = name__qualified(m->key, l->arena);
        for (size_t i = 0; i < n.n; i++)
            bad_shown(l, at, m->key, n.text[i]);
        if (!is_quota_resource(m->key)) {
            bad_shown(l, at, m->key, "must be a standard resource type or fully qualified");
            bad_shown(l, at, m->key, "must be a standard resource for quota");
        }
        if (quantity_parse(value_str(&m->value, ""), &q, NULL) < 0)
            continue;
        if (q.nano < 0)
            bad(l, at, &m->value, "must be greater than or equal to 0");
        if (counts_objects(m->key) && q.nano % 1000000000)
            bad(l, at, &m->value, "must be an integer");
    }
    check_scopes(spec, l);
}

/* ---- volumes ---- */

static void check_modes(const struct value *modes, const char *at, struct field_errors *l)
{
    static const char *const known[] = {"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce",
                                        "ReadWriteOncePod"};
    bool once = false;
    VALUE_EACH_ITEM (m, modes) {
        size_t i = 0;
        while (i < 4 && !is(known[i], value_str(m, "")))
            i++;
        once |= i == 3;
        if (i == 4)
            field_errors_add_unsupported(l, at, value_str(m, ""), known, 4);
    }
    if (once && value_count(modes) > 1)
        forbidden(l, at, "may not use ReadWriteOncePod with other access modes");
}

static void check_positive(const struct value *v, const char *at, struct field_errors *l)
{
    struct quantity q;
    if (quantity_parse(value_str(v, ""), &q, NULL) == 0 && q.nano <= 0)
        bad(l, at, v, "must be greater than zero");
}

static void check_capacity(const struct value *spec, struct field_errors *l)
{
    const struct value *c = value_get(spec, "capacity");
    if (!value_count(c))
        required(l, "spec.capacity", NULL);
    if (!value_get(c, "storage") || value_count(c) > 1) {
        const char *text = "core.ResourceList(nil)", *sep = "";
        if (value_count(c))
            text = "core.ResourceList{";
        VALUE_EACH_MEMBER (m, c) {
            struct quantity q = {0};
            (void)!quantity_parse(value_str(&m->value, ""), &q, NULL);
            text = path(l,
                        "%s%s\"%s\":resource.Quantity{i:resource.int64Amount{value:%lld, scale:0}, "
                        "d:resource.infDecAmount{Dec:(*inf.Dec)(nil)}, s:\"%s\", Format:\"%s\"}",
                        text, sep, m->key, (long long)quantity_value(&q), value_str(&m->value, ""),
                        q.format == QUANTITY_BINARY ? "BinarySI" : "DecimalSI");
            sep = ", ";
        }
        field_errors_add_raw(l, FIELD_NOT_SUPPORTED, "spec.capacity",
                             value_count(c) ? path(l, "%s}", text) : text,
                             "supported values: \"storage\"");
    }
    VALUE_EACH_MEMBER (m, c)
        check_positive(&m->value, path(l, "spec.capacity[%s]", m->key), l);
}

static const char *const PV_VOLUMES[] = {
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "glusterfs",
    "flocker",
    "nfs",
    "rbd",
    "quobyte",
    "cephfs",
    "iscsi",
    "cinder",
    "fc",
    "flexVolume",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "scaleIO",
    "local",
    "storageos",
    "csi",
    NULL,
};

void validate_volume(const struct value *obj, struct field_errors *l)
{
    static const char *const reclaim[] = {"Delete", "Recycle", "Retain", NULL};
    static const char *const modes[] = {"Block", "Filesystem", NULL};
    const struct value *spec = value_get(obj, "spec");
    if (!value_count(value_get(spec, "accessModes")))
        required(l, "spec.accessModes", NULL);
    check_modes(value_get(spec, "accessModes"), "spec.accessModes", l);
    check_capacity(spec, l);
    one_of(l, "spec.persistentVolumeReclaimPolicy", str(spec, "persistentVolumeReclaimPolicy"),
           reclaim, false);
    const struct value *affinity = value_at(spec, "nodeAffinity.required");
    if (affinity)
        validate__node_selector(l, "spec.nodeAffinity.required", affinity);
    validate__volume_source(l, "spec", spec, PV_VOLUMES);
    if (value_get(spec, "local") && !affinity)
        required(l, "spec.nodeAffinity", "Local volume requires node affinity");
    if (is(value_at_str(spec, "hostPath.path", ""), "/") &&
        is(str(spec, "persistentVolumeReclaimPolicy"), "Recycle"))
        forbidden(l, "spec.persistentVolumeReclaimPolicy",
                  "may not be 'recycle' for a hostPath mount of '/'");
    const char *class = str(spec, "storageClassName");
    if (*class)
        name_errors(l, "spec.storageClassName", class, name__dns1123_subdomain(class, l->arena));
    one_of(l, "spec.volumeMode", str(spec, "volumeMode"), modes, false);
}

void validate__update_volume(const struct value *obj, const struct value *old,
                             struct field_errors *l)
{
    for (size_t i = 0; PV_VOLUMES[i]; i++) {
        const struct value *x = value_at(obj, path(l, "spec.%s", PV_VOLUMES[i]));
        const struct value *y = value_at(old, path(l, "spec.%s", PV_VOLUMES[i]));
        if (!value_equal(x ? x : value_null(l->arena), y ? y : value_null(l->arena))) {
            forbidden(l, "spec.persistentvolumesource",
                      "spec.persistentvolumesource is immutable after creation");
            break;
        }
    }
    immutable(l, "spec.volumeMode", value_at(obj, "spec.volumeMode"),
              value_at(old, "spec.volumeMode"));
}

void validate__claim_spec(struct field_errors *l, const char *at, const struct value *spec)
{
    static const char *const modes[] = {"Block", "Filesystem", NULL};
    const struct value *storage = value_at(spec, "resources.requests.storage");
    if (!value_count(value_get(spec, "accessModes")))
        required(l, path(l, "%s.accessModes", at), "at least 1 access mode is required");
    validate__label_selector(l, path(l, "%s.selector", at), value_get(spec, "selector"), false);
    check_modes(value_get(spec, "accessModes"), path(l, "%s.accessModes", at), l);
    if (!storage)
        required(l, path(l, "%s.resources[storage]", at), NULL);
    else
        check_positive(storage, path(l, "%s.resources[storage]", at), l);
    const char *class = str(spec, "storageClassName");
    if (*class)
        name_errors(l, path(l, "%s.storageClassName", at), class,
                    name__dns1123_subdomain(class, l->arena));
    one_of(l, path(l, "%s.volumeMode", at), str(spec, "volumeMode"), modes, false);
}

void validate_claim(const struct value *obj, struct field_errors *l)
{
    validate__claim_spec(l, "spec", value_get(obj, "spec"));
}

void validate__update_claim(const struct value *obj, const struct value *old,
                            struct field_errors *l)
{
    struct value *now = value_copy(l->arena, value_get(obj, "spec"));
    const struct value *was = value_get(old, "spec");
    bool bound = is(value_at_str(old, "status.phase", ""), "Bound");
    struct value *requests = value_at_mut(now, "resources.requests");
    const struct value *storage = value_at(was, "resources.requests.storage");
    if (!*str(was, "volumeName"))
        (void)value_remove(now, "volumeName");
    if (bound && requests && storage)
        (void)value_set(l->arena, requests, "storage", storage);
    struct quantity size, before, capacity = {0};
    bool shrinks = quantity_at(value_at(obj, "spec.resources.requests"), "storage", &size) &&
                   quantity_at(value_at(was, "resources.requests"), "storage", &before) &&
                   quantity_cmp(&size, &before) < 0;
    (void)quantity_at(value_at(old, "status.capacity"), "storage", &capacity);
    if (!has(was, "storageClassName"))
        (void)value_remove(now, "storageClassName");
    if (!value_equal(now, was))
        forbidden(l, "spec",
                  "spec is immutable after creation except resources.requests and "
                  "volumeAttributesClassName for bound claims\n");
    if (shrinks && quantity_cmp(&size, &capacity) <= 0)
        forbidden(l, "spec.resources.requests.storage",
                  "field can not be less than status.capacity");
}
