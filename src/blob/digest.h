/* digest.h - sha256 and sha512, a piece at a time.
 *
 * Guarantees Text forms are "sha256:<64 hex>" and "sha512:<128 hex>", lower case.            */
#pragma once
#include <nettle/sha2.h>

#include "blob/blob.h"

enum digest_kind { DIGEST_SHA256, DIGEST_SHA512 };

struct digest_state {
    enum digest_kind kind;
    union {
        struct sha256_ctx sha256;
        struct sha512_ctx sha512;
    };
};

void digest_init(struct digest_state *d, enum digest_kind kind);
void digest_add(struct digest_state *d, const void *bytes, size_t n);
void digest_text(struct digest_state *d, char out[DIGEST_MAX]); /* and starts over */

/* The algorithm of a digest that blob_digest_check() accepted. */
enum digest_kind digest_kind_of(const char *digest);
