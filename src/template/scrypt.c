/* scrypt (RFC 7914) with N = 32768, r = 8, p = 2, as Master Password wants it: 64 bytes. */
#include <nettle/pbkdf2.h>

#include "template/sprig_int.h"

#include "base/banned.h"

enum { N = 32768, R = 8, P = 2, WORDS = 32 * R, KEY = 64 };

static uint32_t rotate(uint32_t v, int by)
{
    return v << by | v >> (32 - by);
}

static void quarter(uint32_t *x, int a, int b, int c, int d)
{
    x[b] ^= rotate(x[a] + x[d], 7);
    x[c] ^= rotate(x[b] + x[a], 9);
    x[d] ^= rotate(x[c] + x[b], 13);
    x[a] ^= rotate(x[d] + x[c], 18);
}

static void salsa8(uint32_t block[16])
{
    uint32_t x[16];
    memcpy(x, block, sizeof x);
    for (int i = 0; i < 4; i++) {
        quarter(x, 0, 4, 8, 12);
        quarter(x, 5, 9, 13, 1);
        quarter(x, 10, 14, 2, 6);
        quarter(x, 15, 3, 7, 11);
        quarter(x, 0, 1, 2, 3);
        quarter(x, 5, 6, 7, 4);
        quarter(x, 10, 11, 8, 9);
        quarter(x, 15, 12, 13, 14);
    }
    for (int i = 0; i < 16; i++)
        block[i] += x[i];
}

static void block_mix(uint32_t *b, uint32_t *scratch)
{
    uint32_t x[16];
    memcpy(x, b + WORDS - 16, sizeof x);
    for (int i = 0; i < 2 * R; i++) {
        for (int k = 0; k < 16; k++)
            x[k] ^= b[16 * i + k];
        salsa8(x);
        memcpy(scratch + 16 * (i / 2 + (i % 2) * R), x, sizeof x);
    }
    memcpy(b, scratch, WORDS * sizeof *b);
}

static void ro_mix(uint32_t *x, uint32_t *v, uint32_t *scratch)
{
    for (size_t i = 0; i < N; i++) {
        memcpy(v + i * WORDS, x, WORDS * sizeof *x);
        block_mix(x, scratch);
    }
    for (size_t i = 0; i < N; i++) {
        const uint32_t *other = v + (x[WORDS - 16] % N) * WORDS;
        for (size_t k = 0; k < WORDS; k++)
            x[k] ^= other[k];
        block_mix(x, scratch);
    }
}

static uint32_t little_endian(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

void scrypt__key(const struct go_value *password, const struct go_value *salt, uint8_t out[KEY])
{
    enum { BYTES = P * WORDS * 4 };
    AUTO(arena) struct arena *a = arena_new(0);
    uint8_t *b = arena_alloc(a, BYTES);
    uint32_t *x = ARENA_ARRAY(a, uint32_t, WORDS), *scratch = ARENA_ARRAY(a, uint32_t, WORDS);
    uint32_t *v = ARENA_ARRAY(a, uint32_t, (size_t)N * WORDS);
    const uint8_t *key = (const uint8_t *)password->s;
    pbkdf2_hmac_sha256(password->n, key, 1, salt->n, (const uint8_t *)salt->s, BYTES, b);
    for (size_t part = 0; part < P; part++) {
        uint8_t *own = b + part * WORDS * 4;
        for (size_t i = 0; i < WORDS; i++)
            x[i] = little_endian(own + 4 * i);
        ro_mix(x, v, scratch);
        for (size_t i = 0; i < (size_t)WORDS * 4; i++)
            own[i] = (uint8_t)(x[i / 4] >> (8 * (i % 4)));
    }
    pbkdf2_hmac_sha256(password->n, key, 1, BYTES, b, KEY, out);
}
