#include <string.h>

#include "api/crd_int.h"
#include "api/intstr.h"
#include "api/pod_int.h"
#include "api/validate_int.h"

/* ---- discovery ---- */

static void check_endpoint(const struct value *e, const char *type, const char *at,
                           struct field_errors *l)
{
    const struct value *list = value_get(e, "addresses");
    if (!value_count(list))
        required(l, path(l, "%s.addresses", at), "must contain at least 1 address");
    size_t i = 0;
    VALUE_EACH_ITEM (x, list) {
        const char *s = value_str(x, ""), *where = path(l, "%s.addresses[%zu]", at, i++);
        bool v6;
        if (is(type, "FQDN")) {
            name_errors(l, where, s, name__fqdn(s, l->arena));
            continue;
        }
        if (!name__is_ip(s, &v6)) {
            validate__ip(l, where, x);
            continue;
        }
        if (is(type, "IPv4") && v6)
            bad_str(l, path(l, "%s.addresses", at), s, "must be an IPv4 address");
        else if (is(type, "IPv6") && !v6)
            bad_str(l, path(l, "%s.addresses", at), s, "must be an IPv6 address");
        (void)validate__not_loopback(l, where, s);
    }
    if (*str(e, "hostname"))
        name_errors(l, path(l, "%s.hostname", at), str(e, "hostname"),
                    name__dns1123_label(str(e, "hostname"), l->arena));
    if (*str(e, "nodeName"))
        name_errors(l, path(l, "%s.nodeName", at), str(e, "nodeName"),
                    name__dns1123_subdomain(str(e, "nodeName"), l->arena));
}

void validate_endpoint_slice(const struct value *obj, struct field_errors *l)
{
    static const char *const types[] = {"FQDN", "IPv4", "IPv6", NULL};
    static const char *const protocols[] = {"SCTP", "TCP", "UDP", NULL};
    const struct value *ports = value_get(obj, "ports");
    const char *type = str(obj, "addressType");
    size_t i = 0;
    one_of(l, "addressType", type, types, true);
    VALUE_EACH_ITEM (e, value_get(obj, "endpoints"))
        check_endpoint(e, type, path(l, "endpoints[%zu]", i++), l);
    for (i = 0; i < value_count(ports); i++) {
        const struct value *p = &ports->items[i];
        const char *name = str(p, "name"), *at = path(l, "ports[%zu]", i);
        if (*name)
            name_errors(l, path(l, "%s.name", at), name, name__dns1123_label(name, l->arena));
        for (size_t j = 0; j < i; j++)
            if (is(str(&ports->items[j], "name"), name)) {
                duplicate(l, path(l, "%s.name", at), name);
                break;
            }
        one_of(l, path(l, "%s.protocol", at), str(p, "protocol"), protocols, true);
    }
}

void validate__update_endpoint_slice(const struct value *obj, const struct value *old,
                                     struct field_errors *l)
{
    immutable(l, "addressType", value_get(obj, "addressType"), value_get(old, "addressType"));
}

/* ---- ingresses ---- */

static void check_backend(const struct value *b, const char *at, struct field_errors *l)
{
    const struct value *service = value_get(b, "service"), *resource = value_get(b, "resource");
    const struct value *port = value_get(service, "port");
    const char *name = str(service, "name"), *port_name = str(port, "name");
    int64_t number = value_int(value_get(port, "number"), 0);
    if (resource && service) {
        bad_str(l, at, "", "cannot set both resource and service backends");
        return;
    }
    if (!resource && !service) {
        bad_str(l, at, "", "resource or service backend is required");
        return;
    }
    if (resource)
        return;
    if (!*name)
        required(l, path(l, "%s.service.name", at), NULL);
    else
        name_errors(l, path(l, "%s.service.name", at), name, name__dns1035_label(name, l->arena));
    if (*port_name && number)
        bad_str(l, at, "", "cannot set both port name & port number");
    else if (*port_name)
        validate__name_errors_port(l, path(l, "%s.service.port.name", at), port_name);
    else if (number)
        port_number(l, path(l, "%s.service.port.number", at), value_get(port, "number"));
    else
        required(l, at, "port name or number is required");
}

