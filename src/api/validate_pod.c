#include <ctype.h>
#include <string.h>

#include "api/crd_int.h"
#include "api/pod_int.h"
#include "api/validate_int.h"

static const char *const PROTOCOLS[] = {"SCTP", "TCP", "UDP", NULL};

/* ---- containers' parts ---- */

static void check_ports(const struct value *ports, const char *at, struct field_errors *l)
{
    size_t i = 0;
    VALUE_EACH_ITEM (p, ports) {
        const char *where = path(l, "%s[%zu]", at, i++), *name = str(p, "name");
        if (*name)
            validate__name_errors_port(l, path(l, "%s.name", where), name);
        for (size_t j = 0; *name && j + 1 < i; j++)
            if (is(str(&ports->items[j], "name"), name)) {
                duplicate(l, path(l, "%s.name", where), name);
                break;
            }
        if (!value_int(value_get(p, "containerPort"), 0))
            required(l, path(l, "%s.containerPort", where), NULL);
        else
            port_number(l, path(l, "%s.containerPort", where), value_get(p, "containerPort"));
        if (value_int(value_get(p, "hostPort"), 0))
            port_number(l, path(l, "%s.hostPort", where), value_get(p, "hostPort"));
        one_of(l, path(l, "%s.protocol", where), str(p, "protocol"), PROTOCOLS, true);
    }
}

/* Port names speak of "alpha-numeric" where services speak of "alphanumeric". */
void validate__name_errors_port(struct field_errors *l, const char *at, const char *name)
{
    struct name_errors n = name__port(name, l->arena);
    for (size_t i = 0; i < n.n; i++)
        bad_str(l, at, name,
                strncmp(n.text[i], "must contain only", 17) == 0
                    ? "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
                    : n.text[i]);
}

static bool knows_field(const char *f)
{
    static const char *const known[] = {
        "metadata.name",           "metadata.namespace", "metadata.uid",        "spec.nodeName",
        "spec.serviceAccountName", "status.hostIP",      "status.hostIPs",      "status.podIP",
        "status.podIPs",           "metadata.labels",    "metadata.annotations"};
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (is(known[i], f))
            return true;
    return strncmp(f, "metadata.labels['", 17) == 0 ||
           strncmp(f, "metadata.annotations['", 22) == 0;
}

void validate__field_ref(const struct value *r, const char *at, bool volume, struct field_errors *l)
{
    static const char *const env[] = {"metadata.name",
                                      "metadata.namespace",
                                      "metadata.uid",
                                      "spec.nodeName",
                                      "spec.serviceAccountName",
                                      "status.hostIP",
                                      "status.hostIPs",
                                      "status.podIP",
                                      "status.podIPs"};
    static const char *const vol[] = {"metadata.annotations", "metadata.labels", "metadata.name",
                                      "metadata.namespace", "metadata.uid"};
    const char *f = str(r, "fieldPath"), *where = path(l, "%s.fieldPath", at);
    const char *const *allowed = volume ? vol : env;
    size_t n = volume ? ARRAY_LEN(vol) : ARRAY_LEN(env);
    if (!*str(r, "apiVersion"))
        required(l, path(l, "%s.apiVersion", at), NULL);
    else if (!*f)
        required(l, where, NULL);
    else if (!knows_field(f))
        bad_str(l, where, f,
                path(l, "error converting fieldPath: field label not supported: %s", f));
    else if (!strchr(f, '[')) {
        for (size_t i = 0; i < n; i++)
            if (is(allowed[i], f))
                return;
        field_errors_add_unsupported(l, where, f, allowed, n);
    }
}

