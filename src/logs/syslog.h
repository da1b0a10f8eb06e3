/* syslog.h - syslog messages, as RFC 5424 has them and as RFC 3164 found them. Pure. */
#pragma once
#include "codec/value.h"

struct syslog_message {
    unsigned pri;         /* facility * 8 + severity; 13 (user, notice) when it has none */
    int64_t time_ns;      /* `now` when it has none */
    struct value *record; /* pri, facility, severity, host, ident, pid, msgid, extradata, message */
};

/* Whatever is sent is a message: what has no head is text. now_ns: for times without a year. */
void syslog_parse(const char *bytes, size_t n, int64_t now_ns, struct arena *a,
                  struct syslog_message *out);

/* How far the first message of a connection's bytes reaches, by its length in front or by its line
 * end: 1: *from and *len are it, and *used bytes are done with; 0: more is needed; ERR_TOO_LARGE.
 */
enum { SYSLOG_MAX = 64 * 1024 };
int syslog_frame(const char *bytes, size_t n, size_t *from, size_t *len, size_t *used,
                 struct err *e);
