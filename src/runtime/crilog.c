#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "runtime/runtime_int.h"

int crilog__open(struct crilog *log, const char *path, int64_t max, struct err *e)
{
    *log = (struct crilog){.fd = -1, .path = path, .max = max};
    if (!path)
        return 0;
    log->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (log->fd < 0)
        return err_sys(e, errno, "open log %s", path);
    struct stat st;
    log->size = fstat(log->fd, &st) == 0 ? st.st_size : 0;
    return 0;
}

/* The full file becomes PATH.1, the one that was there is gone: twice `max` at most is kept. */
static void rotate(struct crilog *log)
{
    char old[4096];
    if (snprintf(old, sizeof old, "%s.1", log->path) >= (int)sizeof old ||
        rename(log->path, old) < 0)
        return;
    int fd = open(log->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (fd < 0)
        return;
    (void)close(log->fd);
    log->fd = fd;
    log->size = 0;
}

static void put(struct crilog *log, const struct buf *b)
{
    const char *p = buf_text(b);
    size_t left = b->len;
    while (log->fd >= 0 && left) {
        ssize_t n = write(log->fd, p, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* a full disk must not stop the container */
        p += n;
        left -= (size_t)n;
        log->size += n;
    }
    if (log->max > 0 && log->size >= log->max)
        rotate(log);
}

struct line_out {
    struct buf *b;
    const char *stamp, *stream;
};

static void line(const struct line_out *o, char tag, const struct crilog_stream *s,
                 const char *bytes, size_t n)
{
    buf_puts(o->b, o->stamp);
    buf_putc(o->b, ' ');
    buf_puts(o->b, o->stream);
    buf_putc(o->b, ' ');
    buf_putc(o->b, tag);
    buf_putc(o->b, ' ');
    buf_add(o->b, s->text, s->len);
    buf_add(o->b, bytes, n);
    buf_putc(o->b, '\n');
}

void crilog__write(struct crilog *log, struct crilog_stream *s, const char *bytes, size_t n,
                   int64_t now_ns)
{
    char stamp[CLOCK_TEXT_MAX];
    clock_format_rfc3339_nano(now_ns, stamp);
    AUTO_BUF struct buf b;
    buf_init(&b, 64 << 20);
    struct line_out o = {&b, stamp, s->name};
    while (n) {
        const char *nl = memchr(bytes, '\n', n);
        size_t part = nl ? (size_t)(nl - bytes) : n;
        size_t room = CRILOG_LINE_MAX - s->len;
        if (part > room) { /* too long for one line: what fits goes out as a partial one */
            line(&o, 'P', s, bytes, room);
            s->len = 0;
            bytes += room;
            n -= room;
        } else if (nl) {
            line(&o, 'F', s, bytes, part);
            s->len = 0;
            bytes += part + 1;
            n -= part + 1;
        } else {
            memcpy(s->text + s->len, bytes, part);
            s->len += part;
            break;
        }
    }
    put(log, &b);
}

void crilog__flush(struct crilog *log, struct crilog_stream *s, int64_t now_ns)
{
    if (s->len)
        crilog__write(log, s, "\n", 1, now_ns);
}
