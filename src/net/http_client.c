#include "net/http_client.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/thread.h"
#include "net/cancel_int.h"
#include "net/public.h"

enum { IDLE_MAX = 16, ANSWER_MAX = 64 * 1024 * 1024, HEADERS_MAX = 256 * 1024 };

/* libcurl on GnuTLS reads PEM only from files: these are in memory and have no name. */
struct pem_file {
    int fd; /* -1: none */
    char path[40];
};

struct http_client {
    struct pem_file ca, cert, key;
    char *bearer, *user, *password, *socket;
    struct curl_slist *connect_to;
    bool insecure;
    bool no_proxy, public_only;
    int64_t timeout_ms, connect_timeout_ms, stall_timeout_ms;
    pthread_mutex_t mutex;
    CURL *idle[IDLE_MAX]; /* each keeps its connections */
    size_t n_idle;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init_curl(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        log_die("libcurl does not start");
}

static char *dup_or_null(const char *s)
{
    char *d = s ? strdup(s) : NULL;
    if (s && !d)
        log_die("out of memory");
    return d;
}

static struct pem_file pem_file_make(const char *pem)
{
    struct pem_file f = {.fd = -1};
    if (!pem)
        return f;
    f.fd = memfd_create("pem", MFD_CLOEXEC);
    size_t n = strlen(pem);
    if (f.fd < 0 || write(f.fd, pem, n) != (ssize_t)n)
        log_die("no memory file: %s", strerror(errno));
    (void)snprintf(f.path, sizeof f.path, "/proc/self/fd/%d", f.fd);
    return f;
}

static void pem_file_done(struct pem_file *f)
{
    if (f->fd >= 0)
        (void)close(f->fd);
}

struct http_client *http_client_new(const struct http_client_opts *o)
{
    (void)pthread_once(&once, init_curl);
    struct http_client *c = calloc(1, sizeof *c);
    if (!c)
        log_die("out of memory");
    (void)pthread_mutex_init(&c->mutex, NULL);
    c->connect_timeout_ms = 10000;
    c->ca = pem_file_make(o ? o->ca_pem : NULL);
    c->cert = pem_file_make(o ? o->cert_pem : NULL);
    c->key = pem_file_make(o ? o->key_pem : NULL);
    if (!o)
        return c;
    c->bearer = dup_or_null(o->bearer);
    c->user = dup_or_null(o->user);
    c->password = dup_or_null(o->password);
    c->socket = dup_or_null(o->unix_socket);
    if (o->connect_to) {
        AUTO(arena) struct arena *a = arena_new(1 << 12);
        c->connect_to = curl_slist_append(NULL, arena_printf(a, "::%s", o->connect_to));
    }
    c->insecure = o->insecure;
    c->no_proxy = o->no_proxy;
    c->public_only = o->public_only;
    c->timeout_ms = o->timeout_ms;
    c->stall_timeout_ms = o->stall_timeout_ms;
    if (o->connect_timeout_ms > 0)
        c->connect_timeout_ms = o->connect_timeout_ms;
    return c;
}

void http_client_free(struct http_client *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n_idle; i++)
        curl_easy_cleanup(c->idle[i]);
    (void)pthread_mutex_destroy(&c->mutex);
    pem_file_done(&c->ca);
    pem_file_done(&c->cert);
    pem_file_done(&c->key);
    free(c->bearer);
    free(c->user);
    free(c->password);
    free(c->socket);
    curl_slist_free_all(c->connect_to);
    free(c);
}

static CURL *take_handle(struct http_client *c)
{
    CURL *h = NULL;
    {
        LOCK_SCOPE(&c->mutex);
        if (c->n_idle > 0)
            h = c->idle[--c->n_idle];
    }
    if (!h)
        h = curl_easy_init();
    if (!h)
        log_die("out of memory");
    return h;
}

static void give_handle(struct http_client *c, CURL *h)
{
    curl_easy_reset(h); /* keeps the connections */
    {
        LOCK_SCOPE(&c->mutex);
        if (c->n_idle < IDLE_MAX) {
            c->idle[c->n_idle++] = h;
            return;
        }
    }
    curl_easy_cleanup(h);
}

/* One transfer in flight. */
struct transfer {
    const struct http_call *call;
    CURL *handle;
    struct buf body, headers; /* headers: NUL-separated lines */
    size_t n_headers, sent;
    bool stopped, fenced;
    int stop_code;
};

static bool good_status(struct transfer *t)
{
    long status = 0;
    curl_easy_getinfo(t->handle, CURLINFO_RESPONSE_CODE, &status);
    return status >= 200 && status < 300;
}

