/* trust.h - Sigstore's trusted_root.json: whose word counts, and for which time.
 *
 * Model      Logs and authorities with the stretch of time in which each was in use. Keys and
 *            certificates are kept as bytes and read when one is needed.
 * Threads    What was read is never written again.
 * Lifetime   Everything is in the arena that it was read into.                             */
#pragma once
#include <stdbool.h>

#include "base/arena.h"
#include "crypto/der.h"

enum { TRUST_ROOT_MAX = 4 << 20, TRUST_CHAIN_MAX = 8 };

struct trust_time { /* both ends belong to it */
    int64_t from_ms, until_ms;
};

struct trust_log {
    struct octets id, note_id, key; /* note_id: in checkpoints; key: DER */
    struct trust_time time;
    const char *url;
};

struct trust_authority {
    struct octets chain[TRUST_CHAIN_MAX]; /* certificates, the root last */
    size_t n_chain;
    struct trust_time time;
    const char *url;
};

struct trust_root {
    struct trust_log *logs, *certificate_logs;
    size_t n_logs, n_certificate_logs;
    struct trust_authority *authorities, *timestampers;
    size_t n_authorities, n_timestampers;
};

int trust_root_read(const char *json, size_t n, struct arena *a, struct trust_root **out,
                    struct err *e) MUST_CHECK;

/* Of the public instance of Sigstore, as slipway was built. */
int trust_root_public(struct arena *a, struct trust_root **out, struct err *e) MUST_CHECK;

bool trust_time_has(struct trust_time t, int64_t at_ms);

/* The log of that identity, or NULL. */
const struct trust_log *trust_log_find(const struct trust_log *logs, size_t n, struct octets id);