static void check_resource_ref(const struct value *r, const char *at, struct field_errors *l)
{
    static const char *const known[] = {
        "limits.cpu",   "limits.ephemeral-storage",   "limits.memory",
        "requests.cpu", "requests.ephemeral-storage", "requests.memory"};
    const char *name = str(r, "resource"), *where = path(l, "%s.resource", at);
    if (!*name) {
        required(l, where, NULL);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (is(known[i], name))
            return;
    if (strncmp(name, "limits.hugepages-", 17) && strncmp(name, "requests.hugepages-", 19))
        field_errors_add_unsupported(l, where, name, known, ARRAY_LEN(known));
}

static void check_key_ref(const struct value *r, const char *at, struct field_errors *l)
{
    const char *key = str(r, "key"), *where = path(l, "%s.key", at);
    if (!*key)
        required(l, where, NULL);
    else
        name_errors(l, where, key, name__config_key(key, l->arena));
}

static void check_value_from(const struct value *e, const char *at, struct field_errors *l)
{
    static const char *const sources[] = {"fieldRef", "resourceFieldRef", "configMapKeyRef",
                                          "secretKeyRef"};
    const struct value *from = value_get(e, "valueFrom");
    size_t n = 0;
    if (!value_is(from, VALUE_OBJECT))
        return;
    for (size_t i = 0; i < 4; i++) {
        const struct value *s = value_get(from, sources[i]);
        const char *where = path(l, "%s.%s", at, sources[i]);
        if (!value_is(s, VALUE_OBJECT))
            continue;
        n++;
        if (i == 0)
            validate__field_ref(s, where, false, l);
        else if (i == 1)
            check_resource_ref(s, where, l);
        else
            check_key_ref(s, where, l);
    }
    if (n == 0)
        bad_str(l, at, "",
                "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or "
                "`secretKeyRef`");
    else if (*str(e, "value"))
        bad_str(l, at, "", "may not be specified when `value` is not empty");
    else if (n > 1)
        bad_str(l, at, "", "may not have more than one field specified at a time");
}

static void check_env(const struct value *c, const char *at, struct field_errors *l)
{
    size_t i = 0;
    VALUE_EACH_ITEM (e, value_get(c, "env")) {
        const char *where = path(l, "%s.env[%zu]", at, i++), *name = str(e, "name");
        if (!*name)
            required(l, path(l, "%s.name", where), NULL);
        else
            name_errors(l, path(l, "%s.name", where), name, name__env_var(name, l->arena));
        check_value_from(e, path(l, "%s.valueFrom", where), l);
    }
    i = 0;
    VALUE_EACH_ITEM (f, value_get(c, "envFrom")) {
        const char *where = path(l, "%s.envFrom[%zu]", at, i++);
        const char *prefix = str(f, "prefix");
        bool map = value_is(value_get(f, "configMapRef"), VALUE_OBJECT);
        bool secret = value_is(value_get(f, "secretRef"), VALUE_OBJECT);
        if (*prefix)
            name_errors(l, path(l, "%s.prefix", where), prefix, name__env_var(prefix, l->arena));
        if (!map && !secret)
            bad_str(l, path(l, "%s.envFrom", at), "",
                    "must specify one of: `configMapRef` or `secretRef`");
        else if (map && secret)
            bad_str(l, path(l, "%s.envFrom", at), "",
                    "may not have more than one field specified at a time");
    }
}

static void check_mounts(const struct value *c, const struct value *volumes, const char *at,
                         struct field_errors *l)
{
    const struct value *mounts = value_get(c, "volumeMounts");
    size_t i = 0;
    VALUE_EACH_ITEM (m, mounts) {
        const char *where = path(l, "%s.volumeMounts[%zu]", at, i++), *name = str(m, "name");
        bool found = false;
        VALUE_EACH_ITEM (v, volumes)
            found |= is(str(v, "name"), name);
        if (!*name)
            required(l, path(l, "%s.name", where), NULL);
        if (!found)
            field_errors_add_str(l, FIELD_NOT_FOUND, path(l, "%s.name", where), name, NULL);
        if (!*str(m, "mountPath"))
            required(l, path(l, "%s.mountPath", where), NULL);
        for (size_t j = 0; j + 1 < i; j++)
            if (is(str(&mounts->items[j], "mountPath"), str(m, "mountPath"))) {
                bad_str(l, path(l, "%s.mountPath", where), str(m, "mountPath"), "must be unique");
                break;
            }
        if (strstr(str(m, "subPath"), ".."))
            bad_str(l, path(l, "%s.subPath", where), str(m, "subPath"), "must not contain '..'");
        if (*str(m, "subPath") == '/')
            bad_str(l, path(l, "%s.subPath", where), str(m, "subPath"), "must be a relative path");
        if (*str(m, "subPath") && *str(m, "subPathExpr"))
            bad_str(l, path(l, "%s.subPathExpr", where), str(m, "subPathExpr"),
                    "subPathExpr and subPath are mutually exclusive");
    }
}

/* ---- resources ---- */

static bool is_standard(const char *name)
{
    static const char *const known[] = {"cpu", "memory", "ephemeral-storage"};
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (is(known[i], name))
            return true;
    return strncmp(name, "hugepages-", 10) == 0;
}

static bool is_extended(const char *name)
{
    return strchr(name, '/') && strncmp(name, "kubernetes.io/", 14) != 0;
}

void validate__quantity_name(struct field_errors *l, const char *at, const char *name)
{
    static const char *const more[] = {"storage", "pods", "requests.storage"};
    struct name_errors n = name__qualified(name, l->arena);
    for (size_t i = 0; i < n.n; i++)
        bad_shown(l, at, name, n.text[i]);
    if (n.n || strchr(name, '/') || is_standard(name))
        return;
    for (size_t i = 0; i < ARRAY_LEN(more); i++)
        if (is(more[i], name))
            return;
    bad_shown(l, at, name, "must be a standard resource type or fully qualified");
}

static void check_amount_of(const char *name, const struct value *v, const char *at,
                            struct field_errors *l)
{
    struct quantity q;
    validate__quantity_name(l, at, name);
    if (!strchr(name, '/') && !is_standard(name))
        bad_shown(l, at, name, "must be a standard resource for containers");
    if (quantity_parse(value_str(v, ""), &q, NULL) < 0)
        return;
    if (q.nano < 0)
        bad(l, at, v, "must be greater than or equal to 0");
    if (is_extended(name) && q.nano % 1000000000)
        bad(l, at, v, "must be an integer");
}

static void check_request(const char *name, const struct value *v, const struct value *limits,
                          const char *at, struct field_errors *l)
{
    struct quantity q, max;
    const struct value *limit = value_get(limits, name);
    bool fixed = is_extended(name) || strncmp(name, "hugepages-", 10) == 0;
    if (!limit) {
        if (fixed)
            required(l, path(l, "%s.limits", at),
                     "Limit must be set for non overcommitable resources");
        return;
    }
    if (quantity_parse(value_str(v, ""), &q, NULL) < 0 ||
        quantity_parse(value_str(limit, ""), &max, NULL) < 0)
        return;
    if (fixed && q.nano != max.nano)
        bad(l, path(l, "%s.requests", at), v,
            path(l, "must be equal to %s limit of %s", name, value_str(limit, "")));
    else if (!fixed && q.nano > max.nano)
        bad(l, path(l, "%s.requests", at), v,
            path(l, "must be less than or equal to %s limit of %s", name, value_str(limit, "")));
}

void validate__resources(const struct value *r, const char *at, struct field_errors *l)
{
    const struct value *limits = value_get(r, "limits"), *requests = value_get(r, "requests");
    bool huge = false, base = false;
    VALUE_EACH_MEMBER (m, limits) {
        check_amount_of(m->key, &m->value, path(l, "%s.limits[%s]", at, m->key), l);
        huge |= strncmp(m->key, "hugepages-", 10) == 0;
        base |= is(m->key, "cpu") || is(m->key, "memory");
    }
    VALUE_EACH_MEMBER (m, requests) {
        check_amount_of(m->key, &m->value, path(l, "%s.requests[%s]", at, m->key), l);
        check_request(m->key, &m->value, limits, at, l);
        huge |= strncmp(m->key, "hugepages-", 10) == 0;
        base |= is(m->key, "cpu") || is(m->key, "memory");
    }
    if (huge && !base)
        forbidden(l, at, "HugePages require cpu or memory");
}

/* ---- handlers and probes ---- */

static void check_handler_port(const struct value *h, const char *at, struct field_errors *l)
{
    const struct value *port = value_get(h, "port");
    if (value_is(port, VALUE_STRING))
        validate__name_errors_port(l, path(l, "%s.port", at), port->text);
    else
        port_number(l, path(l, "%s.port", at), port);
}

static void check_http(const struct value *http, const char *at, struct field_errors *l)
{
    static const char *const schemes[] = {"HTTP", "HTTPS", NULL};
    if (!*str(http, "path"))
        required(l, path(l, "%s.path", at), NULL);
    check_handler_port(http, at, l);
    one_of(l, path(l, "%s.scheme", at), str(http, "scheme"), schemes, true);
}

static void check_handler(const struct value *h, const char *at, struct field_errors *l)
{
    static const char *const names[] = {"exec", "httpGet", "tcpSocket", "grpc", "sleep"};
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct value *one = value_get(h, names[i]);
        const char *where = path(l, "%s.%s", at, names[i]);
        if (!value_is(one, VALUE_OBJECT))
            continue;
        if (n++)
            forbidden(l, where, "may not specify more than 1 handler type");
        else if (i == 0 && !value_count(value_get(one, "command")))
            required(l, path(l, "%s.command", where), NULL);
        else if (i == 1)
            check_http(one, where, l);
        else if (i == 2 || i == 3)
            check_handler_port(one, where, l);
    }
    if (!n)
        required(l, at, "must specify a handler type");
}

