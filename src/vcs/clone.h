/* clone.h - the files of one commit of somebody else's repository, in a temporary folder.
 *
 * Model      A shallow fetch of one branch, tag or commit through the git command, checked out,
 *            with its submodules if asked for. Gone with the object.
 * Guarantees Nothing outside the temporary folder is written; each step of git has the deadline.
 *            With an environment of our own git asks nobody, reads no settings of the machine and
 *            speaks to no file of it: what a stranger's submodules name cannot be ours.
 * Threads    Any number side by side; one object in one thread.                           */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"

struct clone;
struct tree;

struct clone_opts {
    const char *url;
    const char *ref;    /* branch, tag or commit; NULL or "" is the default branch */
    int64_t timeout_ms; /* of each step; 0 is 27 s, as Kustomize has it */
    bool submodules;
    bool
        public_only; /* http(s), and only addresses that net/public.h calls so, without redirects */
    const char *const *env; /* the user's, with which keys and helpers are found; NULL: our own */
};

/* Into an empty folder, which stays, .git and all; `out_commit` says what it holds. */
int clone_into(const struct clone_opts *o, const char *folder, char out_commit[65],
               struct err *e) MUST_CHECK;
int clone_open(const struct clone_opts *o, struct clone **out, struct err *e) MUST_CHECK;
/* Its files; borrowed. */
struct tree *clone_tree(struct clone *c);
void clone_free(struct clone *c);
AUTO_DEFINE(clone)

/* The clones of one piece of work, each made once. */
enum { CLONE_SET_MAX = 64 };
struct clone_set;
struct clone_set *clone_set_new(void);
/* The files of the clone; they live as long as the set. ERR_TOO_LARGE past CLONE_SET_MAX. */
int clone_set_get(struct clone_set *s, const struct clone_opts *o, struct tree **out,
                  struct err *e) MUST_CHECK;
void clone_set_free(struct clone_set *s);
AUTO_DEFINE(clone_set)
