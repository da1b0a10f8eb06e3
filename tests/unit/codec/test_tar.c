#include "codec/compress.h"
#include "codec/tar.h"
#include "t.h"

static char long_path[301], long_link[201];

static const struct tar_xattr caps[] = {
    {"security.capability", "\1\0\0\2x", 5}
};

static const struct tar_entry entries[] = {
    {.type = TAR_DIR,       .path = "bin/", .mode = 0755,     .mtime = 1700000000},
    {.type = TAR_FILE,                     .path = "bin/a",                    .mode = 04755, .uid = 1, .gid = 2, .size = 5, .mtime = 1},
    {.type = TAR_SYMLINK,             .path = "bin/b",                   .link = "a",                          .mode = 0777},
    {.type = TAR_HARDLINK,                     .path = "bin/c",                 .link = "bin/a",      .mode = 0644},
    {.type = TAR_FILE,
     .path = long_path,
     .mode = 0644,
     .size = 600,
     .uid = 4000000000u,
     .mtime = 1700000000,
     .mtime_ns = 250000000},
    {.type = TAR_SYMLINK,
     .path = "caf\xc3\xa9",
     .link = long_link,
     .mode = 0777,
     .mtime = -2,
     .mtime_ns = 750000000},
    {.type = TAR_CHAR,     .path = "null",                          .mode = 0666,                                             .dev_major = 1, .dev_minor = 3},
    {.type = TAR_FILE,
     .path = "ping",
     .mode = 0755,
     .xattrs = caps,
     .n_xattrs = 1,
     .uname = "root",
     .gname = "root"},
    {.type = TAR_FIFO, .path = "pipe",                     .mode = 0600                                           },
};

static void write_all(struct buf *b, const struct tar_writer_options *options)
{
    struct sink_buf to = sink_to_buf(b);
    struct err e = {0};
    AUTO(tar_writer) struct tar_writer *w = tar_writer_new(&to.sink, options);
    memset(long_path, 'p', sizeof long_path - 1);
    memset(long_link, 'l', sizeof long_link - 1);
    for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
        static const char data[600] = "hello";
        T_RC(tar_writer_entry(w, &entries[i], &e), &e, entries[i].path);
        if (entries[i].size)
            T_RC(tar_writer_data(w, data, entries[i].size, &e), &e, entries[i].path);
    }
    T_RC(tar_writer_end(w, &e), &e, "end");
}

static void same_entry(const struct tar_entry *got, const struct tar_entry *want)
{
    T_EQ_STR(got->path, want->path, "path");
    T_EQ_INT(got->type, want->type, want->path);
    T_EQ_INT(got->mode, want->mode, want->path);
    T_EQ_INT(got->uid, want->uid, want->path);
    T_EQ_INT(got->gid, want->gid, want->path);
    T_EQ_INT(got->size, want->size, want->path);
    T_EQ_INT(got->mtime, want->mtime, want->path);
    T_EQ_INT(got->mtime_ns, want->mtime_ns, want->path);
    T_EQ_INT(got->dev_major, want->dev_major, want->path);
    T_EQ_INT(got->dev_minor, want->dev_minor, want->path);
    T_EQ_STR(got->link, want->link ? want->link : "", want->path);
    T_EQ_INT(got->n_xattrs, want->n_xattrs, want->path);
    if (want->n_xattrs && got->n_xattrs)
        T_OK(memcmp(got->xattrs[0].value, want->xattrs[0].value, 5) == 0, "xattr");
}

static void round_trips(void)
{
    AUTO_BUF struct buf b;
    buf_init(&b, 1 << 20);
    write_all(&b, NULL);
    struct source_mem from = source_from_mem(b.data, b.len);
    AUTO(tar_reader) struct tar_reader *r = tar_reader_new(&from.source);
    const struct tar_entry *entry = NULL;
    struct err e = {0};
    size_t i = 0;
    for (int more; (more = tar_reader_next(r, &entry, &e)) != 0; i++) {
        if (more < 0) {
            T_FAIL("next", "%s", e.msg);
            break;
        }
        same_entry(entry, &entries[i]);
        char data[5];
        size_t got = 0;
        if (i == 1)
            T_RC(tar_reader_data(r, data, 5, &got, &e), &e, "data");
        T_OK(i != 1 || (got == 5 && memcmp(data, "hello", 5) == 0), "data");
    }
    T_EQ_INT(i, ARRAY_LEN(entries), "entries");
}