static void check_http_path(const struct value *p, const char *at, struct field_errors *l)
{
    static const char *const types[] = {"Exact", "ImplementationSpecific", "Prefix"};
    static const char *const never[] = {"//", "/./", "/../", "%2f", "%2F"};
    static const char *const ends[] = {"/..", "/."};
    const char *type = str(p, "pathType"), *s = str(p, "path"), *where = path(l, "%s.path", at);
    size_t n = strlen(s);
    if (!*type) {
        required(l, path(l, "%s.pathType", at), "pathType must be specified");
    } else if (is(type, "Exact") || is(type, "Prefix")) {
        if (*s != '/')
            bad_str(l, where, s, "must be an absolute path");
        for (size_t i = 0; *s && i < ARRAY_LEN(never); i++)
            if (strstr(s, never[i]))
                bad_str(l, where, s, path(l, "must not contain '%s'", never[i]));
        for (size_t i = 0; i < 2; i++)
            if (n >= strlen(ends[i]) && is(s + n - strlen(ends[i]), ends[i]))
                bad_str(l, where, s, path(l, "cannot end with '%s'", ends[i]));
    } else if (is(type, "ImplementationSpecific")) {
        if (*s && *s != '/')
            bad_str(l, where, s, "must be an absolute path");
    } else {
        field_errors_add_unsupported(l, path(l, "%s.pathType", at), type, types, 3);
    }
    check_backend(value_get(p, "backend"), path(l, "%s.backend", at), l);
}

static void check_host(const char *host, const char *at, struct field_errors *l)
{
    bool v6;
    if (!*host)
        return;
    if (name__is_ip(host, &v6))
        bad_str(l, at, host, "must be a DNS name, not an IP address");
    if (strchr(host, '*'))
        name_errors(l, at, host, name__wildcard_subdomain(host, l->arena));
    else
        name_errors(l, at, host, name__dns1123_subdomain(host, l->arena));
}

void validate_ingress(const struct value *obj, struct field_errors *l)
{
    const struct value *spec = value_get(obj, "spec"), *rules = value_get(spec, "rules");
    const char *class = str(spec, "ingressClassName");
    if (!value_count(rules) && !has(spec, "defaultBackend"))
        bad_shown(l, "spec", "[]networking.IngressRule(nil)",
                  "either `defaultBackend` or `rules` must be specified");
    if (has(spec, "defaultBackend"))
        check_backend(value_get(spec, "defaultBackend"), "spec.defaultBackend", l);
    for (size_t i = 0; i < value_count(rules); i++) {
        const struct value *r = &rules->items[i], *http = value_get(r, "http");
        const char *at = path(l, "spec.rules[%zu]", i);
        size_t n = 0;
        check_host(str(r, "host"), path(l, "%s.host", at), l);
        if (http && !value_count(value_get(http, "paths")))
            required(l, path(l, "%s.http.paths", at), NULL);
        VALUE_EACH_ITEM (p, value_get(http, "paths"))
            check_http_path(p, path(l, "%s.http.paths[%zu]", at, n++), l);
    }
    size_t i = 0;
    VALUE_EACH_ITEM (t, value_get(spec, "tls")) {
        size_t n = 0;
        VALUE_EACH_ITEM (h, value_get(t, "hosts")) {
            const char *host = value_str(h, ""), *at = path(l, "spec.tls[%zu].hosts[%zu]", i, n++);
            if (strchr(host, '*'))
                name_errors(l, at, host, name__wildcard_subdomain(host, l->arena));
            else
                name_errors(l, at, host, name__dns1123_subdomain(host, l->arena));
        }
        i++;
    }
    if (*class)
        name_errors(l, "spec.ingressClassName", class, name__dns1123_subdomain(class, l->arena));
}

