/* An archive that can be read can be written again, and reads the same then. */
#include "fuzz.h"

#include "codec/compress.h"
#include "codec/tar.h"

static int copy(struct source *from, struct buf *out)
{
    struct sink_buf to = sink_to_buf(out);
    AUTO(tar_reader) struct tar_reader *r = tar_reader_new(from);
    AUTO(tar_writer) struct tar_writer *w = tar_writer_new(&to.sink, NULL);
    const struct tar_entry *entry = NULL;
    struct err e;
    int rc;
    while ((rc = tar_reader_next(r, &entry, &e)) > 0) {
        char data[4096];
        size_t got = 0;
        if (tar_writer_entry(w, entry, &e))
            return -1;
        do {
            if (tar_reader_data(r, data, sizeof data, &got, &e) ||
                tar_writer_data(w, data, got, &e))
                return -1;
        } while (got > 0);
    }
    return rc ? rc : tar_writer_end(w, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_BUF struct buf once, twice;
    struct source_mem from = source_from_mem(data, size);
    AUTO(decompressor) struct decompressor *d = NULL;
    struct err e;
    buf_init(&once, 4 << 20);
    buf_init(&twice, 4 << 20);
    MUST(decompressor_new(COMPRESS_AUTO, &from.source, 1 << 20, &d, &e) == 0);
    if (copy(decompressor_source(d), &once))
        return 0;
    from = source_from_mem(once.data, once.len);
    MUST(copy(&from.source, &twice) == 0);
    MUST(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
    return 0;
}
