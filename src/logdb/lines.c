#include <zlib.h>

#include "logdb/logdb_int.h"

void varint_put(struct buf *b, uint64_t v)
{
    while (v >= 0x80) {
        buf_putc(b, (char)(v | 0x80));
        v >>= 7;
    }
    buf_putc(b, (char)v);
}

bool varint_get(const unsigned char **at, const unsigned char *end, uint64_t *out)
{
    uint64_t v = 0;
    for (int shift = 0; shift < 64 && *at < end; shift += 7) {
        unsigned char c = *(*at)++;
        v |= (uint64_t)(c & 0x7f) << shift;
        if (!(c & 0x80)) {
            *out = v;
            return true;
        }
    }
    return false;
}

void lines_put(struct buf *b, int64_t delta_ns, const char *line, size_t n)
{
    varint_put(b, (uint64_t)delta_ns);
    varint_put(b, n);
    buf_add(b, line, n);
}

int lines_next(struct lines_reader *r, const char **out, size_t *n)
{
    uint64_t delta, len;
    if (r->at == r->end)
        return 0;
    if (!varint_get(&r->at, r->end, &delta) || !varint_get(&r->at, r->end, &len) ||
        len > (size_t)(r->end - r->at))
        return -1;
    r->time_ns += (int64_t)delta;
    *out = (const char *)r->at;
    *n = len;
    r->at += len;
    return 1;
}

uint32_t checksum(const void *bytes, size_t n)
{
    return (uint32_t)crc32_z(0, bytes, n);
}
