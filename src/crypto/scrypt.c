#include "crypto/scrypt.h"

#include <nettle/pbkdf2.h>
#include <string.h>

#include "base/arena.h"
#include "crypto/salsa_int.h"

enum { BLOCK = 16, R_MAX = 64, P_MAX = 64 };

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

void salsa__rounds(uint32_t x[16], int rounds)
{
    for (int i = 0; i < rounds; i += 2) {
        quarter(x, 0, 4, 8, 12);
        quarter(x, 5, 9, 13, 1);
        quarter(x, 10, 14, 2, 6);
        quarter(x, 15, 3, 7, 11);
        quarter(x, 0, 1, 2, 3);
        quarter(x, 5, 6, 7, 4);
        quarter(x, 10, 11, 8, 9);
        quarter(x, 15, 12, 13, 14);
    }
}

static void salsa8(uint32_t block[BLOCK])
{
    uint32_t x[BLOCK];
    memcpy(x, block, sizeof x);
    salsa__rounds(x, 8);
    for (int i = 0; i < BLOCK; i++)
        block[i] += x[i];
}

/* One use of memory: a row is 2r blocks. */
struct mix {
    uint32_t n, r;
    size_t words; /* of a row */
    uint32_t *x, *scratch, *rows;
};

static void block_mix(const struct mix *m)
{
    uint32_t x[BLOCK];
    memcpy(x, m->x + m->words - BLOCK, sizeof x);
    for (uint32_t i = 0; i < 2 * m->r; i++) {
        for (uint32_t k = 0; k < BLOCK; k++)
            x[k] ^= m->x[BLOCK * i + k];
        salsa8(x);
        memcpy(m->scratch + (size_t)BLOCK * (i / 2 + (i % 2) * m->r), x, sizeof x);
    }
    memcpy(m->x, m->scratch, m->words * sizeof *m->x);
}

static void ro_mix(const struct mix *m)
{
    for (size_t i = 0; i < m->n; i++) {
        memcpy(m->rows + i * m->words, m->x, m->words * sizeof *m->x);
        block_mix(m);
    }
    for (size_t i = 0; i < m->n; i++) {
        const uint32_t *other = m->rows + (m->x[m->words - BLOCK] & (m->n - 1)) * m->words;
        for (size_t k = 0; k < m->words; k++)
            m->x[k] ^= other[k];
        block_mix(m);
    }
}

static int check_cost(struct scrypt_cost c, struct err *e)
{
    if (c.n < 2 || (c.n & (c.n - 1)) || c.r < 1 || c.r > R_MAX || c.p < 1 || c.p > P_MAX)
        return err_set(e, ERR_INVALID, "scrypt with N %u, r %u, p %u is not meant", c.n, c.r, c.p);
    if ((uint64_t)c.n * c.r * 128 > SCRYPT_MEMORY_MAX)
        return err_set(e, ERR_TOO_LARGE, "scrypt with N %u, r %u takes more than %d MiB", c.n, c.r,
                       SCRYPT_MEMORY_MAX >> 20);
    return 0;
}

int scrypt_derive(struct scrypt_cost cost, struct octets password, struct octets salt,
                  unsigned char *out, size_t n, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct mix m = {.n = cost.n, .r = cost.r, .words = (size_t)2 * BLOCK * cost.r};
    int r = check_cost(cost, e);
    if (r < 0)
        return r;
    size_t bytes = m.words * 4;
    unsigned char *b = arena_alloc(a, bytes * cost.p);
    m.x = ARENA_ARRAY(a, uint32_t, m.words);
    m.scratch = ARENA_ARRAY(a, uint32_t, m.words);
    m.rows = ARENA_ARRAY(a, uint32_t, m.words * cost.n);
    pbkdf2_hmac_sha256(password.n, password.p, 1, salt.n, salt.p, bytes * cost.p, b);
    for (size_t part = 0; part < cost.p; part++) {
        unsigned char *own = b + part * bytes;
        for (size_t i = 0; i < m.words; i++)
            m.x[i] = salsa__load(own + 4 * i);
        ro_mix(&m);
        for (size_t i = 0; i < m.words; i++)
            salsa__store(own + 4 * i, m.x[i]);
    }
    pbkdf2_hmac_sha256(password.n, password.p, 1, bytes * cost.p, b, n, out);
    return 0;
}