static void clamps_times(void)
{
    AUTO_BUF struct buf b;
    buf_init(&b, 1 << 20);
    write_all(&b, &(struct tar_writer_options){.clamp_mtime = true, .mtime_max = 100});
    struct source_mem from = source_from_mem(b.data, b.len);
    AUTO(tar_reader) struct tar_reader *r = tar_reader_new(&from.source);
    const struct tar_entry *entry = NULL;
    struct err e = {0};
    T_EQ_INT(tar_reader_next(r, &entry, &e), 1, "first");
    T_EQ_INT(entry->mtime, 100, "clamped");
    T_EQ_INT(tar_reader_next(r, &entry, &e), 1, "second");
    T_EQ_INT(entry->mtime, 1, "earlier ones stay");
}

static void refuses(void)
{
    AUTO_BUF struct buf b;
    buf_init(&b, 1 << 20);
    write_all(&b, NULL);
    static const struct {
        size_t cut, flip;
        const char *msg;
    } cases[] = {
        {700, 0, "tar: the archive ends early"           },
        {0,   3, "tar: the checksum of a header is wrong"}
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (cases[i].flip)
            b.data[cases[i].flip] ^= 1;
        struct source_mem from = source_from_mem(b.data, cases[i].cut ? cases[i].cut : b.len);
        AUTO(tar_reader) struct tar_reader *r = tar_reader_new(&from.source);
        const struct tar_entry *entry = NULL;
        struct err e = {0};
        int rc;
        while ((rc = tar_reader_next(r, &entry, &e)) > 0)
            ;
        T_EQ_INT(rc, ERR_INVALID, cases[i].msg);
        T_EQ_STR(e.msg, cases[i].msg, "sentence");
    }
}

static void compresses(void)
{
    static const enum compress_kind kinds[] = {COMPRESS_NONE, COMPRESS_GZIP, COMPRESS_ZSTD};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        AUTO_BUF struct buf plain, packed, again;
        buf_init(&plain, 1 << 22);
        buf_init(&packed, 1 << 22);
        buf_init(&again, 1 << 22);
        for (int k = 0; k < 100000; k++)
            buf_printf(&plain, "line %d\n", k);
        struct err e = {0};
        struct sink_buf to = sink_to_buf(&packed), back = sink_to_buf(&again);
        AUTO(compressor) struct compressor *c = NULL;
        T_RC(compressor_new(kinds[i], 0, &to.sink, &c, &e), &e, "new");
        for (size_t at = 0; at < plain.len; at += 100000)
            T_RC(sink_write(compressor_sink(c), plain.data + at,
                            plain.len - at < 100000 ? plain.len - at : 100000, &e),
                 &e, "write");
        T_RC(compressor_end(c, &e), &e, "end");
        T_OK(kinds[i] == COMPRESS_NONE || packed.len < plain.len / 3, "smaller");
        struct source_mem from = source_from_mem(packed.data, packed.len);
        AUTO(decompressor) struct decompressor *d = NULL;
        T_RC(decompressor_new(COMPRESS_AUTO, &from.source, plain.len, &d, &e), &e, "new");
        uint64_t total = 0;
        T_RC(stream_copy(decompressor_source(d), &back.sink, &total, &e), &e, "copy");
        T_OK(total == plain.len && memcmp(plain.data, again.data, plain.len) == 0, "the same");

        from = source_from_mem(packed.data, packed.len - 1);
        AUTO(decompressor) struct decompressor *cut = NULL;
        T_RC(decompressor_new(COMPRESS_AUTO, &from.source, plain.len, &cut, &e), &e, "new");
        int rc = stream_copy(decompressor_source(cut), &back.sink, &total, &e);
        T_EQ_INT(rc, kinds[i] == COMPRESS_NONE ? 0 : ERR_INVALID, "cut");

        from = source_from_mem(packed.data, packed.len);
        AUTO(decompressor) struct decompressor *small = NULL;
        T_RC(decompressor_new(COMPRESS_AUTO, &from.source, plain.len - 1, &small, &e), &e, "new");
        rc = stream_copy(decompressor_source(small), &back.sink, &total, &e);
        T_EQ_INT(rc, ERR_TOO_LARGE, "limit");
    }
}

T_MAIN(round_trips, clamps_times, refuses, compresses)