void validate_ingress_class(const struct value *obj, struct field_errors *l)
{
    static const char *const scopes[] = {"Cluster", "Namespace", NULL};
    const struct value *spec = value_get(obj, "spec"), *p = value_get(spec, "parameters");
    const char *c = str(spec, "controller"), *scope = str(p, "scope");
    if (!*c)
        required(l, "spec.controller", NULL);
    else if (strlen(c) > 250)
        field_errors_add(l, FIELD_TOO_LONG, "spec.controller", NULL,
                         "may not be more than 250 bytes");
    else
        name_errors(l, "spec.controller", c, name__domain_path(c, l->arena));
    if (!p)
        return;
    if (!*str(p, "kind"))
        required(l, "spec.parameters.kind", "kind is required");
    if (!*str(p, "name"))
        required(l, "spec.parameters.name", "name is required");
    if (!has(p, "scope"))
        required(l, "spec.parameters.scope", NULL);
    one_of(l, "spec.parameters.scope", scope, scopes, false);
    if (is(scope, "Namespace") && !*str(p, "namespace"))
        required(l, "spec.parameters.namespace", "`parameters.scope` is set to 'Namespace'");
    if (is(scope, "Cluster") && *str(p, "namespace"))
        forbidden(l, "spec.parameters.namespace", "`parameters.scope` is set to 'Cluster'");
}

void validate__update_ingress_class(const struct value *obj, const struct value *old,
                                    struct field_errors *l)
{
    immutable(l, "spec.controller", value_at(obj, "spec.controller"),
              value_at(old, "spec.controller"));
}

/* ---- network policies ---- */

static void check_policy_port(const struct value *p, const char *at, struct field_errors *l)
{
    static const char *const protocols[] = {"TCP", "UDP", "SCTP", NULL};
    const struct value *port = value_get(p, "port"), *end = value_get(p, "endPort");
    one_of(l, path(l, "%s.protocol", at), str(p, "protocol"), protocols, false);
    if (value_is(port, VALUE_STRING)) {
        validate__name_errors_port(l, path(l, "%s.port", at), port->text);
        if (end)
            bad(l, path(l, "%s.endPort", at), end,
                "may not be specified when `port` is non-numeric");
    } else if (port) {
        port_number(l, path(l, "%s.port", at), port);
        if (end && value_int(end, 0) < value_int(port, 0))
            bad(l, path(l, "%s.endPort", at), port, "must be greater than or equal to `port`");
        else if (end)
            port_number(l, path(l, "%s.endPort", at), end);
    } else if (end) {
        bad(l, path(l, "%s.endPort", at), end, "may not be specified when `port` is not specified");
    }
}

static void check_block(const struct value *b, const char *at, struct field_errors *l)
{
    const char *cidr = str(b, "cidr");
    size_t before = l->n, i = 0;
    if (!*cidr) {
        required(l, path(l, "%s.cidr", at), NULL);
        return;
    }
    validate__cidr(l, path(l, "%s.cidr", at), value_get(b, "cidr"));
    bool fine = l->n == before;
    VALUE_EACH_ITEM (x, value_get(b, "except")) {
        const char *where = path(l, "%s.except[%zu]", at, i++);
        before = l->n;
        validate__cidr(l, where, x);
        if (fine && l->n == before && !validate__cidr_within(value_str(x, ""), cidr))
            bad(l, where, x, "must be a strict subset of `cidr`");
    }
}

static void check_peer(const struct value *p, const char *at, struct field_errors *l)
{
    const struct value *pods = value_get(p, "podSelector"), *ns = value_get(p, "namespaceSelector");
    const struct value *block = value_get(p, "ipBlock");
    validate__label_selector(l, path(l, "%s.podSelector", at), pods, false);
    validate__label_selector(l, path(l, "%s.namespaceSelector", at), ns, false);
    if (block)
        check_block(block, path(l, "%s.ipBlock", at), l);
    if (!pods && !ns && !block)
        required(l, at, "must specify a peer");
    else if (block && (pods || ns))
        forbidden(l, at, "may not specify both ipBlock and another peer");
}

