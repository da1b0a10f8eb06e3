/* tar.h - tar archives, read and written a piece at a time.
 *
 * Model      The writer takes an entry and then exactly its bytes. The reader gives an entry and
 *            then its bytes, which may be left unread.
 * Guarantees The writer's output depends only on what it is given: ustar headers, PAX records
 *            (in fixed order, without times of their own) only where ustar has no room:
 *            paths past 100 or 155+100 bytes, links past 100, sizes past 8 GiB, ids past
 *            2097151, text that is not ASCII, extended attributes, parts of a second. Order is the
 * caller's. The reader understands v7, ustar, PAX (also global), GNU long names and numbers, and
 * checks every checksum; sparse files and unknown types are refused. Paths come as they stand in
 * the archive: whoever unpacks checks them. Lifetime   What an entry points to is good until the
 * next tar_reader_next().            */
#pragma once
#include <stdint.h>
#include <sys/types.h>

#include "base/own.h"
#include "codec/stream.h"

enum tar_type {
    TAR_FILE,
    TAR_HARDLINK,
    TAR_SYMLINK,
    TAR_CHAR,
    TAR_BLOCK,
    TAR_DIR,
    TAR_FIFO,
};

struct tar_xattr {
    const char *name; /* "security.capability", without "SCHILY.xattr." */
    const char *value;
    size_t value_len;
};

struct tar_entry {
    enum tar_type type;
    const char *path; /* of a folder: with or without the slash at its end; written with it */
    const char *link; /* SYMLINK, HARDLINK */
    uint32_t mode;    /* 07777 */
    uint32_t uid, gid;
    const char *uname, *gname; /* may be NULL */
    uint64_t size;             /* FILE only */
    int64_t mtime;             /* seconds since 1970 */
    uint32_t mtime_ns;
    uint32_t dev_major, dev_minor;
    const struct tar_xattr *xattrs;
    size_t n_xattrs;
};

struct tar_writer_options {
    int64_t mtime_max; /* later times become this one */
    bool clamp_mtime;  /* whether mtime_max counts */
};

struct tar_writer;

/* `options` may be NULL. `to` is borrowed until tar_writer_free(). */
struct tar_writer *tar_writer_new(struct sink *to, const struct tar_writer_options *options);
int tar_writer_entry(struct tar_writer *w, const struct tar_entry *entry, struct err *e) MUST_CHECK;
int tar_writer_data(struct tar_writer *w, const void *bytes, size_t n, struct err *e) MUST_CHECK;
int tar_writer_end(struct tar_writer *w, struct err *e) MUST_CHECK; /* two empty blocks */
void tar_writer_free(struct tar_writer *w);
AUTO_DEFINE(tar_writer)

struct tar_reader;

/* `from` is borrowed until tar_reader_free(). */
struct tar_reader *tar_reader_new(struct source *from);

/* 1: *out is the next entry; 0: the end; negative: an error. */
int tar_reader_next(struct tar_reader *r, const struct tar_entry **out, struct err *e) MUST_CHECK;

/* The bytes of the entry; *got is 0 at its end. */
int tar_reader_data(struct tar_reader *r, void *out, size_t n, size_t *got,
                    struct err *e) MUST_CHECK;
void tar_reader_free(struct tar_reader *r);
AUTO_DEFINE(tar_reader)
