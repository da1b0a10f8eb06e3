/* wire_int.h - a connection, from inside. */
#pragma once
#include <gnutls/gnutls.h>

#include "net/wire.h"

struct wire {
    int fd;
    gnutls_session_t tls;                  /* NULL: plain */
    gnutls_certificate_credentials_t cred; /* a client's own */
    gnutls_priority_t priority;            /* a client's own */
    char remote[80];
    struct wire_server *server; /* NULL: a client's */
    struct wire *prev, *next;
};

/* Handshake on a session that has its credentials. */
int wire__handshake(struct wire *w, struct err *e) MUST_CHECK;
void wire__end(struct wire *w); /* says good-bye; the descriptor stays open */
