#include <string.h>

#include "api/admit.h"
#include "api/names_int.h"
#include "api/quantity.h"
#include "api/tree_int.h"
#include "codec/base64.h"

struct warn {
    struct strict_errors *out;
    struct arena *a;
};

static void say(struct warn *w, const char *fmt, ...) PRINTF(2, 3);
static void say(struct warn *w, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    strict_errors_add(w->out, w->a, arena_vprintf(w->a, fmt, ap));
    va_end(ap);
}

static void fractions(struct warn *w, const struct value *map, const char *at)
{
    static const char *const bytes[] = {"memory", "ephemeral-storage", "storage"};
    VALUE_EACH_MEMBER (m, map) {
        struct quantity q;
        for (size_t i = 0; i < ARRAY_LEN(bytes); i++)
            if (is(m->key, bytes[i]) && quantity_parse(value_str(&m->value, ""), &q, NULL) == 0 &&
                q.nano % 1000000000)
                say(w, "%s[%s]: fractional byte value \"%s\" is invalid, must be an integer", at,
                    m->key, value_str(&m->value, ""));
    }
}

static void env(struct warn *w, const struct value *c, const char *at)
{
    const struct value *list = value_get(c, "env");
    for (size_t i = 1; i < value_count(list); i++)
        for (size_t j = 0; j < i; j++) {
            const struct value *now = &list->items[i], *was = &list->items[j];
            const char *name = str(now, "name");
            if (!is(name, str(was, "name")))
                continue;
            if (strstr(str(now, "value"), arena_printf(w->a, "$(%s)", name)))
                continue;
            say(w,
                "%s.env[%zu]: hides previous definition of \"%s\", which may be dropped when "
                "using apply",
                at, i, name);
            break;
        }
}

static void ports(struct warn *w, const struct value *c, const char *at)
{
    const struct value *list = value_get(c, "ports");
    for (size_t i = 1; i < value_count(list); i++)
        for (size_t j = 0; j < i; j++) {
            const struct value *p = &list->items[i], *q = &list->items[j];
            if (value_int(value_get(p, "containerPort"), 0) !=
                    value_int(value_get(q, "containerPort"), -1) ||
                !is(str(p, "protocol"), str(q, "protocol")))
                continue;
            bool host =
                value_equal(value_get(p, "hostPort") ? value_get(p, "hostPort") : value_null(w->a),
                            value_get(q, "hostPort") ? value_get(q, "hostPort") : value_null(w->a));
            if (host)
                say(w, "%s.ports[%zu]: duplicate port definition with %s.ports[%zu]", at, i, at, j);
            break;
        }
}

static void containers(struct warn *w, const struct value *spec, const char *base,
                       const char *field)
{
    size_t i = 0;
    VALUE_EACH_ITEM (c, value_get(spec, field)) {
        const char *at = arena_printf(w->a, "%s.%s[%zu]", base, field, i++);
        fractions(w, value_at(c, "resources.limits"),
                  arena_printf(w->a, "%s.resources.limits", at));
        fractions(w, value_at(c, "resources.requests"),
                  arena_printf(w->a, "%s.resources.requests", at));
        env(w, c, at);
        ports(w, c, at);
    }
}

static const struct {
    const char *old, *since, *new;
} NODE_LABELS[] = {
    {"beta.kubernetes.io/arch",                  "v1.14", "kubernetes.io/arch"              },
    {"beta.kubernetes.io/os",                    "v1.14", "kubernetes.io/os"                },
    {"failure-domain.beta.kubernetes.io/region", "v1.17", "topology.kubernetes.io/region"   },
    {"failure-domain.beta.kubernetes.io/zone",   "v1.17", "topology.kubernetes.io/zone"     },
    {"beta.kubernetes.io/instance-type",         "v1.17", "node.kubernetes.io/instance-type"},
};

