#include "tsdb/packed.h"

#include <math.h>
#include <string.h>

void packed_put_varint(struct buf *b, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        buf_putc(b, (char)(v | 0x80));
    buf_putc(b, (char)v);
}

void packed_put_signed(struct buf *b, int64_t v)
{
    packed_put_varint(b, (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0));
}

void packed_put_double(struct buf *b, double v)
{
    if (v >= 0 && v < (double)((uint64_t)1 << 48) && v == floor(v) && !signbit(v)) {
        packed_put_varint(b, (uint64_t)v << 1);
        return;
    }
    packed_put_varint(b, 1);
    buf_add(b, &v, sizeof v);
}

uint64_t packed_get_varint(struct packed_reader *r)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64 && r->p < r->end; shift += 7) {
        uint8_t byte = *r->p++;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return v;
    }
    r->bad = true;
    return 0;
}

int64_t packed_get_signed(struct packed_reader *r)
{
    uint64_t v = packed_get_varint(r);
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

double packed_get_double(struct packed_reader *r)
{
    uint64_t v = packed_get_varint(r);
    double d = (double)(v >> 1);
    if (v == 1 && r->end - r->p >= (ptrdiff_t)sizeof d) {
        memcpy(&d, r->p, sizeof d);
        r->p += sizeof d;
    } else if (v & 1) {
        r->bad = true;
    }
    return d;
}
