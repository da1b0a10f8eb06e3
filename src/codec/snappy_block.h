/* snappy_block.h - snappy's block format: one whole body, its length in front. Framed streams are
 * another format. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"

/* ERR_TOO_LARGE: it would be more than `max` bytes, known before any is unpacked. */
int snappy_block_unpack(struct arena *a, const void *bytes, size_t n, size_t max, char **out,
                        size_t *out_n, struct err *e) MUST_CHECK;
/* Adds the packed bytes to `out`, whose maximum tells what is too much. */
void snappy_block_pack(const void *bytes, size_t n, struct buf *out);
