/* key.h - key pairs that sign, and public keys that check.
 *
 * Model      ECDSA on P-256 with SHA-256 is made here; RSA, P-384, P-521 and Ed25519 keys are
 *            read and used as well. Signatures are DER, as cosign writes them.
 * Guarantees Private key bytes are wiped when freed and never reach an error or a log.
 * Threads    A key may be used from any thread.
 * Not here   Certificates and TLS (net/tls.h); where keys are kept.                        */
#pragma once
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "crypto/der.h"

struct key;        /* private */
struct public_key; /* public */

int key_generate(struct key **out, struct err *e) MUST_CHECK;
/* PKCS#8, PKCS#1 or SEC1 PEM, not encrypted. */
int key_load(const char *pem, size_t n, struct key **out, struct err *e) MUST_CHECK;
void key_free(struct key *k);
AUTO_DEFINE(key)

/* PKCS#8 PEM: secret. */
int key_private_pem(struct key *k, struct arena *a, char **out, struct err *e) MUST_CHECK;
/* SubjectPublicKeyInfo PEM. */
int key_public_pem(struct key *k, struct arena *a, char **out, struct err *e) MUST_CHECK;

int key_sign(struct key *k, const void *message, size_t n, struct arena *a, char **out,
             size_t *out_n, struct err *e) MUST_CHECK;

/* A public key or a certificate, PEM. */
int public_key_load(const char *pem, size_t n, struct public_key **out, struct err *e) MUST_CHECK;
/* SubjectPublicKeyInfo, or PKCS#1 of RSA. */
int public_key_read(struct octets der, struct public_key **out, struct err *e) MUST_CHECK;
/* A key's own. */
int key_public_half(struct key *k, struct public_key **out, struct err *e) MUST_CHECK;
void public_key_free(struct public_key *k);
AUTO_DEFINE(public_key)

/* 0: `signature` is this key's over `message`; ERR_DENIED: it is not. */
int public_key_verify(struct public_key *k, const void *message, size_t n, const void *signature,
                      size_t signature_n, struct err *e) MUST_CHECK;

/* The same over a SHA-256, SHA-384 or SHA-512 of the message; ERR_UNSUPPORTED for Ed25519. */
int public_key_verify_hash(struct public_key *k, struct octets hash, struct octets signature,
                           struct err *e) MUST_CHECK;

/* SubjectPublicKeyInfo, and SHA-256 over it. */
int public_key_der(struct public_key *k, struct arena *a, struct octets *out,
                   struct err *e) MUST_CHECK;
int public_key_hash(struct public_key *k, unsigned char out[32], struct err *e) MUST_CHECK;

/* The first 16 hex digits of SHA-256 over the SubjectPublicKeyInfo: names a key in records. */
int public_key_id(struct public_key *k, struct arena *a, char **out, struct err *e) MUST_CHECK;
