/* message_int.h - reading protobuf messages in JSON, as Sigstore's formats are. */
#pragma once
#include "codec/value.h"
#include "crypto/der.h"

/* Base64 of either alphabet that is not empty; `what` names it in errors. */
int message__octets(const struct value *v, const char *what, struct arena *a, struct octets *out,
                    struct err *e) MUST_CHECK;

/* A 64-bit number, which JSON carries as text or number; absent is 0. */
int message__number(const struct value *v, const char *what, int64_t *out,
                    struct err *e) MUST_CHECK;

/* Every member is one of `names`, which ends with NULL. */
int message__check(const struct value *v, const char *what, const char *const *names,
                   struct err *e) MUST_CHECK;

/* The member, or NULL where it is absent or null, which mean the same. */
const struct value *message__get(const struct value *v, const char *name);
