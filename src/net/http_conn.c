#include <errno.h>
#include <gnutls/x509.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "net/http_int.h"

/* GnuTLS asks for a record's head and then its body; reading ahead halves the system calls. */
static ssize_t pull(gnutls_transport_ptr_t arg, void *into, size_t n)
{
    struct http_conn *c = arg;
    if (c->raw_pos == c->raw_len) {
        if (n >= HTTP_RAW)
            return recv(c->fd, into, n, 0);
        ssize_t got = recv(c->fd, c->raw, HTTP_RAW, 0);
        if (got <= 0)
            return got;
        c->raw_pos = 0;
        c->raw_len = (size_t)got;
    }
    size_t take = c->raw_len - c->raw_pos;
    if (take > n)
        take = n;
    memcpy(into, c->raw + c->raw_pos, take);
    c->raw_pos += take;
    return (ssize_t)take;
}

static int pull_timeout(gnutls_transport_ptr_t arg, unsigned ms)
{
    struct http_conn *c = arg;
    if (c->raw_pos < c->raw_len)
        return 1;
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    return poll(&p, 1, ms == GNUTLS_INDEFINITE_TIMEOUT ? -1 : (int)ms);
}

static int send_plain(struct http_conn *c, struct iovec *v, int n, bool more)
{
    while (n > 0) {
        struct msghdr m = {.msg_iov = v, .msg_iovlen = (size_t)n};
        ssize_t sent = sendmsg(c->fd, &m, more ? MSG_NOSIGNAL | MSG_MORE : MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return -1;
        while (n > 0 && (size_t)sent >= v->iov_len) {
            sent -= (ssize_t)v->iov_len;
            v++;
            n--;
        }
        if (n > 0) {
            v->iov_base = (char *)v->iov_base + sent;
            v->iov_len -= (size_t)sent;
        }
    }
    return 0;
}

/* Sends the records that wait in `wire`; without `more` behind them its room is given back. */
static int flush_wire(struct http_conn *c, bool more)
{
    struct iovec v = {c->wire, c->wire_len};
    c->wire_len = 0;
    int rc = send_plain(c, &v, 1, more);
    if (!more) {
        free(take_ptr(c->wire));
        c->wire_cap = 0;
    }
    return rc;
}

/* Room for a long answer's records, or for no more than what is kept of a short one. */
static void reserve_wire(struct http_conn *c, const struct iovec *v, int n, size_t skip)
{
    size_t want = c->wire_len;
    for (int i = 0; i < n; i++)
        want += v[i].iov_len;
    want = c->no_wait && want - skip < HTTP_WIRE ? want - skip : HTTP_WIRE;
    if (c->wire_cap >= want)
        return;
    if (!(c->wire = realloc(c->wire, want)))
        log_die("out of memory");
    c->wire_cap = want;
}

/* Puts what follows the first `skip` bytes into `wire`. */
static int put_wire(struct http_conn *c, const struct iovec *v, int n, size_t skip)
{
    reserve_wire(c, v, n, skip);
    for (int i = 0; i < n; i++) {
        size_t done = skip < v[i].iov_len ? skip : v[i].iov_len;
        skip -= done;
        for (size_t take; done < v[i].iov_len; done += take) {
            if (c->wire_len == c->wire_cap && flush_wire(c, true) < 0)
                return -1;
            take = v[i].iov_len - done;
            if (take > c->wire_cap - c->wire_len)
                take = c->wire_cap - c->wire_len;
            memcpy(c->wire + c->wire_len, (char *)v[i].iov_base + done, take);
            c->wire_len += take;
        }
    }
    return 0;
}

/* Records that others follow at once leave together: each system call may have to wake the
 * reader, and the kernel joins them into larger segments. */
static ssize_t push(gnutls_transport_ptr_t arg, const giovec_t *iov, int n)
{
    struct http_conn *c = arg;
    const struct iovec *v = (const struct iovec *)(uintptr_t)iov;
    ssize_t sent = 0, total = 0;
    if (!c->more && !c->hold && c->wire_len == 0) {
        struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)v, .msg_iovlen = (size_t)n};
        sent = sendmsg(c->fd, &m, c->no_wait ? MSG_NOSIGNAL | MSG_DONTWAIT : MSG_NOSIGNAL);
        if (!c->no_wait || (sent < 0 && errno != EAGAIN && errno != EINTR))
            return sent;
        sent = sent < 0 ? 0 : sent;
    }
    for (int i = 0; i < n; i++)
        total += (ssize_t)v[i].iov_len;
    if (sent < total && put_wire(c, v, n, (size_t)sent) < 0)
        return -1;
    return !c->more && !c->no_wait && flush_wire(c, false) < 0 ? -1 : total;
}