void validate_network_policy(const struct value *obj, struct field_errors *l)
{
    static const char *const sides[] = {"ingress", "egress"}, *const peers[] = {"from", "to"};
    static const char *const types[] = {"Ingress", "Egress", NULL};
    const struct value *spec = value_get(obj, "spec"), *list = value_get(spec, "policyTypes");
    validate__label_selector(l, "spec.podSelector", value_get(spec, "podSelector"), false);
    for (size_t s = 0; s < 2; s++) {
        size_t i = 0;
        VALUE_EACH_ITEM (rule, value_get(spec, sides[s])) {
            const char *at = path(l, "spec.%s[%zu]", sides[s], i++);
            size_t n = 0;
            VALUE_EACH_ITEM (p, value_get(rule, "ports"))
                check_policy_port(p, path(l, "%s.ports[%zu]", at, n++), l);
            n = 0;
            VALUE_EACH_ITEM (p, value_get(rule, peers[s]))
                check_peer(p, path(l, "%s.%s[%zu]", at, peers[s], n++), l);
        }
    }
    if (value_count(list) > 2) {
        bad_shown(l, "spec.policyTypes", typed__go(list, l->arena),
                  "may not specify more than two policyTypes");
        return;
    }
    size_t i = 0;
    VALUE_EACH_ITEM (t, list)
        one_of(l, path(l, "spec.policyTypes[%zu]", i++), value_str(t, ""), types, true);
}

/* ---- rbac ---- */

static const char *go_strings(const struct value *list, struct arena *a)
{
    const char *text = "[]string{";
    for (size_t i = 0; i < value_count(list); i++)
        text = arena_printf(a, "%s%s\"%s\"", text, i ? ", " : "", value_str(&list->items[i], ""));
    return arena_printf(a, "%s}", text);
}

static void check_rule(const struct value *r, const char *at, bool namespaced,
                       struct field_errors *l)
{
    const struct value *urls = value_get(r, "nonResourceURLs");
    bool groups = value_count(value_get(r, "apiGroups"));
    bool resources = value_count(value_get(r, "resources"));
    if (!value_count(value_get(r, "verbs")))
        required(l, path(l, "%s.verbs", at), "verbs must contain at least one value");
    if (value_count(urls)) {
        if (namespaced)
            bad_shown(l, path(l, "%s.nonResourceURLs", at), go_strings(urls, l->arena),
                      "namespaced rules cannot apply to non-resource URLs");
        if (groups || resources || value_count(value_get(r, "resourceNames")))
            bad_shown(l, path(l, "%s.nonResourceURLs", at), go_strings(urls, l->arena),
                      "rules cannot apply to both regular resources and non-resource URLs");
        return;
    }
    if (!groups)
        required(l, path(l, "%s.apiGroups", at),
                 "resource rules must supply at least one api group");
    if (!resources)
        required(l, path(l, "%s.resources", at),
                 "resource rules must supply at least one resource");
}

void validate_role(const struct value *obj, struct field_errors *l)
{
    size_t i = 0;
    VALUE_EACH_ITEM (r, value_get(obj, "rules"))
        check_rule(r, path(l, "rules[%zu]", i++), true, l);
}

void validate_cluster_role(const struct value *obj, struct field_errors *l)
{
    size_t i = 0;
    const struct value *aggregate = value_get(obj, "aggregationRule");
    const struct value *selectors = value_get(aggregate, "clusterRoleSelectors");
    VALUE_EACH_ITEM (r, value_get(obj, "rules"))
        check_rule(r, path(l, "rules[%zu]", i++), false, l);
    if (!aggregate)
        return;
    if (!value_count(selectors))
        required(l, "aggregationRule.clusterRoleSelectors",
                 "at least one clusterRoleSelector required if aggregationRule is non-nil");
    i = 0;
    VALUE_EACH_ITEM (s, selectors) {
        size_t before = l->n;
        const char *at = path(l, "aggregationRule.clusterRoleSelectors[%zu]", i++);
        validate__label_selector(l, at, s, false);
        if (l->n > before)
            bad_shown(l, at, "\"null\"", "invalid label selector.");
    }
}

