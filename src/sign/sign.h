/* sign.h - signatures and attestations over image digests, as cosign stores them.
 *
 * Model      A signature of repository@sha256:X is a layer of the image tagged sha256-X.sig in
 *            the same repository; an attestation is a DSSE envelope in sha256-X.att. Signing
 *            again adds a layer; the same content twice is one layer.
 * Guarantees A call that returned 0 has read what it stored back and verified it.
 * Threads    Any; two signers of one digest take turns by the caller.
 * Not here   Keyless signing and transparency logs; policies (ctl/policy).                 */
#pragma once
#include "crypto/key.h"
#include "oci/images.h"

/* `repository`: path in the local store ("shop/app"); `name`: as users and cosign see it
 * ("registry.example/shop/app"), written into the payload. `out`: the signature manifest. */
int sign_image(struct image_store *s, const char *repository, const char *name, const char *digest,
               struct key *k, char out[DIGEST_MAX], struct err *e) MUST_CHECK;

/* 0 when the store holds a signature of the digest by `k`. ERR_NOT_FOUND: none at all;
 * ERR_DENIED: others' only. */
int sign_verify(struct image_store *s, const char *repository, const char *digest,
                struct public_key *k, struct err *e) MUST_CHECK;

/* `statement`: an in-toto Statement; its predicateType names the attestation. */
int sign_attest(struct image_store *s, const char *repository, const char *digest,
                const struct value *statement, struct key *k, char out[DIGEST_MAX],
                struct err *e) MUST_CHECK;

/* The newest attested statement of a predicate type that `k` signed. */
int sign_find_attestation(struct image_store *s, const char *repository, const char *digest,
                          const char *predicate_type, struct public_key *k, struct arena *a,
                          struct value **out, struct err *e) MUST_CHECK;
