#include "monitor/client_config.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/fs.h"

enum { FILE_MAX = 1 << 20, OWN_MAX = 8 };

static bool is_given(const struct value *v)
{
    return v && v->kind != VALUE_NULL && !(value_is(v, VALUE_BOOL) && !v->boolean) &&
           !(value_is(v, VALUE_STRING) && v->n == 0);
}

/* None of these may be there. */
static int refuse(const struct value *v, const char *in, const char *const *fields, struct err *e)
{
    for (size_t i = 0; fields[i]; i++) {
        const struct value *x = value_get(v, fields[i]);
        if (is_given(x))
            return err_set(e, ERR_UNSUPPORTED, "line %u: %s%s is not acted on here", x->line, in,
                           fields[i]);
    }
    return 0;
}

static const char *text_of(const struct value *v, const char *field, struct arena *a)
{
    const struct value *x = value_get(v, field);
    bool text = value_is(x, VALUE_STRING) || value_is(x, VALUE_INT) || value_is(x, VALUE_FLOAT);
    return text && x->n ? arena_strdup(a, x->text) : NULL;
}

static const char *path_of(const struct value *v, const char *field, const char *folder,
                           struct arena *a)
{
    const char *path = text_of(v, field, a);
    return path && *path != '/' ? arena_join(a, folder, "/", path, NULL) : path;
}

/* ---- reading ---- */

static int read_basic(const struct value *v, const char *folder, struct arena *a,
                      struct client_config *out, struct err *e)
{
    static const char *const not_done[] = {"username_ref", "password_ref", NULL};
    out->user = text_of(v, "username", a);
    out->user_file = path_of(v, "username_file", folder, a);
    out->password = text_of(v, "password", a);
    out->password_file = path_of(v, "password_file", folder, a);
    return refuse(v, "basic_auth: ", not_done, e);
}

static int read_authorization(const struct value *v, const char *folder, struct arena *a,
                              struct client_config *out, struct err *e)
{
    static const char *const not_done[] = {"credentials_ref", NULL};
    const struct value *other = value_get(v, "authorization");
    out->type = other ? text_of(other, "type", a) : NULL;
    out->credentials = other ? text_of(other, "credentials", a) : text_of(v, "bearer_token", a);
    out->credentials_file = other ? path_of(other, "credentials_file", folder, a)
                                  : path_of(v, "bearer_token_file", folder, a);
    return refuse(other, "authorization: ", not_done, e);
}

static int read_tls(const struct value *v, const char *folder, struct arena *a,
                    struct client_config *out, struct err *e)
{
    static const char *const not_done[] = {"ca_ref",      "cert_ref",    "key_ref", "server_name",
                                           "min_version", "max_version", NULL};
    out->ca = text_of(v, "ca", a);
    out->ca_file = path_of(v, "ca_file", folder, a);
    out->cert = text_of(v, "cert", a);
    out->cert_file = path_of(v, "cert_file", folder, a);
    out->key = text_of(v, "key", a);
    out->key_file = path_of(v, "key_file", folder, a);
    out->insecure = value_at_bool(v, "insecure_skip_verify", false);
    return refuse(v, "tls_config: ", not_done, e);
}

static int add_header(struct client_config *out, const struct member *m, const struct value *text,
                      struct arena *a, struct err *e)
{
    const char *value = value_str(text, "");
    if (strpbrk(m->key, "\r\n:") || strpbrk(value, "\r\n"))
        return err_set(e, ERR_INVALID, "line %u: header %.60s is malformed", m->line, m->key);
    if (out->n_headers == CLIENT_HEADERS_MAX)
        return err_set(e, ERR_TOO_LARGE, "line %u: more than %d headers", m->line,
                       CLIENT_HEADERS_MAX);
    out->headers[out->n_headers++] = arena_join(a, m->key, ": ", value, NULL);
    return 0;
}

