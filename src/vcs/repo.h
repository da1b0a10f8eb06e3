/* repo.h - bare Git repositories, read and written without a work tree.
 *
 * Model      A revision is named by branch, tag, (short) sha, "HEAD", full ref name or a
 *            semantic version constraint over tags (">=1.2 <2", "~1.4", "1.x"). Everything
 *            else takes the 40 hex digits that repo_resolve() gave.
 *            An edit becomes a commit by compare-and-swap on the branch: when somebody else
 *            was faster, the edit is made again on top of theirs.
 * Guarantees No work tree, index or hook is involved. Blobs, trees and messages from outside
 *            are limited in size. Remote URLs are reached through the git command with a
 *            deadline; credentials travel in the environment, never in argv.
 * Threads    One thread at a time per struct repo; open one per unit of work (it is cheap).
 *            Any number of handles and processes may work on one repository.
 * Lifetime   Results live in the arena given.
 * Not here   Serving other people: see host.h.                                          */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/own.h"

enum {
    REPO_SHA_MAX = 41,                /* 40 hex digits and NUL */
    REPO_BLOB_MAX = 32 * 1024 * 1024, /* the largest file that repo_read() gives out */
    REPO_ENTRIES_MAX = 200 * 1000,    /* files in one listing, changes in one diff */
};

struct repo;

/* Makes a bare repository at `path` unless one is there. `branch`: what HEAD names. */
int repo_create(const char *path, const char *branch, struct repo **out, struct err *e) MUST_CHECK;
int repo_open(const char *path, struct repo **out, struct err *e) MUST_CHECK;
/* The repository whose work tree holds `folder`, and where in it that is ("" is its root). */
int repo_of_folder(const char *folder, struct arena *a, struct repo **out, const char **path,
                   struct err *e) MUST_CHECK;
void repo_free(struct repo *r);
AUTO_DEFINE(repo)
const char *repo_path(const struct repo *r);

/* One value of the repository's own configuration; NULL when absent. */
const char *repo_config_get(struct repo *r, const char *key, struct arena *a);
int repo_config_set(struct repo *r, const char *key, const char *value, struct err *e) MUST_CHECK;

/* ---- names ---- */

/* The commit that `revision` names. ERR_NOT_FOUND names the revision. */
int repo_resolve(struct repo *r, const char *revision, char out[REPO_SHA_MAX],
                 struct err *e) MUST_CHECK;

/* The same for what a person types: Git's own operators too ("HEAD~2", "main^", "v1@{yesterday}").
 */
int repo_resolve_typed(struct repo *r, const char *revision, char out[REPO_SHA_MAX],
                       struct err *e) MUST_CHECK;

struct repo_ref {
    const char *name; /* "refs/heads/main" */
    const char *sha;  /* of the commit; annotated tags are peeled */
};
/* Branches and tags, in name order. */
int repo_refs(struct repo *r, struct arena *a, struct repo_ref **out, size_t *n,
              struct err *e) MUST_CHECK;
/* The branch HEAD names ("main"), whether it is born or not. */
int repo_head_branch(struct repo *r, struct arena *a, const char **out, struct err *e) MUST_CHECK;
int repo_set_head_branch(struct repo *r, const char *branch, struct err *e) MUST_CHECK;

/* ---- reading a revision ---- */

enum repo_entry_kind { REPO_NONE, REPO_FILE, REPO_EXECUTABLE, REPO_LINK, REPO_DIR, REPO_SUBMODULE };

struct repo_entry {
    const char *path; /* from the root of the revision */
    enum repo_entry_kind kind;
    const char *sha; /* of the blob or tree */
};

/* What stands at `path` ("" is the root); REPO_NONE when nothing does. */
int repo_stat(struct repo *r, const char *commit, const char *path, enum repo_entry_kind *out,
              struct err *e) MUST_CHECK;
/* The bytes of a file, or the target of a link; NUL-terminated. */
int repo_read(struct repo *r, const char *commit, const char *path, struct arena *a,
              const char **out, size_t *n, struct err *e) MUST_CHECK;
/* The entries below `dir`, in path order; folders themselves only without `recurse`. */
int repo_list(struct repo *r, const char *commit, const char *dir, bool recurse, struct arena *a,
              struct repo_entry **out, size_t *n, struct err *e) MUST_CHECK;
/* The id of the tree or blob at `path`: equal ids are equal content. ERR_NOT_FOUND. */
int repo_content_id(struct repo *r, const char *commit, const char *path, char out[REPO_SHA_MAX],
                    struct err *e) MUST_CHECK;

