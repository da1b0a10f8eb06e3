#include "net/spdy.h"

#include <string.h>
#include <zlib.h>

#include "base/bytes.h"
#include "base/log.h"
#include "net/spdy_int.h"

enum {
    HEAD = 8, /* of every frame */
    FLAG_FIN = 1,
    VERSION = 3,
    REFUSED = 3,
    /* on the wire */
    SYN_STREAM = 1,
    SYN_REPLY = 2,
    RST_STREAM = 3,
    PING = 6,
    GOAWAY = 7,
};

struct spdy {
    z_stream in, out;
    unsigned char dictionary[SPDY_DICTIONARY];
    unsigned char head[HEAD];
    size_t n_head;   /* bytes of it that have come */
    size_t left;     /* of the frame behind the head */
    bool skip;       /* it is of no kind we know */
    struct buf body; /* of a control frame, until it is whole */
    struct buf text; /* its headers, inflated */
    struct spdy_header headers[SPDY_HEADERS];
};

static void put32(struct buf *out, uint32_t v)
{
    const unsigned char b[4] = {(unsigned char)(v >> 24), (unsigned char)(v >> 16),
                                (unsigned char)(v >> 8), (unsigned char)v};
    buf_add(out, b, sizeof b);
}

struct spdy *spdy_new(void)
{
    struct spdy *s = calloc(1, sizeof *s);
    if (!s || inflateInit(&s->in) != Z_OK || deflateInit(&s->out, Z_BEST_SPEED) != Z_OK)
        log_die("out of memory");
    spdy__dictionary(s->dictionary);
    (void)deflateSetDictionary(&s->out, s->dictionary, SPDY_DICTIONARY);
    buf_init(&s->body, SPDY_CONTROL_MAX);
    buf_init(&s->text, SPDY_HEADERS_MAX);
    return s;
}

void spdy_free(struct spdy *s)
{
    if (!s)
        return;
    (void)inflateEnd(&s->in);
    (void)deflateEnd(&s->out);
    buf_done(&s->body);
    buf_done(&s->text);
    free(s);
}

const char *spdy_header(const struct spdy_frame *f, const char *name)
{
    for (size_t i = 0; i < f->n_headers; i++)
        if (strcmp(f->headers[i].name, name) == 0)
            return f->headers[i].value;
    return NULL;
}

/* ---- reading ---- */

static int inflate_block(struct spdy *s, const unsigned char *p, size_t n, struct err *e)
{
    unsigned char piece[4096];
    buf_clear(&s->text);
    s->in.next_in = (unsigned char *)(uintptr_t)p;
    s->in.avail_in = (unsigned)n;
    for (;;) {
        s->in.next_out = piece;
        s->in.avail_out = sizeof piece;
        int rc = inflate(&s->in, Z_SYNC_FLUSH);
        if (rc == Z_NEED_DICT)
            rc = inflateSetDictionary(&s->in, s->dictionary, SPDY_DICTIONARY);
        buf_add(&s->text, piece, sizeof piece - s->in.avail_out);
        if (s->text.overflow)
            return err_set(e, ERR_TOO_LARGE, "SPDY: headers of more than %d bytes",
                           SPDY_HEADERS_MAX);
        if (rc == Z_BUF_ERROR || (rc == Z_OK && s->in.avail_in == 0 && s->in.avail_out > 0))
            return 0;
        if (rc != Z_OK)
            return err_set(e, ERR_INVALID, "SPDY: headers that do not inflate");
    }
}

/* The next string of a header block, cut out in place: its length's last byte, which lies behind
 * the string before, becomes that string's end. */
static const char *next_string(unsigned char **at, const unsigned char *end)
{
    if (end - *at < 4)
        return NULL;
    uint32_t n = bytes_be32(*at);
    char *text = (char *)*at + 4;
    if (n > (size_t)(end - *at) - 4 || memchr(text, '\0', n))
        return NULL; /* several values of one name have a NUL between: no client sends such */
    **at = '\0';
    *at += 4 + n;
    return text;
}

static int read_headers(struct spdy *s, const unsigned char *block, size_t n, struct spdy_frame *f,
                        struct err *e)
{
    int rc = inflate_block(s, block, n, e);
    if (rc < 0)
        return rc;
    unsigned char *at = (unsigned char *)s->text.data, *end = at + s->text.len;
    uint32_t count = s->text.len >= 4 ? bytes_be32(at) : 0;
    if (count > SPDY_HEADERS)
        return err_set(e, ERR_TOO_LARGE, "SPDY: more than %d headers", SPDY_HEADERS);
    at += count ? 4 : 0;
    for (uint32_t i = 0; i < count; i++) {
        s->headers[i].name = next_string(&at, end);
        s->headers[i].value = s->headers[i].name ? next_string(&at, end) : NULL;
        if (!s->headers[i].value)
            return err_set(e, ERR_INVALID, "SPDY: a header block that is cut off");
    }
    if (count && at != end)
        return err_set(e, ERR_INVALID, "SPDY: a header block that goes on behind its end");
    f->headers = s->headers;
    f->n_headers = count;
    return 0;
}

/* How a control frame is laid out. */
static const struct layout {
    unsigned type;
    enum spdy_kind kind;
    size_t fixed; /* bytes before its headers, and the least it has */
    bool has_headers;
} layouts[] = {
    {SYN_STREAM, SPDY_STREAM, 10, true },
    {SYN_REPLY,  SPDY_REPLY,  4,  true },
    {RST_STREAM, SPDY_RESET,  8,  false},
    {PING,       SPDY_PING,   4,  false},
    {GOAWAY,     SPDY_GOAWAY, 8,  false},
};

