/* layers.h - files of stacked layer folders, as overlayfs would show them. Private to scan/. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct layers {
    const char *const *layers; /* lowest first */
    size_t n;
};

struct layers_file {
    const char *path, *name; /* "/etc/os-release", "os-release"; good until the call returns */
    size_t layer;
    int dir_fd; /* of the folder it is in */
};

typedef int layers_fn(void *arg, const struct layers_file *file, struct err *e);

/* Calls fn for every regular file of every layer, lowest first, also for hidden ones. */
int layers__walk(const struct layers *t, layers_fn *fn, void *arg, struct err *e) MUST_CHECK;

/* Whether this layer's file is the one that the tree shows. */
bool layers__shows(const struct layers *t, const char *path, size_t layer);

/* A regular file that the tree shows, for reading; no link leads out of the tree. */
int layers__open(const struct layers *t, const char *path, int *out_fd, struct err *e) MUST_CHECK;

/* What it holds, up to the buffer's maximum (ERR_TOO_LARGE). */
int layers__read_fd(int fd, const char *path, struct buf *out, struct err *e) MUST_CHECK;
int layers__read(const struct layers *t, const char *path, struct buf *out,
                 struct err *e) MUST_CHECK;
