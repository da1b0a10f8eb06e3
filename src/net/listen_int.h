/* listen_int.h - sockets and certificates of listeners, for HTTP and for what is none. */
#pragma once
#include <gnutls/gnutls.h>
#include <sys/socket.h>

#include "base/err.h"

/* Binds `address`; a stream socket listens. ERR_EXISTS: the port is in use. */
int listen__on(const char *address, int type, int *out_fd, unsigned *out_port,
               struct err *e) MUST_CHECK;

struct listen_keys {
    const char *cert_pem, *key_pem;
    const char *trusted_pem; /* or NULL */
    const char *of;          /* for messages */
};
/* Both to be freed by the caller, on failure, too. */
int listen__credentials(const struct listen_keys *k, gnutls_certificate_credentials_t *out,
                        gnutls_priority_t *out_priority, struct err *e) MUST_CHECK;

void listen__describe(const struct sockaddr_storage *from, char *out, size_t size);
