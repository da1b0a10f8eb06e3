/* dsse.h - DSSE envelopes v1: a signed statement in JSON. */
#pragma once
#include "codec/value.h"
#include "crypto/key.h"

#define DSSE_IN_TOTO "application/vnd.in-toto+json"

/* An envelope over `payload` signed with `k`. */
int dsse_sign(struct key *k, const char *type, const char *payload, size_t n, struct arena *a,
              struct value **out, struct err *e) MUST_CHECK;

/* The payload of an envelope that `k` signed; ERR_DENIED when no signature is its. */
int dsse_verify(const struct value *envelope, struct public_key *k, struct arena *a, char **out,
                size_t *out_n, struct err *e) MUST_CHECK;

/* What is signed: "DSSEv1 LEN(type) type LEN(body) body". */
char *dsse__signed(const char *type, const char *payload, size_t n, struct arena *a, size_t *out_n);