static void pod_spec(struct warn *w, const struct value *spec, const struct value *notes,
                     const char *base, const char *meta)
{
    const struct value *labels = value_get(spec, "nodeSelector");
    for (size_t i = 0; i < ARRAY_LEN(NODE_LABELS); i++)
        if (value_get(labels, NODE_LABELS[i].old))
            say(w, "%s.nodeSelector[%s]: deprecated since %s; use \"%s\" instead", base,
                NODE_LABELS[i].old, NODE_LABELS[i].since, NODE_LABELS[i].new);
    size_t i = 0;
    VALUE_EACH_ITEM (c, value_get(spec, "topologySpreadConstraints")) {
        if (!has(c, "labelSelector"))
            say(w,
                "%s.topologySpreadConstraints[%zu].labelSelector: a null labelSelector results in "
                "matching no pod",
                base, i);
        i++;
    }
    const struct value *aliases = value_get(spec, "hostAliases");
    for (i = 1; i < value_count(aliases); i++)
        for (size_t j = 0; j < i; j++)
            if (is(str(&aliases->items[i], "ip"), str(&aliases->items[j], "ip"))) {
                say(w, "%s.hostAliases[%zu].ip: duplicate ip \"%s\"", base, i,
                    str(&aliases->items[i], "ip"));
                break;
            }
    VALUE_EACH_MEMBER (m, notes)
        if (strncmp(m->key, "container.apparmor.security.beta.kubernetes.io/", 47) == 0)
            say(w,
                "%s.annotations[%s]: deprecated since v1.30; use the \"appArmorProfile\" field "
                "instead",
                meta, m->key);
    containers(w, spec, base, "initContainers");
    containers(w, spec, base, "containers");
}

static void pod(struct warn *w, const struct value *obj)
{
    const char *name = value_at_str(obj, "metadata.name", "");
    bool long_name = strlen(name) > 63, dots = strchr(name, '.');
    if (long_name || dots)
        say(w,
            "metadata.name: this is used in the Pod's hostname, which can result in surprising "
            "behavior; a DNS label is recommended: [%s%s%s]",
            long_name ? "must be no more than 63 characters" : "", long_name && dots ? " " : "",
            dots ? "must not contain dots" : "");
    pod_spec(w, value_get(obj, "spec"), value_at(obj, "metadata.annotations"), "spec", "metadata");
}

static void ips(struct warn *w, const struct value *list, const char *at)
{
    size_t i = 0;
    VALUE_EACH_ITEM (ip, list) {
        unsigned a, b, c, d;
        const char *s = value_str(ip, "");
        if (!strchr(s, ':') && sscanf(s, "%u.%u.%u.%u", &a, &b, &c, &d) == 4) {
            const char *plain = arena_printf(w->a, "%u.%u.%u.%u", a, b, c, d);
            if (!is(plain, s))
                say(w,
                    "%s[%zu]: non-standard IP address \"%s\" will be considered invalid in a "
                    "future Kubernetes release: use \"%s\"",
                    at, i, s, plain);
        }
        i++;
    }
}

static void service(struct warn *w, const struct value *obj)
{
    static const char hints[] = "service.kubernetes.io/topology-aware-hints";
    if (value_get(value_at(obj, "metadata.annotations"), hints))
        say(w,
            "annotation %s is deprecated, please use service.kubernetes.io/topology-mode instead",
            hints);
    ips(w, value_at(obj, "spec.clusterIPs"), "spec.clusterIPs");
    ips(w, value_at(obj, "spec.externalIPs"), "spec.externalIPs");
}

static void secret(struct warn *w, const struct value *obj)
{
    const struct value *crt = value_get(value_get(obj, "data"), "tls.crt");
    char *text;
    size_t n;
    if (!is(str(obj, "type"), "kubernetes.io/tls") || !crt ||
        base64_decode(w->a, value_str(crt, ""), value_count(crt), BASE64_STD, &text, &n, NULL) < 0)
        return;
    if (!strstr(text, "-----BEGIN "))
        say(w, "tls: failed to find any PEM data in certificate input");
}

void admit_warnings(const struct kind *k, const struct value *obj, const struct value *old,
                    struct strict_errors *out, struct arena *a)
{
    struct warn w = {out, a};
    const struct resource *r = k->resource;
    static const char class[] = "kubernetes.io/ingress.class";
    const char *t = r == &RES_CRON_JOB ? "spec.jobTemplate.spec.template" : "spec.template";
    if (k->crd && k->crd->deprecation_warning)
        say(&w, "%s", k->crd->deprecation_warning);
    if (r == &RES_ENDPOINTS)
        say(&w, "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice");
    if (r == &RES_POD)
        pod(&w, obj);
    else if (r == &RES_SERVICE)
        service(&w, obj);
    else if (r == &RES_SECRET)
        secret(&w, obj);
    else if (r == &RES_INGRESS && !old && value_get(value_at(obj, "metadata.annotations"), class))
        say(&w, "annotation \"%s\" is deprecated, please use 'spec.ingressClassName' instead",
            class);
    else if (r == &RES_PERSISTENT_VOLUME_CLAIM)
        fractions(&w, value_at(obj, "spec.resources.requests"), "spec.resources.requests");
    else if (!k->crd && value_at(obj, t))
        pod_spec(&w, value_at(value_at(obj, t), "spec"),
                 value_at(value_at(obj, t), "metadata.annotations"), arena_printf(a, "%s.spec", t),
                 arena_printf(a, "%s.metadata", t));
}