static void check_subject(const struct value *s, const char *at, bool cluster,
                          struct field_errors *l)
{
    static const char *const kinds[] = {"ServiceAccount", "User", "Group"};
    static const char *const none[] = {""}, *const rbac[] = {"rbac.authorization.k8s.io"};
    const char *kind = str(s, "kind"), *name = str(s, "name"), *group = str(s, "apiGroup");
    if (!*name)
        required(l, path(l, "%s.name", at), NULL);
    if (is(kind, "ServiceAccount")) {
        if (*name)
            name_errors(l, path(l, "%s.name", at), name, name__dns1123_subdomain(name, l->arena));
        if (*group)
            field_errors_add_unsupported(l, path(l, "%s.apiGroup", at), group, none, 1);
        if (cluster && !*str(s, "namespace"))
            required(l, path(l, "%s.namespace", at), NULL);
    } else if (is(kind, "User") || is(kind, "Group")) {
        if (!is(group, rbac[0]))
            field_errors_add_unsupported(l, path(l, "%s.apiGroup", at), group, rbac, 1);
    } else {
        field_errors_add_unsupported(l, path(l, "%s.kind", at), kind, kinds, 3);
    }
}

static void check_binding(const struct value *obj, bool cluster, struct field_errors *l)
{
    static const char *const rbac[] = {"rbac.authorization.k8s.io"};
    static const char *const kinds[] = {"Role", "ClusterRole"};
    const struct value *ref = value_get(obj, "roleRef");
    const char *kind = str(ref, "kind"), *name = str(ref, "name");
    if (!is(str(ref, "apiGroup"), rbac[0]))
        field_errors_add_unsupported(l, "roleRef.apiGroup", str(ref, "apiGroup"), rbac, 1);
    if (!is(kind, "ClusterRole") && (cluster || !is(kind, "Role")))
        field_errors_add_unsupported(l, "roleRef.kind", kind, kinds + cluster, cluster ? 1 : 2);
    if (!*name)
        required(l, "roleRef.name", NULL);
    else
        name_errors(l, "roleRef.name", name, name__path_segment(name, l->arena));
    size_t i = 0;
    VALUE_EACH_ITEM (s, value_get(obj, "subjects"))
        check_subject(s, path(l, "subjects[%zu]", i++), cluster, l);
}

void validate_role_binding(const struct value *obj, struct field_errors *l)
{
    check_binding(obj, false, l);
}

void validate_cluster_role_binding(const struct value *obj, struct field_errors *l)
{
    check_binding(obj, true, l);
}

void validate__update_role_binding(const struct value *obj, const struct value *old,
                                   struct field_errors *l)
{
    const struct value *x = value_get(obj, "roleRef"), *y = value_get(old, "roleRef");
    if (!value_equal(x, y))
        bad_shown(l, "roleRef",
                  path(l, "rbac.RoleRef{APIGroup:\"%s\", Kind:\"%s\", Name:\"%s\"}",
                       str(x, "apiGroup"), str(x, "kind"), str(x, "name")),
                  "cannot change roleRef");
}

/* ---- the rest ---- */

void validate_lease(const struct value *obj, struct field_errors *l)
{
    const struct value *spec = value_get(obj, "spec");
    const struct value *d = value_get(spec, "leaseDurationSeconds");
    const struct value *t = value_get(spec, "leaseTransitions");
    if (d && value_int(d, 1) <= 0)
        bad(l, "spec.leaseDurationSeconds", d, "must be greater than 0");
    if (t && value_int(t, 0) < 0)
        bad(l, "spec.leaseTransitions", t, "must be greater than or equal to 0");
}

