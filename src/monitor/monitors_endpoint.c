/* monitors_endpoint.c - an endpoint of a ServiceMonitor or PodMonitor: how it is asked. */
#include <string.h>
#include <strings.h>

#include "codec/base64.h"
#include "codec/json.h"
#include "monitor/monitors_int.h"
#include "rules/rules.h"

static int known_fields(const struct value *v, const char *what, const char *const *known,
                        struct err *e)
{
    VALUE_EACH_MEMBER (m, v) {
        size_t i = 0;
        while (known[i] && strcmp(known[i], m->key) != 0)
            i++;
        if (!known[i])
            return err_set(e, ERR_INVALID, "%s.%.60s is not acted on here", what, m->key);
    }
    return 0;
}

int monitors__check(const struct object *monitor, struct err *e)
{
    static const char *const known[] = {"selector",
                                        "namespaceSelector",
                                        "endpoints",
                                        "podMetricsEndpoints",
                                        "jobLabel",
                                        "targetLabels",
                                        "podTargetLabels",
                                        "sampleLimit",
                                        "scrapeProtocols",
                                        "scrapeClassicHistograms",
                                        NULL};
    return known_fields(value_get(monitor->root, "spec"), "spec", known, e);
}

/* The key of a Secret or ConfigMap that {name, key} names, in the monitor's namespace. */
static int read_key(struct controller_ctx *c, const struct object *monitor,
                    const struct resource *res, const struct value *ref, struct arena *a,
                    const char **out, struct err *e)
{
    const char *name = value_at_str(ref, "name", ""), *key = value_at_str(ref, "key", "");
    struct object *o;
    char *text;
    size_t n;
    if (!ref)
        return 0;
    int r = kube_get(c->kube, res, monitor->ns, name, &o, e);
    if (r == ERR_NOT_FOUND)
        return err_set(e, ERR_INVALID, "there is no %s %s", res->kind, name);
    if (r < 0)
        return r;
    const char *held = value_str(value_get(value_get(o->root, "data"), key), NULL);
    if (!held)
        r = err_set(e, ERR_INVALID, "%s %s has no key %s", res->kind, name, key);
    else if (res == &RES_CONFIG_MAP)
        *out = arena_strdup(a, held);
    else if ((r = base64_decode(a, held, strlen(held), BASE64_STD, &text, &n, e)) == 0)
        *out = arena_strndup(a, text, n);
    object_unref(o);
    return r;
}

/* {secret: {…}} or {configMap: {…}} */
static int read_either(struct controller_ctx *c, const struct object *monitor,
                       const struct value *v, struct arena *a, const char **out, struct err *e)
{
    int r = read_key(c, monitor, &RES_SECRET, value_get(v, "secret"), a, out, e);
    return r == 0 ? read_key(c, monitor, &RES_CONFIG_MAP, value_get(v, "configMap"), a, out, e) : r;
}

static int read_auth(struct controller_ctx *c, const struct object *monitor, const struct value *v,
                     struct arena *a, struct scrape_opts *o, struct err *e)
{
    static const char *const tls_known[] = {"ca", "cert", "keySecret", "insecureSkipVerify", NULL};
    const struct value *tls = value_get(v, "tlsConfig"), *other = value_get(v, "authorization");
    const struct value *token = value_get(v, "bearerTokenSecret");
    int r = known_fields(tls, "tlsConfig", tls_known, e);
    if (r == 0 && other && strcasecmp(value_at_str(other, "type", "Bearer"), "Bearer") != 0)
        r = err_set(e, ERR_INVALID, "authorization.type: only Bearer is acted on here");
    if (r == 0 && *value_at_str(token, "name", ""))
        r = read_key(c, monitor, &RES_SECRET, token, a, &o->bearer, e);
    if (r == 0)
        r = read_key(c, monitor, &RES_SECRET, value_get(other, "credentials"), a, &o->bearer, e);
    if (r == 0)
        r = read_key(c, monitor, &RES_SECRET, value_at(v, "basicAuth.username"), a, &o->user, e);
    if (r == 0)
        r = read_key(c, monitor, &RES_SECRET, value_at(v, "basicAuth.password"), a, &o->password,
                     e);
    if (r == 0)
        r = read_either(c, monitor, value_get(tls, "ca"), a, &o->ca_pem, e);
    if (r == 0)
        r = read_either(c, monitor, value_get(tls, "cert"), a, &o->cert_pem, e);
    if (r == 0)
        r = read_key(c, monitor, &RES_SECRET, value_get(tls, "keySecret"), a, &o->key_pem, e);
    o->insecure = value_at_bool(tls, "insecureSkipVerify", false);
    return r;
}

static int read_time(const struct value *v, const char *name, int64_t *out, struct err *e)
{
    const char *text = value_at_str(v, name, "");
    int r = *text ? rules_duration(text, out, e) : 0;
    return r < 0 ? err_wrap(e, ERR_INVALID, "%s", name) : 0;
}

static bool wants_protobuf(const struct value *spec)
{
    const struct value *list = value_get(spec, "scrapeProtocols");
    VALUE_EACH_ITEM (p, list)
        if (strcmp(value_str(p, ""), "PrometheusProto") == 0)
            return true;
    return list == NULL;
}

static const char *or_nothing(const char *s)
{
    return s ? s : "";
}

/* Changes when anything does that a target is made of. */
static const char *version_of(const struct object *monitor, const struct scrape_opts *o,
                              struct arena *a)
{
    return arena_join(a, json_text(a, value_get(monitor->root, "spec"), 0), "\n",
                      or_nothing(o->bearer), "\n", or_nothing(o->user), "\n",
                      or_nothing(o->password), "\n", or_nothing(o->ca_pem), or_nothing(o->cert_pem),
                      or_nothing(o->key_pem), NULL);
}

int monitors__endpoint(struct controller_ctx *c, const struct object *monitor,
                       const struct value *v, struct arena *a, struct endpoint *out, struct err *e)
{
    static const char *const known[] = {
        "port",        "targetPort",    "portNumber",        "path",
        "scheme",      "params",        "interval",          "scrapeTimeout",
        "honorLabels", "relabelings",   "metricRelabelings", "basicAuth",
        "tlsConfig",   "authorization", "bearerTokenSecret", NULL};
    const struct value *spec = value_get(monitor->root, "spec");
    struct scrape_opts *o = &out->opts;
    *out = (struct endpoint){.spec = v};
    int r = known_fields(v, "endpoint", known, e);
    if (r == 0)
        r = read_time(v, "interval", &o->interval_ms, e);
    if (r == 0)
        r = read_time(v, "scrapeTimeout", &o->timeout_ms, e);
    if (r == 0 && o->interval_ms && o->timeout_ms > o->interval_ms)
        r = err_set(e, ERR_INVALID, "scrapeTimeout is longer than interval");
    if (r == 0)
        r = scrape_times_check(o->interval_ms, o->timeout_ms, e);
    if (r == 0)
        r = read_auth(c, monitor, v, a, o, e);
    if (r == 0)
        r = relabel_new(value_get(v, "relabelings"), true, &out->relabel, e);
    if (r < 0)
        return r;
    int64_t limit = value_at_int(spec, "sampleLimit", 0);
    o->sample_limit = limit > 0 ? (size_t)limit : 0;
    o->honor_labels = value_at_bool(v, "honorLabels", false);
    o->classic = value_at_bool(spec, "scrapeClassicHistograms", false);
    o->text_only = !wants_protobuf(spec);
    o->version = version_of(monitor, o, a);
    return 0;
}
