/* tree_commit.c - the files of a commit as a tree. */
#include <stdlib.h>
#include <string.h>

#include "vcs/repo_int.h"
#include "vcs/tree_int.h"

enum { LINKS_MAX = 8 };

struct commit_tree {
    struct tree base;
    struct repo *repo;
    struct tree_notes *notes; /* or NULL */
    char sha[REPO_SHA_MAX];
};

static void note(struct commit_tree *t, const char *path, enum repo_entry_kind kind)
{
    if (t->notes)
        tree__note(t->notes, path,
                   kind == REPO_NONE                              ? TREE_NOTE_ABSENT
                   : kind == REPO_DIR                             ? TREE_NOTE_FOLDER
                   : kind == REPO_FILE || kind == REPO_EXECUTABLE ? TREE_NOTE_FILE
                                                                  : TREE_NOTE_LINK);
}

/* Follows links at the end of `path`; links of folders in its middle are not followed. */
static int commit_follow(struct commit_tree *t, const char *path, struct arena *a, const char **out,
                         enum repo_entry_kind *kind, struct err *e)
{
    for (int i = 0; i < LINKS_MAX; i++) {
        int rc = repo_stat(t->repo, t->sha, path, kind, e);
        if (rc == 0)
            note(t, path, *kind);
        if (rc < 0 || *kind != REPO_LINK) {
            *out = path;
            return rc;
        }
        const char *target, *slash = strrchr(path, '/');
        size_t n;
        rc = repo_read(t->repo, t->sha, path, a, &target, &n, e);
        const char *dir = slash ? arena_strndup(a, path, (size_t)(slash - path)) : "";
        if (rc == 0)
            rc = tree_join(a, dir, target, &path, e);
        if (rc < 0)
            return err_wrap(e, rc, "link %s", path);
    }
    return err_set(e, ERR_INVALID, "%s: more than %d links in a row", path, LINKS_MAX);
}

static int commit_stat(struct tree *base, const char *path, enum tree_kind *out, struct err *e)
{
    struct commit_tree *t = container_of(base, struct commit_tree, base);
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    enum repo_entry_kind kind;
    int rc = commit_follow(t, path, a, &path, &kind, e);
    if (rc < 0)
        return rc;
    *out = kind == REPO_DIR                               ? TREE_DIR
           : kind == REPO_FILE || kind == REPO_EXECUTABLE ? TREE_FILE
                                                          : TREE_NONE;
    return 0;
}

static int commit_read(struct tree *base, const char *path, struct arena *a, const char **out,
                       size_t *n, struct err *e)
{
    struct commit_tree *t = container_of(base, struct commit_tree, base);
    enum repo_entry_kind kind;
    const char *real;
    int rc = commit_follow(t, path, a, &real, &kind, e);
    if (rc < 0)
        return rc;
    if (kind == REPO_NONE)
        return err_set(e, ERR_NOT_FOUND, "%s is not in commit %.12s", path, t->sha);
    return repo_read(t->repo, t->sha, real, a, out, n, e);
}

static int commit_list(struct tree *base, const char *dir, struct arena *a, struct tree_entry **out,
                       size_t *n, struct err *e)
{
    struct commit_tree *t = container_of(base, struct commit_tree, base);
    struct repo_entry *entries;
    size_t count;
    enum repo_entry_kind kind;
    const char *real;
    int rc = commit_follow(t, dir, a, &real, &kind, e);
    if (rc == 0)
        rc = repo_list(t->repo, t->sha, real, false, a, &entries, &count, e);
    if (rc < 0)
        return rc;
    if (t->notes)
        tree__note(t->notes, real, TREE_NOTE_LISTED);
    struct tree_entry *list = ARENA_ARRAY(a, struct tree_entry, count + 1);
    for (size_t i = 0; i < count; i++) {
        const char *slash = strrchr(entries[i].path, '/');
        list[i].name = slash ? slash + 1 : entries[i].path;
        list[i].kind = entries[i].kind == REPO_DIR ? TREE_DIR : TREE_FILE;
        if (entries[i].kind == REPO_LINK &&
            commit_stat(base, entries[i].path, &list[i].kind, NULL) < 0)
            list[i].kind = TREE_NONE;
    }
    *out = list;
    *n = count;
    return 0;
}

static void commit_free(struct tree *base)
{
    free(container_of(base, struct commit_tree, base));
}

static const struct tree_ops commit_ops = {"commit", commit_stat, commit_read, commit_list,
                                           commit_free};

struct tree *tree_of_commit_noted(struct repo *r, const char *commit, struct tree_notes *notes)
{
    struct commit_tree *t = tree__new(sizeof *t);
    t->base.ops = &commit_ops;
    t->repo = r;
    t->notes = notes;
    (void)snprintf(t->sha, sizeof t->sha, "%s", commit);
    return &t->base;
}

struct tree *tree_of_commit(struct repo *r, const char *commit)
{
    return tree_of_commit_noted(r, commit, NULL);
}
