/* rsa.c - RSA keys that follow from a seed. */
#include <gmp.h>
#include <nettle/chacha.h>
#include <string.h>

#include "base/err.h"
#include "crypto/rsa_int.h"

enum {
    SMALL_MAX = 1 << 16, /* primes below it sieve */
    WINDOW = 4096,       /* odd numbers that are sieved at once: one in 350 is a prime */
    TESTS = 30,          /* Baillie-PSW, and 6 bases more: enough for numbers drawn at random */
    EXPONENT = 65537,
};

/* The bytes that follow from the seed. */
struct stream {
    struct chacha_ctx chacha;
};

static void stream_init(struct stream *s, const unsigned char seed[32])
{
    static const uint8_t nonce[CHACHA_NONCE_SIZE] = "rsa";
    chacha_set_key(&s->chacha, seed);
    chacha_set_nonce(&s->chacha, nonce);
}

static void stream_draw(struct stream *s, unsigned char *out, size_t n)
{
    memset(out, 0, n);
    chacha_crypt(&s->chacha, n, out, out);
}

/* An odd number whose two first bits are set, so that two of them make twice as many bits. */
static void draw_odd(struct stream *s, unsigned bits, mpz_t out)
{
    unsigned char bytes[RSA_BITS_MAX / 16];
    stream_draw(s, bytes, bits / 8);
    bytes[0] |= 0xc0;
    bytes[bits / 8 - 1] |= 1;
    mpz_import(out, bits / 8, 1, 1, 0, 0, bytes);
    memset(bytes, 0, sizeof bytes);
}

/* Marks which of from, from + 2, … have a small divisor. */
static void sieve(const mpz_t from, bool divisible[WINDOW])
{
    static const unsigned odd_max = SMALL_MAX / 2;
    bool composite[SMALL_MAX / 2] = {false}; /* of 2 i + 1 */
    memset(divisible, 0, WINDOW * sizeof *divisible);
    for (unsigned i = 1; i < odd_max; i++) {
        unsigned p = 2 * i + 1;
        if (composite[i])
            continue;
        for (unsigned k = i + p; k < odd_max && p < 256; k += p)
            composite[k] = true;
        unsigned rest = (unsigned)mpz_fdiv_ui(from, p), gap = rest ? p - rest : 0;
        for (unsigned k = (gap & 1 ? gap + p : gap) / 2; k < WINDOW; k += p)
            divisible[k] = true;
    }
}

/* The first prime from a drawn place on that can be one of a key's two. */
static void draw_prime(struct stream *s, unsigned bits, mpz_t out)
{
    bool divisible[WINDOW];
    mpz_t from;
    mpz_init(from);
    for (bool found = false; !found;) {
        draw_odd(s, bits, from);
        sieve(from, divisible);
        for (unsigned i = 0; i < WINDOW && !found; i++) {
            if (divisible[i])
                continue;
            mpz_add_ui(out, from, 2ul * i);
            found = mpz_sizeinbase(out, 2) == bits && mpz_fdiv_ui(out, EXPONENT) != 1 &&
                    mpz_probab_prime_p(out, TESTS) > 0;
        }
    }
    mpz_clear(from);
}

static void number(struct rsa_number *out, const mpz_t v)
{
    out->n = (mpz_sizeinbase(v, 2) + 7) / 8;
    (void)mpz_export(out->bytes, NULL, 1, 1, 1, 0, v);
}

void rsa__draw(unsigned bits, const unsigned char seed[32], struct rsa_numbers *out)
{
    struct stream s;
    mpz_t p, q, m, d, e;
    stream_init(&s, seed);
    mpz_inits(p, q, m, d, e, NULL);
    do {
        draw_prime(&s, bits / 2, p);
        draw_prime(&s, bits / 2, q);
        mpz_sub(d, p, q);
    } while (mpz_sizeinbase(d, 2) < bits / 2 - 100); /* as FIPS 186-4 wants them apart */
    mpz_mul(m, p, q);
    number(&out->modulus, m);
    number(&out->p, p);
    number(&out->q, q);
    mpz_sub_ui(p, p, 1);
    mpz_sub_ui(q, q, 1);
    mpz_lcm(m, p, q);
    mpz_set_ui(e, EXPONENT);
    (void)mpz_invert(d, e, m);
    number(&out->exponent, e);
    number(&out->d, d);
    mpz_clears(p, q, m, d, e, NULL);
    memset(&s, 0, sizeof s);
}