static void check_probe(const struct value *c, const char *kind, const char *base,
                        struct field_errors *l)
{
    static const char *const numbers[] = {"initialDelaySeconds", "timeoutSeconds", "periodSeconds",
                                          "successThreshold", "failureThreshold"};
    const struct value *p = value_get(c, kind);
    const char *at = path(l, "%s.%s", base, kind);
    if (!value_is(p, VALUE_OBJECT))
        return;
    check_handler(p, at, l);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        not_negative(l, at, p, numbers[i]);
    if (!is(kind, "readinessProbe") && value_int(value_get(p, "successThreshold"), 1) != 1)
        bad(l, path(l, "%s.successThreshold", at), value_get(p, "successThreshold"), "must be 1");
    const struct value *grace = value_get(p, "terminationGracePeriodSeconds");
    if (grace && is(kind, "readinessProbe"))
        bad(l, path(l, "%s.terminationGracePeriodSeconds", at), grace,
            "must not be set for readinessProbes");
    else if (grace && value_int(grace, 1) <= 0)
        bad(l, path(l, "%s.terminationGracePeriodSeconds", at), grace, "must be greater than 0");
}

static void check_lifecycle(const struct value *c, const char *at, struct field_errors *l)
{
    const struct value *life = value_get(c, "lifecycle");
    static const char *const hooks[] = {"postStart", "preStop"};
    for (size_t i = 0; i < 2; i++)
        if (value_is(value_get(life, hooks[i]), VALUE_OBJECT))
            check_handler(value_get(life, hooks[i]), path(l, "%s.lifecycle.%s", at, hooks[i]), l);
}

