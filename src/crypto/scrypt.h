/* scrypt.h - RFC 7914: a key of a passphrase that takes memory to guess. */
#pragma once
#include <stdint.h>

#include "crypto/der.h"

enum { SCRYPT_MEMORY_MAX = 256 << 20 };

struct scrypt_cost {
    uint32_t n, r, p; /* n: a power of two; 128 * n * r bytes are used, p times over */
};

/* ERR_INVALID: no such cost; ERR_TOO_LARGE: more memory than SCRYPT_MEMORY_MAX. */
int scrypt_derive(struct scrypt_cost cost, struct octets password, struct octets salt,
                  unsigned char *out, size_t n, struct err *e) MUST_CHECK;
