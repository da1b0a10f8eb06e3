#include "oci/remote.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/clock.h"
#include "codec/base64.h"
#include "codec/json.h"

enum { TRIES_MAX = 4, ANSWER_MAX_BYTES = 8 << 20, FIRST_PAUSE_MS = 250 };

bool remote_is_loopback(const char *host)
{
    return strncmp(host, "localhost:", 10) == 0 || strcmp(host, "localhost") == 0 ||
           strncmp(host, "127.", 4) == 0 || strncmp(host, "[::1]", 5) == 0;
}

int remote_open(const struct remote_opts *o, struct remote *out, struct err *e)
{
    struct remote r = {.arena = arena_new(64 << 20), .actions = o->actions, .auth = o->auth};
    r.path = arena_strdup(r.arena, o->path);
    r.host = arena_strdup(r.arena, o->host);
    r.base = arena_printf(r.arena, "%s/v2/%s", o->url, r.path);
    r.http = http_client_new(o->http);
    if (!r.http) {
        remote_close(&r);
        return err_set(e, ERR_SYSTEM, "cannot make an HTTP client");
    }
    *out = r;
    return 0;
}

void remote_close(struct remote *r)
{
    http_client_free(r->http);
    arena_free(r->arena);
    *r = (struct remote){0};
}

/* ---- credentials ---- */

/* The value of `key` in a challenge: Bearer realm="…",service="…". */
static const char *parameter(struct remote *r, const char *challenge, const char *key)
{
    size_t n = strlen(key);
    for (const char *p = strchr(challenge, ' '); p; p = strchr(p + 1, ',')) {
        while (*p == ' ' || *p == ',')
            p++;
        if (strncasecmp(p, key, n) != 0 || p[n] != '=')
            continue;
        p += n + 1;
        if (*p == '"') {
            p++;
            return arena_strndup(r->arena, p, strcspn(p, "\""));
        }
        return arena_strndup(r->arena, p, strcspn(p, ", "));
    }
    return NULL;
}

static const char *basic(struct remote *r)
{
    if (!r->auth || !r->auth->user)
        return NULL;
    const char *text =
        arena_printf(r->arena, "%s:%s", r->auth->user, r->auth->password ? r->auth->password : "");
    return arena_printf(r->arena, "Authorization: Basic %s",
                        base64_encode(r->arena, text, strlen(text), BASE64_STD));
}

static void add_query(struct buf *url, const char *name, const char *value)
{
    buf_printf(url, "%s%s=", strchr(buf_text(url), '?') ? "&" : "?", name);
    for (; *value; value++) {
        if (strchr("&#%+\"<> ?", *value))
            buf_printf(url, "%%%02X", (unsigned char)*value);
        else
            buf_putc(url, *value);
    }
}

static int get_token(struct remote *r, const char *challenge, struct err *e)
{
    AUTO_BUF struct buf url;
    struct http_answer answer;
    struct value *doc;
    const char *realm = parameter(r, challenge, "realm");
    const char *service = parameter(r, challenge, "service");
    const char *headers[] = {basic(r), NULL};
    buf_init(&url, 8192);
    if (!realm)
        return err_set(e, ERR_UNAUTHENTICATED, "%s asks for a token and does not say where",
                       r->host);
    buf_puts(&url, realm);
    if (service)
        add_query(&url, "service", service);
    if (*r->path)
        add_query(&url, "scope", arena_printf(r->arena, "repository:%s:%s", r->path, r->actions));
    const struct http_call call = {.method = "GET",
                                   .url = buf_text(&url),
                                   .headers = headers,
                                   .max_answer = 1 << 20,
                                   .follow = true};
    int rc = http_do(r->http, &call, r->arena, &answer, e);
    if (rc < 0)
        return rc;
    if (answer.status != 200)
        return err_set(e, ERR_UNAUTHENTICATED, "%s refuses a token for %s (status %d)", r->host,
                       r->path, answer.status);
    if ((rc = json_parse(r->arena, answer.body, answer.body_len, 0, &doc, e)) < 0)
        return err_wrap(e, rc, "token of %s", r->host);
    const char *token = value_at_str(doc, "token", value_at_str(doc, "access_token", NULL));
    if (!token)
        return err_set(e, ERR_UNAUTHENTICATED, "%s gives an answer without a token", r->host);
    r->authorization = arena_printf(r->arena, "Authorization: Bearer %s", token);
    return 0;
}

/* Makes the header that a 401 asks for. */
static int authenticate(struct remote *r, const struct http_answer *answer, struct err *e)
{
    const char *challenge = http_answer_header(answer, "www-authenticate");
    if (r->auth && r->auth->token) {
        r->authorization = arena_printf(r->arena, "Authorization: Bearer %s", r->auth->token);
        return 0;
    }
    if (challenge && strncasecmp(challenge, "Bearer ", 7) == 0)
        return get_token(r, challenge, e);
    if (!basic(r))
        return err_set(e, ERR_UNAUTHENTICATED, "%s/%s: the registry asks for credentials", r->host,
                       r->path);
    r->authorization = basic(r);
    return 0;
}

/* ---- requests ---- */

