#include "node/grpc.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/clock.h"

enum { FRAME_DATA, FRAME_HEADERS, FRAME_RST_STREAM = 3, FRAME_SETTINGS, FRAME_GOAWAY = 7 };
enum { FLAG_ACK = 1, FLAG_END_STREAM = 1, FLAG_END_HEADERS = 4 };
enum { FRAME_HEAD = 9, FRAME_MAX = 16384, FRAMES_MAX = 64 };

struct frame {
    unsigned type, flags;
    size_t len;
    unsigned char bytes[FRAME_MAX];
};

static void put_frame(struct buf *b, unsigned type, unsigned flags, unsigned stream,
                      const void *bytes, size_t n)
{
    const unsigned char head[FRAME_HEAD] = {(unsigned char)(n >> 16),
                                            (unsigned char)(n >> 8),
                                            (unsigned char)n,
                                            (unsigned char)type,
                                            (unsigned char)flags,
                                            0,
                                            0,
                                            0,
                                            (unsigned char)stream};
    buf_add(b, head, sizeof head);
    buf_add(b, bytes, n);
}

/* HPACK: literal, not indexed, new name, no Huffman coding. All lengths are below 127. */
static void put_header(struct buf *b, const char *name, const char *value)
{
    buf_putc(b, 0);
    buf_putc(b, (char)strlen(name));
    buf_puts(b, name);
    buf_putc(b, (char)strlen(value));
    buf_puts(b, value);
}

static void put_request(struct buf *b, const char *service)
{
    AUTO_BUF struct buf h;
    buf_init(&h, 1024);
    put_header(&h, ":method", "POST");
    put_header(&h, ":scheme", "http");
    put_header(&h, ":path", "/grpc.health.v1.Health/Check");
    put_header(&h, ":authority", "localhost");
    put_header(&h, "te", "trailers");
    put_header(&h, "content-type", "application/grpc");
    put_header(&h, "user-agent", "kube-probe/1.33");
    put_frame(b, FRAME_HEADERS, FLAG_END_HEADERS, 1, buf_text(&h), h.len);

    /* the message: field 1, the service's name, behind gRPC's five bytes */
    size_t n = strlen(service), body = n ? n + 2 : 0;
    const unsigned char head[7] = {0, 0, 0, 0, (unsigned char)body, 0x0a, (unsigned char)n};
    buf_clear(&h);
    buf_add(&h, head, n ? 7 : 5);
    buf_puts(&h, service);
    put_frame(b, FRAME_DATA, FLAG_END_STREAM, 1, buf_text(&h), h.len);
}

static int read_exact(int fd, void *into, size_t n, int64_t until, struct err *e)
{
    for (unsigned char *p = into; n;) {
        int64_t left = until - clock_mono_ms();
        struct pollfd f = {.fd = fd, .events = POLLIN};
        if (left <= 0 || poll(&f, 1, (int)left) <= 0)
            return err_set(e, ERR_TIMEOUT, "timeout: health rpc did not complete in time");
        ssize_t got = recv(fd, p, n, 0);
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (got <= 0)
            return err_set(e, ERR_AGAIN, "health rpc: connection closed");
        p += got;
        n -= (size_t)got;
    }
    return 0;
}

static int read_frame(int fd, struct frame *f, int64_t until, struct err *e)
{
    unsigned char h[FRAME_HEAD];
    int rc = read_exact(fd, h, sizeof h, until, e);
    if (rc < 0)
        return rc;
    f->len = (size_t)h[0] << 16 | (size_t)h[1] << 8 | h[2];
    f->type = h[3];
    f->flags = h[4];
    if (f->len > sizeof f->bytes)
        return err_set(e, ERR_TOO_LARGE, "health rpc: a frame of %zu bytes", f->len);
    return read_exact(fd, f->bytes, f->len, until, e);
}

/* HealthCheckResponse: field 1, a varint; absent means 0. */
static int read_status(const struct frame *f)
{
    return f->len >= 7 && f->bytes[5] == 0x08 ? f->bytes[6] : GRPC_UNKNOWN;
}

int grpc_health_check(int fd, const char *service, int64_t timeout_ms, int *status, struct err *e)
{
    if (strlen(service) > 100)
        return err_set(e, ERR_INVALID, "grpc service name too long: %.60s…", service);
    int64_t until = clock_mono_ms() + timeout_ms;
    AUTO_BUF struct buf b;
    buf_init(&b, 4096);
    buf_puts(&b, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    put_frame(&b, FRAME_SETTINGS, 0, 0, "", 0);
    put_request(&b, service);
    if (send(fd, buf_text(&b), b.len, MSG_NOSIGNAL) != (ssize_t)b.len)
        return err_sys(e, errno, "health rpc");
    struct frame f;
    for (int i = 0; i < FRAMES_MAX; i++) {
        int rc = read_frame(fd, &f, until, e);
        if (rc < 0)
            return rc;
        if (f.type == FRAME_DATA && f.len) {
            *status = read_status(&f);
            return 0;
        }
        if (f.type == FRAME_SETTINGS && !(f.flags & FLAG_ACK)) {
            buf_clear(&b);
            put_frame(&b, FRAME_SETTINGS, FLAG_ACK, 0, "", 0);
            (void)!send(fd, buf_text(&b), b.len, MSG_NOSIGNAL);
        }
        if (f.type == FRAME_RST_STREAM || f.type == FRAME_GOAWAY ||
            (f.type == FRAME_HEADERS && f.flags & FLAG_END_STREAM))
            break; /* headers that end the stream: an error without a message */
    }
    return err_set(e, ERR_AGAIN, "error: health rpc failed");
}