/* http_headers has lists of values; `headers` of remote_write has texts. */
static int read_headers(const struct value *v, struct arena *a, struct client_config *out,
                        struct err *e)
{
    static const char *const not_done[] = {"files", NULL}, *const lists[] = {"values", "secrets"};
    int r = 0;
    VALUE_EACH_MEMBER (m, value_get(v, "headers"))
        if (r == 0)
            r = add_header(out, m, &m->value, a, e);
    VALUE_EACH_MEMBER (m, value_get(v, "http_headers")) {
        if (r == 0)
            r = refuse(&m->value, "http_headers: ", not_done, e);
        for (size_t i = 0; i < ARRAY_LEN(lists); i++)
            VALUE_EACH_ITEM (x, value_get(&m->value, lists[i]))
                if (r == 0)
                    r = add_header(out, m, x, a, e);
    }
    return r;
}

int client_config_read(const struct value *v, const char *folder, struct arena *a,
                       struct client_config *out, struct err *e)
{
    static const char *const not_done[] = {"oauth2",   "proxy_url", "proxy_connect_header",
                                           "sigv4",    "azuread",   "google_iam",
                                           "no_proxy", NULL};
    *out = (struct client_config){.follow = value_at_bool(v, "follow_redirects", true),
                                  .proxy = value_at_bool(v, "proxy_from_environment", false)};
    int r = refuse(v, "", not_done, e);
    if (r == 0)
        r = read_basic(value_get(v, "basic_auth"), folder, a, out, e);
    if (r == 0)
        r = read_authorization(v, folder, a, out, e);
    if (r == 0)
        r = read_tls(value_get(v, "tls_config"), folder, a, out, e);
    return r < 0 ? r : read_headers(v, a, out, e);
}

/* ---- using ---- */

/* The text, or what the file holds without the blanks around it. */
static int resolve(const char *text, const char *file, struct arena *a, const char **out,
                   struct err *e)
{
    char *held;
    size_t n;
    *out = text;
    if (!file)
        return 0;
    int r = fs_read(file, FILE_MAX, a, &held, &n, e);
    if (r == 0)
        *out = arena_trimmed(a, held);
    return r;
}

static int authorization(const struct client_config *c, struct arena *a,
                         struct http_client_opts *out, const char **header, struct err *e)
{
    const char *token;
    int r = resolve(c->credentials, c->credentials_file, a, &token, e);
    if (r < 0 || !token)
        return r;
    if (strpbrk(token, "\r\n"))
        return err_set(e, ERR_INVALID, "the credentials have more than one line");
    if (!c->type || strcasecmp(c->type, "Bearer") == 0)
        out->bearer = token;
    else
        *header = arena_join(a, "Authorization: ", c->type, " ", token, NULL);
    return 0;
}

int client_config_open(const struct client_config *c, const char *const *own, struct arena *a,
                       struct http_client_opts *out, const char *const **headers, struct err *e)
{
    const char **list = ARENA_ARRAY(a, const char *, CLIENT_HEADERS_MAX + OWN_MAX + 2);
    const char *other = NULL;
    size_t n = 0;
    out->insecure = c->insecure;
    out->no_proxy = !c->proxy;
    int r = resolve(c->user, c->user_file, a, &out->user, e);
    if (r == 0)
        r = resolve(c->password, c->password_file, a, &out->password, e);
    if (r == 0)
        r = resolve(c->ca, c->ca_file, a, &out->ca_pem, e);
    if (r == 0)
        r = resolve(c->cert, c->cert_file, a, &out->cert_pem, e);
    if (r == 0)
        r = resolve(c->key, c->key_file, a, &out->key_pem, e);
    if (r == 0)
        r = authorization(c, a, out, &other, e);
    if (r < 0)
        return r;
    if (out->user && !out->password)
        out->password = "";
    for (size_t i = 0; own && own[i] && i < OWN_MAX; i++)
        list[n++] = own[i];
    if (other)
        list[n++] = other;
    for (size_t i = 0; i < c->n_headers; i++)
        list[n++] = c->headers[i];
    *headers = list;
    return 0;
}
