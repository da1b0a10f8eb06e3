/* certificate.h - X.509 certificates as evidence: who signed, until when, vouched for by whom.
 *
 * Model      Unlike TLS, what counts is not now but the moment a signature was made; every check
 *            of validity is handed that moment.
 * Guarantees Reads no clock, no file and no system store.
 * Threads    A certificate may be read from any thread.
 * Not here   TLS (net/tls.h), making certificates (crypto/issue.h).                         */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "crypto/der.h"
#include "crypto/key.h"

struct certificate;

#define PURPOSE_CODE_SIGNING  "1.3.6.1.5.5.7.3.3"
#define PURPOSE_TIME_STAMPING "1.3.6.1.5.5.7.3.8"

int certificate_read(struct octets der, struct certificate **out, struct err *e) MUST_CHECK;
void certificate_free(struct certificate *c);
AUTO_DEFINE(certificate)

struct octets certificate_bytes(const struct certificate *c); /* DER; as long as `c` */
int certificate_public_key(const struct certificate *c, struct public_key **out,
                           struct err *e) MUST_CHECK;
bool certificate_is_self_issued(const struct certificate *c);
bool certificate_is_authority(const struct certificate *c);
bool certificate_has_purpose(const struct certificate *c, const char *oid);
/* The bytes of the extension `oid`; false when there is none. */
bool certificate_extension(const struct certificate *c, const char *oid, struct arena *a,
                           struct octets *out);

/* The i-th alternative name (address, URI, DNS name or Fulcio's user name) as text; NULL after
 * the last, "" for one of another kind. */
const char *certificate_name(const struct certificate *c, unsigned i, struct arena *a);

/* `leaf` was issued by chain[0], that by chain[1] and so on, the last of which is trusted; all of
 * them were valid at `at_ms`. ERR_DENIED otherwise. */
int certificate_verify(const struct certificate *leaf, struct certificate *const *chain, size_t n,
                       int64_t at_ms, struct err *e) MUST_CHECK;

/* A promise of a certificate transparency log (RFC 6962) that is embedded in a certificate. */
struct sct {
    struct octets log; /* SHA-256 of its key */
    int64_t at_ms;
    struct octets extensions, signature;
};

/* ERR_NOT_FOUND: the certificate holds none. */
int certificate_scts(const struct certificate *c, struct arena *a, struct sct **out, size_t *n,
                     struct err *e) MUST_CHECK;
/* Whether `log` promised to publish `c`, issued by `issuer`. ERR_DENIED when it did not. */
int certificate_check_sct(const struct certificate *c, const struct certificate *issuer,
                          const struct sct *s, struct public_key *log, struct err *e) MUST_CHECK;

/* The certificates or keys of PEM text as DER; *n of at most `max`. */
int pem_read(const char *text, size_t n_text, struct arena *a, struct octets *out, size_t max,
             size_t *n, struct err *e) MUST_CHECK;
