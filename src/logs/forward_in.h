/* forward_in.h - a listener for Fluent's forward protocol, TCP or TLS.
 *
 * Guarantees A chunk is acknowledged when its records are on disk (or were refused, counted and
 *            said). Messages have at most 32 MiB, all connections together hold 128 MiB.
 * Fence      With a shared key nobody is heard who does not know it, and records are of the
 *            namespace that they name. Without one, records are of no namespace.            */
#pragma once
#include "logs/intake.h"

struct forward_in;

struct forward_in_opts {
    const char *address;
    const char *cert_pem, *key_pem, *client_ca_pem; /* NULL: plain; any client */
    const char *shared_key;                         /* NULL: none is asked for */
    struct intake intake;                           /* `trusted` follows from the key */
};

int forward_in_start(const struct forward_in_opts *o, struct forward_in **out,
                     struct err *e) MUST_CHECK;
unsigned forward_in_port(const struct forward_in *f);
struct intake *forward_in_intake(struct forward_in *f);
void forward_in_free(struct forward_in *f);
AUTO_DEFINE(forward_in)
