/* der.h - reading DER a piece at a time, and the little writing that checking needs.
 *
 * Model      `struct octets` is a borrowed run of bytes; reading takes items off its front.
 * Guarantees Never reads past the run. Indefinite and non-minimal lengths, lengths beyond 2 GiB and
 *            tags of several bytes are refused.
 * Threads    Any.                                                                           */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct octets {
    const unsigned char *p;
    size_t n;
};

enum der_tag {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BITS = 0x03,
    DER_OCTETS = 0x04,
    DER_OID = 0x06,
    DER_UTF8 = 0x0c,
    DER_TIME = 0x18, /* GeneralizedTime */
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
};

struct der_item {
    unsigned char tag;
    struct octets body, whole;
};

/* False at the end and when what follows is no item; tell them apart by in->n. */
bool der_next(struct octets *in, struct der_item *out);

/* The body of the next item, which must have the tag. */
bool der_take(struct octets *in, unsigned char tag, struct octets *body);

bool octets_equal(struct octets a, struct octets b);
/* A name. "" when there is a NUL in it: it would be compared as what is before that. */
const char *octets_text(struct octets o, struct arena *a);

/* One item with its tag and length. */
void der_put(struct buf *to, unsigned char tag, const void *body, size_t n);
