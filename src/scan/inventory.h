/* inventory.h - what is installed in an image: packages by ecosystem, name and version.
 *
 * Model      A tree is a stack of layer folders, lowest first, read as overlayfs would show it.
 * Guarantees Nothing is run, no link is followed out of the tree; files are limited in size.  */
#pragma once
#include "base/arena.h"

struct package {
    const char *ecosystem; /* as OSV names it: "Debian:12", "Alpine:v3.19", "npm" */
    const char *name;      /* what advisories call it: of Debian the source package */
    const char *version;
    const char *binary; /* of Debian: the installed package; else the same as name */
    const char *path;   /* the file that says so */
};

struct inventory {
    const char *os_id, *os_version; /* "debian", "12"; "" when it is none we know */
    struct package *packages;
    size_t n;
};

/* `layers`: folders; n_layers 1 reads a plain folder. */
int inventory_take(const char *const *layers, size_t n_layers, struct arena *a,
                   struct inventory *out, struct err *e) MUST_CHECK;
