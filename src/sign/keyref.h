/* keyref.h - keys by reference, as cosign names them.
 *
 * Model      A file; env://VARIABLE; k8s://NAMESPACE/SECRET (cosign.key, cosign.password,
 *            cosign.pub); pkcs11:… (RFC 7512), a key that stays in its token. Keys of services on
 *            the network (awskms://, gcpkms://, azurekms://, hashivault://) are refused by name.
 * Threads    Any.
 * Not here   Who may read the file or the Secret: that is decided before.                 */
#pragma once
#include "codec/value.h"
#include "crypto/key.h"

/* What the caller supplies. NULL slots refuse what needs them. */
struct keyref_ports {
    void *arg;
    /* The `data` of a Secret. */
    int (*secret)(void *arg, const char *ns, const char *name, struct arena *a,
                  const struct value **out, struct err *e);
    /* Of a sealed key; what is known with the key is not asked for. */
    int (*passphrase)(void *arg, struct arena *a, const char **out, struct err *e);
    bool files; /* files and variables, too: a command's, not a server's */
};

int keyref_private(const char *reference, const struct keyref_ports *p, struct key **out,
                   struct err *e) MUST_CHECK;
int keyref_public(const char *reference, const struct keyref_ports *p, struct public_key **out,
                  struct err *e) MUST_CHECK;

/* "k8s://ns/name" → true with both; false: it is no such reference. */
bool keyref_is_secret(const char *reference);
int keyref_secret(const char *reference, struct arena *a, const char **ns, const char **name,
                  struct err *e) MUST_CHECK;
/* A datum of a Secret; NULL: it has none. */
const char *keyref_datum(const struct value *data, const char *name, struct arena *a, size_t *n);
