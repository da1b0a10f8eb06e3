/* spdy.h - frames of SPDY/3.1, as Kubernetes' clients speak it for port-forward.
 *
 * Model      Bytes in, frames out, and the other way round; what carries the bytes is the
 *            caller's. Header blocks are one zlib stream in each direction, so that frames must
 *            be read in order, and those with headers written in order.
 * Guarantees A control frame is at most SPDY_CONTROL_MAX bytes, its headers SPDY_HEADERS_MAX
 *            inflated. Data is handed on as it comes, whatever a frame's size; splitting the
 *            input differently changes nothing but the pieces.
 * Threads    Reading and spdy_put_*() with headers from one thread; the others keep no state.
 * Not here   Flow control: Kubernetes' own implementation sends no windows and ignores them.  */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/own.h"

enum { SPDY_CONTROL_MAX = 64 * 1024, SPDY_HEADERS_MAX = 16 * 1024, SPDY_HEADERS = 32 };

enum spdy_kind { SPDY_STREAM, SPDY_REPLY, SPDY_RESET, SPDY_PING, SPDY_GOAWAY, SPDY_DATA };

struct spdy_header {
    const char *name, *value;
};

struct spdy_frame {
    enum spdy_kind kind;
    uint32_t id; /* of the stream, or of the ping */
    bool fin;    /* the sender says no more on this stream; with data: after its last piece */
    const struct spdy_header *headers; /* of streams and replies */
    size_t n_headers;
    const unsigned char *bytes; /* of data */
    size_t n;
};

/* NULL when there is none. */
const char *spdy_header(const struct spdy_frame *f, const char *name);

struct spdy;

struct spdy *spdy_new(void);
void spdy_free(struct spdy *s);
AUTO_DEFINE(spdy)

/* Takes some input and hands on what it completes; a frame lives until `on` returns. Frames of
 * other kinds are skipped. After an error the connection is lost. */
int spdy_feed(struct spdy *s, const void *bytes, size_t n,
              int (*on)(void *arg, const struct spdy_frame *f, struct err *e), void *arg,
              struct err *e) MUST_CHECK;

/* SPDY_STREAM or SPDY_REPLY; `headers` end with a NULL name. */
void spdy_put_headers(struct spdy *s, enum spdy_kind kind, uint32_t stream, bool fin,
                      const struct spdy_header *headers, struct buf *out);
void spdy_put_data(uint32_t stream, bool fin, const void *bytes, size_t n, struct buf *out);
void spdy_put_reset(uint32_t stream, struct buf *out); /* "refused" */
void spdy_put_ping(uint32_t id, struct buf *out);