/* ---- a container ---- */

static void check_container(const struct value *c, const struct value *spec, const char *at,
                            bool is_pod, struct field_errors *l)
{
    static const char *const messages[] = {"File", "FallbackToLogsOnError", NULL};
    static const char *const pulls[] = {"Always", "IfNotPresent", "Never", NULL};
    const char *name = str(c, "name"), *image = str(c, "image");
    size_t n = strlen(image);
    if (!*name)
        required(l, path(l, "%s.name", at), NULL);
    else
        name_errors(l, path(l, "%s.name", at), name, name__dns1123_label(name, l->arena));
    if (!n)
        required(l, path(l, "%s.image", at), NULL);
    else if (is_pod && (isspace((unsigned char)*image) || isspace((unsigned char)image[n - 1])))
        bad_str(l, path(l, "%s.image", at), image, "must not have leading or trailing whitespace");
    one_of(l, path(l, "%s.terminationMessagePolicy", at), str(c, "terminationMessagePolicy"),
           messages, true);
    check_ports(value_get(c, "ports"), path(l, "%s.ports", at), l);
    check_env(c, at, l);
    check_mounts(c, value_get(spec, "volumes"), at, l);
    one_of(l, path(l, "%s.imagePullPolicy", at), str(c, "imagePullPolicy"), pulls, true);
    validate__resources(value_get(c, "resources"), path(l, "%s.resources", at), l);
    validate__container_security(value_get(c, "securityContext"), path(l, "%s.securityContext", at),
                                 l);
}

static bool named_before(const struct value *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (is(str(&list->items[i], "name"), name))
            return true;
    return false;
}