static void remember_client(struct http_conn *c)
{
    unsigned n = 0, status = 0;
    const gnutls_datum_t *certs = gnutls_certificate_get_peers(c->tls, &n);
    if (!certs || n == 0 || gnutls_certificate_verify_peers2(c->tls, &status) < 0 || status != 0)
        return;
    gnutls_x509_crt_t crt;
    if (gnutls_x509_crt_init(&crt) < 0)
        return;
    if (gnutls_x509_crt_import(crt, &certs[0], GNUTLS_X509_FMT_DER) == 0) {
        char text[256];
        size_t size = sizeof text;
        if (gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, text, &size) == 0)
            c->client_cn = strdup(text);
        struct buf all;
        buf_init(&all, 4096);
        for (unsigned i = 0; i < 64; i++) {
            size = sizeof text;
            if (gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_ORGANIZATION_NAME, i, 0, text,
                                              &size) != 0)
                break;
            if (i > 0)
                buf_putc(&all, ',');
            buf_puts(&all, text);
        }
        if (all.len > 0)
            c->client_o = buf_take(&all);
        buf_done(&all);
    }
    gnutls_x509_crt_deinit(crt);
}

int http__tls_start(struct http_conn *c, struct err *e)
{
    c->raw = malloc(HTTP_RAW);
    if (!c->raw || gnutls_init(&c->tls, GNUTLS_SERVER | GNUTLS_NO_SIGNAL) < 0)
        return err_set(e, ERR_SYSTEM, "cannot start TLS");
    gnutls_priority_set(c->tls, http__priority(c->server));
    gnutls_credentials_set(c->tls, GNUTLS_CRD_CERTIFICATE, http__credentials(c->server));
    if (http__wants_client(c->server))
        gnutls_certificate_server_set_request(c->tls, GNUTLS_CERT_REQUEST);
    static unsigned char http11[] = "http/1.1";
    static const gnutls_datum_t alpn = {http11, 8};
    gnutls_alpn_set_protocols(c->tls, &alpn, 1, 0);
    gnutls_transport_set_ptr(c->tls, c);
    gnutls_transport_set_pull_function(c->tls, pull);
    gnutls_transport_set_pull_timeout_function(c->tls, pull_timeout);
    gnutls_transport_set_vec_push_function(c->tls, push);
    gnutls_handshake_set_timeout(c->tls, 30000);
    int rc;
    do {
        rc = gnutls_handshake(c->tls);
    } while (rc < 0 && rc != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(rc));
    if (rc < 0)
        return err_set(e, ERR_INVALID, "TLS handshake with %s: %s", c->remote, gnutls_strerror(rc));
    remember_client(c);
    return 0;
}

long http__recv(struct http_conn *c, void *into, size_t room)
{
    if (c->broken)
        return -1;
    for (;;) {
        ssize_t n;
        if (c->tls) {
            n = gnutls_record_recv(c->tls, into, room);
            if (n == GNUTLS_E_INTERRUPTED || n == GNUTLS_E_REHANDSHAKE)
                continue;
            if (n == GNUTLS_E_PREMATURE_TERMINATION)
                n = 0;
        } else {
            n = recv(c->fd, into, room, 0);
            if (n < 0 && errno == EINTR)
                continue;
        }
        if (n < 0)
            c->broken = true;
        return n < 0 ? -1 : n;
    }
}

/* more: there is more to send at once. */
static int send_tls(struct http_conn *c, const char *p, size_t n, bool more)
{
    while (n > 0) {
        c->more = more || n > HTTP_RECORD;
        ssize_t sent = gnutls_record_send(c->tls, p, n > HTTP_RECORD ? HTTP_RECORD : n);
        if (sent == GNUTLS_E_INTERRUPTED)
            continue;
        if (sent < 0)
            return -1;
        p += sent;
        n -= (size_t)sent;
    }
    return 0;
}

