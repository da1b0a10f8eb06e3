/* sign_int.h - how signatures lie in a repository. */
#pragma once
#include "sign/sign.h"

#define SIMPLE_SIGNING  "application/vnd.dev.cosign.simplesigning.v1+json"
#define DSSE_LAYER      "application/vnd.dsse.envelope.v1+json"
#define BUNDLE_LAYER    "application/vnd.dev.sigstore.bundle.v0.3+json"
#define SIGNATURE_KEY   "dev.cosignproject.cosign/signature"
#define COSIGN_ARTIFACT "application/vnd.dev.cosign.artifact."
#define SIGN_PREDICATE  "https://sigstore.dev/cosign/sign/v1"

/* "sha256-HEX.SUFFIX" */
char *sign__tag(const char *digest, const char *suffix, struct arena *a);

/* Stores what was made: a layer's bytes with its annotations, in the form asked for. */
struct sign_layer {
    const char *type, *suffix; /* of the media, of the tag: "sig" */
    const char *bytes;
    const struct value *annotations;
};
int sign__store(struct sign_place *p, const struct sign_request *q, const struct sign_layer *l,
                struct arena *a, char out[DIGEST_MAX], struct err *e) MUST_CHECK;