static void check_regular(const struct value *spec, const char *base, bool is_pod,
                          struct field_errors *l)
{
    static const char *const probes[] = {"livenessProbe", "readinessProbe", "startupProbe"};
    const struct value *list = value_get(spec, "containers");
    const char *field = path(l, "%s.containers", base);
    if (!value_count(list)) {
        required(l, field, NULL);
        return;
    }
    for (size_t i = 0; i < list->n; i++) {
        const struct value *c = &list->items[i];
        const char *at = path(l, "%s[%zu]", field, i), *name = str(c, "name");
        check_container(c, spec, at, is_pod, l);
        if (*name && named_before(list, i, name))
            duplicate(l, path(l, "%s.name", at), name);
        check_lifecycle(c, at, l);
        for (size_t p = 0; p < 3; p++)
            check_probe(c, probes[p], at, l);
        if (has(c, "restartPolicy"))
            forbidden(l, path(l, "%s.restartPolicy", at), "may not be set for non-init containers");
    }
}

static void check_init(const struct value *spec, const char *base, bool is_pod,
                       struct field_errors *l)
{
    static const char *const probes[] = {"livenessProbe", "readinessProbe", "startupProbe"};
    static const char *const restart[] = {"Always", NULL};
    const struct value *list = value_get(spec, "initContainers");
    const struct value *regular = value_get(spec, "containers");
    for (size_t i = 0; i < value_count(list); i++) {
        const struct value *c = &list->items[i];
        const char *at = path(l, "%s.initContainers[%zu]", base, i), *name = str(c, "name");
        bool sidecar = is(str(c, "restartPolicy"), "Always");
        check_container(c, spec, at, is_pod, l);
        if (*name &&
            (named_before(list, i, name) || named_before(regular, value_count(regular), name)))
            duplicate(l, path(l, "%s.name", at), name);
        if (has(c, "restartPolicy"))
            one_of(l, path(l, "%s.restartPolicy", at), str(c, "restartPolicy"), restart, false);
        if (sidecar) {
            check_lifecycle(c, at, l);
            for (size_t p = 0; p < 3; p++)
                check_probe(c, probes[p], at, l);
            continue;
        }
        if (has(c, "lifecycle"))
            forbidden(l, path(l, "%s.lifecycle", at),
                      "may not be set for init containers without restartPolicy=Always");
        for (size_t p = 0; p < 3; p++)
            if (has(c, probes[p]))
                forbidden(l, path(l, "%s.%s", at, probes[p]),
                          "may not be set for init containers without restartPolicy=Always");
    }
}

/* In the host's network a container's port is the host's. */
static void check_host_network(const struct value *spec, const char *base, struct field_errors *l)
{
    const struct value *list = value_get(spec, "containers");
    if (!value_bool(value_get(spec, "hostNetwork"), false))
        return;
    for (size_t i = 0; i < value_count(list); i++) {
        const struct value *ports = value_get(&list->items[i], "ports");
        for (size_t j = 0; j < value_count(ports); j++) {
            const struct value *own = value_get(&ports->items[j], "containerPort");
            int64_t host = value_int(value_get(&ports->items[j], "hostPort"), 0);
            if (own && host && host != value_int(own, 0))
                bad(l, path(l, "%s.containers[%zu].ports[%zu].containerPort", base, i, j), own,
                    "must match `hostPort` when `hostNetwork` is true");
        }
    }
}

static void check_host_ports(const struct value *spec, const char *base, struct field_errors *l)
{
    struct fieldset seen = {0};
    const struct value *list = value_get(spec, "containers");
    for (size_t i = 0; i < value_count(list); i++) {
        const struct value *ports = value_get(&list->items[i], "ports");
        for (size_t j = 0; j < value_count(ports); j++) {
            const struct value *p = &ports->items[j];
            int64_t host = value_int(value_get(p, "hostPort"), 0);
            if (!host)
                continue;
            const char *id =
                path(l, "%s/%s/%lld", str(p, "protocol"), str(p, "hostIP"), (long long)host);
            struct field_path step = {NULL, id};
            if (fieldset__find(&seen, id))
                duplicate(l, path(l, "%s.containers[%zu].ports[%zu].hostPort", base, i, j), id);
            fieldset__insert(&seen, &step, l->arena);
        }
    }
}

/* ---- the pod ---- */

