/* salsa_int.h - the core of Salsa20, which scrypt and secretbox share. */
#pragma once
#include <stdint.h>

/* Without the addition of the input at the end. `rounds` is even. */
void salsa__rounds(uint32_t x[16], int rounds);

static inline uint32_t salsa__load(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline void salsa__store(unsigned char *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (unsigned char)(v >> (8 * i));
}
