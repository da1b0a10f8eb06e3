/* mail.h - sends a mail by SMTP, on libcurl.
 *
 * Guarantees Passwords go only over TLS unless require_tls is off; errors name the server, never
 *            credentials.
 * Threads    Any; runs in the calling thread.                                             */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct mail_call {
    const char *server;          /* "HOST:PORT"; port 465 speaks TLS from the start */
    const char *hello;           /* what we call ourselves; "" or NULL: localhost */
    const char *user, *password; /* NULL: none */
    const char *ca_file, *cert_file, *key_file; /* NULL: the system's; none */
    bool require_tls, insecure;
    int64_t timeout_ms;
    const char *from;
    const char *const *to;     /* NULL-terminated */
    const char *text;          /* headers and body, lines end in CR LF */
    const atomic_bool *cancel; /* once true it ends within a second, ERR_CANCELLED; or NULL */
};

/* ERR_AGAIN: it may work later; ERR_INVALID: the server will not have it. */
int mail_send(const struct mail_call *m, struct err *e) MUST_CHECK;
