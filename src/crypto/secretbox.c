#include "crypto/secretbox.h"

#include <nettle/memops.h>
#include <nettle/salsa20.h>
#include <string.h>

#include "crypto/salsa_int.h"

enum { STREAM_NONCE = 8, LIMBS = 5, LIMB_BITS = 26, LIMB_MASK = (1 << LIMB_BITS) - 1 };

/* HSalsa20: the key for the stream, of the key and the first 16 bytes of the nonce. */
static void derive(const unsigned char key[SECRETBOX_KEY],
                   const unsigned char nonce[SECRETBOX_NONCE], unsigned char out[SECRETBOX_KEY])
{
    static const unsigned char sigma[] = "expand 32-byte k";
    static const int result[] = {0, 5, 10, 15, 6, 7, 8, 9};
    uint32_t x[16];
    for (int i = 0; i < 4; i++) {
        x[5 * i] = salsa__load(sigma + 4 * i);
        x[1 + i] = salsa__load(key + 4 * i);
        x[6 + i] = salsa__load(nonce + 4 * i);
        x[11 + i] = salsa__load(key + 16 + 4 * i);
    }
    salsa__rounds(x, 20);
    for (int i = 0; i < 8; i++)
        salsa__store(out + 4 * i, x[result[i]]);
}

/* ---- Poly1305: numbers modulo 2^130 - 5 in five limbs of 26 bits ---- */

static void add_block(uint32_t h[LIMBS], const unsigned char block[17])
{
    h[0] += salsa__load(block) & LIMB_MASK;
    h[1] += salsa__load(block + 3) >> 2 & LIMB_MASK;
    h[2] += salsa__load(block + 6) >> 4 & LIMB_MASK;
    h[3] += salsa__load(block + 9) >> 6 & LIMB_MASK;
    h[4] += salsa__load(block + 12) >> 8 | (uint32_t)block[16] << 24;
}

static void carry(uint64_t d[LIMBS], uint32_t h[LIMBS])
{
    for (int i = 0; i < LIMBS - 1; i++)
        d[i + 1] += d[i] >> LIMB_BITS;
    for (int i = 0; i < LIMBS; i++)
        h[i] = (uint32_t)d[i] & LIMB_MASK;
    uint64_t low = h[0] + (d[LIMBS - 1] >> LIMB_BITS) * 5; /* 2^130 is 5 */
    h[0] = (uint32_t)low & LIMB_MASK;
    h[1] += (uint32_t)(low >> LIMB_BITS);
}

static void multiply(uint32_t h[LIMBS], const uint32_t r[LIMBS])
{
    uint64_t d[LIMBS] = {0};
    for (int i = 0; i < LIMBS; i++)
        for (int k = 0; k < LIMBS; k++) {
            uint64_t wraps = i + k >= LIMBS ? 5 : 1;
            d[(i + k) % LIMBS] += wraps * h[i] * r[k];
        }
    carry(d, h);
}

/* h modulo 2^130 - 5, plus s, modulo 2^128. */
static void finish(const uint32_t h[LIMBS], const unsigned char s[16], unsigned char tag[16])
{
    uint64_t d[LIMBS];
    uint32_t g[LIMBS], f[LIMBS];
    for (int i = 0; i < LIMBS; i++)
        d[i] = h[i];
    carry(d, f);
    for (int i = 0; i < LIMBS; i++)
        d[i] = f[i];
    carry(d, f);
    uint32_t c = 5;
    for (int i = 0; i < LIMBS; i++) {
        c += f[i];
        g[i] = c & LIMB_MASK;
        c >>= LIMB_BITS;
    }
    uint32_t keep = c - 1; /* all ones when h + 5 stayed below 2^130 */
    for (int i = 0; i < LIMBS; i++)
        g[i] = (f[i] & keep) | (g[i] & ~keep);
    const uint32_t words[] = {g[0] | g[1] << 26, g[1] >> 6 | g[2] << 20, g[2] >> 12 | g[3] << 14,
                              g[3] >> 18 | g[4] << 8};
    uint64_t sum = 0;
    for (int i = 0; i < 4; i++) {
        sum += (uint64_t)words[i] + salsa__load(s + 4 * i);
        salsa__store(tag + 4 * i, (uint32_t)sum);
        sum >>= 32;
    }
}

static void poly1305(const unsigned char key[32], struct octets m, unsigned char tag[16])
{
    unsigned char clamped[17];
    uint32_t r[LIMBS] = {0}, h[LIMBS] = {0};
    memcpy(clamped, key, 16);
    clamped[16] = 0;
    for (int i = 3; i < 16; i += 4)
        clamped[i] &= 15;
    for (int i = 4; i < 16; i += 4)
        clamped[i] &= 252;
    add_block(r, clamped);
    for (size_t at = 0; at < m.n; at += 16) {
        unsigned char block[17] = {0};
        size_t n = m.n - at < 16 ? m.n - at : 16;
        memcpy(block, m.p + at, n);
        block[n] = 1;
        add_block(h, block);
        multiply(h, r);
    }
    finish(h, key + 16, tag);
}

/* ---- */

/* The stream's first 32 bytes are Poly1305's key, the message begins behind them. */
static unsigned char *stream(const unsigned char key[SECRETBOX_KEY],
                             const unsigned char nonce[SECRETBOX_NONCE], struct octets m,
                             struct arena *a)
{
    unsigned char sub[SECRETBOX_KEY];
    struct salsa20_ctx ctx;
    unsigned char *text = arena_alloc(a, 32 + m.n + 1);
    if (m.n)
        memcpy(text + 32, m.p, m.n);
    derive(key, nonce, sub);
    salsa20_256_set_key(&ctx, sub);
    salsa20_set_nonce(&ctx, nonce + SECRETBOX_NONCE - STREAM_NONCE);
    salsa20_crypt(&ctx, 32 + m.n, text, text);
    return text;
}

struct octets secretbox_seal(const unsigned char key[SECRETBOX_KEY],
                             const unsigned char nonce[SECRETBOX_NONCE], struct octets message,
                             struct arena *a)
{
    unsigned char *text = stream(key, nonce, message, a);
    unsigned char *box = arena_alloc(a, SECRETBOX_TAG + message.n + 1);
    memcpy(box + SECRETBOX_TAG, text + 32, message.n);
    poly1305(text, (struct octets){text + 32, message.n}, box);
    return (struct octets){box, SECRETBOX_TAG + message.n};
}

int secretbox_open(const unsigned char key[SECRETBOX_KEY],
                   const unsigned char nonce[SECRETBOX_NONCE], struct octets box, struct arena *a,
                   struct octets *out, struct err *e)
{
    unsigned char tag[SECRETBOX_TAG];
    if (box.n < SECRETBOX_TAG)
        return err_set(e, ERR_INVALID, "a sealed text of %zu bytes is too short", box.n);
    const struct octets body = {box.p + SECRETBOX_TAG, box.n - SECRETBOX_TAG};
    unsigned char *text = stream(key, nonce, body, a);
    poly1305(text, body, tag);
    if (!memeql_sec(tag, box.p, SECRETBOX_TAG))
        return err_set(e, ERR_DENIED, "it cannot be opened: another passphrase, or altered");
    *out = (struct octets){text + 32, body.n};
    return 0;
}
