/* compress.h - gzip and zstd as streams.
 *
 * Model      A compressor is a sink in front of another sink, a decompressor a source behind
 *            another source.
 * Guarantees Equal input gives equal output: no names, no times in headers. What a
 *            decompressor gives is limited, so that a small file cannot fill a disk.
 * Threads    None of their own.                                                          */
#pragma once
#include "base/own.h"
#include "codec/stream.h"

enum compress_kind {
    COMPRESS_NONE,
    COMPRESS_GZIP,
    COMPRESS_ZSTD,
    COMPRESS_AUTO, /* decompressing: by the first bytes */
};

struct compressor;

/* level 0: the format's usual one. `to` is borrowed until compressor_free(). */
int compressor_new(enum compress_kind kind, int level, struct sink *to, struct compressor **out,
                   struct err *e) MUST_CHECK;
struct sink *compressor_sink(struct compressor *c);

/* Writes the trailer; nothing may be written after it. */
int compressor_end(struct compressor *c, struct err *e) MUST_CHECK;
void compressor_free(struct compressor *c);
AUTO_DEFINE(compressor)

struct decompressor;

/* More than max_bytes of output is ERR_TOO_LARGE; input that ends early is ERR_INVALID.
 * Several gzip members or zstd frames in a row are one stream. */
int decompressor_new(enum compress_kind kind, struct source *from, uint64_t max_bytes,
                     struct decompressor **out, struct err *e) MUST_CHECK;
struct source *decompressor_source(struct decompressor *d);
void decompressor_free(struct decompressor *d);
AUTO_DEFINE(decompressor)

/* Of what begins with these bytes (4 are enough). */
enum compress_kind compress_detect(const void *bytes, size_t n);
