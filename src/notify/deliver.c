/* deliver.c - one notice to one channel. Addresses may be secrets: no error holds one. */
#include <string.h>

#include "base/fs.h"
#include "net/mail.h"
#include "notify/notify_int.h"
#include "rules/rules.h"

enum { TIMEOUT_MS = 10000, MAIL_TIMEOUT_MS = 30000, SECRET_MAX = 1 << 16, ANSWER_MAX = 1 << 16 };

/* A setting, or what is in the file that NAME_file names; "" when it is neither. */
static int read_secret(const struct value *s, const char *name, struct arena *a, const char **out,
                       struct err *e)
{
    const char *file = value_at_str(s, arena_join(a, name, "_file", NULL), "");
    char *text;
    size_t n;
    *out = value_at_str(s, name, "");
    if (!*file)
        return 0;
    int r = fs_read(file, SECRET_MAX, a, &text, &n, e);
    if (r < 0)
        return r;
    while (n && strchr(" \t\r\n", text[n - 1]))
        text[--n] = '\0';
    *out = text;
    return 0;
}

static int read_file(const struct value *tls, const char *name, struct arena *a, const char **out,
                     struct err *e)
{
    const char *path = value_at_str(tls, name, "");
    char *text;
    size_t n;
    if (!*path)
        return 0;
    int r = fs_read(path, 1 << 20, a, &text, &n, e);
    if (r == 0)
        *out = text;
    return r;
}

static int read_tls(const struct value *tls, struct arena *a, struct http_client_opts *out,
                    struct err *e)
{
    const char *ca = value_at_str(tls, "ca", "");
    out->insecure = value_at_bool(tls, "insecure_skip_verify", false);
    out->ca_pem = *ca ? ca : NULL;
    int r = read_file(tls, "ca_file", a, &out->ca_pem, e);
    if (r == 0)
        r = read_file(tls, "cert_file", a, &out->cert_pem, e);
    return r < 0 ? r : read_file(tls, "key_file", a, &out->key_pem, e);
}

int notify_http_opts(const struct value *config, struct arena *a, struct http_client_opts *out,
                     struct err *e)
{
    const struct value *basic = value_get(config, "basic_auth");
    const struct value *authorization = value_get(config, "authorization");
    const char *bearer;
    int r = read_tls(value_get(config, "tls_config"), a, out, e);
    if (r == 0 && basic) {
        out->user = value_at_str(basic, "username", "");
        r = read_secret(basic, "password", a, &out->password, e);
    }
    if (r == 0)
        r = authorization ? read_secret(authorization, "credentials", a, &bearer, e)
                          : read_secret(config, "bearer_token", a, &bearer, e);
    if (r == 0 && *bearer)
        out->bearer = bearer;
    const char *type = value_at_str(authorization, "type", "Bearer");
    if (r == 0 && strcmp(type, "Bearer") != 0)
        r = err_set(e, ERR_INVALID, "authorization: type %.40s is not known here, Bearer is", type);
    return r;
}

/* What is wrong, without the address, of which the client tells "POST ADDRESS: what". */
static void hide_address(const char *url, struct err *e)
{
    size_t before = strlen("POST : ") + strcspn(url, "?#");
    char text[sizeof e->msg] = "it cannot be reached";
    if (e->code == ERR_INVALID)
        (void)snprintf(text, sizeof text, "its address is none of http or https");
    else if (strlen(e->msg) > before)
        (void)snprintf(text, sizeof text, "%s", e->msg + before);
    (void)err_set(e, e->code, "%s", text);
}

static enum alert_outcome outcome_of(int r)
{
    if (r == 0)
        return ALERT_DELIVERED;
    return r == ERR_AGAIN || r == ERR_CANCELLED ? ALERT_RETRY : ALERT_REFUSED;
}

