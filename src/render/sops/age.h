/* age.h - files encrypted with age (age-encryption.org/v1), for those who hold an X25519 key.
 *
 * Guarantees Nothing of a file is given out unless its header and every chunk are authentic.
 * Threads    Any.
 * Not here   Passphrases, SSH keys and plugins: such recipients are passed over.           */
#pragma once
#include "base/arena.h"
#include "base/err.h"

enum { AGE_KEY = 32 };

struct age_identity {
    unsigned char secret[AGE_KEY], recipient[AGE_KEY];
};

/* "AGE-SECRET-KEY-1…", `n` characters. */
int age_identity_parse(const char *text, size_t n, struct age_identity *out,
                       struct err *e) MUST_CHECK;

/* ASCII armour or the bytes themselves. ERR_DENIED: it is for none of the identities. */
int age_decrypt(const struct age_identity *ids, size_t n_ids, const char *file, size_t n,
                struct arena *a, char **out, size_t *out_n, struct err *e) MUST_CHECK;
