#include "codec/stream.h"

#include <errno.h>

#include "base/own.h"

int source_read_full(struct source *s, void *out, size_t n, size_t *got, struct err *e)
{
    size_t have = 0;
    while (have < n) {
        size_t step = 0;
        int rc = source_read(s, (char *)out + have, n - have, &step, e);
        if (rc)
            return rc;
        if (step == 0)
            break;
        have += step;
    }
    *got = have;
    return 0;
}

int stream_copy(struct source *from, struct sink *to, uint64_t *total, struct err *e)
{
    enum { PIECE = 64 * 1024 };
    AUTO_MEM char *piece = malloc(PIECE);
    uint64_t sum = 0;
    if (!piece)
        return err_set(e, ERR_TOO_LARGE, "no memory for %d bytes", PIECE);
    for (;;) {
        size_t n = 0;
        int rc = source_read(from, piece, PIECE, &n, e);
        if (!rc)
            rc = sink_write(to, piece, n, e);
        if (rc)
            return rc;
        if (n == 0)
            break;
        sum += n;
    }
    if (total)
        *total = sum;
    return 0;
}

static int fd_write(struct sink *s, const void *bytes, size_t n, struct err *e)
{
    const struct sink_fd *f = container_of(s, struct sink_fd, sink);
    const char *p = bytes;
    while (n > 0) {
        ssize_t done = write(f->fd, p, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return err_sys(e, errno, "write %zu bytes", n);
        p += done;
        n -= (size_t)done;
    }
    return 0;
}

struct sink_fd sink_to_fd(int fd)
{
    return (struct sink_fd){{fd_write}, fd};
}

static int buf_write(struct sink *s, const void *bytes, size_t n, struct err *e)
{
    const struct sink_buf *b = container_of(s, struct sink_buf, sink);
    buf_add(b->buf, bytes, n);
    return buf_check(b->buf, e);
}

struct sink_buf sink_to_buf(struct buf *b)
{
    return (struct sink_buf){{buf_write}, b};
}

static int fd_read(struct source *s, void *out, size_t n, size_t *got, struct err *e)
{
    const struct source_fd *f = container_of(s, struct source_fd, source);
    ssize_t done;
    do
        done = read(f->fd, out, n);
    while (done < 0 && errno == EINTR);
    if (done < 0)
        return err_sys(e, errno, "read %zu bytes", n);
    *got = (size_t)done;
    return 0;
}

struct source_fd source_from_fd(int fd)
{
    return (struct source_fd){{fd_read}, fd};
}

static int mem_read(struct source *s, void *out, size_t n, size_t *got, struct err *e)
{
    struct source_mem *m = container_of(s, struct source_mem, source);
    (void)e;
    if (n > m->left)
        n = m->left;
    if (n)
        memcpy(out, m->at, n);
    m->at += n;
    m->left -= n;
    *got = n;
    return 0;
}

struct source_mem source_from_mem(const void *bytes, size_t n)
{
    return (struct source_mem){{mem_read}, bytes, n};
}
