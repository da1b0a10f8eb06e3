#include <time.h>

#include "base/clock.h"
#include "vcs/repo_int.h"

enum { RACES_MAX = 16, MESSAGE_MAX = 256 * 1024, LOCK_WAIT_MS = 5000 };

/* What an edit puts at its path. */
struct leaf {
    bool remove;
    git_oid id;
    git_filemode_t mode;
};

static int leaf_of_edit(struct repo *r, git_tree *base, const struct repo_edit *edit,
                        struct leaf *out, struct err *e)
{
    int rc = tree__path_check(edit->path, e);
    if (rc < 0)
        return rc;
    *out = (struct leaf){.remove = edit->kind == REPO_REMOVE, .mode = GIT_FILEMODE_BLOB};
    GUARD(tree_entry) git_tree_entry *there = NULL;
    if (edit->kind == REPO_WRITE) {
        if (edit->n > REPO_BLOB_MAX)
            return err_set(e, ERR_TOO_LARGE, "%s has %zu bytes, more than %d", edit->path, edit->n,
                           REPO_BLOB_MAX);
        if (base && git_tree_entry_bypath(&there, base, edit->path) == 0 &&
            git_tree_entry_filemode(there) == GIT_FILEMODE_BLOB_EXECUTABLE)
            out->mode = GIT_FILEMODE_BLOB_EXECUTABLE;
        rc = git_blob_create_from_buffer(&out->id, r->git, edit->bytes, edit->n);
        return rc < 0 ? repo__err(e, rc, "write %s", edit->path) : 0;
    }
    if (edit->kind == REPO_RESTORE) {
        GUARD(tree) git_tree *from = NULL;
        rc = repo__tree(r, edit->from, &from, e);
        if (rc < 0)
            return rc;
        rc = git_tree_entry_bypath(&there, from, edit->path);
        if (rc < 0 && rc != GIT_ENOTFOUND)
            return repo__err(e, rc, "%s in commit %.12s", edit->path, edit->from);
        out->remove = rc == GIT_ENOTFOUND;
        if (rc == 0) {
            (void)git_oid_cpy(&out->id, git_tree_entry_id(there));
            out->mode = git_tree_entry_filemode(there);
        }
    }
    return 0;
}

/* Writes the tree that is `base` (or NULL) with `leaf` at `path`; *empty when nothing is left. */
static int put_leaf(struct repo *r, git_tree *base, const char *path, const struct leaf *leaf,
                    git_oid *out, bool *empty)
{
    GUARD(treebuilder) git_treebuilder *builder = NULL;
    int rc = git_treebuilder_new(&builder, r->git, base);
    if (rc < 0)
        return rc;
    char name[4096];
    size_t n = strcspn(path, "/");
    (void)snprintf(name, sizeof name, "%.*s", (int)n, path);
    const git_tree_entry *there = git_treebuilder_get(builder, name);
    bool gone = leaf->remove;
    git_oid id = leaf->id;
    git_filemode_t mode = leaf->mode;
    if (path[n] == '/') {
        GUARD(tree) git_tree *below = NULL;
        if (there && git_tree_entry_type(there) == GIT_OBJECT_TREE)
            rc = git_tree_lookup(&below, r->git, git_tree_entry_id(there));
        if (rc == 0 && !below && leaf->remove && there)
            gone = false, id = *git_tree_entry_id(there), mode = git_tree_entry_filemode(there);
        else if (rc == 0)
            rc = put_leaf(r, below, path + n + 1, leaf, &id, &gone), mode = GIT_FILEMODE_TREE;
    }
    if (rc == 0 && gone)
        rc = there ? git_treebuilder_remove(builder, name) : 0;
    else if (rc == 0)
        rc = git_treebuilder_insert(NULL, builder, name, &id, mode);
    if (rc < 0)
        return rc;
    *empty = git_treebuilder_entrycount(builder) == 0;
    return git_treebuilder_write(out, builder);
}

static int edited_tree(struct repo *r, git_tree *base, const struct repo_draft *draft,
                       git_tree **out, struct err *e)
{
    GUARD(tree) git_tree *tree = NULL;
    if (base && git_tree_dup(&tree, base) < 0)
        return repo__err(e, GIT_ERROR, "copy tree");
    for (size_t i = 0; i < draft->n; i++) {
        struct leaf leaf;
        bool empty;
        git_oid id;
        int rc = leaf_of_edit(r, tree, &draft->edits[i], &leaf, e);
        if (rc < 0)
            return rc;
        rc = put_leaf(r, tree, draft->edits[i].path, &leaf, &id, &empty);
        git_tree_free(take_ptr(tree));
        if (rc == 0)
            rc = git_tree_lookup(&tree, r->git, &id);
        if (rc < 0)
            return repo__err(e, rc, "edit %s", draft->edits[i].path);
    }
    if (!tree) {
        git_oid id;
        GUARD(treebuilder) git_treebuilder *none = NULL;
        if (git_treebuilder_new(&none, r->git, NULL) < 0 || git_treebuilder_write(&id, none) < 0 ||
            git_tree_lookup(&tree, r->git, &id) < 0)
            return repo__err(e, GIT_ERROR, "write an empty tree");
    }
    *out = take_ptr(tree);
    return 0;
}

