#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "net/http_int.h"

static struct http_conn *conn_of(const struct http_request *q)
{
    return q->impl;
}

static const char *phrase(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } known[] = {
        {101, "Switching Protocols"     },
        {200, "OK"                      },
        {201, "Created"                 },
        {202, "Accepted"                },
        {204, "No Content"              },
        {206, "Partial Content"         },
        {301, "Moved Permanently"       },
        {302, "Found"                   },
        {304, "Not Modified"            },
        {307, "Temporary Redirect"      },
        {400, "Bad Request"             },
        {401, "Unauthorized"            },
        {403, "Forbidden"               },
        {404, "Not Found"               },
        {405, "Method Not Allowed"      },
        {406, "Not Acceptable"          },
        {409, "Conflict"                },
        {410, "Gone"                    },
        {412, "Precondition Failed"     },
        {413, "Request Entity Too Large"},
        {415, "Unsupported Media Type"  },
        {416, "Range Not Satisfiable"   },
        {422, "Unprocessable Entity"    },
        {429, "Too Many Requests"       },
        {500, "Internal Server Error"   },
        {501, "Not Implemented"         },
        {503, "Service Unavailable"     },
        {504, "Gateway Timeout"         },
    };
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (known[i].status == status)
            return known[i].phrase;
    return "Status";
}

void http_set_header(struct http_request *q, const char *name, const char *value)
{
    struct buf *b = &conn_of(q)->headers;
    if (strpbrk(value, "\r\n"))
        return; /* would let a value write headers of its own */
    buf_puts(b, name);
    buf_add(b, ": ", 2);
    buf_puts(b, value);
    buf_add(b, "\r\n", 2);
}

