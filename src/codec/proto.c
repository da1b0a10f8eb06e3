#include "codec/proto.h"

#include <string.h>

#include "codec/utf8.h"

enum { VARINT_MAX = 10 };

uint64_t proto_varint(struct proto *m)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64 && m->p < m->end; shift += 7) {
        unsigned char c = *m->p++;
        v |= (uint64_t)(c & 0x7f) << shift;
        if (!(c & 0x80))
            return v;
    }
    m->broken = true;
    return 0;
}

static uint64_t fixed(struct proto *m, size_t n)
{
    uint64_t v = 0;
    if (proto_left(m) < n) {
        m->broken = true;
        return 0;
    }
    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)m->p[i] << (8 * i);
    m->p += n;
    return v;
}

static struct proto bytes_of(struct proto *m)
{
    uint64_t n = proto_varint(m);
    if (m->broken || n > proto_left(m)) {
        m->broken = true;
        return (struct proto){0};
    }
    struct proto out = {m->p, m->p + n, false};
    m->p += n;
    return out;
}

bool proto_next(struct proto *m, struct proto_field *out)
{
    if (m->broken || m->p >= m->end)
        return false;
    uint64_t tag = proto_varint(m);
    *out = (struct proto_field){.number = (uint32_t)(tag >> 3), .type = (enum proto_type)(tag & 7)};
    switch (out->type) {
    case PROTO_VARINT:
        out->v = proto_varint(m);
        break;
    case PROTO_FIXED64:
        out->v = fixed(m, 8);
        break;
    case PROTO_BYTES:
        out->bytes = bytes_of(m);
        break;
    case PROTO_FIXED32:
        out->v = fixed(m, 4);
        break;
    default:
        m->broken = true;
    }
    m->broken = m->broken || tag >> 3 == 0 || tag >> 32 != 0;
    return !m->broken;
}

bool proto_each(struct proto_field *f, enum proto_type type, uint64_t *out)
{
    if (f->type == type && f->type != PROTO_BYTES) {
        *out = f->v;
        *f = (struct proto_field){.number = f->number, .type = PROTO_BYTES};
        return true;
    }
    if (f->type != PROTO_BYTES)
        f->bytes.broken = true;
    if (f->bytes.broken || f->bytes.p == f->bytes.end)
        return false;
    *out = type == PROTO_VARINT ? proto_varint(&f->bytes)
                                : fixed(&f->bytes, type == PROTO_FIXED64 ? 8 : 4);
    return !f->bytes.broken;
}

double proto_double(uint64_t v)
{
    double d;
    memcpy(&d, &v, sizeof d);
    return d;
}

float proto_float(uint64_t v)
{
    uint32_t bits = (uint32_t)v;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

bool proto_text(struct arena *a, const struct proto_field *f, const char **out)
{
    const char *s = (const char *)f->bytes.p;
    size_t n = proto_left(&f->bytes);
    if (f->type != PROTO_BYTES || (n && memchr(s, '\0', n)))
        return false;
    for (size_t at = 0, len; at < n; at += len)
        if ((len = utf8_valid(s + at, n - at)) == 0)
            return false;
    *out = n ? arena_strndup(a, s, n) : "";
    return true;
}

/* ---- writing ---- */

static size_t varint_bytes(uint64_t v, unsigned char out[VARINT_MAX])
{
    size_t n = 0;
    for (; v >= 0x80; v >>= 7)
        out[n++] = (unsigned char)(v | 0x80);
    out[n++] = (unsigned char)v;
    return n;
}

void proto_add_varint(struct buf *b, uint64_t v)
{
    unsigned char text[VARINT_MAX];
    buf_add(b, text, varint_bytes(v, text));
}

static void add_fixed64(struct buf *b, uint64_t v)
{
    unsigned char text[8];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (unsigned char)(v >> (8 * i));
    buf_add(b, text, sizeof text);
}

void proto_add_double(struct buf *b, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    add_fixed64(b, bits);
}

static void tag(struct buf *b, uint32_t number, enum proto_type type)
{
    proto_add_varint(b, (uint64_t)number << 3 | type);
}

void proto_put_varint(struct buf *b, uint32_t number, uint64_t v)
{
    tag(b, number, PROTO_VARINT);
    proto_add_varint(b, v);
}

void proto_put_zigzag(struct buf *b, uint32_t number, int64_t v)
{
    proto_put_varint(b, number, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

void proto_put_fixed64(struct buf *b, uint32_t number, uint64_t v)
{
    tag(b, number, PROTO_FIXED64);
    add_fixed64(b, v);
}

void proto_put_double(struct buf *b, uint32_t number, double v)
{
    tag(b, number, PROTO_FIXED64);
    proto_add_double(b, v);
}

void proto_put_bytes(struct buf *b, uint32_t number, const void *bytes, size_t n)
{
    tag(b, number, PROTO_BYTES);
    proto_add_varint(b, n);
    buf_add(b, bytes, n);
}

void proto_put_text(struct buf *b, uint32_t number, const char *s)
{
    proto_put_bytes(b, number, s, strlen(s));
}

size_t proto_begin(struct buf *b, uint32_t number)
{
    tag(b, number, PROTO_BYTES);
    return b->len;
}

/* The length stands before what it counts: room for it is made now that it is known. */
void proto_end(struct buf *b, size_t begin)
{
    unsigned char text[VARINT_MAX];
    if (b->overflow)
        return;
    size_t n = b->len - begin, more = varint_bytes(n, text);
    buf_add(b, text, more);
    if (b->overflow)
        return;
    memmove(b->data + begin + more, b->data + begin, n);
    memcpy(b->data + begin, text, more);
}