static void check_tolerations(const struct value *spec, const char *base, struct field_errors *l)
{
    static const char *const effects[] = {"NoSchedule", "PreferNoSchedule", "NoExecute", NULL};
    static const char *const ops[] = {"Equal", "Exists", NULL};
    size_t i = 0;
    VALUE_EACH_ITEM (t, value_get(spec, "tolerations")) {
        const char *at = path(l, "%s.tolerations[%zu]", base, i++), *key = str(t, "key");
        const char *op = str(t, "operator");
        if (*key)
            name_errors(l, path(l, "%s.key", at), key, name__qualified(key, l->arena));
        else if (!is(op, "Exists"))
            bad_str(l, path(l, "%s.operator", at), op,
                    "operator must be Exists when `key` is empty, which means \"match all values "
                    "and all keys\"");
        if (has(t, "tolerationSeconds") && !is(str(t, "effect"), "NoExecute"))
            bad_str(l, path(l, "%s.effect", at), str(t, "effect"),
                    "effect must be 'NoExecute' when `tolerationSeconds` is set");
        one_of(l, path(l, "%s.operator", at), op, ops, false);
        if (is(op, "Equal") || !*op)
            name_errors(l, path(l, "%s.operator", at), str(t, "value"),
                        name__label_value(str(t, "value"), l->arena));
        if (is(op, "Exists") && *str(t, "value"))
            bad(l, path(l, "%s.operator", at), value_copy(l->arena, t),
                "value must be empty when `operator` is 'Exists'");
        one_of(l, path(l, "%s.effect", at), str(t, "effect"), effects, false);
    }
}

static void check_names_of(const struct value *spec, const char *base, struct field_errors *l)
{
    static const char *const subdomains[] = {"serviceAccountName", "nodeName", "priorityClassName",
                                             "runtimeClassName"};
    static const char *const labels[] = {"hostname", "subdomain"};
    for (size_t i = 0; i < ARRAY_LEN(subdomains); i++) {
        const char *s = str(spec, subdomains[i]);
        if (*s)
            name_errors(l, path(l, "%s.%s", base, subdomains[i]), s,
                        name__dns1123_subdomain(s, l->arena));
    }
    for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
        const char *s = str(spec, labels[i]);
        if (*s)
            name_errors(l, path(l, "%s.%s", base, labels[i]), s, name__dns1123_label(s, l->arena));
    }
    const struct value *deadline = value_get(spec, "activeDeadlineSeconds");
    int64_t n = value_int(deadline, 1);
    if (n < 1 || n > INT32_MAX)
        bad(l, path(l, "%s.activeDeadlineSeconds", base), deadline,
            "must be between 1 and 2147483647, inclusive");
}

static void check_dns(const struct value *spec, const char *base, struct field_errors *l)
{
    static const char *const policies[] = {"ClusterFirst", "ClusterFirstWithHostNet", "Default",
                                           "None", NULL};
    static const char *const restarts[] = {"Always", "OnFailure", "Never", NULL};
    const struct value *c = value_get(spec, "dnsConfig"), *ns = value_get(c, "nameservers");
    one_of(l, path(l, "%s.restartPolicy", base), str(spec, "restartPolicy"), restarts, true);
    one_of(l, path(l, "%s.dnsPolicy", base), str(spec, "dnsPolicy"), policies, true);
    if (is(str(spec, "dnsPolicy"), "None") && !c)
        required(l, path(l, "%s.dnsConfig", base),
                 "must provide `dnsConfig` when `dnsPolicy` is None");
    else if (is(str(spec, "dnsPolicy"), "None") && !value_count(ns))
        required(l, path(l, "%s.dnsConfig.nameservers", base),
                 "must provide at least one DNS nameserver when `dnsPolicy` is None");
    if (value_count(ns) > 3)
        bad_shown(l, path(l, "%s.dnsConfig.nameservers", base), typed__go(ns, l->arena),
                  "must not have more than 3 nameservers");
    size_t i = 0;
    VALUE_EACH_ITEM (n, ns)
        validate__ip(l, path(l, "%s.dnsConfig.nameservers[%zu]", base, i++), n);
}

