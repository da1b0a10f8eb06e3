/* stream.h - bytes that come and go a piece at a time.
 *
 * Model      A source is pulled, a sink is pushed to; both are embedded in the struct that
 *            implements them (container_of gets it back).                             */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct sink {
    int (*write)(struct sink *s, const void *bytes, size_t n, struct err *e);
};

struct source {
    /* At most n bytes into out; *got is 0 only at the end (for n > 0). */
    int (*read)(struct source *s, void *out, size_t n, size_t *got, struct err *e);
};

static inline int sink_write(struct sink *s, const void *bytes, size_t n, struct err *e)
{
    return n ? s->write(s, bytes, n, e) : 0;
}

static inline int source_read(struct source *s, void *out, size_t n, size_t *got, struct err *e)
{
    return s->read(s, out, n, got, e);
}

/* Reads n bytes unless the end comes first. */
int source_read_full(struct source *s, void *out, size_t n, size_t *got, struct err *e) MUST_CHECK;

/* All that is left of `from` goes to `to`; *total (may be NULL) is how much. */
int stream_copy(struct source *from, struct sink *to, uint64_t *total, struct err *e) MUST_CHECK;

/* ---- the plain ones ---- */

struct sink_fd {
    struct sink sink;
    int fd; /* borrowed */
};
struct sink_fd sink_to_fd(int fd);

struct sink_buf {
    struct sink sink;
    struct buf *buf; /* borrowed; its max is the limit */
};
struct sink_buf sink_to_buf(struct buf *b);

struct source_fd {
    struct source source;
    int fd; /* borrowed */
};
struct source_fd source_from_fd(int fd);

struct source_mem {
    struct source source;
    const char *at;
    size_t left;
};
struct source_mem source_from_mem(const void *bytes, size_t n);