static const struct layout *layout_of(const unsigned char *head)
{
    unsigned type = (unsigned)head[2] << 8 | head[3];
    for (size_t i = 0; i < ARRAY_LEN(layouts); i++)
        if (layouts[i].type == type)
            return &layouts[i];
    return NULL;
}

static bool is_control(const struct spdy *s)
{
    return s->head[0] & 0x80;
}

static int begin_frame(struct spdy *s, struct err *e)
{
    s->left = bytes_be32(s->head + 4) & 0xffffff;
    s->skip = false;
    if (!is_control(s))
        return 0;
    unsigned version = (unsigned)(s->head[0] & 0x7f) << 8 | s->head[1];
    if (version != VERSION)
        return err_set(e, ERR_INVALID, "SPDY: version %u, not %d", version, VERSION);
    if (s->left > SPDY_CONTROL_MAX)
        return err_set(e, ERR_TOO_LARGE, "SPDY: a control frame of %zu bytes", s->left);
    s->skip = !layout_of(s->head);
    buf_clear(&s->body);
    return 0;
}

static int end_control(struct spdy *s, struct spdy_frame *f, struct err *e)
{
    const struct layout *l = layout_of(s->head);
    const unsigned char *body = (const unsigned char *)buf_text(&s->body);
    if (s->body.len < l->fixed)
        return err_set(e, ERR_INVALID, "SPDY: a control frame of type %u has %zu bytes", l->type,
                       s->body.len);
    f->kind = l->kind;
    f->id = bytes_be32(body);
    f->fin = s->head[4] & FLAG_FIN;
    if (l->kind != SPDY_PING)
        f->id &= 0x7fffffff;
    return l->has_headers ? read_headers(s, body + l->fixed, s->body.len - l->fixed, f, e) : 0;
}

/* Some bytes of the frame that has begun; true when there is something to tell. */
static int take_body(struct spdy *s, const unsigned char *p, size_t n, struct spdy_frame *f,
                     bool *tell, struct err *e)
{
    *f = (struct spdy_frame){.kind = SPDY_DATA};
    s->left -= n;
    *tell = false;
    if (!is_control(s)) {
        f->id = bytes_be32(s->head);
        f->bytes = p;
        f->n = n;
        f->fin = s->left == 0 && (s->head[4] & FLAG_FIN);
        *tell = n > 0 || f->fin;
        return 0;
    }
    if (s->skip)
        return 0;
    buf_add(&s->body, p, n);
    if (s->left > 0)
        return 0;
    *tell = true;
    return end_control(s, f, e);
}

int spdy_feed(struct spdy *s, const void *bytes, size_t n,
              int (*on)(void *arg, const struct spdy_frame *f, struct err *e), void *arg,
              struct err *e)
{
    const unsigned char *p = bytes, *end = p + n;
    while (p < end) {
        if (s->n_head < HEAD) {
            s->head[s->n_head++] = *p++;
            int rc = s->n_head == HEAD ? begin_frame(s, e) : 0;
            if (rc < 0)
                return rc;
            if (s->n_head < HEAD || s->left > 0)
                continue;
        }
        struct spdy_frame f;
        size_t take = s->left < (size_t)(end - p) ? s->left : (size_t)(end - p);
        bool tell;
        int rc = take_body(s, p, take, &f, &tell, e);
        if (rc == 0 && tell)
            rc = on(arg, &f, e);
        if (rc < 0)
            return rc;
        p += take;
        if (s->left == 0)
            s->n_head = 0;
    }
    return 0;
}

/* ---- writing ---- */

static void put_control(struct buf *out, unsigned type, bool fin, size_t n)
{
    put32(out, 0x80000000u | VERSION << 16 | type);
    put32(out, (fin ? (uint32_t)FLAG_FIN << 24 : 0) | (uint32_t)n);
}

static void put_string(struct buf *out, const char *text)
{
    put32(out, (uint32_t)strlen(text));
    buf_puts(out, text);
}

void spdy_put_headers(struct spdy *s, enum spdy_kind kind, uint32_t stream, bool fin,
                      const struct spdy_header *headers, struct buf *out)
{
    AUTO_BUF struct buf plain;
    unsigned char packed[SPDY_HEADERS_MAX + 1024];
    uint32_t count = 0;
    buf_init(&plain, SPDY_HEADERS_MAX);
    while (headers[count].name)
        count++;
    put32(&plain, count);
    for (uint32_t i = 0; i < count; i++) {
        put_string(&plain, headers[i].name);
        put_string(&plain, headers[i].value);
    }
    s->out.next_in = (unsigned char *)plain.data;
    s->out.avail_in = (unsigned)plain.len;
    s->out.next_out = packed;
    s->out.avail_out = sizeof packed;
    (void)deflate(&s->out, Z_SYNC_FLUSH);
    size_t n = sizeof packed - s->out.avail_out;
    bool opens = kind == SPDY_STREAM;
    put_control(out, opens ? SYN_STREAM : SYN_REPLY, fin, n + (opens ? 10 : 4));
    put32(out, stream);
    if (opens)
        buf_add(out, "\0\0\0\0\0\0", 6); /* no other stream, no priority, no credential */
    buf_add(out, packed, n);
}

void spdy_put_data(uint32_t stream, bool fin, const void *bytes, size_t n, struct buf *out)
{
    put32(out, stream);
    put32(out, (fin ? (uint32_t)FLAG_FIN << 24 : 0) | (uint32_t)n);
    buf_add(out, bytes, n);
}

void spdy_put_reset(uint32_t stream, struct buf *out)
{
    put_control(out, RST_STREAM, false, 8);
    put32(out, stream);
    put32(out, REFUSED);
}

void spdy_put_ping(uint32_t id, struct buf *out)
{
    put_control(out, PING, false, 4);
    put32(out, id);
}
