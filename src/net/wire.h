/* wire.h - connections that speak something else than HTTP: TCP, plain or TLS, of either side.
 *
 * Model      A listener serves one address; each connection has a thread, so a handler may block.
 *            A client's connection is the same thing.
 * Guarantees A peer that is silent or reads nothing for longer than a limit is given up.
 * Threads    A connection belongs to one thread.
 * Lifetime   A handler's connection is closed when it returns.                              */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"

struct wire;

/* > 0 bytes, 0 at the end, < 0 an error code (ERR_AGAIN: silent for too long). */
long wire_read(struct wire *w, void *into, size_t room, struct err *e);
int wire_write(struct wire *w, const void *bytes, size_t n, struct err *e) MUST_CHECK;
void wire_set_idle(struct wire *w, int idle_s); /* as wire_listen's */
const char *wire_remote(const struct wire *w);  /* "127.0.0.1:5123" */
void wire_free(struct wire *w);                 /* of wire_connect() only */
AUTO_DEFINE(wire)

struct wire_listen {
    const char *address;            /* as of http_server.h */
    const char *cert_pem, *key_pem; /* NULL: plain */
    const char *client_ca_pem;      /* a certificate of it must be shown; NULL: none */
    size_t max_connections;         /* 0: 256; one more waits */
    int idle_s;                     /* 0: never given up for its silence */
};

struct wire_server;
typedef void (*wire_handler)(struct wire *w, void *arg);

int wire_server_start(const struct wire_listen *l, wire_handler handler, void *arg,
                      struct wire_server **out, struct err *e) MUST_CHECK;
unsigned wire_server_port(const struct wire_server *s);
void wire_server_free(struct wire_server *s); /* ends connections, waits for their handlers */
AUTO_DEFINE(wire_server)

struct wire_to {
    const char *host;
    unsigned port;
    bool tls, insecure;             /* insecure: whoever answers is believed */
    const char *name;               /* that its certificate must have; NULL: host */
    const char *ca_pem;             /* NULL: the system's */
    const char *cert_pem, *key_pem; /* ours, or NULL */
    int timeout_s;                  /* of connecting, and of each read and write */
};
int wire_connect(const struct wire_to *to, struct wire **out, struct err *e) MUST_CHECK;

/* A bound UDP socket. */
int wire_bind_udp(const char *address, int *out_fd, unsigned *out_port, struct err *e) MUST_CHECK;
