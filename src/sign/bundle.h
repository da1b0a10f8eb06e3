/* bundle.h - Sigstore bundles v0.1 to v0.3, verified without a network.
 *
 * Model      A bundle carries a signature and all that speaks for it: a certificate or a key's
 *            name, entries of a transparency log, time-stamps. A verdict is a function of the
 *            bundle, of what was signed, of whom the caller trusts and of whom he expects.
 * Guarantees Reads no clock, no file and no network. An error names what does not hold.
 * Threads    Any; what was read is never written again.
 * Lifetime   Everything is in the arenas that are handed in.
 * Not here   Where a trusted root comes from (sign/trust.h); making bundles.                */
#pragma once
#include "codec/value.h"
#include "sign/trust.h"

enum { BUNDLE_MAX = 16 << 20 };

struct bundle;
struct public_key;

int bundle_read(const char *json, size_t n, struct arena *a, struct bundle **out,
                struct err *e) MUST_CHECK;

/* What should have been signed, or what an attestation should be about. */
struct bundle_artifact {
    struct octets bytes;
    struct octets hash; /* instead of bytes: SHA-256, SHA-384 or SHA-512 */
    bool any;           /* an attestation's subjects are looked at elsewhere */
};

/* A text, or a regular expression that is found in it when `pattern`, as cosign takes them. NULL:
 * anything. */
struct bundle_expect {
    const char *text;
    bool pattern;
};

struct bundle_policy {
    const struct trust_root *root; /* may be NULL with `key` and without the log */
    struct public_key *key;        /* instead of certificates */
    struct bundle_expect identity, issuer;
    bool without_log; /* an entry of a transparency log need not be there */
    bool without_certificate_log;
    const struct value *annotations; /* what a signature of an image must say; or NULL */
};

struct bundle_verdict {
    const char *identity, *issuer; /* of the certificate; NULL with a key */
    int64_t at_ms;                 /* the earliest proven moment; INT64_MIN: none */
    struct octets payload;         /* of a DSSE envelope */
    const char *payload_type;
};

/* ERR_DENIED: it does not hold; ERR_INVALID: it cannot be read. */
int bundle_verify(const struct bundle *b, const struct bundle_artifact *artifact,
                  const struct bundle_policy *p, struct arena *a, struct bundle_verdict *out,
                  struct err *e) MUST_CHECK;
