/* layers.h - files of stacked layer folders. Private to scan/. */
#pragma once
#include <stdbool.h>

#include "base/arena.h"

struct layers {
    const char *const *layers; /* lowest first */
    size_t n;
    struct arena *arena;
};

/* The text of a file, NUL-terminated; ERR_NOT_FOUND when no layer shows it. */
int scan__tree_read(const struct layers *t, const char *path, char **out, struct err *e) MUST_CHECK;

/* Calls fn for every regular file that the tree shows whose name is `name`. */
int layers__each(const struct layers *t, const char *name,
              int (*fn)(void *arg, const char *path, struct err *e), void *arg,
              struct err *e) MUST_CHECK;
