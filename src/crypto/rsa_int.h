/* rsa_int.h - RSA keys that follow from a seed.
 *
 * Model      Two primes, each the first one from a place on that a ChaCha20 stream of the seed
 * gives: candidates are sieved by the primes below 65536, then tested (Baillie-PSW and
 * Miller-Rabin). Guarantees The same seed gives the same key; the primes' two first bits are set,
 * they are 2^(bits/2-100) apart, and 65537 is the public exponent. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum { RSA_BITS_MAX = 4096 };

/* Big-endian. */
struct rsa_number {
    unsigned char bytes[RSA_BITS_MAX / 8];
    size_t n;
};

struct rsa_numbers {
    struct rsa_number modulus, exponent, d, p, q;
};

void rsa__draw(unsigned bits, const unsigned char seed[32], struct rsa_numbers *out);