void validate_storage_class(const struct value *obj, struct field_errors *l)
{
    static const char *const reclaim[] = {"Delete", "Retain", NULL};
    static const char *const modes[] = {"Immediate", "WaitForFirstConsumer", NULL};
    const char *p = str(obj, "provisioner");
    if (!*p) {
        required(l, "provisioner", NULL);
    } else {
        char *lower = arena_strdup(l->arena, p);
        for (char *c = lower; *c; c++)
            *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
        name_errors(l, "provisioner", lower, name__qualified(lower, l->arena));
    }
    VALUE_EACH_MEMBER (m, value_get(obj, "parameters"))
        if (!m->key_len)
            bad_str(l, "parameters", m->key, "field can not be empty.");
    one_of(l, "reclaimPolicy", str(obj, "reclaimPolicy"), reclaim, false);
    one_of(l, "volumeBindingMode", str(obj, "volumeBindingMode"), modes, true);
    size_t i = 0;
    VALUE_EACH_ITEM (t, value_get(obj, "allowedTopologies")) {
        size_t n = 0;
        VALUE_EACH_ITEM (x, value_get(t, "matchLabelExpressions")) {
            const char *at = path(l, "allowedTopologies[%zu].matchLabelExpressions[%zu]", i, n++);
            if (!value_count(value_get(x, "values")))
                required(l, path(l, "%s.values", at), NULL);
            name_errors(l, path(l, "%s.key", at), str(x, "key"),
                        name__qualified(str(x, "key"), l->arena));
        }
        i++;
    }
}

void validate__update_storage_class(const struct value *obj, const struct value *old,
                                    struct field_errors *l)
{
    const struct value *x = value_get(obj, "parameters"), *y = value_get(old, "parameters");
    struct value *none = value_new_object(l->arena);
    if (!value_equal(x ? x : none, y ? y : none))
        forbidden(l, "parameters", "updates to parameters are forbidden.");
    if (!is(str(obj, "provisioner"), str(old, "provisioner")))
        forbidden(l, "provisioner", "updates to provisioner are forbidden.");
    if (!is(str(obj, "reclaimPolicy"), str(old, "reclaimPolicy")))
        forbidden(l, "reclaimPolicy", "updates to reclaimPolicy are forbidden.");
    immutable(l, "volumeBindingMode", value_get(obj, "volumeBindingMode"),
              value_get(old, "volumeBindingMode"));
}

static void check_share(const struct value *v, const char *at, struct field_errors *l)
{
    int64_t percent;
    if (!v)
        return;
    if (v->kind == VALUE_INT) {
        if (v->i < 0)
            bad(l, at, v, "must be greater than or equal to 0");
    } else if (!intstr_percent(v, &percent)) {
        bad(l, at, v,
            "a valid percent string must be a numeric string followed by an ending '%' (e.g. "
            "'1%',  or '93%', regex used for validation is '[0-9]+%')");
    } else if (percent > 100) {
        bad(l, at, v, "must not be greater than 100%");
    }
}

void validate_disruption_budget(const struct value *obj, struct field_errors *l)
{
    static const char *const policies[] = {"AlwaysAllow", "IfHealthyBudget", NULL};
    const struct value *spec = value_get(obj, "spec");
    if (has(spec, "minAvailable") && has(spec, "maxUnavailable"))
        bad_shown(l, "spec", typed__go(spec, l->arena),
                  "minAvailable and maxUnavailable cannot be both set");
    check_share(value_get(spec, "minAvailable"), "spec.minAvailable", l);
    check_share(value_get(spec, "maxUnavailable"), "spec.maxUnavailable", l);
    validate__label_selector(l, "spec.selector", value_get(spec, "selector"), false);
    one_of(l, "spec.unhealthyPodEvictionPolicy", str(spec, "unhealthyPodEvictionPolicy"), policies,
           false);
}

static void check_target(const struct value *spec, struct field_errors *l)
{
    static const char *const fields[] = {"kind", "name"};
    for (size_t i = 0; i < 2; i++) {
        const char *s = value_at_str(spec, i ? "scaleTargetRef.name" : "scaleTargetRef.kind", "");
        const char *at = path(l, "spec.scaleTargetRef.%s", fields[i]);
        if (!*s)
            required(l, at, NULL);
        else
            name_errors(l, at, s, name__path_segment(s, l->arena));
    }
}