static void check_gates(const struct value *spec, const char *base, struct field_errors *l)
{
    const struct value *gates = value_get(spec, "schedulingGates");
    for (size_t i = 0; i < value_count(gates); i++) {
        const char *name = str(&gates->items[i], "name");
        const char *at = path(l, "%s.schedulingGates[%zu]", base, i);
        name_errors(l, at, name, name__qualified(name, l->arena));
        if (named_before(gates, i, name))
            duplicate(l, at, name);
    }
    size_t i = 0;
    VALUE_EACH_ITEM (h, value_get(spec, "hostAliases")) {
        const char *at = path(l, "%s.hostAliases[%zu]", base, i++);
        size_t n = 0;
        validate__ip(l, path(l, "%s.ip", at), value_get(h, "ip"));
        VALUE_EACH_ITEM (name, value_get(h, "hostnames"))
            name_errors(l, path(l, "%s.hostnames[%zu]", at, n++), value_str(name, ""),
                        name__dns1123_subdomain(value_str(name, ""), l->arena));
    }
    i = 0;
    VALUE_EACH_ITEM (g, value_get(spec, "readinessGates")) {
        const char *type = str(g, "conditionType");
        name_errors(l, path(l, "%s.readinessGates[%zu].conditionType", base, i++), type,
                    name__qualified(type, l->arena));
    }
}

static void check_spread(const struct value *spec, const char *base, struct field_errors *l)
{
    static const char *const when[] = {"DoNotSchedule", "ScheduleAnyway", NULL};
    size_t i = 0;
    VALUE_EACH_ITEM (c, value_get(spec, "topologySpreadConstraints")) {
        const char *at = path(l, "%s.topologySpreadConstraints[%zu]", base, i++);
        const char *key = str(c, "topologyKey");
        if (value_int(value_get(c, "maxSkew"), 0) <= 0)
            bad(l, path(l, "%s.maxSkew", at), value_get(c, "maxSkew"), "must be greater than zero");
        if (!*key)
            required(l, path(l, "%s.topologyKey", at), "can not be empty");
        else
            name_errors(l, path(l, "%s.topologyKey", at), key, name__qualified(key, l->arena));
        const struct value *domains = value_get(c, "minDomains");
        if (domains && value_int(domains, 1) <= 0)
            bad(l, path(l, "%s.minDomains", at), domains, "must be greater than zero");
        if (domains && is(str(c, "whenUnsatisfiable"), "ScheduleAnyway"))
            bad(l, path(l, "%s.minDomains", at), domains,
                "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway");
        one_of(l, path(l, "%s.whenUnsatisfiable", at), str(c, "whenUnsatisfiable"), when, true);
        validate__label_selector(l, path(l, "%s.labelSelector", at), value_get(c, "labelSelector"),
                                 false);
    }
}

void validate__pod_spec(struct field_errors *l, const char *base, const struct value *spec,
                        bool is_pod)
{
    validate__volumes(value_get(spec, "volumes"), path(l, "%s.volumes", base), l);
    check_regular(spec, base, is_pod, l);
    check_init(spec, base, is_pod, l);
    check_host_ports(spec, base, l);
    check_host_network(spec, base, l);
    check_dns(spec, base, l);
    validate__meta_labels(l, path(l, "%s.nodeSelector", base), value_get(spec, "nodeSelector"));
    validate__pod_security(spec, base, l);
    validate__affinity(value_get(spec, "affinity"), path(l, "%s.affinity", base), l);
    check_spread(spec, base, l);
    check_gates(spec, base, l);
    check_names_of(spec, base, l);
    check_tolerations(spec, base, l);
    const struct value *grace = value_get(spec, "terminationGracePeriodSeconds");
    (void)grace;
}

void validate__pod_template(struct field_errors *l, const char *at, const struct value *t)
{
    validate__meta_labels(l, path(l, "%s.labels", at), value_at(t, "metadata.labels"));
    VALUE_EACH_MEMBER (m, value_at(t, "metadata.annotations"))
        name_errors(l, path(l, "%s.annotations", at), m->key, name__qualified(m->key, l->arena));
    validate__pod_spec(l, path(l, "%s.spec", at), value_get(t, "spec"), false);
    if (value_count(value_at(t, "spec.ephemeralContainers")))
        forbidden(l, path(l, "%s.spec.ephemeralContainers", at),
                  "ephemeral containers not allowed in pod template");
}

void validate_pod(const struct value *obj, struct field_errors *l)
{
    const struct value *spec = value_get(obj, "spec");
    validate__pod_spec(l, "spec", spec, true);
    if (value_count(value_get(spec, "ephemeralContainers")))
        forbidden(l, "spec.ephemeralContainers", "cannot be set on create");
}

