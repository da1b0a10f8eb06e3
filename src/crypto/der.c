#include "crypto/der.h"

#include <string.h>

enum { LENGTH_BYTES_MAX = 4, DER_LENGTH_MAX = 0x7fffffff };

static bool take_length(struct octets *in, size_t *out)
{
    if (in->n == 0)
        return false;
    unsigned char first = *in->p++;
    in->n--;
    *out = first;
    if (first < 0x80)
        return true;
    size_t n = first & 0x7f, length = 0;
    if (n == 0 || n > LENGTH_BYTES_MAX || n > in->n || in->p[0] == 0)
        return false;
    for (size_t i = 0; i < n; i++)
        length = length << 8 | in->p[i];
    in->p += n;
    in->n -= n;
    *out = length;
    return length >= 0x80 && length <= DER_LENGTH_MAX;
}

bool der_next(struct octets *in, struct der_item *out)
{
    struct octets rest = *in;
    size_t length;
    if (rest.n < 2 || (rest.p[0] & 0x1f) == 0x1f)
        return false;
    unsigned char tag = *rest.p++;
    rest.n--;
    if (!take_length(&rest, &length) || length > rest.n)
        return false;
    out->tag = tag;
    out->body = (struct octets){rest.p, length};
    out->whole = (struct octets){in->p, (size_t)(rest.p - in->p) + length};
    *in = (struct octets){rest.p + length, rest.n - length};
    return true;
}

bool der_take(struct octets *in, unsigned char tag, struct octets *body)
{
    struct octets rest = *in;
    struct der_item item;
    if (!der_next(&rest, &item) || item.tag != tag)
        return false;
    *in = rest;
    *body = item.body;
    return true;
}

bool octets_equal(struct octets a, struct octets b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

const char *octets_text(struct octets o, struct arena *a)
{
    return o.n == 0 || memchr(o.p, '\0', o.n) ? "" : arena_strndup(a, (const char *)o.p, o.n);
}

void der_put(struct buf *to, unsigned char tag, const void *body, size_t n)
{
    buf_putc(to, (char)tag);
    int bytes = n < 0x80 ? 0 : n < 0x100 ? 1 : n < 0x10000 ? 2 : n < 0x1000000 ? 3 : 4;
    buf_putc(to, (char)(bytes ? 0x80 | bytes : (int)n));
    for (int i = bytes - 1; i >= 0; i--)
        buf_putc(to, (char)(n >> (8 * i) & 0xff));
    buf_add(to, body, n);
}
