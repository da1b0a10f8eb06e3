/* wire_server.c - a thread for each connection. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/thread.h"
#include "net/listen_int.h"
#include "net/wire_int.h"

enum { CONN_STACK_KIB = 512, CONNECTIONS = 256, SEND_S = 60 };

struct wire_server {
    int fd, idle_s;
    unsigned port;
    wire_handler handler;
    void *arg;
    size_t max;
    bool client_certs;
    gnutls_certificate_credentials_t cred; /* NULL: plain */
    gnutls_priority_t priority;
    pthread_t acceptor;
    pthread_mutex_t lock; /* everything below */
    pthread_cond_t changed;
    bool stopping;
    size_t n;
    struct wire *wires;
};

static int begin(struct wire *w, struct err *e)
{
    const struct wire_server *s = w->server;
    if (!s->cred)
        return 0;
    if (gnutls_init(&w->tls, GNUTLS_SERVER | GNUTLS_NO_SIGNAL) < 0)
        return err_set(e, ERR_SYSTEM, "cannot start TLS");
    gnutls_priority_set(w->tls, s->priority);
    gnutls_credentials_set(w->tls, GNUTLS_CRD_CERTIFICATE, s->cred);
    if (s->client_certs) {
        gnutls_certificate_server_set_request(w->tls, GNUTLS_CERT_REQUIRE);
        gnutls_session_set_verify_cert(w->tls, NULL, 0);
    }
    return wire__handshake(w, e);
}

/* Out of the list, closed and freed. */
static void leave(struct wire *w)
{
    struct wire_server *s = w->server;
    LOCK_SCOPE(&s->lock);
    if (w->prev)
        w->prev->next = w->next;
    else
        s->wires = w->next;
    if (w->next)
        w->next->prev = w->prev;
    s->n--;
    (void)close(w->fd);
    free(w);
    (void)pthread_cond_broadcast(&s->changed);
}

static void *wire_main(void *arg)
{
    struct wire *w = arg;
    struct err e = {0};
    if (begin(w, &e) == 0)
        w->server->handler(w, w->server->arg);
    else
        log_debug("wire", "%s", e.msg);
    wire__end(w);
    leave(w);
    return NULL;
}

static void admit(struct wire_server *s, int fd, const struct sockaddr_storage *from)
{
    int one = 1;
    struct timeval slow = {.tv_sec = SEND_S};
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &slow, sizeof slow);
    struct wire *w = calloc(1, sizeof *w);
    if (!w)
        log_die("out of memory");
    w->server = s;
    w->fd = fd;
    wire_set_idle(w, s->idle_s);
    listen__describe(from, w->remote, sizeof w->remote);
    {
        LOCK_SCOPE(&s->lock);
        w->next = s->wires;
        if (s->wires)
            s->wires->prev = w;
        s->wires = w;
        s->n++;
    }
    pthread_t t;
    struct err e = {0};
    if (thread_start(&t, "wire", CONN_STACK_KIB, wire_main, w, &e) == 0) {
        (void)pthread_detach(t);
        return;
    }
    log_warn("wire", "no thread for %s: %s", w->remote, e.msg);
    leave(w);
}

/* False: the server ends. */
static bool wait_for_room(struct wire_server *s)
{
    LOCK_SCOPE(&s->lock);
    while (!s->stopping && s->n >= s->max)
        (void)pthread_cond_wait(&s->changed, &s->lock);
    return !s->stopping;
}

static void *accept_main(void *arg)
{
    struct wire_server *s = arg;
    while (wait_for_room(s)) {
        struct sockaddr_storage from = {0};
        socklen_t len = sizeof from;
        int fd = accept4(s->fd, (struct sockaddr *)&from, &len, SOCK_CLOEXEC);
        if (fd >= 0)
            admit(s, fd, &from);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            (void)usleep(20 * 1000); /* until a connection ends */
        else if (errno == EINVAL || errno == EBADF)
            break; /* shut down */
    }
    return NULL;
}

int wire_server_start(const struct wire_listen *l, wire_handler handler, void *arg,
                      struct wire_server **out, struct err *e)
{
    AUTO(wire_server) struct wire_server *s = calloc(1, sizeof *s);
    const struct listen_keys keys = {l->cert_pem, l->key_pem, l->client_ca_pem, l->address};
    if (!s)
        log_die("out of memory");
    s->fd = -1;
    s->idle_s = l->idle_s;
    s->handler = handler;
    s->arg = arg;
    s->max = l->max_connections ? l->max_connections : CONNECTIONS;
    s->client_certs = l->client_ca_pem != NULL;
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_cond_init(&s->changed, NULL);
    int r = l->cert_pem ? listen__credentials(&keys, &s->cred, &s->priority, e) : 0;
    AUTO_FD int fd = -1;
    if (r == 0)
        r = listen__on(l->address, SOCK_STREAM, &fd, &s->port, e);
    s->fd = fd;
    if (r == 0)
        r = thread_start(&s->acceptor, "wire-accept", 0, accept_main, s, e);
    if (r < 0) {
        s->fd = -1;
        return r;
    }
    (void)take_fd(&fd);
    *out = take_ptr(s);
    return 0;
}

unsigned wire_server_port(const struct wire_server *s)
{
    return s->port;
}

void wire_server_free(struct wire_server *s)
{
    if (!s)
        return;
    if (s->fd >= 0) {
        {
            LOCK_SCOPE(&s->lock);
            s->stopping = true;
            (void)pthread_cond_broadcast(&s->changed);
        }
        (void)shutdown(s->fd, SHUT_RDWR); /* accept4() returns EINVAL */
        (void)pthread_join(s->acceptor, NULL);
        (void)close(s->fd);
    }
    {
        LOCK_SCOPE(&s->lock);
        for (struct wire *w = s->wires; w; w = w->next)
            (void)shutdown(w->fd, SHUT_RDWR);
        while (s->n > 0)
            (void)pthread_cond_wait(&s->changed, &s->lock);
    }
    if (s->cred)
        gnutls_certificate_free_credentials(s->cred);
    if (s->priority)
        gnutls_priority_deinit(s->priority);
    (void)pthread_cond_destroy(&s->changed);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}