/* TLS: the front of the answer fills whole records, so that a small one is one record. */
static int send_records(struct http_conn *c, const struct iovec *parts, int n)
{
    if (!c->out)
        c->out = malloc(HTTP_RECORD);
    if (!c->out)
        return -1;
    size_t have = 0;
    for (int i = 0; i < n; i++) {
        const char *p = parts[i].iov_base;
        size_t left = parts[i].iov_len;
        while (left > 0) {
            if (have == 0 && left >= HTTP_RECORD) {
                size_t whole = left - left % HTTP_RECORD;
                if (send_tls(c, p, whole, whole < left || i + 1 < n) < 0)
                    return -1;
                p += whole;
                left -= whole;
                continue;
            }
            size_t take = HTTP_RECORD - have < left ? HTTP_RECORD - have : left;
            memcpy(c->out + have, p, take);
            have += take;
            p += take;
            left -= take;
            if (have == HTTP_RECORD) {
                if (send_tls(c, c->out, have, left > 0 || i + 1 < n) < 0)
                    return -1;
                have = 0;
            }
        }
    }
    return have > 0 ? send_tls(c, c->out, have, false) : 0;
}

int http__send(struct http_conn *c, const struct iovec *parts, int n)
{
    if (c->broken)
        return -1;
    int rc;
    if (c->tls) {
        rc = send_records(c, parts, n);
    } else {
        struct iovec v[8];
        if (n > 8)
            log_die("http: %d parts", n);
        memcpy(v, parts, sizeof v[0] * (size_t)n);
        rc = !c->no_wait ? send_plain(c, v, n, false) : push(c, v, n) < 0 ? -1 : 0;
    }
    if (rc < 0)
        c->broken = true;
    return rc;
}

int http__send_rest(struct http_conn *c)
{
    if (!c->broken && c->wire_len > 0 && flush_wire(c, false) < 0)
        c->broken = true;
    return c->broken ? -1 : 0;
}

int http__try_rest(struct http_conn *c)
{
    if (c->broken || c->wire_len == 0)
        return c->broken ? -1 : 0;
    ssize_t sent = send(c->fd, c->wire, c->wire_len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        c->broken = true;
        return -1;
    }
    sent = sent < 0 ? 0 : sent;
    c->wire_len -= (size_t)sent;
    if (c->wire_len > 0) {
        memmove(c->wire, c->wire + sent, c->wire_len);
        return 0;
    }
    free(take_ptr(c->wire));
    c->wire_cap = 0;
    return 0;
}

int http__flush(struct http_conn *c, bool more)
{
    size_t n = c->out_len;
    struct iovec plain = {c->out, n};
    c->out_len = 0;
    if (c->broken || n == 0)
        return c->broken ? -1 : 0;
    int rc = c->tls ? send_tls(c, c->out, n, more) : send_plain(c, &plain, 1, more);
    if (rc < 0)
        c->broken = true;
    return rc;
}

bool http__fill(struct http_conn *c)
{
    if (c->in_pos == c->in_len)
        c->in_pos = c->in_len = 0;
    if (c->in_len == c->in_cap) {
        if (c->in_pos > 0) {
            memmove(c->in, c->in + c->in_pos, c->in_len - c->in_pos);
            c->in_len -= c->in_pos;
            c->in_pos = 0;
        } else {
            size_t cap = c->in_cap ? c->in_cap * 2 : HTTP_IN_FIRST;
            if (cap > HTTP_HEAD_MAX)
                return false;
            char *in = realloc(c->in, cap + 1);
            if (!in)
                log_die("out of memory");
            c->in = in;
            c->in_cap = cap;
        }
    }
    long n = http__recv(c, c->in + c->in_len, c->in_cap - c->in_len);
    if (n <= 0)
        return false;
    c->in_len += (size_t)n;
    return true;
}

bool http__conn_gone(struct http_conn *c)
{
    if (c->broken)
        return true;
    struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};
    return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL));
}

void http__conn_done(struct http_conn *c)
{
    if (c->tls) {
        if (!c->broken)
            (void)gnutls_bye(c->tls, GNUTLS_SHUT_WR);
        gnutls_deinit(c->tls);
    }
    buf_done(&c->headers);
    free(c->raw);
    free(c->in);
    free(c->out);
    free(c->wire);
    free(c->client_cn);
    free(c->client_o);
}
