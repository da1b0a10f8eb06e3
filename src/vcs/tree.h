/* tree.h - a read-only tree of files: the port through which renderers see the world.
 *
 * Model      Paths are relative to the root, with '/', without "." and ".."; "" is the root.
 *            Three implementations: a revision of a repository, a folder on disk, a table in
 *            memory.
 * Guarantees Nothing outside the root can be reached; links are followed inside it only.
 *            Files are limited to REPO_BLOB_MAX.
 * Threads    One thread at a time.                                                      */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/own.h"

struct repo;
struct tree;

enum tree_kind { TREE_NONE, TREE_FILE, TREE_DIR };

struct tree_entry {
    const char *name; /* without its folder */
    enum tree_kind kind;
};

struct tree_ops {
    const char *name;
    int (*stat)(struct tree *t, const char *path, enum tree_kind *out, struct err *e);
    int (*read)(struct tree *t, const char *path, struct arena *a, const char **out, size_t *n,
                struct err *e);
    int (*list)(struct tree *t, const char *dir, struct arena *a, struct tree_entry **out,
                size_t *n, struct err *e);
    void (*free)(struct tree *t);
};

struct tree {
    const struct tree_ops *ops;
};

int tree_stat(struct tree *t, const char *path, enum tree_kind *out, struct err *e) MUST_CHECK;
/* NUL-terminated. ERR_NOT_FOUND names the path. */
int tree_read(struct tree *t, const char *path, struct arena *a, const char **out, size_t *n,
              struct err *e) MUST_CHECK;
/* In name order. */
int tree_list(struct tree *t, const char *dir, struct arena *a, struct tree_entry **out, size_t *n,
              struct err *e) MUST_CHECK;
void tree_free(struct tree *t);
AUTO_DEFINE(tree)

/* Where `path`, written in a file of folder `dir`, points: "base/x" and "../y" is "base/y".
 * ERR_INVALID when it is absolute or leaves the root. */
int tree_join(struct arena *a, const char *dir, const char *path, const char **out,
              struct err *e) MUST_CHECK;

/* The files of one commit; borrows the repository. */
struct tree *tree_of_commit(struct repo *r, const char *commit);
int tree_of_folder(const char *path, struct tree **out, struct err *e) MUST_CHECK;
/* The same for a command that ends soon: a large file is mapped, so that what nobody looks at costs
 * nothing. Whoever truncates one meanwhile ends the process by SIGBUS; servers read. */
int tree_of_folder_mapped(const char *path, struct tree **out, struct err *e) MUST_CHECK;

struct tree_file {
    const char *path, *text;
};
/* Borrows the table, which ends with a NULL path. */
struct tree *tree_of_table(const struct tree_file *files);
/* The same for texts that may hold NULs: how long each is. */
struct tree *tree_of_bytes(const struct tree_file *files, const size_t *sizes);