static int post(const struct value *settings, const char *url, const char *body,
                const atomic_bool *cancel, struct arena *a, struct err *e)
{
    static const char *const headers[] = {"Content-Type: application/json",
                                          "User-Agent: slipway-alertmanager", NULL};
    const struct value *config = value_get(settings, "http_config");
    struct http_client_opts o = {.timeout_ms = TIMEOUT_MS, .connect_timeout_ms = TIMEOUT_MS};
    const char *timeout = value_at_str(settings, "timeout", "");
    struct http_answer answer;
    int r = notify_http_opts(config, a, &o, e);
    if (r == 0 && *timeout)
        r = rules_duration(timeout, &o.timeout_ms, e);
    if (r < 0)
        return r;
    AUTO(http_client) struct http_client *c = http_client_new(&o);
    struct http_call call = {.method = "POST",
                             .url = url,
                             .headers = headers,
                             .body = body,
                             .body_len = strlen(body),
                             .max_answer = ANSWER_MAX,
                             .follow = value_at_bool(config, "follow_redirects", true),
                             .cancel = cancel};
    r = http_do(c, &call, a, &answer, e);
    if (r < 0) {
        hide_address(url, e);
        return r;
    }
    if (answer.status / 100 == 2)
        return 0;
    return err_set(e, answer.status / 100 == 5 || answer.status == 429 ? ERR_AGAIN : ERR_INVALID,
                   "HTTP status %d", answer.status);
}

static int deliver_webhook(const struct alert_notice *n, const struct alert_words *w,
                           const atomic_bool *cancel, struct arena *a, struct err *e)
{
    const char *url;
    char *body;
    int r = read_secret(n->channel->settings, "url", a, &url, e);
    if (r == 0)
        r = alert_message_webhook(n, w, a, &body, e);
    return r < 0 ? r : post(n->channel->settings, url, body, cancel, a, e);
}

static int deliver_slack(const struct alert_notice *n, const struct alert_words *w,
                         const atomic_bool *cancel, struct arena *a, struct err *e)
{
    const char *url;
    char *body;
    int r = read_secret(n->channel->settings, "api_url", a, &url, e);
    if (r == 0)
        r = alert_message_slack(n, w, a, &body, e);
    return r < 0 ? r : post(n->channel->settings, url, body, cancel, a, e);
}

static const char *or_null(const char *s)
{
    return *s ? s : NULL;
}

static int deliver_mail(const struct alert_notice *n, const struct alert_words *w,
                        const atomic_bool *cancel, struct arena *a, struct err *e)
{
    const struct value *s = n->channel->settings, *tls = value_get(s, "tls_config");
    struct alert_mail mail;
    const char *password;
    int r = read_secret(s, "auth_password", a, &password, e);
    if (r == 0)
        r = alert_message_mail(n, w, a, &mail, e);
    if (r < 0)
        return r;
    const struct mail_call call = {
        .server = value_at_str(s, "smarthost", ""),
        .hello = value_at_str(s, "hello", ""),
        .user = or_null(value_at_str(s, "auth_username", "")),
        .password = password,
        .ca_file = or_null(value_at_str(tls, "ca_file", "")),
        .cert_file = or_null(value_at_str(tls, "cert_file", "")),
        .key_file = or_null(value_at_str(tls, "key_file", "")),
        .insecure = value_at_bool(tls, "insecure_skip_verify", false),
        .require_tls = value_at_bool(s, "require_tls", true),
        .timeout_ms = MAIL_TIMEOUT_MS,
        .from = mail.from,
        .to = mail.to,
        .text = mail.text,
        .cancel = cancel,
    };
    return mail_send(&call, e);
}

enum alert_outcome notifier_deliver(const struct alert_notice *n, const struct alert_words *w,
                                    const atomic_bool *cancel, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    if (n->n == 0)
        return ALERT_DELIVERED; /* what is over, to those who do not want to know */
    switch (n->channel->way) {
    case WAY_WEBHOOK:
        return outcome_of(deliver_webhook(n, w, cancel, a, e));
    case WAY_SLACK:
        return outcome_of(deliver_slack(n, w, cancel, a, e));
    case WAY_EMAIL:
        break;
    }
    return outcome_of(deliver_mail(n, w, cancel, a, e));
}
