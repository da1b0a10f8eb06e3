/* syslog_in.h - a listener for syslog: TCP, TLS or UDP.
 *
 * Guarantees What was taken is on disk within about a second; syslog has no acknowledgement. A
 *            message has at most 64 KiB; of UDP the kernel may drop what comes too fast.
 * Fence      None but the address, and with TLS the clients' certificates: lines are of no
 *            namespace.                                                                     */
#pragma once
#include "logs/intake.h"

struct syslog_in;

struct syslog_in_opts {
    const char *address;
    bool udp;
    const char *cert_pem, *key_pem, *client_ca_pem; /* NULL: plain; any client */
    struct intake intake;
};

int syslog_in_start(const struct syslog_in_opts *o, struct syslog_in **out,
                    struct err *e) MUST_CHECK;
unsigned syslog_in_port(const struct syslog_in *s);
struct intake *syslog_in_intake(struct syslog_in *s);
void syslog_in_free(struct syslog_in *s);
AUTO_DEFINE(syslog_in)
