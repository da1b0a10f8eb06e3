#include "net/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/thread.h"
#include "net/http_int.h"

enum {
    CONN_STACK_KIB = 2048,            /* reserved, not used: deep documents recurse */
    REQUEST_ARENA = 64 * 1024 * 1024, /* what a request may make a handler allocate */
};

struct http_server {
    int fd;
    unsigned port;
    http_handler handler;
    void *arg;
    size_t max, n_conns;
    bool stopping, client_certs;
    gnutls_certificate_credentials_t cred; /* NULL: plain */
    gnutls_priority_t priority;
    pthread_t acceptor;
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* a connection ended, or stop was asked for */
    struct http_conn *conns;
};

gnutls_certificate_credentials_t http__credentials(struct http_server *s)
{
    return s->cred;
}

gnutls_priority_t http__priority(struct http_server *s)
{
    return s->priority;
}

bool http__wants_client(struct http_server *s)
{
    return s->client_certs;
}

static void serve_one(struct http_conn *c, struct http_request *q)
{
    c->server->handler(q, c->server->arg);
    if (!c->answered)
        http_send_text(q, 500, "the handler did not answer\n");
    http__stream_end(c);
    if (c->owed > 0)
        c->broken = true; /* an answer that was cut short must not look whole */
    c->owed = 0;
}

static void serve(struct http_conn *c)
{
    bool more = true;
    while (more) {
        /* Wait without holding memory for a request that may never come. */
        if (c->in_pos == c->in_len && !http__fill(c))
            return;
        AUTO(arena) struct arena *a = arena_new(REQUEST_ARENA);
        struct http_request q = {.arena = a, .remote = c->remote, .impl = c};
        q.client_cn = c->client_cn;
        q.client_o = c->client_o;
        if (http__parse(c, &q) != 0)
            return;
        serve_one(c, &q);
        more = http__finish(&q) && c->keep && !c->broken;
    }
}

static void *conn_main(void *arg)
{
    struct http_conn *c = arg;
    struct http_server *s = c->server;
    struct err e = {0};
    if (!s->cred || http__tls_start(c, &e) == 0)
        serve(c);
    else
        c->broken = true;
    http__conn_done(c);
    (void)shutdown(c->fd, SHUT_WR);
    (void)pthread_mutex_lock(&s->mutex);
    if (c->prev)
        c->prev->next = c->next;
    else
        s->conns = c->next;
    if (c->next)
        c->next->prev = c->prev;
    (void)close(c->fd);
    s->n_conns--;
    (void)pthread_cond_broadcast(&s->changed);
    (void)pthread_mutex_unlock(&s->mutex);
    free(c);
    return NULL;
}

static void describe(const struct sockaddr_storage *from, char *out, size_t size)
{
    char host[INET6_ADDRSTRLEN] = "";
    if (from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)from;
        (void)inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof host);
        (void)snprintf(out, size, "[%s]:%u", host, ntohs(in->sin6_port));
    } else {
        const struct sockaddr_in *in = (const struct sockaddr_in *)from;
        (void)inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        (void)snprintf(out, size, "%s:%u", host, ntohs(in->sin_port));
    }
}

static void admit(struct http_server *s, int fd, const struct sockaddr_storage *from)
{
    int one = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct timeval idle = {.tv_sec = HTTP_IDLE_S}, slow = {.tv_sec = HTTP_SEND_S};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &idle, sizeof idle);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &slow, sizeof slow);
    struct http_conn *c = calloc(1, sizeof *c);
    if (!c)
        log_die("out of memory");
    c->server = s;
    c->fd = fd;
    buf_init(&c->headers, 64 * 1024);
    describe(from, c->remote, sizeof c->remote);
    (void)pthread_mutex_lock(&s->mutex);
    c->next = s->conns;
    if (s->conns)
        s->conns->prev = c;
    s->conns = c;
    s->n_conns++;
    (void)pthread_mutex_unlock(&s->mutex);
    pthread_t t;
    struct err e = {0};
    if (thread_start(&t, "http", CONN_STACK_KIB, conn_main, c, &e) == 0) {
        (void)pthread_detach(t);
        return;
    }
    log_warn("http", "no thread for %s: %s", c->remote, e.msg);
    (void)pthread_mutex_lock(&s->mutex);
    s->conns = c->next;
    if (c->next)
        c->next->prev = NULL;
    s->n_conns--;
    (void)pthread_mutex_unlock(&s->mutex);
    (void)close(fd);
    free(c);
}

static void *accept_main(void *arg)
{
    struct http_server *s = arg;
    for (;;) {
        (void)pthread_mutex_lock(&s->mutex);
        while (!s->stopping && s->n_conns >= s->max)
            (void)pthread_cond_wait(&s->changed, &s->mutex);
        bool stop = s->stopping;
        (void)pthread_mutex_unlock(&s->mutex);
        if (stop)
            return NULL;
        struct sockaddr_storage from = {0};
        socklen_t len = sizeof from;
        int fd = accept4(s->fd, (struct sockaddr *)&from, &len, SOCK_CLOEXEC);
        if (fd >= 0)
            admit(s, fd, &from);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            (void)usleep(20 * 1000); /* until a connection ends */
        else if (errno == EINVAL || errno == EBADF)
            return NULL; /* shut down */
    }
}

