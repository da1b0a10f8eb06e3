#include "net/websocket.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <wslay/wslay.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/thread.h"

static const char MAGIC[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
enum { PIECE_MAX = 16 * 1024 };

struct websocket {
    int fd;
    pthread_mutex_t send_mutex;
    wslay_frame_context_ptr in, out; /* one for each direction, so that threads do not meet */
    struct buf message;
    bool text, closed;
};

/* ---- wslay's ends ---- */

static ssize_t on_send(const uint8_t *data, size_t n, int flags, void *arg)
{
    struct websocket *w = arg;
    ssize_t sent;
    do {
        sent = send(w->fd, data, n, MSG_NOSIGNAL | (flags & WSLAY_MSG_MORE ? MSG_MORE : 0));
    } while (sent < 0 && errno == EINTR);
    return sent;
}

static ssize_t on_recv(uint8_t *data, size_t n, int flags, void *arg)
{
    struct websocket *w = arg;
    ssize_t got;
    (void)flags;
    do {
        got = recv(w->fd, data, n, 0);
    } while (got < 0 && errno == EINTR);
    return got > 0 ? got : -1;
}

static int on_mask(uint8_t *out, size_t n, void *arg)
{
    (void)arg;
    return gnutls_rnd(GNUTLS_RND_NONCE, out, n) < 0 ? -1 : 0;
}

/* ---- opening ---- */

static bool has_token(const char *list, const char *token)
{
    size_t n = strlen(token);
    while (list && *list) {
        list += strspn(list, " ,\t");
        size_t len = strcspn(list, " ,\t");
        if (len == n && strncasecmp(list, token, n) == 0)
            return true;
        list += len;
    }
    return false;
}

bool websocket_asked(const struct http_request *q)
{
    return has_token(http_header(q, "Upgrade"), "websocket") &&
           has_token(http_header(q, "Connection"), "upgrade");
}

static const char *accept_key(const char *key, struct arena *a)
{
    unsigned char digest[20];
    const char *text = arena_printf(a, "%s%s", key, MAGIC);
    if (gnutls_hash_fast(GNUTLS_DIG_SHA1, text, strlen(text), digest) < 0)
        log_die("no SHA-1");
    gnutls_datum_t in = {digest, sizeof digest}, out = {0};
    if (gnutls_base64_encode2(&in, &out) < 0)
        log_die("out of memory");
    char *made = arena_strndup(a, (char *)out.data, out.size);
    gnutls_free(out.data);
    return made;
}

static void done(void *arg)
{
    struct websocket *w = arg;
    wslay_frame_context_free(w->in);
    wslay_frame_context_free(w->out);
    buf_done(&w->message);
    (void)pthread_mutex_destroy(&w->send_mutex);
}

static const char *choose(struct http_request *q, const char *const *protocols)
{
    for (; *protocols; protocols++) {
        const char *offered;
        for (size_t i = 0; (offered = http_header_nth(q, "Sec-WebSocket-Protocol", i)); i++)
            if (has_token(offered, *protocols))
                return *protocols;
    }
    return NULL;
}

int websocket_accept(struct http_request *q, const char *const *protocols, size_t max,
                     struct websocket **out, const char **out_protocol, struct err *e)
{
    const char *key = http_header(q, "Sec-WebSocket-Key");
    const char *version = http_header(q, "Sec-WebSocket-Version");
    const char *protocol = choose(q, protocols);
    if (!key || !version || strcmp(version, "13") != 0)
        return err_set(e, ERR_INVALID, "not a WebSocket request of version 13");
    if (!protocol)
        return err_set(e, ERR_UNSUPPORTED, "none of the offered WebSocket protocols is known");
    const char *const headers[] = {"Upgrade",
                                   "websocket",
                                   "Sec-WebSocket-Accept",
                                   accept_key(key, q->arena),
                                   "Sec-WebSocket-Protocol",
                                   protocol,
                                   NULL};
    struct websocket *w = ARENA_NEW(q->arena, struct websocket);
    int rc = http_upgrade(q, headers, &w->fd, e);
    if (rc < 0)
        return rc;
    static const struct wslay_frame_callbacks callbacks = {on_send, on_recv, on_mask};
    (void)pthread_mutex_init(&w->send_mutex, NULL);
    buf_init(&w->message, max);
    if (wslay_frame_context_init(&w->in, &callbacks, w) != 0 ||
        wslay_frame_context_init(&w->out, &callbacks, w) != 0)
        log_die("out of memory");
    arena_defer(q->arena, done, w);
    *out = w;
    *out_protocol = protocol;
    return 0;
}

/* ---- sending ---- */

static int send_frame(struct websocket *w, uint8_t opcode, const void *bytes, size_t n,
                      struct err *e)
{
    struct wslay_frame_iocb io = {
        .fin = 1, .opcode = opcode, .payload_length = n, .data = bytes, .data_length = n};
    LOCK_SCOPE(&w->send_mutex);
    for (;;) {
        ssize_t sent = wslay_frame_send(w->out, &io);
        if (sent < 0)
            return err_set(e, ERR_CANCELLED, "the client went away");
        io.data += sent;
        io.data_length -= (size_t)sent;
        if (io.data_length == 0)
            return 0;
    }
}

int websocket_send(struct websocket *w, bool text, const void *bytes, size_t n, struct err *e)
{
    return send_frame(w, text ? WSLAY_TEXT_FRAME : WSLAY_BINARY_FRAME, bytes, n, e);
}

int websocket_send_channel(struct websocket *w, unsigned char channel, const void *bytes, size_t n,
                           struct err *e)
{
    unsigned char piece[PIECE_MAX + 1];
    const char *p = bytes;
    do {
        size_t take = n < PIECE_MAX ? n : PIECE_MAX;
        piece[0] = channel;
        if (take > 0)
            memcpy(piece + 1, p, take);
        int rc = send_frame(w, WSLAY_BINARY_FRAME, piece, take + 1, e);
        if (rc < 0)
            return rc;
        p += take;
        n -= take;
    } while (n > 0);
    return 0;
}

int websocket_fd(const struct websocket *w)
{
    return w->fd;
}

void websocket_close(struct websocket *w, unsigned code)
{
    unsigned char body[2] = {(unsigned char)(code >> 8), (unsigned char)code};
    (void)send_frame(w, WSLAY_CONNECTION_CLOSE, body, sizeof body, NULL);
    (void)shutdown(w->fd, SHUT_WR);
}

/* ---- receiving ---- */

static int gone(struct websocket *w, struct err *e)
{
    w->closed = true;
    return err_set(e, ERR_CANCELLED, "the client closed the connection");
}

/* One frame into `into`, read to its end. */
static int read_frame(struct websocket *w, struct wslay_frame_iocb *io, struct buf *into,
                      struct err *e)
{
    uint64_t got = 0;
    do {
        memset(io, 0, sizeof *io);
        ssize_t n = wslay_frame_recv(w->in, io);
        if (n < 0)
            return gone(w, e);
        buf_add(into, io->data, (size_t)n);
        got += (uint64_t)n;
        if (into->overflow)
            return err_set(e, ERR_TOO_LARGE, "a WebSocket message is larger than %zu bytes",
                           into->max);
    } while (got < io->payload_length);
    return 0;
}

int websocket_receive(struct websocket *w, struct websocket_message *out, struct err *e)
{
    buf_clear(&w->message);
    AUTO_BUF struct buf control;
    buf_init(&control, 256);
    for (;;) {
        if (w->closed)
            return gone(w, e);
        struct wslay_frame_iocb io;
        size_t before = w->message.len;
        int rc = read_frame(w, &io, &w->message, e);
        if (rc < 0)
            return rc;
        if (io.opcode >= 8) { /* control frames may stand between the parts of a message */
            buf_clear(&control);
            buf_add(&control, w->message.data + before, w->message.len - before);
            buf_cut(&w->message, before);
            if (io.opcode == WSLAY_CONNECTION_CLOSE)
                return gone(w, e);
            if (io.opcode == WSLAY_PING)
                (void)send_frame(w, WSLAY_PONG, control.data, control.len, NULL);
            continue;
        }
        if (io.opcode != WSLAY_CONTINUATION_FRAME)
            w->text = io.opcode == WSLAY_TEXT_FRAME;
        if (io.fin) {
            *out = (struct websocket_message){.text = w->text,
                                              .bytes = (const unsigned char *)buf_text(&w->message),
                                              .n = w->message.len};
            return 0;
        }
    }
}
