/* repo_int.h - what the files of vcs/ share. */
#pragma once
/* Not git2.h: one of its headers has a field with a name that banned.h poisons. */
#include <git2/blob.h>
#include <git2/commit.h>
#include <git2/config.h>
#include <git2/diff.h>
#include <git2/errors.h>
#include <git2/global.h>
#include <git2/graph.h>
#include <git2/message.h>
#include <git2/object.h>
#include <git2/odb.h>
#include <git2/refs.h>
#include <git2/repository.h>
#include <git2/revwalk.h>
#include <git2/signature.h>
#include <git2/tree.h>

#include "vcs/repo.h"
#include "vcs/tree_int.h"

struct repo {
    git_repository *git;
    char *path;
};

/* Fails with libgit2's own sentence behind ours; the code says what to do. */
int repo__err(struct err *e, int rc, const char *fmt, ...) PRINTF(3, 4);

int repo__commit(struct repo *r, const char *sha, git_commit **out, struct err *e) MUST_CHECK;
int repo__tree(struct repo *r, const char *sha, git_tree **out, struct err *e) MUST_CHECK;

void repo__git_start(void);

#define REPO__GUARD(type, fn)                                                                      \
    static inline void repo__auto_##type(git_##type **p)                                           \
    {                                                                                              \
        fn(*p);                                                                                    \
    }
#define GUARD(type) __attribute__((cleanup(repo__auto_##type)))
REPO__GUARD(commit, git_commit_free)
REPO__GUARD(tree, git_tree_free)
REPO__GUARD(tree_entry, git_tree_entry_free)
REPO__GUARD(blob, git_blob_free)
REPO__GUARD(object, git_object_free)
REPO__GUARD(reference, git_reference_free)
REPO__GUARD(revwalk, git_revwalk_free)
REPO__GUARD(diff, git_diff_free)
REPO__GUARD(config, git_config_free)
REPO__GUARD(signature, git_signature_free)
REPO__GUARD(treebuilder, git_treebuilder_free)
REPO__GUARD(reference_iterator, git_reference_iterator_free)