static void add_date(struct buf *b)
{
    static _Thread_local time_t when;
    static _Thread_local char text[48];
    static _Thread_local size_t n;
    time_t now = (time_t)(clock_real_ms() / 1000);
    if (now != when) {
        struct tm tm;
        (void)gmtime_r(&now, &tm);
        n = strftime(text, sizeof text, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
        when = now;
    }
    buf_add(b, text, n);
}

static void put_number(struct buf *b, uint64_t v)
{
    char text[24], *at = text + sizeof text;
    do
        *--at = (char)('0' + v % 10);
    while ((v /= 10));
    buf_add(b, at, (size_t)(text + sizeof text - at));
}

/* The whole head of the answer, into `b`. length < 0: chunked. */
static void put_head(struct http_conn *c, struct buf *b, int status, const char *type,
                     int64_t length)
{
    buf_puts(b, "HTTP/1.1 ");
    put_number(b, (uint64_t)status);
    buf_putc(b, ' ');
    buf_puts(b, phrase(status));
    if (type) {
        buf_puts(b, "\r\nContent-Type: ");
        buf_puts(b, type);
    }
    buf_add(b, "\r\n", 2);
    buf_add(b, c->headers.data, c->headers.len);
    add_date(b);
    if (length >= 0 && status != 204 && status != 304) {
        buf_puts(b, "Content-Length: ");
        put_number(b, (uint64_t)length);
        buf_add(b, "\r\n", 2);
    }
    if (length < 0 && !c->http10)
        buf_puts(b, "Transfer-Encoding: chunked\r\n");
    if (length < 0 && c->http10)
        c->keep = false;
    if (c->expects && !c->body_done)
        c->keep = false;
    if (!c->keep)
        buf_puts(b, "Connection: close\r\n");
    else if (c->http10)
        buf_puts(b, "Connection: keep-alive\r\n");
    buf_add(b, "\r\n", 2);
}

static bool first_answer(struct http_conn *c)
{
    bool first = !c->answered;
    c->answered = true;
    return first;
}

void http_send(struct http_request *q, int status, const char *content_type, const void *body,
               size_t n)
{
    struct http_conn *c = conn_of(q);
    if (!first_answer(c))
        return;
    AUTO_BUF struct buf head;
    buf_init(&head, 128 * 1024);
    put_head(c, &head, status, content_type, (int64_t)n);
    struct iovec v[2] = {
        {head.data,               head.len},
        {(void *)(uintptr_t)body, n       }
    };
    (void)http__send(c, v, c->head || n == 0 ? 1 : 2);
}

void http_send_parts(struct http_request *q, int status, const char *content_type,
                     const struct iovec *parts, int n)
{
    struct http_conn *c = conn_of(q);
    if (!first_answer(c))
        return;
    size_t total = 0;
    for (int i = 0; i < n; i++)
        total += parts[i].iov_len;
    AUTO_BUF struct buf head;
    buf_init(&head, 128 * 1024);
    put_head(c, &head, status, content_type, (int64_t)total);
    struct iovec v[8] = {
        {head.data, head.len}
    };
    if (n > 7)
        log_die("http_send_parts: %d parts", n);
    memcpy(v + 1, parts, sizeof *parts * (size_t)n);
    (void)http__send(c, v, c->head ? 1 : n + 1);
}

void http_send_text(struct http_request *q, int status, const char *text)
{
    http_send(q, status, "text/plain; charset=utf-8", text, strlen(text));
}

/* ---- answers in pieces ---- */

static int put_piece(struct http_conn *c, const char *p, size_t n)
{
    if (!c->out)
        c->out = malloc(HTTP_RECORD);
    if (!c->out)
        log_die("out of memory");
    while (n > 0) {
        size_t take = HTTP_RECORD - c->out_len < n ? HTTP_RECORD - c->out_len : n;
        memcpy(c->out + c->out_len, p, take);
        c->out_len += take;
        p += take;
        n -= take;
        if (c->out_len == HTTP_RECORD && http__flush(c, n > 0 || c->owed > 0) < 0)
            return -1;
    }
    return 0;
}

void http_send_begin(struct http_request *q, int status, const char *content_type, size_t total)
{
    struct http_conn *c = conn_of(q);
    if (!first_answer(c))
        return;
    AUTO_BUF struct buf head;
    buf_init(&head, 128 * 1024);
    put_head(c, &head, status, content_type, (int64_t)total);
    c->out_len = 0;
    c->owed = c->head ? 0 : total;
    if (put_piece(c, head.data, head.len) == 0 && c->owed == 0)
        (void)http__flush(c, false);
}

int http_send_piece(struct http_request *q, const void *bytes, size_t n, struct err *e)
{
    struct http_conn *c = conn_of(q);
    if (c->head)
        return 0;
    if (n > c->owed)
        log_die("http: more bytes than were announced");
    c->owed -= n;
    if (put_piece(c, bytes, n) < 0 || (c->owed == 0 && http__flush(c, false) < 0))
        return err_set(e, ERR_CANCELLED, "the client went away");
    return 0;
}

void http_send_file(struct http_request *q, int status, const char *content_type, int file,
                    int64_t offset, int64_t count)
{
    AUTO_FD int fd = file;
    struct http_conn *c = conn_of(q);
    if (!first_answer(c))
        return;
    AUTO_BUF struct buf head;
    buf_init(&head, 128 * 1024);
    put_head(c, &head, status, content_type, count);
    struct iovec v = {head.data, head.len};
    if (http__send(c, &v, 1) < 0 || c->head)
        return;
    off_t at = offset;
    char *piece = c->tls ? arena_alloc(q->arena, HTTP_RECORD) : NULL;
    while (count > 0 && !c->broken) {
        ssize_t n;
        if (c->tls) {
            n = pread(fd, piece, count < HTTP_RECORD ? (size_t)count : HTTP_RECORD, at);
            v = (struct iovec){piece, n > 0 ? (size_t)n : 0};
            if (n > 0 && http__send(c, &v, 1) == 0)
                at += n;
        } else {
            n = sendfile(c->fd, fd, &at, count < (1 << 30) ? (size_t)count : 1 << 30);
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            c->broken = true; /* the file shrank or the client left: the length is a lie now */
        else
            count -= n;
    }
}

/* ---- streams ---- */

int http_stream_begin(struct http_request *q, int status, const char *content_type, struct err *e)
{
    struct http_conn *c = conn_of(q);
    if (!first_answer(c))
        return err_set(e, ERR_INVALID, "the request was answered before");
    AUTO_BUF struct buf head;
    buf_init(&head, 128 * 1024);
    put_head(c, &head, status, content_type, -1);
    c->streaming = true;
    struct iovec v = {head.data, head.len};
    if (http__send(c, &v, 1) < 0)
        return err_set(e, ERR_CANCELLED, "the client went away");
    return 0;
}

int http_stream_write(struct http_request *q, const void *bytes, size_t n, struct err *e)
{
    struct http_conn *c = conn_of(q);
    if (n == 0 || c->head)
        return 0;
    char size[24];
    struct iovec v[3] = {
        {size,                     0},
        {(void *)(uintptr_t)bytes, n},
        {size,                     0}
    };
    int rc;
    if (c->http10) {
        rc = http__send(c, v + 1, 1);
    } else {
        char *at = size + sizeof size;
        *--at = '\n';
        *--at = '\r';
        v[2] = (struct iovec){at, 2};
        for (size_t left = n; left > 0; left >>= 4)
            *--at = "0123456789abcdef"[left & 15];
        v[0] = (struct iovec){at, (size_t)(size + sizeof size - at)};
        rc = http__send(c, v, 3);
    }
    return rc < 0 ? err_set(e, ERR_CANCELLED, "the client went away") : 0;
}

int http_stream_try(struct http_request *q, const void *bytes, size_t n, struct err *e)
{
    struct http_conn *c = conn_of(q);
    c->no_wait = true;
    int rc = http_stream_write(q, bytes, n, e);
    c->no_wait = false;
    return rc < 0 ? rc : c->wire_len > 0;
}

int http_stream_hold(struct http_request *q, const void *bytes, size_t n, struct err *e)
{
    struct http_conn *c = conn_of(q);
    c->no_wait = c->hold = true;
    int rc = http_stream_write(q, bytes, n, e);
    c->no_wait = c->hold = false;
    return rc;
}

int http_stream_go(struct http_request *q, struct err *e)
{
    struct http_conn *c = conn_of(q);
    if (http__try_rest(c) < 0)
        return err_set(e, ERR_CANCELLED, "the client went away");
    return c->wire_len > 0;
}

int http_stream_rest(struct http_request *q, struct err *e)
{
    return http__send_rest(conn_of(q)) < 0 ? err_set(e, ERR_CANCELLED, "the client went away") : 0;
}

void http__stream_end(struct http_conn *c)
{
    if (!c->streaming || c->broken || c->http10 || c->head)
        return;
    static const char last[] = "0\r\n\r\n";
    struct iovec v = {(void *)(uintptr_t)last, sizeof last - 1};
    (void)http__send(c, &v, 1);
}

void http_stream_abort(struct http_request *q)
{
    conn_of(q)->broken = true;
}

bool http_client_gone(struct http_request *q)
{
    return http__conn_gone(conn_of(q));
}

/* ---- upgrades: a thread carries bytes between the connection and a socket pair, so that the
 *      handler has a plain socket whatever the connection is ---- */

struct pump {
    struct http_conn *conn;
    int fd; /* our end of the pair */
    pthread_t thread;
    /* From the client, not yet taken by the handler: while it waits the client is not read, but
     * what the handler says still goes out, for the handler may wait for just that. */
    char held[HTTP_RECORD];
    size_t held_pos, held_len;
};

static bool readable_already(struct http_conn *c)
{
    return c->in_pos < c->in_len || c->raw_pos < c->raw_len ||
           (c->tls && gnutls_record_check_pending(c->tls) > 0);
}

/* Only when nothing is held. */
static bool from_client(struct pump *p)
{
    struct http_conn *c = p->conn;
    long n;
    if (c->in_pos < c->in_len) {
        n = (long)(c->in_len - c->in_pos);
        n = n < HTTP_RECORD ? n : HTTP_RECORD;
        memcpy(p->held, c->in + c->in_pos, (size_t)n);
        c->in_pos += (size_t)n;
    } else {
        n = http__recv(c, p->held, HTTP_RECORD);
    }
    p->held_pos = 0;
    p->held_len = n > 0 ? (size_t)n : 0;
    return n > 0;
}

/* False once the handler takes no more. */
static bool to_handler(struct pump *p)
{
    ssize_t n =
        send(p->fd, p->held + p->held_pos, p->held_len - p->held_pos, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN;
    p->held_pos += (size_t)n;
    return true;
}

/* Moves what can be moved towards the handler; false at the client's end. */
static bool pump_in(struct pump *p, bool client_ready)
{
    while (p->held_pos < p->held_len || client_ready || readable_already(p->conn)) {
        size_t before = p->held_pos;
        if (p->held_pos == p->held_len) {
            if (!from_client(p))
                return false;
            client_ready = false;
            before = 0;
        }
        if (!to_handler(p))
            return false;
        if (p->held_pos == before)
            return true; /* full */
    }
    return true;
}

static void *pump_main(void *arg)
{
    struct pump *p = arg;
    struct http_conn *c = p->conn;
    char piece[HTTP_RECORD];
    bool in_open = pump_in(p, false);
    if (!in_open)
        (void)shutdown(p->fd, SHUT_WR);
    for (;;) {
        bool full = in_open && p->held_pos < p->held_len;
        struct pollfd f[2] = {
            {.fd = p->fd,                .events = full ? POLLIN | POLLOUT : POLLIN},
            {.fd = in_open ? c->fd : -1, .events = full ? POLLRDHUP : POLLIN       }
        };
        if (poll(f, 2, -1) < 0 && errno != EINTR)
            break;
        bool room = f[0].revents & POLLOUT, client = f[1].revents != 0;
        if (in_open && (room || client)) {
            in_open = !(full && client) && pump_in(p, client);
            if (!in_open)
                (void)shutdown(p->fd, SHUT_WR);
        }
        if (!(f[0].revents & ~POLLOUT))
            continue;
        ssize_t n = recv(p->fd, piece, HTTP_RECORD, 0);
        struct iovec v = {piece, n > 0 ? (size_t)n : 0};
        if (n <= 0 || http__send(c, &v, 1) < 0)
            break;
    }
    (void)shutdown(p->fd, SHUT_RDWR);
    return NULL;
}

static void end_pump(void *arg)
{
    struct pump *p = arg;
    (void)pthread_join(p->thread, NULL);
    (void)close(p->fd);
}

static void end_handler_side(void *arg)
{
    (void)close(*(int *)arg);
}

int http_upgrade(struct http_request *q, const char *const *headers, int *out_fd, struct err *e)
{
    struct http_conn *c = conn_of(q);
    if (!first_answer(c))
        return err_set(e, ERR_INVALID, "the request was answered before");
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        c->answered = false;
        return err_sys(e, errno, "upgrade of %s", q->path);
    }
    c->keep = false;
    AUTO_BUF struct buf head;
    buf_init(&head, 64 * 1024);
    buf_puts(&head, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n");
    for (; headers[0]; headers += 2)
        buf_printf(&head, "%s: %s\r\n", headers[0], headers[1]);
    buf_puts(&head, "\r\n");
    struct iovec v = {head.data, head.len};
    struct timeval never = {0};
    (void)setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &never, sizeof never);
    struct pump *p = ARENA_NEW(q->arena, struct pump);
    p->conn = c;
    p->fd = pair[0];
    int rc = http__send(c, &v, 1);
    if (rc < 0)
        rc = err_set(e, ERR_CANCELLED, "the client went away");
    else
        rc = thread_start(&p->thread, "http-upgrade", 0, pump_main, p, e);
    if (rc < 0) {
        (void)close(pair[0]);
        (void)close(pair[1]);
        return rc;
    }
    int *ours = ARENA_NEW(q->arena, int);
    *ours = *out_fd = pair[1];
    arena_defer(q->arena, end_pump, p);
    arena_defer(q->arena, end_handler_side, ours); /* runs first: the pump sees the end */
    return 0;
}
