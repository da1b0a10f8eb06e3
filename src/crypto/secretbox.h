/* secretbox.h - NaCl's crypto_secretbox: XSalsa20 with Poly1305 over a whole, small message. */
#pragma once
#include "base/arena.h"
#include "crypto/der.h"

enum { SECRETBOX_KEY = 32, SECRETBOX_NONCE = 24, SECRETBOX_TAG = 16 };

/* A nonce is used once with a key. */
struct octets secretbox_seal(const unsigned char key[SECRETBOX_KEY],
                             const unsigned char nonce[SECRETBOX_NONCE], struct octets message,
                             struct arena *a);
/* ERR_DENIED: another key, or not as it was sealed. */
int secretbox_open(const unsigned char key[SECRETBOX_KEY],
                   const unsigned char nonce[SECRETBOX_NONCE], struct octets box, struct arena *a,
                   struct octets *out, struct err *e) MUST_CHECK;