static int signature(const struct repo_person *p, git_signature **out, struct err *e)
{
    int rc = git_signature_new(out, p->name, p->email ? p->email : "", p->when_s, 0);
    return rc < 0 ? repo__err(e, rc, "author \"%s\"", p->name) : 0;
}

/* Writes the commit object; no ref moves. */
static int write_commit(struct repo *r, const struct repo_commit_opts *opts, const char *message,
                        git_tree *tree, git_commit *parent, git_oid *out, struct err *e)
{
    GUARD(signature) git_signature *author = NULL;
    GUARD(signature) git_signature *committer = NULL;
    git_buf clean = GIT_BUF_INIT;
    if (strlen(message) > MESSAGE_MAX)
        return err_set(e, ERR_TOO_LARGE, "the commit message has more than %d bytes", MESSAGE_MAX);
    int rc = signature(&opts->author, &author, e);
    if (rc == 0)
        rc = signature(opts->committer.name ? &opts->committer : &opts->author, &committer, e);
    if (rc < 0)
        return rc;
    rc = git_message_prettify(&clean, message, 0, '#');
    const git_commit *parents[] = {parent};
    if (rc == 0)
        rc = git_commit_create(out, r->git, NULL, author, committer, "UTF-8", clean.ptr, tree,
                               parent != NULL, parents);
    git_buf_dispose(&clean);
    return rc < 0 ? repo__err(e, rc, "commit to %s", opts->branch) : 0;
}

/* One try on top of what the branch is now. ERR_CONFLICT: it moved meanwhile. */
static int try_commit(struct repo *r, const struct repo_commit_opts *opts, repo_editor editor,
                      void *arg, char out[REPO_SHA_MAX], bool *changed, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(4u * REPO_BLOB_MAX);
    char ref[300], parent[REPO_SHA_MAX] = "";
    (void)snprintf(ref, sizeof ref, "refs/heads/%s", opts->branch);
    int rc = repo_resolve(r, ref, parent, e);
    if (rc < 0 && rc != ERR_NOT_FOUND)
        return rc;
    const char *on = *parent ? parent : NULL;
    GUARD(commit) git_commit *base = NULL;
    GUARD(tree) git_tree *old = NULL;
    GUARD(tree) git_tree *tree = NULL;
    rc = on ? repo__commit(r, on, &base, e) : 0;
    if (rc == 0 && on)
        rc = repo__tree(r, on, &old, e);
    struct repo_draft draft = {.n = 0};
    if (rc == 0)
        rc = editor(arg, r, on, a, &draft, e);
    if (rc == 0)
        rc = edited_tree(r, old, &draft, &tree, e);
    if (rc < 0)
        return rc;
    if (old && git_oid_equal(git_tree_id(old), git_tree_id(tree))) {
        memcpy(out, parent, REPO_SHA_MAX);
        *changed = false;
        return 0;
    }
    git_oid id;
    char sha[REPO_SHA_MAX];
    rc = write_commit(r, opts, draft.message, tree, base, &id, e);
    if (rc < 0)
        return rc;
    (void)git_oid_tostr(sha, sizeof sha, &id);
    rc = repo_move_ref(r, ref, on, sha, "commit", e);
    if (rc == 0) {
        memcpy(out, sha, REPO_SHA_MAX);
        *changed = true;
    }
    return rc;
}

int repo_commit_edit(struct repo *r, const struct repo_commit_opts *opts, repo_editor editor,
                     void *arg, char out[REPO_SHA_MAX], bool *changed, struct err *e)
{
    int64_t give_up = clock_mono_ms() + LOCK_WAIT_MS;
    for (int races = 0; races < RACES_MAX;) {
        int rc = try_commit(r, opts, editor, arg, out, changed, e);
        if (rc == ERR_AGAIN && clock_mono_ms() < give_up) {
            const struct timespec nap = {.tv_nsec = 20000000};
            (void)nanosleep(&nap, NULL);
        } else if (rc == ERR_CONFLICT) {
            races++;
        } else {
            return rc;
        }
    }
    return err_set(e, ERR_AGAIN, "branch %s of %s moved %d times while it was edited", opts->branch,
                   r->path, RACES_MAX);
}

int repo_move_ref(struct repo *r, const char *ref, const char *old, const char *sha,
                  const char *why, struct err *e)
{
    git_oid from, to;
    GUARD(reference) git_reference *made = NULL;
    int rc = git_oid_fromstr(&to, sha);
    if (rc == 0 && old)
        rc = git_oid_fromstr(&from, old);
    if (rc == 0)
        rc = old ? git_reference_create_matching(&made, r->git, ref, &to, 1, &from, why)
                 : git_reference_create(&made, r->git, ref, &to, 0, why);
    if (rc == GIT_EMODIFIED || rc == GIT_EEXISTS || (rc == GIT_ENOTFOUND && old))
        return err_set(e, ERR_CONFLICT, "%s of %s moved meanwhile", ref, r->path);
    return rc < 0 ? repo__err(e, rc, "move %s to %.12s", ref, sha) : 0;
}
