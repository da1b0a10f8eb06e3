#include "net/listen_int.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"

void listen__describe(const struct sockaddr_storage *from, char *out, size_t size)
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

int listen__on(const char *address, int type, int *out_fd, unsigned *out_port, struct err *e)
{
    char host[256];
    const char *port = NULL;
    int rc = split_address(address, host, sizeof host, &port, e);
    if (rc < 0)
        return rc;
    struct addrinfo hints = {.ai_socktype = type, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    rc = getaddrinfo(*host ? host : NULL, port, &hints, &found);
    if (rc != 0)
        return err_set(e, ERR_INVALID, "listen address \"%s\": %s", address, gai_strerror(rc));
    int one = 1;
    AUTO_FD int fd = socket(found->ai_family, type | SOCK_CLOEXEC, 0);
    int failed = 0;
    bool stream = type == SOCK_STREAM; /* of datagrams, another process would get some */
    if (fd < 0 || (stream && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0) ||
        bind(fd, found->ai_addr, found->ai_addrlen) < 0 || (stream && listen(fd, 1024) < 0))
        failed = errno;
    freeaddrinfo(found);
    if (failed == EADDRINUSE) {
        (void)err_set(e, ERR_EXISTS, "listen on %s: the port is in use", address);
        return err_hint(e, "ss -ltunp tells by what; stop that, or choose another address");
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

/* gnutls takes no const; the key is wiped after use. */
static gnutls_datum_t copy_of(const char *pem)
{
    return (gnutls_datum_t){(unsigned char *)strdup(pem), (unsigned)strlen(pem)};
}

int listen__credentials(const struct listen_keys *k, gnutls_certificate_credentials_t *out,
                        gnutls_priority_t *out_priority, struct err *e)
{
    int rc = gnutls_certificate_allocate_credentials(out);
    if (rc >= 0 && k->cert_pem) {
        gnutls_datum_t cert = copy_of(k->cert_pem), key = copy_of(k->key_pem);
        rc = gnutls_certificate_set_x509_key_mem(*out, &cert, &key, GNUTLS_X509_FMT_PEM);
        free(cert.data);
        gnutls_memset(key.data, 0, key.size);
        free(key.data);
    }
    if (rc >= 0 && k->trusted_pem) {
        gnutls_datum_t ca = copy_of(k->trusted_pem);
        rc = gnutls_certificate_set_x509_trust_mem(*out, &ca, GNUTLS_X509_FMT_PEM);
        free(ca.data);
    }
    if (rc >= 0)
        rc = gnutls_priority_init(
            out_priority,
            "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:"
            "+CHACHA20-POLY1305:%SERVER_PRECEDENCE", /* the order is ours, as Go's servers do */
            NULL);
    return rc < 0
               ? err_set(e, ERR_INVALID, "TLS certificate for %s: %s", k->of, gnutls_strerror(rc))
               : 0;
}
