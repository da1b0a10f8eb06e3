/* msgpack.h - MessagePack: read an item at a time or as a value, and written.
 *
 * Model      A reader walks over borrowed bytes. An array or map is the item that says how many
 *            follow. Bytes that come in pieces are measured by msgpack_measure() first.
 * Guarantees Nothing is believed: counts cost what their bytes cost, depth is limited.
 * Not here   Extension types but Fluent's EventTime, which reads as a time.               */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/value.h"

enum msgpack_kind {
    MSGPACK_NIL,
    MSGPACK_BOOL,
    MSGPACK_INT,  /* fits int64_t */
    MSGPACK_UINT, /* does not */
    MSGPACK_FLOAT,
    MSGPACK_STR,
    MSGPACK_BIN,
    MSGPACK_EXT,
    MSGPACK_ARRAY,
    MSGPACK_MAP,
};

struct msgpack_item {
    enum msgpack_kind kind;
    int8_t ext;
    union {
        bool boolean;
        int64_t i;
        uint64_t u;
        double d;
    };
    const char *text; /* STR, BIN, EXT: borrowed, not terminated */
    uint32_t n;       /* of text; ARRAY: items; MAP: pairs */
};

struct msgpack {
    const unsigned char *at, *end;
};

struct msgpack msgpack_of(const void *bytes, size_t n);

/* 1: an item; 0: the bytes end before it does; ERR_INVALID: it is none. */
int msgpack_next(struct msgpack *m, struct msgpack_item *out, struct err *e);
/* The next item with all that it holds; as above. */
int msgpack_skip(struct msgpack *m, struct err *e);
/* The same as a document. Floats that JSON has no words for are null, bytes are text. */
int msgpack_value(struct msgpack *m, struct arena *a, struct value **out, struct err *e);

/* How far a message reaches whose bytes come in pieces: all zero at first, and asked again with
 * more of the same bytes. 1: *used are one message; 0: more is needed. */
struct msgpack_measure {
    size_t at;
    uint64_t open; /* items that are still owed */
    bool begun;
};
int msgpack_measure(struct msgpack_measure *s, const void *bytes, size_t n, size_t *used,
                    struct err *e);

/* Seconds and nanoseconds of an EventTime, an integer or a float. */
bool msgpack_time(const struct msgpack_item *x, int64_t *out_ns);

void msgpack_put_array(struct buf *b, uint32_t n);
void msgpack_put_map(struct buf *b, uint32_t n);
void msgpack_put_strn(struct buf *b, const char *s, size_t n);
void msgpack_put_str(struct buf *b, const char *s);
void msgpack_put_bin(struct buf *b, const void *bytes, size_t n);
void msgpack_put_int(struct buf *b, int64_t i);
void msgpack_put_bool(struct buf *b, bool yes);
void msgpack_put_time(struct buf *b, int64_t ns); /* EventTime */
void msgpack_put_value(struct buf *b, const struct value *v);
