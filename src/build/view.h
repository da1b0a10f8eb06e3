/* view.h - stacked layers seen as one folder, for as long as a function runs.
 *
 * Model      The function runs on a thread of its own with private mounts; when it returns, or the
 *            process dies, the mount is gone. Roots are given as descriptors, to be walked with
 *            view_open() and its kin, which no link or ".." leads out of.               */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"

struct view_layers {
    const char *const *dirs; /* lowest first */
    size_t n;
};

struct view_opts {
    const char *scratch;            /* an empty folder of this view's own, made by the caller */
    struct view_layers base;        /* seen at root; changes go to scratch/upper */
    const struct view_layers *from; /* a second one, only read; or NULL */
};

struct view {
    int root; /* base, for reading and writing */
    int from; /* -1 without */
};

int view_run(const struct view_opts *o, int (*fn)(void *arg, const struct view *v, struct err *e),
             void *arg, struct err *e) MUST_CHECK;

/* Below root, whatever links say. `flags` as for open(2). */
int view_open(int root, const char *path, int flags);
/* The folder that holds `path`'s last part (links of the parents followed), and that part. */
int view_open_parent(int root, const char *path, const char **name);
/* Reads a small file; false when it is not there. */
bool view_read(int root, const char *path, size_t max, struct arena *a, char **out, size_t *n);
