/* sign.h - signatures and attestations over image digests, as cosign stores them.
 *
 * Model      A signature of repository@sha256:X is a layer of the image tagged sha256-X.sig in
 *            the same repository; an attestation is a DSSE envelope in sha256-X.att. Signing
 *            again adds a layer; the same content twice is one layer. Instead, either may be a
 *            manifest of its own that refers to the image, in cosign's older form or as a bundle.
 *            All of them are looked at when something is verified.
 * Guarantees A call that returned 0 has read what it stored back and verified it.
 * Threads    Any; two signers of one digest take turns by the caller.
 * Not here   Getting an identity from Fulcio, writing to a log; policies.                  */
#pragma once
#include "sign/bundle.h"
#include "sign/place.h"

struct key;

enum sign_form {
    SIGN_TAG,      /* a layer below sha256-X.sig or .att */
    SIGN_REFERRER, /* a manifest that refers to the image, with the same layer */
    SIGN_BUNDLE,   /* a manifest that refers to the image, with a bundle v0.3 */
};

struct sign_request {
    const char *name; /* as users and cosign see it: "registry.example/shop/app" */
    const char *digest;
    struct key *key;
    enum sign_form form;
    const struct value *annotations; /* into the payload; or NULL */
    const struct value *statement;   /* in-toto: what is attested; NULL: a signature */
};

/* `out`: the manifest that holds the signature. */
int sign_image(struct sign_place *p, const struct sign_request *q, char out[DIGEST_MAX],
               struct err *e) MUST_CHECK;

/* What is signed of an image: {"critical": …, "optional": annotations or null} */
char *sign_payload(const char *name, const char *digest, const struct value *annotations,
                   struct arena *a);

/* What was verified: {"payload": what was signed, as a document, "envelope": of an attestation,
 * "identity", "issuer": of a certificate, "at": RFC 3339 of the proven time}. */

/* 0 when there is a signature of the digest by whom the policy wants; all such are in *out.
 * ERR_NOT_FOUND: none at all; ERR_DENIED: others' only. */
int sign_verify(struct sign_place *p, const char *digest, const struct bundle_policy *policy,
                struct arena *a, struct value **out, struct err *e) MUST_CHECK;

/* The same for attestations; predicate_type NULL: of any. Newest last. */
int sign_verify_attestations(struct sign_place *p, const char *digest, const char *predicate_type,
                             const struct bundle_policy *policy, struct arena *a,
                             struct value **out, struct err *e) MUST_CHECK;

/* "slsaprovenance1", "spdxjson", "vuln", … as cosign abbreviates them; others are themselves. */
const char *sign_predicate_type(const char *name);

/* What cosign keeps beside a signature, each as it writes it; "" where there is none. */
struct sign_parts {
    const char *signature;   /* base64; or an envelope */
    const char *envelope;    /* DSSE, JSON */
    const char *certificate; /* PEM */
    const char *promise;     /* of the log: {"SignedEntryTimestamp", "Payload"} */
    const char *timestamp;   /* {"SignedRFC3161Timestamp"} */
};
/* The same as a bundle's JSON. */
int sign_bundle_of(const struct sign_parts *parts, struct arena *a, char **out,
                   struct err *e) MUST_CHECK;

/* A bundle 0.3 over bytes, or around a statement that is attested. */
int sign_make_bundle(struct key *k, struct octets bytes, const struct value *statement,
                     struct arena *a, struct value **out, struct err *e) MUST_CHECK;