static int split_address(const char *text, char *host, size_t size, const char **port,
                         struct err *e)
{
    const char *colon = strrchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : 0;
    if (!colon || n >= size)
        return err_set(e, ERR_INVALID, "listen address \"%s\" is not host:port", text);
    if (n > 1 && text[0] == '[' && text[n - 1] == ']') {
        text++;
        n -= 2;
    }
    memcpy(host, text, n);
    host[n] = '\0';
    *port = colon + 1;
    return 0;
}

static int listen_on(const char *address, int *out_fd, unsigned *out_port, struct err *e)
{
    char host[256];
    const char *port = NULL;
    int rc = split_address(address, host, sizeof host, &port, e);
    if (rc < 0)
        return rc;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    rc = getaddrinfo(*host ? host : NULL, port, &hints, &found);
    if (rc != 0)
        return err_set(e, ERR_INVALID, "listen address \"%s\": %s", address, gai_strerror(rc));
    int one = 1;
    AUTO_FD int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int failed = 0;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
        bind(fd, found->ai_addr, found->ai_addrlen) < 0 || listen(fd, 1024) < 0)
        failed = errno;
    freeaddrinfo(found);
    if (failed == EADDRINUSE) {
        (void)err_set(e, ERR_EXISTS, "listen on %s: the port is in use", address);
        return err_hint(e, "ss -ltnp tells by what; stop that, or choose another address");
    }
    if (failed)
        return err_sys(e, failed, "listen on %s", address);
    struct sockaddr_storage at = {0};
    socklen_t len = sizeof at;
    if (getsockname(fd, (struct sockaddr *)&at, &len) < 0)
        return err_sys(e, errno, "listen on %s", address);
    *out_port = ntohs(at.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&at)->sin6_port
                                               : ((struct sockaddr_in *)&at)->sin_port);
    *out_fd = take_fd(&fd);
    return 0;
}

static int load_certificates(struct http_server *s, const struct http_listen *l, struct err *e)
{
    if (!l->cert_pem)
        return 0;
    gnutls_datum_t cert = {(unsigned char *)strdup(l->cert_pem), (unsigned)strlen(l->cert_pem)};
    gnutls_datum_t key = {(unsigned char *)strdup(l->key_pem), (unsigned)strlen(l->key_pem)};
    int rc = gnutls_certificate_allocate_credentials(&s->cred);
    if (rc >= 0)
        rc = gnutls_certificate_set_x509_key_mem(s->cred, &cert, &key, GNUTLS_X509_FMT_PEM);
    free(cert.data);
    gnutls_memset(key.data, 0, key.size);
    free(key.data);
    if (rc >= 0 && l->client_ca_pem) {
        gnutls_datum_t ca = {(unsigned char *)strdup(l->client_ca_pem),
                             (unsigned)strlen(l->client_ca_pem)};
        rc = gnutls_certificate_set_x509_trust_mem(s->cred, &ca, GNUTLS_X509_FMT_PEM);
        free(ca.data);
        s->client_certs = true;
    }
    if (rc >= 0)
        rc = gnutls_priority_init(
            &s->priority,
            "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:"
            "+CHACHA20-POLY1305:%SERVER_PRECEDENCE", /* the order is ours, as Go's servers do */
            NULL);
    if (rc < 0)
        return err_set(e, ERR_INVALID, "TLS certificate for %s: %s", l->address,
                       gnutls_strerror(rc));
    return 0;
}

int http_server_start(const struct http_listen *l, http_handler handler, void *arg,
                      struct http_server **out, struct err *e)
{
    struct http_server *s = calloc(1, sizeof *s);
    if (!s)
        log_die("out of memory");
    s->fd = -1;
    s->handler = handler;
    s->arg = arg;
    s->max = l->max_connections ? l->max_connections : 1024;
    (void)pthread_mutex_init(&s->mutex, NULL);
    cond_init(&s->changed);
    int rc = load_certificates(s, l, e);
    if (rc == 0)
        rc = listen_on(l->address, &s->fd, &s->port, e);
    if (rc == 0)
        rc = thread_start(&s->acceptor, "http-accept", 0, accept_main, s, e);
    if (rc < 0) {
        if (s->fd >= 0)
            (void)close(s->fd);
        s->fd = -1;
        http_server_free(s);
        return rc;
    }
    *out = s;
    return 0;
}

unsigned http_server_port(const struct http_server *s)
{
    return s->port;
}

void http_server_free(struct http_server *s)
{
    if (!s)
        return;
    if (s->fd >= 0) {
        (void)pthread_mutex_lock(&s->mutex);
        s->stopping = true;
        (void)pthread_cond_broadcast(&s->changed);
        (void)pthread_mutex_unlock(&s->mutex);
        (void)shutdown(s->fd, SHUT_RDWR); /* accept4() returns EINVAL */
        (void)pthread_join(s->acceptor, NULL);
        (void)close(s->fd);
    }
    (void)pthread_mutex_lock(&s->mutex);
    for (struct http_conn *c = s->conns; c; c = c->next)
        (void)shutdown(c->fd, SHUT_RDWR);
    while (s->n_conns > 0)
        (void)pthread_cond_wait(&s->changed, &s->mutex);
    (void)pthread_mutex_unlock(&s->mutex);
    if (s->cred)
        gnutls_certificate_free_credentials(s->cred);
    if (s->priority)
        gnutls_priority_deinit(s->priority);
    (void)pthread_cond_destroy(&s->changed);
    (void)pthread_mutex_destroy(&s->mutex);
    free(s);
}
