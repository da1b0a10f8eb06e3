#include "promql/xxh64.h"

#include <string.h>

static const uint64_t P1 = 0x9e3779b185ebca87u, P2 = 0xc2b2ae3d27d4eb4fu, P3 = 0x165667b19e3779f9u,
                      P4 = 0x85ebca77c2b2ae63u, P5 = 0x27d4eb2f165667c5u;

static uint64_t rotate(uint64_t v, unsigned by)
{
    return v << by | v >> (64 - by);
}

static uint64_t read64(const unsigned char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static uint64_t step(uint64_t lane, uint64_t input)
{
    return rotate(lane + input * P2, 31) * P1;
}

static uint64_t join(uint64_t h, uint64_t lane)
{
    return (h ^ step(0, lane)) * P1 + P4;
}

/* The bytes that fill no lane, eight, four and one at a time. */
static uint64_t rest(uint64_t h, const unsigned char *p, size_t n)
{
    for (; n >= 8; p += 8, n -= 8)
        h = rotate(h ^ step(0, read64(p)), 27) * P1 + P4;
    if (n >= 4) {
        uint32_t four;
        memcpy(&four, p, sizeof four);
        h = rotate(h ^ four * P1, 23) * P2 + P3;
        p += 4;
        n -= 4;
    }
    for (; n; p++, n--)
        h = rotate(h ^ *p * P5, 11) * P1;
    return h;
}

uint64_t xxh64(const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    uint64_t h = P5;
    size_t left = n;
    if (n >= 32) {
        uint64_t lane[4] = {P1 + P2, P2, 0, -P1};
        for (; left >= 32; p += 32, left -= 32)
            for (size_t i = 0; i < 4; i++)
                lane[i] = step(lane[i], read64(p + 8 * i));
        h = rotate(lane[0], 1) + rotate(lane[1], 7) + rotate(lane[2], 12) + rotate(lane[3], 18);
        for (size_t i = 0; i < 4; i++)
            h = join(h, lane[i]);
    }
    h = rest(h + n, p, left);
    h = (h ^ h >> 33) * P2;
    h = (h ^ h >> 29) * P3;
    return h ^ h >> 32;
}
