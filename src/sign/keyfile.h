/* keyfile.h - private keys sealed by a passphrase, as cosign keeps them.
 *
 * Model      PEM "ENCRYPTED SIGSTORE PRIVATE KEY" (older: "ENCRYPTED COSIGN PRIVATE KEY") around
 *            JSON: what scrypt and NaCl's secretbox were given, and the sealed PKCS#8.
 * Threads    Any.                                                                          */
#pragma once
#include <stdbool.h>

#include "crypto/key.h"

enum { KEYFILE_MAX = 1 << 20 };

bool keyfile_is_sealed(const char *pem);

/* A sealed key, or one that is not. ERR_DENIED: another passphrase. */
int keyfile_open(const char *pem, size_t n, const char *passphrase, struct key **out,
                 struct err *e) MUST_CHECK;

int keyfile_seal(struct key *k, const char *passphrase, struct arena *a, char **out,
                 struct err *e) MUST_CHECK;
