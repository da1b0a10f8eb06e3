/* token.h - keys in a PKCS#11 token, by their RFC 7512 URI: what the token is asked to do.
 *
 * Model      "pkcs11:token=…;object=…?module-path=…&pin-value=…". module-path, or
 *            $PKCS11_MODULE_PATH, names the module; without it those that p11-kit is configured
 *            with are asked. The PIN is pin-value, or $COSIGN_PKCS11_PIN, as cosign has it.
 * Guarantees No module is loaded before the first such key; the private half stays in the token.
 * Threads    Any.                                                                          */
#pragma once
#include <stdbool.h>

#include "crypto/key.h"

bool token_is_reference(const char *text);

/* `trusted`: the URI is the user's own and may name a module and a file with the PIN; one that
 * came from elsewhere must not make this process load code. */
int token_key(const char *uri, bool trusted, struct key **out, struct err *e) MUST_CHECK;
int token_public_key(const char *uri, bool trusted, struct public_key **out,
                     struct err *e) MUST_CHECK;
