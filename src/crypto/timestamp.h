/* timestamp.h - RFC 3161 time-stamps: an authority's word that bytes existed at a moment.
 *
 * Threads    Any.
 * Lifetime   What is read borrows the bytes it was read from.                             */
#pragma once
#include <stdint.h>

#include "crypto/certificate.h"

struct timestamp {
    int64_t at_ms; /* genTime, as yet nobody's word */
    struct octets imprint_algorithm, imprint;
    struct octets content, certificates, signers; /* of the CMS message around it */
};

enum { TIMESTAMP_CERTIFICATES_MAX = 8 };

/* A TimeStampResp that was granted. */
int timestamp_read(struct octets der, struct timestamp *out, struct err *e) MUST_CHECK;

/* It is about `data` and `signer` signed it; who that is and whether it may is the caller's. */
int timestamp_verify(const struct timestamp *t, struct octets data,
                     const struct certificate *signer, struct err *e) MUST_CHECK;

/* The certificates that travel with it; *n of at most TIMESTAMP_CERTIFICATES_MAX, to be freed. */
void timestamp_certificates(const struct timestamp *t, struct certificate **out, size_t *n);
