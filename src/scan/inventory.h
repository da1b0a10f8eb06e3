/* inventory.h - what is installed in an image or a folder: packages by ecosystem, name, version.
 *
 * Model      A tree is a stack of layer folders, lowest first, read as overlayfs would show it.
 *            Each file that says what is installed has one reader (found.c lists them).
 * Guarantees Nothing is run, no link is followed out of the tree. Files, packages and what
 *            archives unpack to are limited. A package database of a distribution that cannot be
 *            read is an error; any other file that cannot be is listed in `unread`.          */
#pragma once
#include <stdbool.h>

#include "base/arena.h"

struct package {
    const char *ecosystem; /* as OSV names it: "Debian:12", "Alpine:v3.19", "npm" */
    const char *name;      /* what advisories call it: of Debian the source package */
    const char *version;
    const char *binary;  /* of distributions: the installed package; else the same as name */
    const char *path;    /* the file that says so */
    const char *licence; /* as the package says it; "" when it does not */
    bool dev;            /* wanted by those who work on the program, not by who runs it */
};

struct inventory {
    const char *os_id, *os_version; /* "debian", "12"; "" when it is none we know */
    struct package *packages;
    size_t n;
    const char *const *unread; /* "path: why", NULL-terminated */
};

/* `layers`: folders; n_layers 1 reads a plain folder. */
int inventory_take(const char *const *layers, size_t n_layers, struct arena *a,
                   struct inventory *out, struct err *e) MUST_CHECK;

/* What one file says, called `path`, whose bytes are at hand. Packages of a distribution are those
 * of `distribution` (NULL: none are). */
int inventory_read(const char *path, const char *bytes, size_t n, const char *distribution,
                   struct arena *a, struct inventory *out, struct err *e) MUST_CHECK;
