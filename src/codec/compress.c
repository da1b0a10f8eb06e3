#include "codec/compress.h"

#include <zlib.h>
#include <zstd.h>

enum { PIECE = 64 * 1024, ZSTD_WINDOW_LOG_MAX = 27 };

enum compress_kind compress_detect(const void *bytes, size_t n)
{
    if (n >= 2 && memcmp(bytes, "\x1f\x8b", 2) == 0)
        return COMPRESS_GZIP;
    return n >= 4 && memcmp(bytes, "\x28\xb5\x2f\xfd", 4) == 0 ? COMPRESS_ZSTD : COMPRESS_NONE;
}

static int no_memory(struct err *e)
{
    return err_set(e, ERR_TOO_LARGE, "no memory for a compressed stream");
}

/* ---- writing ---- */

struct compressor {
    struct sink sink;
    enum compress_kind kind;
    struct sink *to;
    z_stream gzip;
    ZSTD_CCtx *zstd;
    bool ended;
    unsigned char out[PIECE];
};

static int gzip_write(struct compressor *c, const void *bytes, size_t n, int flush, struct err *e)
{
    const unsigned char *p = bytes;
    do {
        uInt step = n > PIECE ? PIECE : (uInt)n;
        c->gzip.next_in = (z_const Bytef *)(uintptr_t)p;
        c->gzip.avail_in = step;
        p += step;
        n -= step;
        do {
            c->gzip.next_out = c->out;
            c->gzip.avail_out = PIECE;
            if (deflate(&c->gzip, n ? Z_NO_FLUSH : flush) == Z_STREAM_ERROR)
                return err_set(e, ERR_SYSTEM, "gzip: the stream is broken");
            int rc = sink_write(c->to, c->out, PIECE - c->gzip.avail_out, e);
            if (rc)
                return rc;
        } while (c->gzip.avail_out == 0);
    } while (n > 0);
    return 0;
}

static int zstd_write(struct compressor *c, const void *bytes, size_t n, ZSTD_EndDirective how,
                      struct err *e)
{
    ZSTD_inBuffer in = {bytes, n, 0};
    for (;;) {
        ZSTD_outBuffer out = {c->out, PIECE, 0};
        size_t left = ZSTD_compressStream2(c->zstd, &out, &in, how);
        if (ZSTD_isError(left))
            return err_set(e, ERR_SYSTEM, "zstd: %s", ZSTD_getErrorName(left));
        int rc = sink_write(c->to, c->out, out.pos, e);
        if (rc)
            return rc;
        if (how == ZSTD_e_end ? left == 0 : in.pos == in.size)
            return 0;
    }
}

static int compressor_write(struct sink *s, const void *bytes, size_t n, struct err *e)
{
    struct compressor *c = container_of(s, struct compressor, sink);
    if (c->kind == COMPRESS_GZIP)
        return gzip_write(c, bytes, n, Z_NO_FLUSH, e);
    return c->kind == COMPRESS_ZSTD ? zstd_write(c, bytes, n, ZSTD_e_continue, e)
                                    : sink_write(c->to, bytes, n, e);
}