static const char *const METRICS[][2] = {
    {"ContainerResource", "containerResource"},
    {"External",          "external"         },
    {"Object",            "object"           },
    {"Pods",              "pods"             },
    {"Resource",          "resource"         },
};

static void check_metric_target(const struct value *t, const char *at, struct field_errors *l)
{
    static const char *const types[] = {"Utilization", "Value", "AverageValue"};
    const char *type = str(t, "type");
    const struct value *u = value_get(t, "averageUtilization");
    size_t i = 0;
    if (!*type)
        required(l, path(l, "%s.type", at), "must specify a metric target type");
    while (i < 3 && !is(types[i], type))
        i++;
    if (*type && i == 3)
        bad_str(l, path(l, "%s.type", at), type,
                "must be either Utilization, Value, or AverageValue");
    if (u && value_int(u, 1) < 1)
        bad(l, path(l, "%s.averageUtilization", at), u, "must be greater than 0");
    if (u && has(t, "averageValue"))
        forbidden(l, path(l, "%s.averageValue", at),
                  "may not set both a target raw value and a target utilization");
    if (!u && !has(t, "averageValue") && !has(t, "value"))
        required(l, path(l, "%s.averageUtilization", at),
                 "must set either a target raw value or a target utilization");
}

static void check_metric(const struct value *m, const char *at, struct field_errors *l)
{
    static const char *const types[] = {"ContainerResource", "External", "Object", "Pods",
                                        "Resource"};
    const char *type = str(m, "type");
    if (!*type) {
        required(l, path(l, "%s.type", at), "must specify a metric source type");
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(METRICS); i++) {
        const struct value *source = value_get(m, METRICS[i][1]);
        if (!is(type, METRICS[i][0]))
            continue;
        if (!source)
            required(l, path(l, "%s.%s", at, METRICS[i][1]),
                     "must populate information for the given metric source");
        else
            check_metric_target(value_get(source, "target"),
                                path(l, "%s.%s.target", at, METRICS[i][1]), l);
        return;
    }
    for (int twice = 0; twice < 2; twice++) /* as upstream */
        field_errors_add_unsupported(l, path(l, "%s.type", at), type, types, 5);
}

static void check_scaling(const struct value *r, const char *at, struct field_errors *l)
{
    static const char *const select[] = {"Disabled", "Max", "Min", NULL};
    static const char *const types[] = {"Percent", "Pods", NULL};
    const struct value *w = value_get(r, "stabilizationWindowSeconds");
    size_t i = 0;
    if (!r)
        return;
    if (w && value_int(w, 0) < 0)
        bad(l, path(l, "%s.stabilizationWindowSeconds", at), w,
            "must be greater than or equal to zero");
    else if (w && value_int(w, 0) > 3600)
        bad(l, path(l, "%s.stabilizationWindowSeconds", at), w,
            "must be less than or equal to 3600");
    one_of(l, path(l, "%s.selectPolicy", at), str(r, "selectPolicy"), select, false);
    if (!value_count(value_get(r, "policies")))
        required(l, path(l, "%s.policies", at), "must specify at least one Policy");
    VALUE_EACH_ITEM (p, value_get(r, "policies")) {
        const char *where = path(l, "%s.policies[%zu]", at, i++);
        one_of(l, path(l, "%s.type", where), str(p, "type"), types, true);
        if (value_int(value_get(p, "value"), 0) <= 0)
            bad(l, path(l, "%s.value", where), value_get(p, "value"), "must be greater than zero");
        if (value_int(value_get(p, "periodSeconds"), 0) <= 0)
            bad(l, path(l, "%s.periodSeconds", where), value_get(p, "periodSeconds"),
                "must be greater than zero");
        else if (value_int(value_get(p, "periodSeconds"), 0) > 1800)
            bad(l, path(l, "%s.periodSeconds", where), value_get(p, "periodSeconds"),
                "must be less than or equal to 1800");
    }
}

