/* wire.c - reading, writing and connecting. */
#include "net/wire.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "net/listen_int.h"
#include "net/wire_int.h"

enum { HANDSHAKE_MS = 30000 };

const char *wire_remote(const struct wire *w)
{
    return w->remote;
}

void wire_set_idle(struct wire *w, int idle_s)
{
    struct timeval idle = {.tv_sec = idle_s};
    (void)setsockopt(w->fd, SOL_SOCKET, SO_RCVTIMEO, &idle, sizeof idle);
}

static int silent(const struct wire *w, struct err *e)
{
    return err_set(e, ERR_AGAIN, "%s was silent for too long", w->remote);
}

static int broken(const struct wire *w, const char *why, struct err *e)
{
    return err_set(e, ERR_AGAIN, "connection with %s: %s", w->remote, why);
}

long wire_read(struct wire *w, void *into, size_t room, struct err *e)
{
    for (;;) {
        ssize_t n = w->tls ? gnutls_record_recv(w->tls, into, room) : recv(w->fd, into, room, 0);
        if (n >= 0)
            return n;
        if (w->tls ? n == GNUTLS_E_INTERRUPTED : errno == EINTR)
            continue;
        if (w->tls && n == GNUTLS_E_PREMATURE_TERMINATION)
            return 0;
        if (w->tls)
            return n == GNUTLS_E_AGAIN ? silent(w, e) : broken(w, gnutls_strerror((int)n), e);
        return errno == EAGAIN ? silent(w, e) : broken(w, strerror(errno), e);
    }
}

int wire_write(struct wire *w, const void *bytes, size_t n, struct err *e)
{
    for (const char *at = bytes; n > 0;) {
        ssize_t sent =
            w->tls ? gnutls_record_send(w->tls, at, n) : send(w->fd, at, n, MSG_NOSIGNAL);
        if (sent < 0 && (w->tls ? sent == GNUTLS_E_INTERRUPTED : errno == EINTR))
            continue;
        if (sent < 0)
            return broken(w, w->tls ? gnutls_strerror((int)sent) : strerror(errno), e);
        at += sent;
        n -= (size_t)sent;
    }
    return 0;
}

int wire__handshake(struct wire *w, struct err *e)
{
    int rc;
    gnutls_transport_set_int(w->tls, w->fd);
    gnutls_handshake_set_timeout(w->tls, HANDSHAKE_MS);
    do {
        rc = gnutls_handshake(w->tls);
    } while (rc < 0 && rc != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(rc));
    return rc < 0
               ? err_set(e, ERR_AGAIN, "TLS handshake with %s: %s", w->remote, gnutls_strerror(rc))
               : 0;
}

void wire__end(struct wire *w)
{
    if (!w->tls)
        return;
    (void)gnutls_bye(w->tls, GNUTLS_SHUT_WR);
    gnutls_deinit(w->tls);
    w->tls = NULL;
}

void wire_free(struct wire *w)
{
    if (!w)
        return;
    wire__end(w);
    if (w->fd >= 0)
        (void)close(w->fd);
    if (w->cred)
        gnutls_certificate_free_credentials(w->cred);
    if (w->priority)
        gnutls_priority_deinit(w->priority);
    free(w);
}

/* ---- a client's side ---- */

static int dial(int fd, const struct addrinfo *a, int timeout_s)
{
    struct timeval limit = {.tv_sec = timeout_s};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit); /* connect()'s, too */
    return connect(fd, a->ai_addr, a->ai_addrlen) < 0 ? errno : 0;
}

static int connect_any(struct wire *w, const struct wire_to *to, struct err *e)
{
    char port[16];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    int sys = 0;
    (void)snprintf(port, sizeof port, "%u", to->port);
    (void)snprintf(w->remote, sizeof w->remote, "%.60s:%u", to->host, to->port);
    int rc = getaddrinfo(to->host, port, &hints, &found);
    if (rc != 0)
        return err_set(e, ERR_AGAIN, "%s: %s", w->remote, gai_strerror(rc));
    for (const struct addrinfo *a = found; a; a = a->ai_next) {
        w->fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sys = w->fd < 0 ? errno : dial(w->fd, a, to->timeout_s);
        if (sys == 0)
            break;
        if (w->fd >= 0)
            (void)close(w->fd);
        w->fd = -1;
    }
    freeaddrinfo(found);
    return w->fd < 0 ? err_set(e, ERR_AGAIN, "connect to %s: %s", w->remote, strerror(sys)) : 0;
}

static int start_tls(struct wire *w, const struct wire_to *to, struct err *e)
{
    const char *name = to->name ? to->name : to->host;
    const struct listen_keys keys = {to->cert_pem, to->key_pem, to->ca_pem, to->host};
    int r = listen__credentials(&keys, &w->cred, &w->priority, e);
    if (r < 0)
        return r;
    if (!to->ca_pem && !to->insecure)
        (void)gnutls_certificate_set_x509_system_trust(w->cred);
    if (gnutls_init(&w->tls, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL) < 0)
        log_die("out of memory");
    gnutls_priority_set(w->tls, w->priority);
    gnutls_credentials_set(w->tls, GNUTLS_CRD_CERTIFICATE, w->cred);
    gnutls_server_name_set(w->tls, GNUTLS_NAME_DNS, name, strlen(name));
    if (!to->insecure)
        gnutls_session_set_verify_cert(w->tls, name, 0);
    return wire__handshake(w, e);
}

int wire_connect(const struct wire_to *to, struct wire **out, struct err *e)
{
    AUTO(wire) struct wire *w = calloc(1, sizeof *w);
    if (!w)
        log_die("out of memory");
    w->fd = -1;
    int r = connect_any(w, to, e);
    if (r == 0 && to->tls)
        r = start_tls(w, to, e);
    if (r < 0)
        return r;
    *out = take_ptr(w);
    return 0;
}

int wire_bind_udp(const char *address, int *out_fd, unsigned *out_port, struct err *e)
{
    return listen__on(address, SOCK_DGRAM, out_fd, out_port, e);
}