static size_t on_body(char *p, size_t one, size_t n, void *arg)
{
    struct transfer *t = arg;
    n *= one;
    bool good = good_status(t);
    if (good && t->call->on_data) {
        int rc = t->call->on_data(t->call->arg, p, n);
        if (rc != 0) {
            t->stopped = true;
            t->stop_code = rc;
            return 0;
        }
        return n;
    }
    if (good && t->call->to_fd) {
        for (size_t at = 0; at < n;) {
            ssize_t put = write(t->call->answer_fd, p + at, n - at);
            if (put < 0 && errno == EINTR)
                continue;
            if (put < 0)
                return 0;
            at += (size_t)put;
        }
        return n;
    }
    buf_add(&t->body, p, n);
    return t->body.overflow ? 0 : n;
}

static size_t on_header(char *p, size_t one, size_t n, void *arg)
{
    struct transfer *t = arg;
    n *= one;
    size_t len = n;
    while (len > 0 && (p[len - 1] == '\r' || p[len - 1] == '\n'))
        len--;
    char *colon = memchr(p, ':', len);
    if (len > 5 && strncasecmp(p, "HTTP/", 5) == 0) { /* the next answer: redirect or 100 */
        buf_clear(&t->headers);
        t->n_headers = 0;
    } else if (colon) {
        for (char *c = p; c < colon; c++)
            *c = (char)tolower((unsigned char)*c);
        buf_add(&t->headers, p, len);
        buf_putc(&t->headers, '\0');
        t->n_headers++;
    }
    return n;
}

static size_t on_send(char *into, size_t one, size_t n, void *arg)
{
    struct transfer *t = arg;
    size_t left = t->call->body_len - t->sent, room = one * n;
    ssize_t got;
    do {
        got = read(t->call->body_fd, into, room < left ? room : left);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return CURL_READFUNC_ABORT;
    t->sent += (size_t)got;
    return (size_t)got;
}

static int on_progress(void *arg, curl_off_t down, curl_off_t down_now, curl_off_t up,
                       curl_off_t up_now)
{
    const atomic_bool *cancel = arg;
    (void)down, (void)down_now, (void)up, (void)up_now;
    return atomic_load(cancel);
}

void http__cancel_by(CURL *h, const atomic_bool *cancel)
{
    if (!cancel)
        return;
    curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(h, CURLOPT_XFERINFODATA, cancel);
}

static curl_socket_t open_public(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct transfer *t = arg;
    (void)purpose;
    if (address_is_public(&to->addr))
        return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
    t->fenced = true;
    return CURL_SOCKET_BAD;
}

static void set_identity(struct http_client *c, CURL *h)
{
    if (c->insecure) {
        curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (c->ca.fd >= 0)
        curl_easy_setopt(h, CURLOPT_CAINFO, c->ca.path);
    if (c->cert.fd >= 0 && c->key.fd >= 0) {
        curl_easy_setopt(h, CURLOPT_SSLCERT, c->cert.path);
        curl_easy_setopt(h, CURLOPT_SSLKEY, c->key.path);
    }
    if (c->user) {
        curl_easy_setopt(h, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(h, CURLOPT_USERNAME, c->user);
        curl_easy_setopt(h, CURLOPT_PASSWORD, c->password ? c->password : "");
    }
    if (c->bearer) {
        curl_easy_setopt(h, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
        curl_easy_setopt(h, CURLOPT_XOAUTH2_BEARER, c->bearer);
    }
    if (c->no_proxy)
        curl_easy_setopt(h, CURLOPT_NOPROXY, "*");
    if (c->socket)
        curl_easy_setopt(h, CURLOPT_UNIX_SOCKET_PATH, c->socket);
    if (c->connect_to)
        curl_easy_setopt(h, CURLOPT_CONNECT_TO, c->connect_to);
}

static void set_body(const struct http_call *call, CURL *h, struct transfer *t)
{
    if (strcmp(call->method, "HEAD") == 0)
        curl_easy_setopt(h, CURLOPT_NOBODY, 1L);
    if (!call->body && call->has_body_fd) {
        curl_easy_setopt(h, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(h, CURLOPT_READFUNCTION, on_send);
        curl_easy_setopt(h, CURLOPT_READDATA, t);
        curl_easy_setopt(h, CURLOPT_INFILESIZE_LARGE, (curl_off_t)call->body_len);
    } else if (call->body || strcmp(call->method, "POST") == 0 ||
               strcmp(call->method, "PUT") == 0 || strcmp(call->method, "PATCH") == 0) {
        curl_easy_setopt(h, CURLOPT_POST, 1L);
        curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_len);
        curl_easy_setopt(h, CURLOPT_POSTFIELDS, call->body ? call->body : "");
    }
    if (strcmp(call->method, "HEAD") != 0)
        curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, call->method);
}

static void set_transfer(struct http_client *c, const struct http_call *call, struct transfer *t)
{
    CURL *h = t->handle;
    curl_easy_setopt(h, CURLOPT_URL, call->url);
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)c->connect_timeout_ms);
    curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)c->timeout_ms);
    curl_easy_setopt(h, CURLOPT_LOW_SPEED_LIMIT, c->stall_timeout_ms ? 1L : 0L); /* bytes/s */
    curl_easy_setopt(h, CURLOPT_LOW_SPEED_TIME, (long)(c->stall_timeout_ms / 1000));
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(h, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, call->follow ? 1L : 0L);
    curl_easy_setopt(h, CURLOPT_MAXREDIRS, 10L);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(h, CURLOPT_HEADERDATA, t);
    if (c->public_only) {
        curl_easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, open_public);
        curl_easy_setopt(h, CURLOPT_OPENSOCKETDATA, t);
    }
    http__cancel_by(h, call->cancel);
    set_identity(c, h);
    set_body(call, h, t);
}