static void check_bounds(const struct value *spec, struct field_errors *l)
{
    const struct value *min = value_get(spec, "minReplicas"), *max = value_get(spec, "maxReplicas");
    bool external = false;
    VALUE_EACH_ITEM (m, value_get(spec, "metrics"))
        external |= is(str(m, "type"), "Object") || is(str(m, "type"), "External");
    if (min && value_int(min, 1) < 1 && !(value_int(min, 1) == 0 && external))
        bad(l, "spec.minReplicas", min, "must be greater than or equal to 1");
    if (value_int(max, 0) < 1)
        bad(l, "spec.maxReplicas", max, "must be greater than 0");
    if (min && value_int(max, 0) < value_int(min, 0))
        bad(l, "spec.maxReplicas", max, "must be greater than or equal to `minReplicas`");
}

void validate_autoscaler(const struct value *obj, struct field_errors *l)
{
    const struct value *spec = value_get(obj, "spec"), *metrics = value_get(spec, "metrics");
    bool external = false;
    size_t i = 0;
    check_bounds(spec, l);
    check_target(spec, l);
    VALUE_EACH_ITEM (m, metrics) {
        check_metric(m, path(l, "spec.metrics[%zu]", i++), l);
        external |= is(str(m, "type"), "Object") || is(str(m, "type"), "External");
    }
    if (has(spec, "minReplicas") && value_int(value_get(spec, "minReplicas"), 1) == 0 && !external)
        forbidden(l, "spec.metrics",
                  "must specify at least one Object or External metric to support scaling to zero "
                  "replicas");
    check_scaling(value_at(spec, "behavior.scaleUp"), "spec.behavior.scaleUp", l);
    check_scaling(value_at(spec, "behavior.scaleDown"), "spec.behavior.scaleDown", l);
}

void validate_autoscaler_v1(const struct value *obj, struct field_errors *l)
{
    check_bounds(value_get(obj, "spec"), l);
    check_target(value_get(obj, "spec"), l);
}

void validate_priority_class(const struct value *obj, struct field_errors *l)
{
    static const char *const policies[] = {"PreemptLowerPriority", "Never", NULL};
    const char *name = value_at_str(obj, "metadata.name", "");
    if (strncmp(name, "system-", 7) == 0) {
        if (!is(name, "system-node-critical") && !is(name, "system-cluster-critical"))
            forbidden(l, "metadata.name",
                      "priority class names with 'system-' prefix are reserved for system use "
                      "only. error: ");
    } else if (value_int(value_get(obj, "value"), 0) > 1000000000) {
        forbidden(l, "value", "maximum allowed value of a user defined priority is 1000000000");
    }
    one_of(l, "preemptionPolicy", str(obj, "preemptionPolicy"), policies, false);
}

void validate__update_priority_class(const struct value *obj, const struct value *old,
                                     struct field_errors *l)
{
    if (value_int(value_get(obj, "value"), 0) != value_int(value_get(old, "value"), 0))
        forbidden(l, "value", "may not be changed in an update.");
    if (!is(str(obj, "preemptionPolicy"), str(old, "preemptionPolicy")))
        bad(l, "preemptionPolicy", value_get(obj, "preemptionPolicy"), "field is immutable");
}

void validate_runtime_class(const struct value *obj, struct field_errors *l)
{
    const char *h = str(obj, "handler");
    name_errors(l, "handler", h, name__dns1123_label(h, l->arena));
}

void validate__update_runtime_class(const struct value *obj, const struct value *old,
                                    struct field_errors *l)
{
    immutable(l, "handler", value_get(obj, "handler"), value_get(old, "handler"));
}

void validate_token_request(const struct value *obj, struct field_errors *l)
{
    const struct value *s = value_at(obj, "spec.expirationSeconds");
    if (s && value_int(s, 0) < 600)
        bad(l, "spec.expirationSeconds", s, "may not specify a duration less than 10 minutes");
    if (s && value_int(s, 0) > (int64_t)1 << 32)
        bad(l, "spec.expirationSeconds", s, "may not specify a duration larger than 2^32 seconds");
}
