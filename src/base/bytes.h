/* bytes.h - numbers of four bytes, as they stand in files and on wires. */
#pragma once
#include <stdint.h>

/* Highest byte first. */
static inline uint32_t bytes_be32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Lowest byte first. */
static inline uint32_t bytes_le32(const unsigned char *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}
