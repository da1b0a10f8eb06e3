#include "tsdb/chunk.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define STALE_BITS 0x7ff0000000000002u

static uint64_t bits_of(double v)
{
    uint64_t b;
    memcpy(&b, &v, sizeof b);
    return b;
}

static double value_of(uint64_t b)
{
    double v;
    memcpy(&v, &b, sizeof v);
    return v;
}

double stale_marker(void)
{
    return value_of(STALE_BITS);
}

bool is_stale(double v)
{
    return bits_of(v) == STALE_BITS;
}

void chunk_init(struct chunk *c)
{
    *c = (struct chunk){.lead = 0xff};
}

void chunk_done(struct chunk *c)
{
    free(c->bits);
    *c = (struct chunk){0};
}

static void resize(struct chunk *c, uint32_t bytes)
{
    c->bits = realloc(c->bits, bytes);
    if (!c->bits)
        log_die("out of memory");
    if (bytes * 8 > c->cap_bits)
        memset(c->bits + c->cap_bits / 8, 0, bytes - c->cap_bits / 8);
    c->cap_bits = bytes * 8;
}

void chunk_trim(struct chunk *c)
{
    resize(c, (c->n_bits + 7) / 8 + 1);
}

/* Eight bytes, and up to seven bits before them in the first one: as much as goes at once. */
enum { AT_ONCE = 57 };

/* The low `n` bits of v, most significant first. What is behind n_bits is zero. */
static void put(struct chunk *c, uint64_t v, unsigned n)
{
    if (n > AT_ONCE) {
        put(c, v >> 32, n - 32);
        n = 32;
    }
    if (c->n_bits + 64 > c->cap_bits)
        resize(c, c->cap_bits / 8 + 32);
    uint8_t *at = c->bits + c->n_bits / 8;
    uint64_t word = (v & (UINT64_MAX >> (64 - n))) << (64 - c->n_bits % 8 - n);
    word = htobe64(word | (uint64_t)*at << 56);
    memcpy(at, &word, sizeof word);
    c->n_bits += n;
}

/* The eight bytes from there on; beyond the end they are zero. */
static uint64_t word_at(const struct chunk *c, uint32_t byte)
{
    uint64_t word = 0;
    size_t left = c->cap_bits / 8 - byte;
    if (__builtin_expect(left >= sizeof word, 1))
        memcpy(&word, c->bits + byte, sizeof word);
    else
        memcpy(&word, c->bits + byte, left);
    return be64toh(word);
}

static inline uint64_t get(struct chunk_reader *r, unsigned n)
{
    uint64_t high = 0;
    if (n > AT_ONCE) {
        high = get(r, n - 32) << 32;
        n = 32;
    }
    uint64_t v = word_at(r->c, r->at / 8) << r->at % 8 >> (64 - n);
    r->at += n;
    return high | v;
}

static const struct {
    unsigned prefix, prefix_bits, bits;
} widths[] = {
    {2,  2, 14}, /* 10   */
    {6,  3, 17}, /* 110  */
    {14, 4, 20}, /* 1110 */
};

static void put_time(struct chunk *c, int64_t second)
{
    if (second == 0) {
        put(c, 0, 1);
        return;
    }
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        int64_t half = (int64_t)1 << (widths[i].bits - 1);
        if (second > -half && second <= half) {
            put(c, widths[i].prefix, widths[i].prefix_bits);
            put(c, (uint64_t)second, widths[i].bits);
            return;
        }
    }
    put(c, 15, 4);
    put(c, (uint64_t)second, 64);
}

static int64_t get_time(struct chunk_reader *r)
{
    unsigned ones = 0;
    while (ones < 4 && get(r, 1))
        ones++;
    if (ones == 0)
        return 0;
    if (ones == 4)
        return (int64_t)get(r, 64);
    unsigned bits = widths[ones - 1].bits;
    int64_t v = (int64_t)get(r, bits);
    return v > (int64_t)1 << (bits - 1) ? v - ((int64_t)1 << bits) : v;
}

static void put_value(struct chunk *c, uint64_t v)
{
    uint64_t x = v ^ c->last_v;
    if (x == 0) {
        put(c, 0, 1);
        return;
    }
    unsigned lead = (unsigned)__builtin_clzll(x), trail = (unsigned)__builtin_ctzll(x);
    if (lead > 31)
        lead = 31;
    if (c->lead != 0xff && lead >= c->lead && trail >= c->trail) {
        put(c, 2, 2);
        put(c, x >> c->trail, 64u - c->lead - c->trail);
        return;
    }
    c->lead = (uint8_t)lead;
    c->trail = (uint8_t)trail;
    put(c, 3, 2);
    put(c, lead, 5);
    put(c, 64 - lead - trail - 1, 6);
    put(c, x >> trail, 64 - lead - trail);
}

static uint64_t get_value(struct chunk_reader *r)
{
    if (!get(r, 1))
        return r->v;
    if (get(r, 1)) {
        r->lead = (uint8_t)get(r, 5);
        r->trail = (uint8_t)(64 - r->lead - ((unsigned)get(r, 6) + 1));
    }
    return r->v ^ (get(r, 64u - r->lead - r->trail) << r->trail);
}

void chunk_add(struct chunk *c, struct sample s)
{
    uint64_t v = bits_of(s.v);
    if (c->n == 0) {
        c->first_t = s.t;
        put(c, v, 64);
    } else {
        int64_t delta = s.t - c->last_t;
        put_time(c, delta - c->last_delta);
        c->last_delta = delta;
        put_value(c, v);
    }
    c->last_t = s.t;
    c->last_v = v;
    c->n++;
}

void chunk_reader_init(struct chunk_reader *r, const struct chunk *c)
{
    *r = (struct chunk_reader){.c = c};
}

bool chunk_next(struct chunk_reader *r, struct sample *out)
{
    if (r->i == r->c->n)
        return false;
    if (r->i++ == 0) {
        r->t = r->c->first_t;
        r->v = get(r, 64);
    } else {
        r->delta += get_time(r);
        r->t += r->delta;
        r->v = get_value(r);
    }
    *out = (struct sample){r->t, value_of(r->v)};
    return true;
}
