/* bundle_int.h - a bundle as it was read, and the checks of its parts. */
#pragma once
#include "codec/value.h"
#include "crypto/certificate.h"
#include "sign/bundle.h"

enum { BUNDLE_ENTRIES_MAX = 32, BUNDLE_HASHES_MAX = 64, BUNDLE_SIGNATURES_MAX = 16 };

struct bundle_proof {
    int64_t index, size;
    struct octets root, hashes[BUNDLE_HASHES_MAX];
    size_t n_hashes;
    const char *checkpoint; /* NULL: none */
};

struct bundle_entry {
    int64_t index;
    struct octets log;
    const char *kind, *version;
    int64_t integrated_s;       /* 0: the log does not say */
    struct octets promise;      /* signed entry timestamp; empty: none */
    struct bundle_proof *proof; /* NULL: none */
    struct octets body;
};

struct bundle_envelope {
    struct octets payload, signature;
    const char *type;
};

struct bundle {
    int minor;                 /* of version 0 */
    struct octets certificate; /* empty: a key */
    struct bundle_entry *entries;
    size_t n_entries;
    struct octets *timestamps;
    size_t n_timestamps;
    struct bundle_envelope *envelope; /* else the message's signature */
    struct octets hash, signature;    /* hash: a hint, may be empty */
    const char *hash_algorithm;
};

/* What an entry of a log must be about. */
struct bundle_claim {
    struct octets signer; /* certificate or SubjectPublicKeyInfo, DER */
    struct octets signature;
    struct octets message; /* what the signature is over: artifact or PAE; or empty */
    struct octets hash;    /* of the artifact, where that is all there is */
    const struct bundle_envelope *envelope;
};

/* The signature that the time-stamps and the log are about. */
struct octets bundle__signature(const struct bundle *b);

/* The log holds the entry: its promise and its proof. */
int bundle__check_log(const struct bundle *b, const struct bundle_entry *entry,
                      const struct trust_root *root, struct arena *a, struct err *e) MUST_CHECK;

/* The entry is about this signature. */
int bundle__check_body(const struct bundle_entry *entry, const struct bundle_claim *claim,
                       struct arena *a, struct err *e) MUST_CHECK;

/* `message` or the hash itself, by the algorithm's name in any of the spellings in use. */
bool bundle__hash_is(const char *algorithm, struct octets want, const struct bundle_claim *claim);

/* SHA-256 of the runs one after the other. */
void bundle__sha256(unsigned char out[32], const struct octets *runs, size_t n);
bool bundle__hash(size_t size, struct octets of, unsigned char out[64]);
