#include "build/unpack.h"

#include <archive.h>
#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "codec/stream.h"
#include "oci/images.h"

enum { BLOCK = 512, READ_BLOCK = 1 << 16 };

/* libarchive undoes whatever compression there is; what is inside is not its business. */
struct unpacking {
    struct source source;
    struct archive *archive;
    bool ended;
};

static int read_some(struct source *self, void *out, size_t n, size_t *got, struct err *e)
{
    struct unpacking *u = container_of(self, struct unpacking, source);
    la_ssize_t k = u->ended ? 0 : archive_read_data(u->archive, out, n);
    if (k < 0)
        return err_set(e, ERR_INVALID, "archive: %s", archive_error_string(u->archive));
    u->ended = k == 0;
    *got = (size_t)k;
    return 0;
}

static int begin(struct unpacking *u, int fd, struct err *e)
{
    struct archive_entry *entry;
    *u = (struct unpacking){.source.read = read_some, .archive = archive_read_new()};
    if (lseek(fd, 0, SEEK_SET) < 0)
        return err_sys(e, errno, "rewind an archive");
    (void)archive_read_support_filter_gzip(u->archive);
    (void)archive_read_support_filter_zstd(u->archive);
    (void)archive_read_support_filter_xz(u->archive);
    (void)archive_read_support_filter_bzip2(u->archive);
    (void)archive_read_support_format_raw(u->archive);
    if (archive_read_open_fd(u->archive, fd, READ_BLOCK) != ARCHIVE_OK ||
        archive_read_next_header(u->archive, &entry) != ARCHIVE_OK)
        return err_set(e, ERR_INVALID, "archive: %s", archive_error_string(u->archive));
    return 0;
}

/* The sum of a header's bytes, its own field counted as blanks, stands in that field. */
static bool is_header(const unsigned char block[BLOCK])
{
    unsigned sum = 0;
    char field[9] = "";
    for (int i = 0; i < BLOCK; i++)
        sum += i >= 148 && i < 156 ? ' ' : block[i];
    memcpy(field, block + 148, 8);
    return block[0] != 0 && strtoul(field, NULL, 8) == sum;
}

bool unpack_is_archive(int fd)
{
    struct unpacking u;
    unsigned char block[BLOCK];
    size_t got = 0;
    bool is = begin(&u, fd, NULL) == 0 &&
              source_read_full(&u.source, block, sizeof block, &got, NULL) == 0 &&
              got == sizeof block && is_header(block);
    (void)archive_read_free(u.archive);
    return is && lseek(fd, 0, SEEK_SET) == 0;
}

int unpack_archive(int fd, int folder, struct err *e)
{
    struct unpacking u;
    int rc = begin(&u, fd, e);
    if (rc == 0)
        rc = image_extract_from(&u.source, folder, e);
    (void)archive_read_free(u.archive);
    return rc;
}
