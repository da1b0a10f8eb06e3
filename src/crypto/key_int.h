/* key_int.h - what the files of this module share about keys. */
#pragma once
#include <gnutls/abstract.h>

#include "crypto/der.h"
#include "crypto/key.h"

struct key {
    gnutls_privkey_t handle;
    gnutls_x509_privkey_t x509; /* the same key, for export; empty where a token has it */
    char *uri;                  /* of a token's: its PIN is asked for again at each use */
};

struct key *key__new(void);

struct public_key {
    gnutls_pubkey_t handle;
};

struct public_key *public_key__new(void);

static inline gnutls_datum_t key__datum(struct octets o)
{
    return (gnutls_datum_t){(unsigned char *)(uintptr_t)o.p, (unsigned)o.n};
}
