#include "net/http_server.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/thread.h"
#include "net/http_int.h"
#include "net/listen_int.h"

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
    listen__describe(from, c->remote, sizeof c->remote);
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

static int load_certificates(struct http_server *s, const struct http_listen *l, struct err *e)
{
    const struct listen_keys keys = {l->cert_pem, l->key_pem, l->client_ca_pem, l->address};
    if (!l->cert_pem)
        return 0;
    s->client_certs = l->client_ca_pem != NULL;
    return listen__credentials(&keys, &s->cred, &s->priority, e);
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
        rc = listen__on(l->address, SOCK_STREAM, &s->fd, &s->port, e);
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
