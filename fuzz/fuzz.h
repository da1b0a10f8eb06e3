/* fuzz.h - what the targets share: input that is split, and properties that must hold. */
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond)                                                                                 \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            (void)fprintf(stderr, "%s:%d: %s is false\n", __FILE__, __LINE__, #cond);              \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* The input up to the first byte 0xff, and what stands behind it. */
static inline size_t fuzz_split(const uint8_t *data, size_t size)
{
    const uint8_t *mark = memchr(data, 0xff, size);
    return mark ? (size_t)(mark - data) : size;
}
