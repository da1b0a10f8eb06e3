/* proto.h - protocol buffers' wire format: fields out of a message, and into one.
 *
 * Model      A message is a run of fields, each a number and a value of one of four widths; what
 *            the numbers mean is the caller's. A message within is read as bytes, by the same
 *            calls.
 * Guarantees Reading allocates nothing and never passes the end; what is malformed makes `broken`
 *            and ends the message. Groups are refused: nothing has written them for long.
 * Not here   Schemas (apiserver/ has Kubernetes's), framing, compression.                     */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"

enum proto_type { PROTO_VARINT = 0, PROTO_FIXED64 = 1, PROTO_BYTES = 2, PROTO_FIXED32 = 5 };

/* What is left to read of one message. */
struct proto {
    const unsigned char *p, *end;
    bool broken;
};

struct proto_field {
    uint32_t number;
    enum proto_type type;
    uint64_t v;         /* of all but PROTO_BYTES */
    struct proto bytes; /* of PROTO_BYTES */
};

static inline struct proto proto_of(const void *bytes, size_t n)
{
    return (struct proto){bytes, n ? (const unsigned char *)bytes + n : bytes, false};
}

static inline size_t proto_left(const struct proto *m)
{
    return (size_t)(m->end - m->p);
}

/* The next field; false at the end, and when it is broken. */
bool proto_next(struct proto *m, struct proto_field *out);
/* A number without a tag, as length prefixes are; 0 and broken when there is none. */
uint64_t proto_varint(struct proto *m);
/* Takes the next value of a field that repeats, packed (PROTO_BYTES of values of `type`) or not;
 * false when there is no further one, and when the field is of another type (then it is broken). */
bool proto_each(struct proto_field *f, enum proto_type type, uint64_t *out);

/* ---- what a value means ---- */

double proto_double(uint64_t v); /* of PROTO_FIXED64 */
float proto_float(uint64_t v);   /* of PROTO_FIXED32 */

static inline int64_t proto_zigzag(uint64_t v) /* of sint32 and sint64 */
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

/* False when the field is no text: not UTF-8, or with a NUL in it. */
bool proto_text(struct arena *a, const struct proto_field *f, const char **out);

/* ---- writing; zero values are written too: leaving them out is the caller's choice ---- */

void proto_put_varint(struct buf *b, uint32_t number, uint64_t v);
void proto_put_zigzag(struct buf *b, uint32_t number, int64_t v);
void proto_put_fixed64(struct buf *b, uint32_t number, uint64_t v);
void proto_put_double(struct buf *b, uint32_t number, double v);
void proto_put_bytes(struct buf *b, uint32_t number, const void *bytes, size_t n);
void proto_put_text(struct buf *b, uint32_t number, const char *s);
/* A bare varint or double, within a packed field or before a message. */
void proto_add_varint(struct buf *b, uint64_t v);
void proto_add_double(struct buf *b, double v);
/* A message within, or a packed field: what is written up to proto_end(). Pairs nest. */
size_t proto_begin(struct buf *b, uint32_t number);
void proto_end(struct buf *b, size_t begin);
