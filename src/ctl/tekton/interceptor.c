/* interceptor.c - the interceptors for forges, and the choice among all of them. */
#include <gnutls/crypto.h>

#include "base/own.h"
#include "codec/base64.h"
#include "ctl/tekton/event.h"
#include "ctl/tekton/params.h"

enum { HMAC_MAX = 64 };

/* What a forge calls its things. */
struct forge {
    const char *name, *event_header, *signature_header;
    bool token; /* the header holds the secret itself, no signature */
};

static const struct forge forges[] = {
    {"github",    "X-Github-Event", "X-Hub-Signature-256", false},
    {"gitlab",    "X-Gitlab-Event", "X-Gitlab-Token",      true },
    {"bitbucket", "X-Event-Key",    "X-Hub-Signature",     false},
    {"gitea",     "X-Gitea-Event",  "X-Gitea-Signature",   false},
};

static int read_secret(const struct event_secrets *s, const struct value *ref, const char *forge,
                       struct arena *a, const char **out, size_t *n, struct err *e)
{
    const char *key = value_at_str(ref, "secretKey", "");
    if (!*key)
        return err_set(e, ERR_DENIED, "%s interceptor secretRef.secretKey is empty", forge);
    const char *ns = value_at_str(ref, "namespace", s->ns);
    struct err why = {0};
    if (s->get(s->arg, ns, value_at_str(ref, "secretName", ""), key, a, out, n, &why) < 0)
        return err_set(e, ERR_DENIED, "error getting secret: %s", why.msg);
    return 0;
}

/* Compares in a time that does not depend on where they differ. */
static bool same_secret(const char *a, size_t n, const char *b, size_t m)
{
    unsigned char diff = n != m;
    for (size_t i = 0; i < n && i < m; i++)
        diff |= (unsigned char)(a[i] ^ b[i]);
    return diff == 0;
}

/* "sha256=<hex>", "sha1=<hex>", or the bare hex of SHA-256. */
static int check_signature(const char *said, const char *body, const char *key, size_t key_n,
                           struct arena *a, struct err *e)
{
    gnutls_mac_algorithm_t mac = GNUTLS_MAC_SHA256;
    const char *hex = strchr(said, '=');
    if (strncmp(said, "sha1=", 5) == 0)
        mac = GNUTLS_MAC_SHA1;
    else if (strncmp(said, "sha512=", 7) == 0)
        mac = GNUTLS_MAC_SHA512;
    else if (hex && strncmp(said, "sha256=", 7) != 0)
        return err_set(e, ERR_DENIED, "unknown hash type prefix: \"%.*s\"", (int)(hex - said),
                       said);
    hex = hex ? hex + 1 : said;
    unsigned char digest[HMAC_MAX];
    int rc = gnutls_hmac_fast(mac, key, key_n, body, strlen(body), digest);
    if (rc < 0)
        return err_set(e, ERR_SYSTEM, "hmac: %s", gnutls_strerror(rc));
    const char *want = hex_encode(a, digest, gnutls_hmac_get_len(mac));
    if (!same_secret(want, strlen(want), hex, strlen(hex)))
        return err_set(e, ERR_DENIED, "payload signature check failed");
    return 0;
}

static int check_event_type(const struct event *ev, const struct forge *f,
                            const struct value *types, struct arena *a, struct err *e)
{
    const char *is = event_header(ev, f->event_header, a);
    if (!types)
        return 0;
    VALUE_EACH_ITEM (t, types)
        if (strcmp(value_str(t, ""), is) == 0)
            return 0;
    return err_set(e, ERR_DENIED, "event type %s is not allowed", is);
}

static int check_secret(const struct event *ev, const struct forge *f, const struct value *ref,
                        const struct event_secrets *secrets, struct arena *a, struct err *e)
{
    const char *key;
    size_t n;
    if (!ref || ev->trusted)
        return 0;
    int r = read_secret(secrets, ref, f->name, a, &key, &n, e);
    if (r < 0)
        return r;
    const char *said = event_header(ev, f->signature_header, a);
    if (!*said)
        return err_set(e, ERR_DENIED, "no %s header set", f->signature_header);
    if (!f->token)
        return check_signature(said, ev->text, key, n, a, e);
    if (!same_secret(key, n, said, strlen(said)))
        return err_set(e, ERR_DENIED, "Invalid X-GitLab-Token");
    return 0;
}

