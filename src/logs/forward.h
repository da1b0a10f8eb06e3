/* forward.h - Fluent's forward protocol: its messages, read and written. Pure.
 *
 * Model      A message carries a tag and entries, a time and a record each, in one of four modes
 *            (message, forward, packed, compressed packed), and perhaps the id of a chunk that its
 *            sender wants to hear again. With a shared key both sides prove that they know it
 *            first (HELO, PING, PONG).
 * Not here   Fluent's metrics and traces, users and passwords: refused.                   */
#pragma once
#include "codec/msgpack.h"

enum { FORWARD_MESSAGE_MAX = 32 << 20, FORWARD_DIGEST = 129, FORWARD_NONCE = 16 };

struct forward_message {
    const char *tag;
    const char *chunk; /* NULL: nobody waits for an acknowledgement */
    size_t chunk_n;
    struct msgpack entries;
    uint64_t left; /* entries that are to come; UINT64_MAX: to the end of the bytes */
    bool single;   /* the entry is not in an array of its own */
};

struct forward_entry {
    int64_t time_ns;
    struct value *record;
};

/* All of `bytes` are one message. What is compressed is undone in the arena. */
int forward_parse(const void *bytes, size_t n, struct arena *a, struct forward_message *out,
                  struct err *e) MUST_CHECK;
/* 1: an entry, 0: there is none left. An entry that cannot be read is an error; after it, the
 * next one can be asked for when *again is true. */
int forward_next(struct forward_message *m, struct arena *a, struct forward_entry *out, bool *again,
                 struct err *e);

void forward_put_ack(struct buf *b, const char *chunk, size_t n);

struct forward_chunk {
    const char *tag, *id;
    const void *entries; /* [time, record] one behind the other */
    size_t n, count;
    bool gzip; /* they are compressed */
};
void forward_put_chunk(struct buf *b, const struct forward_chunk *c);

/* ---- the shared key ---- */

struct forward_hello {
    const char *nonce;
    size_t nonce_n;
    bool wants_user;
};

struct forward_ping {
    const char *hostname, *salt, *digest;
    size_t salt_n;
};

struct forward_pong {
    bool ok;
    const char *why, *hostname, *digest;
};

/* Hexadecimal SHA-512 of salt, host name, nonce and key. */
struct forward_secret {
    const char *salt;
    size_t salt_n;
    const char *hostname, *nonce;
    size_t nonce_n;
    const char *key;
};
void forward_digest(const struct forward_secret *s, char out[FORWARD_DIGEST]);
bool forward_digest_equal(const struct forward_secret *s, const char *digest);

void forward_put_hello(struct buf *b, const char nonce[FORWARD_NONCE]);
void forward_put_ping(struct buf *b, const struct forward_ping *p);
void forward_put_pong(struct buf *b, const struct forward_pong *p);
int forward_read_hello(const void *bytes, size_t n, struct arena *a, struct forward_hello *out,
                       struct err *e) MUST_CHECK;
int forward_read_ping(const void *bytes, size_t n, struct arena *a, struct forward_ping *out,
                      struct err *e) MUST_CHECK;
int forward_read_pong(const void *bytes, size_t n, struct arena *a, struct forward_pong *out,
                      struct err *e) MUST_CHECK;
/* The id of the chunk that an answer acknowledges. */
int forward_read_ack(const void *bytes, size_t n, struct arena *a, const char **out,
                     struct err *e) MUST_CHECK;
