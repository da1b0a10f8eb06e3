/* tar_int.h - the block that reading and writing share. */
#pragma once
#include <stdint.h>

enum { TAR_BLOCK_SIZE = 512 };

struct tar_header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type;
    char link[100], magic[8], uname[32], gname[32], dev_major[8], dev_minor[8], prefix[155];
    char pad[12];
};

_Static_assert(sizeof(struct tar_header) == TAR_BLOCK_SIZE, "a tar header is one block");

/* The sum of all bytes, those of the checksum counted as blanks. */
static inline uint32_t tar__checksum(const struct tar_header *h)
{
    const unsigned char *p = (const unsigned char *)h;
    uint32_t sum = 8 * ' ';
    for (const char *c = h->checksum; c < h->checksum + sizeof h->checksum; c++)
        sum -= (unsigned char)*c;
    for (int i = 0; i < TAR_BLOCK_SIZE; i++)
        sum += p[i];
    return sum;
}