/* ---- history ---- */

struct repo_person {
    const char *name, *email;
    int64_t when_s;
};

struct repo_commit {
    const char *sha, *message;
    const char *const *parents; /* NULL-terminated */
    struct repo_person author, committer;
};

int repo_commit_read(struct repo *r, const char *commit, struct arena *a, struct repo_commit *out,
                     struct err *e) MUST_CHECK;
/* The newest `max` commits reachable from `from` but not from `not_from` (or NULL), newest
 * first; with `path` only those that changed something at or below it. */
int repo_log(struct repo *r, const char *from, const char *not_from, const char *path, size_t max,
             struct arena *a, struct repo_commit **out, size_t *n, struct err *e) MUST_CHECK;
/* ERR_NOT_FOUND: the two share no history. */
int repo_merge_base(struct repo *r, const char *one, const char *two, char out[REPO_SHA_MAX],
                    struct err *e) MUST_CHECK;
int repo_is_ancestor(struct repo *r, const char *old, const char *young, bool *out,
                     struct err *e) MUST_CHECK;

struct repo_change {
    const char *path;
    char how; /* 'A'dded, 'M'odified, 'D'eleted; 'T': from a file to a link or the reverse */
};
/* Paths that differ from `from` (NULL: the empty tree) to `to`, in path order. */
int repo_diff(struct repo *r, const char *from, const char *to, struct arena *a,
              struct repo_change **out, size_t *n, struct err *e) MUST_CHECK;

/* The value of the last "Key: value" line in a message's last paragraph, or NULL. */
const char *repo_trailer(struct arena *a, const char *message, const char *key);

/* ---- committing ---- */

enum repo_edit_kind {
    REPO_WRITE,   /* `bytes` become the file; its mode is kept, or is a plain file's */
    REPO_REMOVE,  /* the file or folder goes; fine when it is not there */
    REPO_RESTORE, /* the file or folder becomes what it was in commit `from`, also when absent */
};

struct repo_edit {
    enum repo_edit_kind kind;
    const char *path;
    const void *bytes;
    size_t n;
    const char *from;
};

/* What makes the edit on top of `parent` (NULL: the branch is not born). Called again when
 * the branch moved meanwhile. An edit that changes nothing gives no commit. */
struct repo_draft {
    struct repo_edit *edits;
    size_t n;
    const char *message; /* trailers included */
};
typedef int (*repo_editor)(void *arg, struct repo *r, const char *parent, struct arena *a,
                           struct repo_draft *out, struct err *e);

struct repo_commit_opts {
    const char *branch;           /* "main" */
    struct repo_person author;    /* the committer too, unless set */
    struct repo_person committer; /* name NULL: the author */
};

/* Leaves the new commit in `out`, or the branch's head when nothing changed (*changed false).
 * A locked branch is waited for. ERR_AGAIN after 16 lost races, or 5 s of a lock. */
int repo_commit_edit(struct repo *r, const struct repo_commit_opts *opts, repo_editor editor,
                     void *arg, char out[REPO_SHA_MAX], bool *changed, struct err *e) MUST_CHECK;

/* Moves `ref` to `sha` when it is at `old` (NULL: must not exist). ERR_CONFLICT. */
int repo_move_ref(struct repo *r, const char *ref, const char *old, const char *sha,
                  const char *why, struct err *e) MUST_CHECK;

/* A writer that was killed leaves its lock files, and nobody moves the branch any more. Those that
 * are older than writers ever need go; *younger: there are others, look again in a second. */
int repo_break_locks(struct repo *r, bool *younger, struct err *e) MUST_CHECK;

/* ---- other machines ---- */

struct repo_remote {
    const char *url;             /* http, https, file, ssh or a path */
    const char *user, *password; /* basic, or NULL */
    const char *token;           /* bearer, or NULL */
    const char *ca_file;         /* trusted roots, or NULL: the system's */
    int64_t timeout_ms;          /* 0: 120 s */
};

/* Makes branches and tags here what they are there; pruned here when gone there. HEAD too. */
int repo_fetch_mirror(struct repo *r, const struct repo_remote *from, struct err *e) MUST_CHECK;
/* Pushes `sha` to `ref` there. ERR_CONFLICT: not a fast-forward; ERR_DENIED: refused. */
int repo_push(struct repo *r, const struct repo_remote *to, const char *sha, const char *ref,
              struct err *e) MUST_CHECK;
