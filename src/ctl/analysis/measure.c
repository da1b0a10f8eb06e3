#include "ctl/analysis/measure.h"

#include <math.h>
#include <string.h>

#include "api/object.h"
#include "codec/json.h"
#include "codec/jsonpath.h"
#include "ctl/analysis/baseline.h"
#include "kube/write.h"
#include "net/http_client.h"

enum { WEB_TIMEOUT_S = 10, ANSWER_MAX = 1 << 20, SHOWN_MAX = 1000 };

/* ---- prometheus ---- */

static struct value *sample(struct arena *a, const char *text)
{
    struct value *v = value_null(a);
    v->kind = VALUE_FLOAT;
    v->d = strcmp(text, "NaN") == 0 ? (double)NAN : strtod(text, NULL);
    v->text = arena_strdup(a, text);
    v->n = (uint32_t)strlen(text);
    return v;
}

int measure_prometheus_value(struct arena *a, const struct value *data, struct value **out,
                             struct err *e)
{
    const char *type = value_at_str(data, "resultType", "");
    const struct value *result = value_get(data, "result");
    if (strcmp(type, "scalar") == 0) {
        *out = sample(a, value_str(value_item(result, 1), "NaN"));
        return 0;
    }
    if (strcmp(type, "vector") != 0)
        return err_set(e, ERR_INVALID, "the query gives a %s; a vector or a scalar is needed",
                       *type ? type : "result without a type");
    struct value *list = value_new_array(a);
    VALUE_EACH_ITEM (s, result)
        (void)value_push(a, list,
                         sample(a, value_str(value_item(value_get(s, "value"), 1), "NaN")));
    *out = list;
    return 0;
}

static const char *percent(struct arena *a, const char *text)
{
    char *out = arena_alloc(a, strlen(text) * 3 + 1), *w = out;
    for (const unsigned char *s = (const unsigned char *)text; *s; s++) {
        bool plain = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
                     (*s >= '0' && *s <= '9') || strchr("-_.~", *s);
        w += plain ? (*w = (char)*s, 1) : snprintf(w, 4, "%%%02X", *s);
    }
    return out;
}

static const char *const *headers_of(struct arena *a, const struct value *list)
{
    const char **out = ARENA_ARRAY(a, const char *, value_count(list) + 2);
    size_t n = 0;
    VALUE_EACH_ITEM (h, list)
        out[n++] =
            arena_printf(a, "%s: %s", value_at_str(h, "key", ""), value_at_str(h, "value", ""));
    return out;
}

static int http_get(struct measure_ctx *m, const struct value *spec, const struct http_call *call,
                    int64_t timeout_s, struct http_answer *out, struct err *e)
{
    struct http_client_opts opts = {.insecure = value_at_bool(spec, "insecure", false),
                                    .timeout_ms = timeout_s * 1000};
    if (strncmp(call->url, "http://", 7) != 0 && strncmp(call->url, "https://", 8) != 0)
        return err_set(e, ERR_INVALID, "an http or https address is needed");
    AUTO(http_client) struct http_client *client = http_client_new(&opts);
    int rc = http_do(client, call, m->a, out, e);
    if (rc == 0 && (out->status < 200 || out->status > 299))
        rc = err_set(e, ERR_AGAIN, "received non 2xx response code: %d", out->status);
    return rc;
}

static int query_remote(struct measure_ctx *m, const struct value *spec, const char *address,
                        const char *query, int64_t at_ms, struct value **out, struct err *e)
{
    struct http_answer answer;
    struct value *doc;
    size_t n = strlen(address);
    struct http_call call = {.method = "GET",
                             .url = arena_printf(m->a, "%s%sapi/v1/query?query=%s&time=%.3f",
                                                 address, n && address[n - 1] == '/' ? "" : "/",
                                                 percent(m->a, query), (double)at_ms / 1000),
                             .headers = headers_of(m->a, value_get(spec, "headers")),
                             .max_answer = ANSWER_MAX};
    int rc = http_get(m, spec, &call, value_at_int(spec, "timeout", 30), &answer, e);
    if (rc == 0)
        rc = json_parse(m->a, answer.body, answer.body_len, 0, &doc, e);
    if (rc < 0)
        return rc;
    const struct value *data = value_get(doc, "data");
    if (strcmp(value_at_str(doc, "status", ""), "success") != 0 || !data)
        return err_set(e, ERR_INVALID, "%s", value_at_str(doc, "error", "the query failed"));
    *out = value_copy(m->a, data);
    return 0;
}

