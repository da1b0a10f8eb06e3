/* Property: what unpacks, packed and unpacked again, is the same; and all bytes come back. */
#include "fuzz.h"

#include "codec/snappy_block.h"

static void there_and_back(const void *bytes, size_t n)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO_BUF struct buf b;
    char *back;
    size_t m;
    struct err e;
    buf_init(&b, 64 << 20);
    snappy_block_pack(bytes, n, &b);
    MUST(snappy_block_unpack(a, b.data, b.len, 32 << 20, &back, &m, &e) == 0);
    MUST(n == m && memcmp(bytes, back, n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char *out;
    size_t n;
    struct err e;
    there_and_back(size ? (const void *)data : "", size);
    if (snappy_block_unpack(a, data, size, 16 << 20, &out, &n, &e) == 0) {
        MUST(n <= 16 << 20 && n / 32 <= size);
        there_and_back(out, n);
    }
    return 0;
}