static void give_answer(struct transfer *t, struct arena *a, struct http_answer *out)
{
    long status = 0;
    curl_easy_getinfo(t->handle, CURLINFO_RESPONSE_CODE, &status);
    const char **headers = ARENA_ARRAY(a, const char *, t->n_headers + 1);
    const char *p = arena_dup(a, buf_text(&t->headers), t->headers.len + 1);
    for (size_t i = 0; i < t->n_headers; i++) {
        headers[i] = p;
        p += strlen(p) + 1;
    }
    *out = (struct http_answer){
        .status = (int)status,
        .body = arena_strndup(a, buf_text(&t->body), t->body.len),
        .body_len = t->body.len,
        .headers = headers,
    };
}

/* What follows a "?" may be a secret: it is in no error. */
static int failed(struct transfer *t, CURLcode rc, const char *detail, struct err *e)
{
    const char *method = t->call->method, *url = t->call->url;
    int n = (int)strcspn(url, "?#");
    if (t->fenced)
        return err_set(e, ERR_DENIED, "%s %.*s: it leads to this machine's own network", method, n,
                       url);
    if (t->stopped)
        return err_set(e, ERR_CANCELLED, "%s %.*s: stopped by its reader", method, n, url);
    if (t->body.overflow)
        return err_set(e, ERR_TOO_LARGE, "%s %.*s: the answer is larger than %zu bytes", method, n,
                       url, t->body.max);
    if (rc == CURLE_ABORTED_BY_CALLBACK)
        return err_set(e, ERR_CANCELLED, "%s %.*s: cancelled", method, n, url);
    if (rc == CURLE_URL_MALFORMAT || rc == CURLE_UNSUPPORTED_PROTOCOL)
        return err_set(e, ERR_INVALID, "%.*s is not an http(s) address", n, url);
    if (rc == CURLE_WRITE_ERROR)
        return err_set(e, ERR_SYSTEM, "%s %.*s: cannot store the answer", method, n, url);
    return err_set(e, ERR_AGAIN, "%s %.*s: %s", method, n, url,
                   *detail ? detail : curl_easy_strerror(rc));
}

int http_do(struct http_client *c, const struct http_call *call, struct arena *a,
            struct http_answer *out, struct err *e)
{
    struct transfer t = {.call = call, .handle = take_handle(c)};
    char detail[CURL_ERROR_SIZE] = "";
    buf_init(&t.body, call->max_answer ? call->max_answer : ANSWER_MAX);
    buf_init(&t.headers, HEADERS_MAX);
    struct curl_slist *headers = NULL;
    for (const char *const *h = call->headers; h && *h; h++)
        headers = curl_slist_append(headers, *h);
    set_transfer(c, call, &t);
    curl_easy_setopt(t.handle, CURLOPT_ERRORBUFFER, detail);
    curl_easy_setopt(t.handle, CURLOPT_HTTPHEADER, headers);
    CURLcode code = curl_easy_perform(t.handle);
    int rc = 0;
    if (code == CURLE_OK)
        give_answer(&t, a, out);
    else
        rc = failed(&t, code, detail, e);
    curl_slist_free_all(headers);
    buf_done(&t.body);
    buf_done(&t.headers);
    give_handle(c, t.handle);
    return rc;
}

const char *http_answer_header(const struct http_answer *r, const char *name)
{
    size_t n = strlen(name);
    for (const char *const *h = r->headers; h && *h; h++) {
        if (strncasecmp(*h, name, n) == 0 && (*h)[n] == ':') {
            const char *v = *h + n + 1;
            while (*v == ' ')
                v++;
            return v;
        }
    }
    return NULL;
}
