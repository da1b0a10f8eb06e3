/* tree_int.h - what the trees share. */
#pragma once
#include "vcs/tree_notes.h"

void *tree__new(size_t size); /* zeroed */

/* Relative, without "." and ".."; "" is the root. */
int tree__path_check(const char *path, struct err *e) MUST_CHECK;

/* What a note says of a path. */
enum tree_note {
    TREE_NOTE_ABSENT = 1 << 0, /* nothing stood there */
    TREE_NOTE_FILE = 1 << 1,
    TREE_NOTE_LINK = 1 << 2, /* or a submodule */
    TREE_NOTE_FOLDER = 1 << 3,
    TREE_NOTE_LISTED = 1 << 4, /* its names were asked for */
};

/* What a point says of a path. */
enum tree_point {
    TREE_POINT_SELF = 1 << 0, /* what stands there differs */
    TREE_POINT_ADDED = 1 << 1,
    TREE_POINT_REMOVED = 1 << 2, /* something was, below it */
    TREE_POINT_TEXT = 1 << 3,    /* it is what it was, but for its bytes */
};

void tree__note(struct tree_notes *n, const char *path, enum tree_note what);