/* github's addChangedFiles, for pushes: the body names them. */
static void add_changed_files(struct event *ev, struct arena *a)
{
    static const char *const kinds[] = {"added", "removed", "modified"};
    const char *all = "";
    VALUE_EACH_ITEM (c, value_get(ev->body, "commits"))
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
            VALUE_EACH_ITEM (f, value_get(c, kinds[i]))
                all = arena_printf(a, "%s%s%s", all, *all ? "," : "", value_str(f, ""));
    (void)value_set_str(a, ev->extensions, "changed_files", all);
}

static int intercept_forge(struct event *ev, const struct forge *f, const struct value *params,
                           const struct event_secrets *secrets, struct arena *a, struct err *e)
{
    if (strcmp(event_header(ev, "Content-Type", a), "application/x-www-form-urlencoded") == 0)
        return err_set(e, ERR_INVALID,
                       "the body is a form; set the webhook's content type to application/json");
    int r = check_event_type(ev, f, value_get(params, "eventTypes"), a, e);
    if (r == 0)
        r = check_secret(ev, f, value_get(params, "secretRef"), secrets, a, e);
    if (r < 0)
        return r;
    bool owners = value_at_bool(params, "githubOwners.enabled", false);
    if (owners)
        return err_set(e, ERR_UNSUPPORTED,
                       "github interceptor: githubOwners asks GitHub's API and is not offered");
    if (!value_at_bool(params, "addChangedFiles.enabled", false))
        return 0;
    if (strcmp(event_header(ev, f->event_header, a), "push") != 0)
        return err_set(e, ERR_UNSUPPORTED,
                       "github interceptor: addChangedFiles asks GitHub's API "
                       "for this event and is offered for push only");
    add_changed_files(ev, a);
    return 0;
}

/* Slack's commands come as a form; the fields asked for become extensions. */
static int intercept_slack(struct event *ev, const struct value *params, struct arena *a,
                           struct err *e)
{
    VALUE_EACH_ITEM (field, value_get(params, "requestedFields")) {
        const char *name = value_str(field, "");
        const struct value *v = value_get(ev->body, name);
        const struct value *text = value_is(v, VALUE_ARRAY) ? value_item(v, 0) : v;
        if (!text)
            return err_set(e, ERR_DENIED, "requested field does not exist in the payload: %s",
                           name);
        (void)value_set(a, ev->extensions, name, text);
    }
    return 0;
}

/* {name: value} of a list of params, or the older inline form. */
static const struct value *interceptor_params(const struct value *spec, const char *name,
                                              struct arena *a)
{
    const struct value *inline_form = value_get(spec, name);
    if (inline_form)
        return inline_form;
    struct value *out = value_new_object(a);
    VALUE_EACH_ITEM (p, value_get(spec, "params"))
        (void)value_set(a, out, value_at_str(p, "name", ""), value_get(p, "value"));
    return out;
}

static const char *interceptor_name(const struct value *spec)
{
    static const char *const inline_names[] = {"cel", "github", "gitlab", "bitbucket", "webhook"};
    const char *name = value_at_str(spec, "ref.name", "");
    for (size_t i = 0; i < ARRAY_LEN(inline_names) && !*name; i++)
        if (value_get(spec, inline_names[i]))
            name = inline_names[i];
    return name;
}

int event_intercept(struct event *ev, const struct value *interceptor,
                    const struct event_secrets *secrets, struct arena *a, struct err *e)
{
    const char *name = interceptor_name(interceptor);
    const struct value *params = interceptor_params(interceptor, name, a);
    if (strcmp(name, "cel") == 0)
        return event_intercept_cel(ev, params, secrets, a, e);
    if (strcmp(name, "slack") == 0)
        return intercept_slack(ev, params, a, e);
    for (size_t i = 0; i < ARRAY_LEN(forges); i++)
        if (strcmp(forges[i].name, name) == 0)
            return intercept_forge(ev, &forges[i], params, secrets, a, e);
    return err_set(e, ERR_UNSUPPORTED, "interceptor \"%s\" is not offered here", name);
}