static int send_once(struct remote *r, const struct remote_call *call, struct http_answer *out,
                     struct err *e)
{
    const char *headers[6];
    size_t n = 0;
    bool whole = strncmp(call->path, "http://", 7) == 0 || strncmp(call->path, "https://", 8) == 0;
    /* An upload may be sent elsewhere; the credentials are the registry's. */
    size_t origin = strcspn(r->base + 8, "/") + 8;
    bool own = !whole || strncmp(call->path, r->base, origin) == 0;
    if (r->authorization && own)
        headers[n++] = r->authorization;
    if (call->accept)
        headers[n++] = arena_printf(r->arena, "Accept: %s", call->accept);
    if (call->type)
        headers[n++] = arena_printf(r->arena, "Content-Type: %s", call->type);
    if (call->range)
        headers[n++] = arena_printf(r->arena, "Range: %s", call->range);
    headers[n] = NULL;
    if (call->has_body_fd && lseek(call->body_fd, 0, SEEK_SET) < 0)
        return err_sys(e, errno, "rewind a blob");
    const struct http_call http = {
        .method = call->method,
        .url = whole ? call->path : arena_printf(r->arena, "%s%s", r->base, call->path),
        .headers = headers,
        .body = call->body,
        .body_len = call->body_len,
        .body_fd = call->body_fd,
        .has_body_fd = call->has_body_fd,
        .max_answer = ANSWER_MAX_BYTES,
        .on_data = call->on_data,
        .arg = call->arg,
        .cancel = call->cancel,
        .follow = strcmp(call->method, "GET") == 0 || strcmp(call->method, "HEAD") == 0,
    };
    return http_do(r->http, &http, r->arena, out, e);
}

static bool worth_again(int rc, const struct http_answer *answer)
{
    if (rc < 0)
        return rc == ERR_AGAIN;
    return answer->status == 429 || answer->status >= 500;
}

static void pause_before(unsigned attempt)
{
    int64_t ms = (int64_t)FIRST_PAUSE_MS << (2 * attempt);
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}

int remote_do(struct remote *r, const struct remote_call *call, struct http_answer *out,
              struct err *e)
{
    struct http_answer answer = {0};
    bool asked = false;
    for (unsigned attempt = 0;; attempt++) {
        int rc = send_once(r, call, &answer, e);
        if (rc == 0 && answer.status == 401 && !asked) {
            asked = true;
            if ((rc = authenticate(r, &answer, e)) < 0)
                return rc;
            rc = send_once(r, call, &answer, e);
        }
        if (!worth_again(rc, &answer) || call->once || attempt + 1 >= TRIES_MAX) {
            if (rc == 0)
                *out = answer;
            return rc;
        }
        pause_before(attempt);
    }
}

int remote_refused(struct remote *r, const struct http_answer *answer, const char *what,
                   struct err *e)
{
    struct value *doc = NULL;
    const char *said = "";
    if (answer->body_len > 0 &&
        json_parse(r->arena, answer->body, answer->body_len, 0, &doc, NULL) == 0)
        said = value_str(value_at(doc, "errors[0].message"), "");
    enum err_code code = answer->status == 404   ? ERR_NOT_FOUND
                         : answer->status == 401 ? ERR_UNAUTHENTICATED
                         : answer->status == 403 ? ERR_DENIED
                         : answer->status == 429 ? ERR_AGAIN
                         : answer->status >= 500 ? ERR_AGAIN
                                                 : ERR_INVALID;
    return err_set(e, code, "%s: %s answers %d%s%.200s", what, r->host, answer->status,
                   *said ? ": " : "", said);
}

/* ---- uploads ---- */

const char *remote_upload_url(struct remote *r, const char *location, const char *digest)
{
    if (*location == '/') {
        size_t origin = (size_t)(strstr(r->base, "://") + 3 - r->base);
        origin += strcspn(r->base + origin, "/");
        location = arena_printf(r->arena, "%.*s%s", (int)origin, r->base, location);
    }
    return arena_printf(r->arena, "%s%sdigest=%s", location, strchr(location, '?') ? "&" : "?",
                        digest);
}

int remote_put_blob(struct remote *r, const char *digest, const void *bytes, size_t n,
                    struct err *e)
{
    struct http_answer answer;
    const struct remote_call look = {.method = "HEAD",
                                     .path = arena_printf(r->arena, "/blobs/%s", digest)};
    int rc = remote_do(r, &look, &answer, e);
    if (rc < 0 || answer.status == 200)
        return rc;
    const struct remote_call begin = {.method = "POST", .path = "/blobs/uploads/"};
    if ((rc = remote_do(r, &begin, &answer, e)) < 0)
        return rc;
    const char *location = http_answer_header(&answer, "location");
    if (answer.status != 202 || !location)
        return remote_refused(r, &answer, "upload", e);
    const struct remote_call put = {.method = "PUT",
                                    .path = remote_upload_url(r, location, digest),
                                    .type = "application/octet-stream",
                                    .body = bytes,
                                    .body_len = n};
    if ((rc = remote_do(r, &put, &answer, e)) < 0)
        return rc;
    return answer.status == 201 ? 0 : remote_refused(r, &answer, digest, e);
}