int measure__ask(struct measure_ctx *m, const struct value *spec, const char *query, int64_t at_ms,
                 struct value **out, struct err *e)
{
    const char *address = value_at_str(spec, "address", "");
    if (*address)
        return query_remote(m, spec, address, query, at_ms, out, e);
    if (m->opts->query)
        return m->opts->query(m->opts->arg, query, at_ms, m->a, out, e);
    return err_set(e, ERR_INVALID, "the address of a Prometheus is missing");
}

static int prometheus(struct measure_ctx *m, const struct value *spec, struct measurement *out,
                      struct err *e)
{
    struct value *data, *value;
    int rc = measure__ask(m, spec, value_at_str(spec, "query", ""),
                          m->c->clock->real_ms(m->c->clock), &data, e);
    if (rc == 0)
        rc = measure_prometheus_value(m->a, data, &value, e);
    if (rc < 0)
        return rc;
    out->value = value;
    if (value_is(value, VALUE_ARRAY)) {
        out->shown = "[";
        for (size_t i = 0; i < value_count(value); i++)
            out->shown =
                arena_printf(m->a, "%s%s%s", out->shown, i ? "," : "", value->items[i].text);
        out->shown = arena_printf(m->a, "%s]", out->shown);
    } else {
        out->shown = value->text;
    }
    return 0;
}

/* ---- web ---- */

/* Rollouts' JSONPath is written "{$.a.b}". */
static const char *path_of(struct arena *a, const struct value *spec)
{
    const char *path = value_at_str(spec, "jsonPath", "");
    if (!*path)
        return NULL;
    if (strncmp(path, "{$", 2) == 0)
        return strcmp(path, "{$}") == 0 ? NULL : arena_printf(a, "{%s", path + 2);
    return *path == '{' ? path : arena_printf(a, "{.%s}", path);
}

static int web_value(struct measure_ctx *m, const struct value *spec, struct value *doc,
                     struct measurement *out, struct err *e)
{
    const char *path = path_of(m->a, spec);
    const struct value **found = NULL;
    size_t n = 0;
    struct jsonpath *p;
    int rc = 0;
    if (path) {
        rc = jsonpath_compile(m->a, path, &p, e);
        if (rc == 0)
            rc = jsonpath_find(m->a, p, doc, 0, &found, &n, e);
        if (rc == 0 && n == 0)
            rc = err_set(e, ERR_NOT_FOUND, "the answer has nothing at %s", path);
    }
    if (rc < 0)
        return rc;
    out->value = path ? found[0] : doc;
    if (n > 1) {
        struct value *list = value_new_array(m->a);
        for (size_t i = 0; i < n; i++)
            (void)value_push(m->a, list, found[i]);
        out->value = list;
    }
    out->shown =
        value_is(out->value, VALUE_STRING) ? out->value->text : json_text(m->a, out->value, 0);
    return 0;
}

static int web(struct measure_ctx *m, const struct value *spec, struct measurement *out,
               struct err *e)
{
    struct http_answer answer;
    struct value *doc;
    const struct value *json = value_get(spec, "jsonBody");
    const char *body = json ? json_text(m->a, json, 0) : value_at_str(spec, "body", NULL);
    struct http_call call = {.method = value_at_str(spec, "method", "GET"),
                             .url = value_at_str(spec, "url", ""),
                             .headers = headers_of(m->a, value_get(spec, "headers")),
                             .body = body,
                             .body_len = body ? strlen(body) : 0,
                             .max_answer = ANSWER_MAX};
    int rc =
        http_get(m, spec, &call, value_at_int(spec, "timeoutSeconds", WEB_TIMEOUT_S), &answer, e);
    if (rc < 0)
        return rc;
    /* What is not JSON is text, as a whole. */
    if (json_parse(m->a, answer.body, answer.body_len, 0, &doc, e) < 0) {
        if (path_of(m->a, spec))
            return err_set(e, ERR_INVALID, "could not parse the answer as JSON");
        doc = value_new_strn(m->a, answer.body, answer.body_len);
    }
    return web_value(m, spec, doc, out, e);
}

/* ---- job ---- */