int compressor_new(enum compress_kind kind, int level, struct sink *to, struct compressor **out,
                   struct err *e)
{
    AUTO(compressor) struct compressor *c = calloc(1, sizeof *c);
    if (!c)
        return no_memory(e);
    *c = (struct compressor){.sink = {compressor_write}, .to = to};
    if (kind == COMPRESS_AUTO)
        return err_set(e, ERR_INVALID, "a compressor must be told its format");
    if (kind == COMPRESS_GZIP && deflateInit2(&c->gzip, level ? level : Z_DEFAULT_COMPRESSION,
                                              Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return no_memory(e);
    c->kind = kind;
    if (kind == COMPRESS_ZSTD) {
        c->zstd = ZSTD_createCCtx();
        if (!c->zstd)
            return no_memory(e);
        (void)ZSTD_CCtx_setParameter(c->zstd, ZSTD_c_compressionLevel, level ? level : 3);
        (void)ZSTD_CCtx_setParameter(c->zstd, ZSTD_c_checksumFlag, 1);
    }
    *out = take_ptr(c);
    return 0;
}

struct sink *compressor_sink(struct compressor *c)
{
    return &c->sink;
}

int compressor_end(struct compressor *c, struct err *e)
{
    if (c->ended)
        return 0;
    c->ended = true;
    if (c->kind == COMPRESS_GZIP)
        return gzip_write(c, NULL, 0, Z_FINISH, e);
    return c->kind == COMPRESS_ZSTD ? zstd_write(c, NULL, 0, ZSTD_e_end, e) : 0;
}

void compressor_free(struct compressor *c)
{
    if (!c)
        return;
    if (c->kind == COMPRESS_GZIP)
        (void)deflateEnd(&c->gzip);
    (void)ZSTD_freeCCtx(c->zstd);
    free(c);
}

/* ---- reading ---- */

struct decompressor {
    struct source source;
    enum compress_kind kind; /* AUTO until the first bytes are there */
    struct source *from;
    uint64_t left; /* of what it may give */
    z_stream gzip;
    ZSTD_DCtx *zstd;
    size_t at, have; /* of `in` */
    bool end_of_input, in_member, gzip_ready;
    unsigned char in[PIECE];
};

static int refill(struct decompressor *d, struct err *e)
{
    if (d->at < d->have || d->end_of_input)
        return 0;
    d->at = 0;
    int rc = source_read(d->from, d->in, PIECE, &d->have, e);
    if (rc)
        return rc;
    d->end_of_input = d->have == 0;
    return 0;
}

static int early_end(const char *format, struct err *e)
{
    return err_set(e, ERR_INVALID, "%s: the data ends early", format);
}

/* Zeros behind the last member are padding, as gzip(1) has it. */
static void skip_padding(struct decompressor *d)
{
    while (d->at < d->have && d->in[d->at] == 0)
        d->at++;
}

static int gzip_read(struct decompressor *d, void *out, size_t n, size_t *got, struct err *e)
{
    *got = 0;
    while (*got == 0) {
        int rc = refill(d, e);
        if (rc)
            return rc;
        if (!d->in_member)
            skip_padding(d);
        if (d->at == d->have && d->end_of_input)
            return d->in_member ? early_end("gzip", e) : 0;
        if (d->at == d->have)
            continue;
        if (!d->in_member && inflateReset(&d->gzip) != Z_OK)
            return err_set(e, ERR_SYSTEM, "gzip: the stream is broken");
        d->in_member = true;
        d->gzip.next_in = d->in + d->at;
        d->gzip.avail_in = (uInt)(d->have - d->at);
        d->gzip.next_out = out;
        d->gzip.avail_out = n > PIECE ? PIECE : (uInt)n;
        uInt room = d->gzip.avail_out;
        int z = inflate(&d->gzip, Z_NO_FLUSH);
        d->at = d->have - d->gzip.avail_in;
        *got = room - d->gzip.avail_out;
        if (z == Z_STREAM_END)
            d->in_member = false;
        else if (z != Z_OK && z != Z_BUF_ERROR)
            return err_set(e, ERR_INVALID, "gzip: %s", d->gzip.msg ? d->gzip.msg : "bad data");
    }
    return 0;
}

static int zstd_read(struct decompressor *d, void *out, size_t n, size_t *got, struct err *e)
{
    *got = 0;
    while (*got == 0) {
        int rc = refill(d, e);
        if (rc)
            return rc;
        ZSTD_inBuffer in = {d->in, d->have, d->at};
        ZSTD_outBuffer to = {out, n, 0};
        if (d->at == d->have && d->end_of_input && !d->in_member)
            return 0;
        size_t left = ZSTD_decompressStream(d->zstd, &to, &in);
        if (ZSTD_isError(left))
            return err_set(e, ERR_INVALID, "zstd: %s", ZSTD_getErrorName(left));
        bool stuck = to.pos == 0 && in.pos == d->at;
        d->at = in.pos;
        d->in_member = left != 0;
        *got = to.pos;
        if (stuck && d->end_of_input)
            return d->in_member ? early_end("zstd", e) : 0;
    }
    return 0;
}

static int plain_read(struct decompressor *d, void *out, size_t n, size_t *got, struct err *e)
{
    int rc = refill(d, e);
    if (rc)
        return rc;
    if (n > d->have - d->at)
        n = d->have - d->at;
    memcpy(out, d->in + d->at, n);
    d->at += n;
    *got = n;
    return 0;
}

static int start(struct decompressor *d, struct err *e)
{
    if (d->kind == COMPRESS_AUTO) {
        int rc = source_read_full(d->from, d->in, 4, &d->have, e);
        if (rc)
            return rc;
        d->end_of_input = d->have == 0;
        d->kind = compress_detect(d->in, d->have);
    }
    if (d->kind == COMPRESS_GZIP && !d->gzip_ready) {
        if (inflateInit2(&d->gzip, 15 + 16) != Z_OK)
            return no_memory(e);
        d->gzip_ready = true;
    }
    if (d->kind == COMPRESS_ZSTD && !d->zstd) {
        d->zstd = ZSTD_createDCtx();
        if (!d->zstd)
            return no_memory(e);
        (void)ZSTD_DCtx_setParameter(d->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX);
    }
    return 0;
}

static int decompressor_read(struct source *s, void *out, size_t n, size_t *got, struct err *e)
{
    struct decompressor *d = container_of(s, struct decompressor, source);
    *got = 0;
    if (n == 0)
        return 0;
    int rc = start(d, e);
    if (!rc && d->kind == COMPRESS_GZIP)
        rc = gzip_read(d, out, n, got, e);
    else if (!rc && d->kind == COMPRESS_ZSTD)
        rc = zstd_read(d, out, n, got, e);
    else if (!rc)
        rc = plain_read(d, out, n, got, e);
    if (!rc && *got > d->left)
        return err_set(e, ERR_TOO_LARGE, "the data decompresses to more than is allowed");
    if (!rc)
        d->left -= *got;
    return rc;
}

int decompressor_new(enum compress_kind kind, struct source *from, uint64_t max_bytes,
                     struct decompressor **out, struct err *e)
{
    struct decompressor *d = calloc(1, sizeof *d);
    if (!d)
        return no_memory(e);
    d->source = (struct source){decompressor_read};
    d->kind = kind;
    d->from = from;
    d->left = max_bytes;
    *out = d;
    return 0;
}

struct source *decompressor_source(struct decompressor *d)
{
    return &d->source;
}

void decompressor_free(struct decompressor *d)
{
    if (!d)
        return;
    if (d->gzip_ready)
        (void)inflateEnd(&d->gzip);
    (void)ZSTD_freeDCtx(d->zstd);
    free(d);
}
