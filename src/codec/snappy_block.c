#include "codec/snappy_block.h"

#include <snappy-c.h>

int snappy_block_unpack(struct arena *a, const void *bytes, size_t n, size_t max, char **out,
                        size_t *out_n, struct err *e)
{
    size_t length;
    if (snappy_uncompressed_length(bytes, n, &length) != SNAPPY_OK)
        return err_set(e, ERR_INVALID, "the body is not snappy's block format");
    if (length > max)
        return err_set(e, ERR_TOO_LARGE, "the body unpacks to %zu bytes, more than the %zu allowed",
                       length, max);
    /* No element makes more than 64 bytes of three: a false length costs no memory. */
    if (length / 32 > n)
        return err_set(e, ERR_INVALID, "snappy: %zu bytes cannot unpack to %zu", n, length);
    char *to = arena_room(a, length + 1);
    if (snappy_uncompress(bytes, n, to, &length) != SNAPPY_OK)
        return err_set(e, ERR_INVALID, "the body is corrupt in snappy's block format");
    to[length] = '\0';
    *out = to;
    *out_n = length;
    return 0;
}

void snappy_block_pack(const void *bytes, size_t n, struct buf *out)
{
    size_t length = snappy_max_compressed_length(n);
    char *to = buf_reserve(out, length);
    if (to && snappy_compress(bytes, n, to, &length) == SNAPPY_OK)
        out->len += length;
}