void validate_pod_template(const struct value *obj, struct field_errors *l)
{
    validate__pod_template(l, "template", value_get(obj, "template"));
}

/* ---- updates ---- */

static void mask_images(struct value *spec, const struct value *old, const char *list,
                        struct arena *a)
{
    struct value *now = value_get_mut(spec, list);
    const struct value *was = value_get(old, list);
    for (size_t i = 0; i < value_count(now) && i < value_count(was); i++)
        (void)value_set_str(a, &now->items[i], "image", str(&was->items[i], "image"));
}

static void mask(struct value *spec, const struct value *old, const char *key, struct arena *a)
{
    (void)value_remove(spec, key);
    if (value_get(old, key))
        (void)value_set(a, spec, key, value_copy(a, value_get(old, key)));
}

static void check_deadline(const struct value *now, const struct value *was, struct field_errors *l)
{
    const struct value *n = value_get(now, "activeDeadlineSeconds");
    const struct value *o = value_get(was, "activeDeadlineSeconds");
    if (n && (value_int(n, 0) < 0 || value_int(n, 0) > INT32_MAX))
        bad(l, "spec.activeDeadlineSeconds", n, "must be between 0 and 2147483647, inclusive");
    else if (n && o && value_int(n, 0) > value_int(o, 0))
        bad(l, "spec.activeDeadlineSeconds", n, "must be less than or equal to previous value");
    else if (o && !n)
        bad(l, "spec.activeDeadlineSeconds", n,
            "must not update from a positive integer to nil "
            "value");
}

static void check_added_tolerations(const struct value *now, const struct value *was,
                                    struct field_errors *l)
{
    VALUE_EACH_ITEM (o, value_get(was, "tolerations")) {
        bool kept = false;
        VALUE_EACH_ITEM (n, value_get(now, "tolerations")) {
            struct value *x = value_copy(l->arena, o), *y = value_copy(l->arena, n);
            (void)value_remove(x, "tolerationSeconds");
            (void)value_remove(y, "tolerationSeconds");
            kept |= value_equal(x, y);
        }
        if (!kept) {
            forbidden(l, "spec.tolerations",
                      "existing toleration can not be modified except its tolerationSeconds");
            return;
        }
    }
}

void validate__update_pod(const struct value *obj, const struct value *old, struct field_errors *l)
{
    static const char *const lists[] = {"containers", "initContainers"};
    const struct value *now = value_get(obj, "spec"), *was = value_get(old, "spec");
    struct arena *a = l->arena;
    validate__pod_spec(l, "spec", now, false);
    for (size_t i = 0; i < 2; i++) {
        const struct value *list = value_get(now, lists[i]);
        if (value_count(list) != value_count(value_get(was, lists[i]))) {
            forbidden(l, path(l, "spec.%s", lists[i]),
                      path(l, "pod updates may not add or remove %s",
                           i ? "initContainers" : "containers"));
            return;
        }
    }
    for (size_t i = 0; i < 2; i++) { /* upstream looks at images once more */
        size_t n = 0;
        VALUE_EACH_ITEM (c, value_get(now, lists[i])) {
            if (!*str(c, "image"))
                required(l, path(l, "spec.%s[%zu].image", lists[i], n), NULL);
            n++;
        }
    }
    check_deadline(now, was, l);
    check_added_tolerations(now, was, l);
    struct value *masked = value_copy(a, now);
    mask_images(masked, was, "containers", a);
    mask_images(masked, was, "initContainers", a);
    mask(masked, was, "activeDeadlineSeconds", a);
    mask(masked, was, "tolerations", a);
    if (value_int(value_get(now, "terminationGracePeriodSeconds"), 0) == 1)
        mask(masked, was, "terminationGracePeriodSeconds", a);
    if (value_count(value_get(was, "schedulingGates"))) {
        mask(masked, was, "schedulingGates", a);
        mask(masked, was, "nodeSelector", a);
    }
    if (!value_equal(masked, was))
        forbidden(l, "spec",
                  "pod updates may not change fields other than `spec.containers[*].image`,"
                  "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
                  "`spec.tolerations` (only additions to existing tolerations),"
                  "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was "
                  "previously negative)\n");
}
