/* fs.h - whole files, written so that a crash leaves the old or the new one. */
#pragma once
#include <stddef.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* Reads at most `max` bytes; ERR_TOO_LARGE past that. The text is NUL-terminated. */
int fs_read(const char *path, size_t max, struct arena *a, char **out, size_t *out_len,
            struct err *e) MUST_CHECK;

/* Writes a temporary file beside `path`, syncs it, renames it over, syncs the folder. */
int fs_write_atomic(const char *path, mode_t mode, const void *bytes, size_t n,
                    struct err *e) MUST_CHECK;

struct fs_file {
    const char *path;
    mode_t mode;
    const void *bytes;
    size_t n;
};

/* fs_write_atomic() of files of one folder, in this order; the disk is waited for once for the
 * bytes of all and once for their names. */
int fs_write_all(const struct fs_file *files, size_t n, struct err *e) MUST_CHECK;

/* mkdir -p; folders that are there already keep their mode. */
int fs_mkdirs(const char *path, mode_t mode, struct err *e) MUST_CHECK;

/* rm -rf without following links; a path that is not there is a success. */
int fs_remove_tree(const char *path, struct err *e) MUST_CHECK;

/* In a mount namespace of its own: what is mounted from here on is seen by nobody else. */
int fs_private_mounts(struct err *e) MUST_CHECK;

/* Detaches what is mounted below a folder, newest first; one that is not there is a success. */
int fs_unmount_below(const char *path, struct err *e) MUST_CHECK;
