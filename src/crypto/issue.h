/* issue.h - keys and certificates made from a seed: the same seed gives the same bytes.
 *
 * Model      A private key is PEM text in the form Go's x509 writes: PKCS#1 for RSA, SEC1 for ECDSA
 *            (P-256), OpenSSL's own for DSA, PKCS#8 for Ed25519. Certificates are X.509 v3 for
 *            servers and clients.
 * Guarantees Nothing is drawn at random and no clock is read.
 * Threads    Any.
 * Not here   Keys that slipway itself signs with (crypto/key.h).                           */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

enum { ISSUE_SEED = 32, ISSUE_SERIAL = 16 };

enum issue_kind {
    ISSUE_RSA_2048,
    ISSUE_RSA_4096,
    ISSUE_DSA_2048,
    ISSUE_ECDSA_P256,
    ISSUE_ED25519,
};

int issue_key(enum issue_kind kind, const unsigned char seed[ISSUE_SEED], struct arena *a,
              char **out, struct err *e) MUST_CHECK;

struct issue_request {
    const char *common_name;
    const char *const *ips; /* as text */
    size_t n_ips;
    const char *const *dns;
    size_t n_dns;
    int64_t not_before, not_after; /* seconds since 1970 */
    bool is_ca;
    unsigned char serial[ISSUE_SERIAL];
};

/* Who signs; without one a certificate signs itself. Both are PEM. */
struct issue_signer {
    const char *certificate, *key;
};

int issue_certificate(const struct issue_request *r, const char *key, const struct issue_signer *by,
                      struct arena *a, char **out, struct err *e) MUST_CHECK;

/* 0: it is a certificate; it is a private key, and *out is it in Go's form. */
int issue_check_certificate(const char *pem, struct err *e) MUST_CHECK;
int issue_check_key(const char *pem, struct arena *a, char **out, struct err *e) MUST_CHECK;

/* The public point of a P-256 scalar, 32 bytes each, highest first. The scalar is made one that is
 * in range. */
void issue_p256_point(unsigned char scalar[32], unsigned char x[32], unsigned char y[32]);