static struct value *job_of(struct measure_ctx *m, const struct value *spec, const char *name)
{
    struct value *o = value_new_object(m->a);
    (void)value_set_str(m->a, o, "apiVersion", "batch/v1");
    (void)value_set_str(m->a, o, "kind", "Job");
    const struct value *meta = value_get(spec, "metadata");
    (void)value_set(m->a, o, "metadata", meta ? value_copy(m->a, meta) : value_new_object(m->a));
    struct value *into = value_get_mut(o, "metadata");
    (void)value_set_str(m->a, into, "name", name);
    (void)value_set_str(m->a, into, "namespace", m->run->ns);
    (void)value_set_str(m->a, value_make_object(m->a, into, "labels"),
                        "analysisrun.argoproj.io/uid", m->run->uid);
    (void)value_push(m->a, value_make_array(m->a, into, "ownerReferences"),
                     owner_reference(m->a, &RES_ANALYSIS_RUN, m->run));
    (void)value_set(m->a, o, "spec", value_get(spec, "spec"));
    struct value *pod = value_at_mut(o, "spec.template.spec");
    if (pod && !value_get(pod, "restartPolicy"))
        (void)value_set_str(m->a, pod, "restartPolicy", "Never");
    return o;
}

static bool has(const struct value *job, const char *type)
{
    return strcmp(value_at_str(object_condition(job, type), "status", ""), "True") == 0;
}

static int job(struct measure_ctx *m, const struct value *spec, struct measurement *out,
               struct err *e)
{
    const char *name = value_at_str(m->metadata, "job-name", NULL);
    AUTO(object) struct object *o = NULL;
    int rc = 0;
    out->metadata = value_new_object(m->a);
    if (!name) {
        name = arena_printf(m->a, "%.30s.%.20s.%zu", m->run->name,
                            value_at_str(m->metric, "name", ""), m->index + 1);
        rc = kube_create(m->c->kube, &RES_JOB, m->run->ns, job_of(m, value_copy(m->a, spec), name),
                         NULL, e);
        rc = rc == ERR_EXISTS ? 0 : rc;
    }
    if (rc == 0)
        rc = kube_get(m->c->kube, &RES_JOB, m->run->ns, name, &o, e);
    if (rc < 0)
        return rc;
    (void)value_set_str(m->a, out->metadata, "job-name", name);
    out->phase = has(o->root, "Complete") ? "Successful"
                 : has(o->root, "Failed") ? "Failed"
                                          : "Running";
    if (has(o->root, "Failed"))
        out->message =
            arena_strdup(m->a, value_at_str(object_condition(o->root, "Failed"), "message", ""));
    return 0;
}

/* ---- plugins ---- */

static int plugin(struct measure_ctx *m, const struct value *spec, struct measurement *out,
                  struct err *e)
{
    const struct value *settings = baseline_settings(m->metric);
    if (settings)
        return baseline_measure(m, settings, out, e);
    VALUE_EACH_MEMBER (p, spec)
        return err_set(e, ERR_UNSUPPORTED, "plugin %s is not offered here; slipway.dev/baseline is",
                       p->key);
    return err_set(e, ERR_INVALID, "provider.plugin is empty");
}

int measure(struct measure_ctx *m, struct measurement *out, struct err *e)
{
    static const struct {
        const char *name;
        int (*fn)(struct measure_ctx *, const struct value *, struct measurement *, struct err *);
    } providers[] = {
        {"prometheus", prometheus},
        {"web",        web       },
        {"job",        job       },
        {"plugin",     plugin    },
    };
    const struct value *given = value_get(m->metric, "provider");
    struct measurement got = {.shown = "", .message = ""};
    for (size_t i = 0; i < ARRAY_LEN(providers); i++) {
        const struct value *spec = value_get(given, providers[i].name);
        if (!spec)
            continue;
        int rc = providers[i].fn(m, spec, &got, e);
        if (rc < 0)
            return rc;
        if (strlen(got.shown) > SHOWN_MAX)
            got.shown = arena_printf(m->a, "%.*s…", SHOWN_MAX, got.shown);
        *out = got;
        return 0;
    }
    VALUE_EACH_MEMBER (p, given)
        return err_set(e, ERR_UNSUPPORTED, "provider %s is not offered here", p->key);
    return err_set(e, ERR_INVALID, "provider is missing");
}
