/* webhooks_call.c - one question to one admission webhook. */
#include <string.h>

#include "apiserver/webhooks_int.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "net/http_client.h"

/* ---- where a service is ---- */

/* The name of the service's port, and what it is at pods: a number, or a name as text. */
static const struct value *port_of(const struct value *service, int64_t number)
{
    VALUE_EACH_ITEM (p, value_at(service, "spec.ports"))
        if (value_at_int(p, "port", 0) == number)
            return p;
    return NULL;
}

static const char *ready_address(const struct value *slice)
{
    VALUE_EACH_ITEM (x, value_get(slice, "endpoints"))
        if (value_at_bool(x, "conditions.ready", true))
            return value_at_str(x, "addresses[0]", "");
    return "";
}

/* "ADDRESS:PORT" of a pod that is ready: the server is on the pods' network, names are not. */
static const char *endpoint_of(struct call *c, const char *ns, const char *name,
                               const struct value *port)
{
    const struct served *k = kinds__of(c->s, &RES_ENDPOINT_SLICE);
    const char *prefix = arena_printf(c->a, "%s%s/", k->prefix, ns), *found = NULL;
    const char *wanted = value_at_str(port, "name", "");
    struct entry_list l = {0};
    if (store_list(c->s->store, prefix, NULL, 0, 0, &l, NULL) < 0)
        return NULL;
    for (size_t i = 0; i < l.n && !found; i++) {
        AUTO(object) struct object *o = stored__object(c->s, k, l.items[i]);
        const char *of = object_label(o, "kubernetes.io/service-name");
        const char *address = ready_address(o->root);
        if (!of || strcmp(of, name) != 0 || !*address)
            continue;
        VALUE_EACH_ITEM (p, value_get(o->root, "ports"))
            if (!found && strcmp(value_at_str(p, "name", ""), wanted) == 0)
                found = arena_printf(c->a, strchr(address, ':') ? "[%s]:%lld" : "%s:%lld", address,
                                     (long long)value_at_int(p, "port", 0));
    }
    entry_list_done(&l);
    return found;
}

/* The URL to ask, and where it is; *at NULL: where its name says. */
static int address_of(struct call *c, const struct value *client, const char **url, const char **at,
                      struct err *e)
{
    const struct value *s = value_get(client, "service");
    *url = value_at_str(client, "url", "");
    *at = NULL;
    if (!s)
        return 0;
    const char *ns = value_at_str(s, "namespace", ""), *name = value_at_str(s, "name", "");
    int64_t number = value_at_int(s, "port", 443);
    *url = arena_printf(c->a, "https://%s.%s.svc:%lld%s", name, ns, (long long)number,
                        value_at_str(s, "path", "/"));
    AUTO(object) struct object *o = peek(c->s, &RES_SERVICE, ns, name);
    if (!o)
        return err_set(e, ERR_NOT_FOUND, "service \"%s\" not found", name);
    const struct value *port = port_of(o->root, number);
    if (!port)
        return err_set(e, ERR_NOT_FOUND, "no service port %lld found for service \"%s\"",
                       (long long)number, name);
    *at = endpoint_of(c, ns, name, port);
    return *at ? 0 : err_set(e, ERR_NOT_FOUND, "no endpoints available for service \"%s\"", name);
}

/* ---- asking ---- */

static int read_answer(struct call *c, const struct http_answer *answer, const char *uid,
                       const struct value **out, struct err *e)
{
    struct value *doc;
    int rc = json_parse(c->a, answer->body, answer->body_len, 0, &doc, e);
    if (rc < 0)
        return err_wrap(e, rc, "received invalid webhook response");
    const struct value *response = value_get(doc, "response");
    if (strcmp(value_at_str(doc, "kind", ""), "AdmissionReview") != 0 ||
        strcmp(value_at_str(doc, "apiVersion", ""), "admission.k8s.io/v1") != 0)
        return err_set(e, ERR_INVALID,
                       "received invalid webhook response: expected webhook response of "
                       "admission.k8s.io/v1, Kind=AdmissionReview, got %s, Kind=%s",
                       value_at_str(doc, "apiVersion", ""), value_at_str(doc, "kind", ""));
    if (!value_is(response, VALUE_OBJECT))
        return err_set(e, ERR_INVALID,
                       "received invalid webhook response: webhook response was "
                       "absent");
    if (strcmp(value_at_str(response, "uid", ""), uid) != 0)
        return err_set(e, ERR_INVALID,
                       "received invalid webhook response: expected response.uid=\"%s\", got "
                       "\"%s\"",
                       uid, value_at_str(response, "uid", ""));
    *out = response;
    return 0;
}

static int post(struct call *c, const struct http_client_opts *opts, const char *url,
                const struct value *review, struct http_answer *answer, struct err *e)
{
    static const char *const headers[] = {"Content-Type: application/json",
                                          "Accept: application/json", NULL};
    AUTO(http_client) struct http_client *client = http_client_new(opts);
    const char *body = json_text(c->a, review, 0);
    const struct http_call call = {.method = "POST",
                                   .url = url,
                                   .headers = headers,
                                   .body = body,
                                   .body_len = strlen(body),
                                   .max_answer = API_BODY_MAX};
    int rc = http_do(client, &call, c->a, answer, e);
    if (rc == 0 && (answer->status < 200 || answer->status > 299))
        rc = err_set(e, ERR_AGAIN, "the server answered %d: %.200s", answer->status, answer->body);
    return rc < 0 ? err_wrap(e, rc, "Post \"%s\"", url) : 0;
}

int webhooks__ask(struct call *c, const struct webhook *h, const struct value *review,
                  const char *uid, const struct value **out, struct err *e)
{
    const struct value *client = value_get(h->doc, "clientConfig");
    const char *bundle = value_at_str(client, "caBundle", ""), *url, *at;
    int64_t seconds = value_at_int(h->doc, "timeoutSeconds", 10);
    struct http_client_opts opts = {.timeout_ms = seconds * 1000, .no_proxy = true};
    struct http_answer answer;
    char *pem = NULL;
    size_t n;
    int rc = address_of(c, client, &url, &at, e);
    if (rc == 0 && *bundle)
        rc = base64_decode(c->a, bundle, strlen(bundle), BASE64_STD, &pem, &n, e);
    if (rc < 0)
        return rc;
    opts.ca_pem = pem;
    opts.connect_to = at;
    url = arena_printf(c->a, "%s?timeout=%llds", url, (long long)seconds);
    rc = post(c, &opts, url, review, &answer, e);
    return rc < 0 ? err_wrap(e, rc, "failed to call webhook")
                  : read_answer(c, &answer, uid, out, e);
}
