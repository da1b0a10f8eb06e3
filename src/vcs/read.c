#include "vcs/repo_int.h"

int repo__commit(struct repo *r, const char *sha, git_commit **out, struct err *e)
{
    git_oid id;
    int rc = git_oid_fromstr(&id, sha);
    if (rc == 0)
        rc = git_commit_lookup(out, r->git, &id);
    return rc < 0 ? repo__err(e, rc, "commit %.40s of %s", sha, r->path) : 0;
}

int repo__tree(struct repo *r, const char *sha, git_tree **out, struct err *e)
{
    GUARD(commit) git_commit *commit = NULL;
    int rc = repo__commit(r, sha, &commit, e);
    if (rc < 0)
        return rc;
    rc = git_commit_tree(out, commit);
    return rc < 0 ? repo__err(e, rc, "tree of commit %.40s", sha) : 0;
}

static enum repo_entry_kind kind_of(const git_tree_entry *entry)
{
    switch (git_tree_entry_filemode(entry)) {
    case GIT_FILEMODE_TREE:
        return REPO_DIR;
    case GIT_FILEMODE_LINK:
        return REPO_LINK;
    case GIT_FILEMODE_BLOB_EXECUTABLE:
        return REPO_EXECUTABLE;
    case GIT_FILEMODE_COMMIT:
        return REPO_SUBMODULE;
    case GIT_FILEMODE_BLOB:
        return REPO_FILE;
    case GIT_FILEMODE_UNREADABLE:
    default:
        return REPO_NONE;
    }
}

static int entry_at(struct repo *r, const char *commit, const char *path, git_tree_entry **out,
                    struct err *e)
{
    GUARD(tree) git_tree *root = NULL;
    int rc = tree__path_check(path, e);
    if (rc == 0)
        rc = repo__tree(r, commit, &root, e);
    if (rc < 0)
        return rc;
    rc = git_tree_entry_bypath(out, root, path);
    if (rc == GIT_ENOTFOUND)
        return err_set(e, ERR_NOT_FOUND, "%s is not in commit %.12s", path, commit);
    return rc < 0 ? repo__err(e, rc, "%s in commit %.12s", path, commit) : 0;
}

int repo_stat(struct repo *r, const char *commit, const char *path, enum repo_entry_kind *out,
              struct err *e)
{
    GUARD(tree_entry) git_tree_entry *entry = NULL;
    if (!*path) {
        *out = REPO_DIR;
        return 0;
    }
    struct err mine;
    int rc = entry_at(r, commit, path, &entry, e ? e : &mine);
    if (rc == ERR_NOT_FOUND)
        *out = REPO_NONE;
    else if (rc == 0)
        *out = kind_of(entry);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

int repo_read(struct repo *r, const char *commit, const char *path, struct arena *a,
              const char **out, size_t *n, struct err *e)
{
    GUARD(tree_entry) git_tree_entry *entry = NULL;
    int rc = entry_at(r, commit, path, &entry, e);
    if (rc < 0)
        return rc;
    if (git_tree_entry_type(entry) != GIT_OBJECT_BLOB)
        return err_set(e, ERR_INVALID, "%s in commit %.12s is not a file", path, commit);
    GUARD(blob) git_blob *blob = NULL;
    rc = git_blob_lookup(&blob, r->git, git_tree_entry_id(entry));
    if (rc < 0)
        return repo__err(e, rc, "%s in commit %.12s", path, commit);
    git_object_size_t size = git_blob_rawsize(blob);
    if (size > REPO_BLOB_MAX)
        return err_set(e, ERR_TOO_LARGE, "%s in commit %.12s has %llu bytes, more than %d", path,
                       commit, (unsigned long long)size, REPO_BLOB_MAX);
    void *copy;
    rc = arena_try_alloc(a, (size_t)size + 1, &copy, e);
    if (rc < 0)
        return err_wrap(e, rc, "%s", path);
    memcpy(copy, git_blob_rawcontent(blob), (size_t)size);
    ((char *)copy)[size] = '\0';
    *out = copy;
    *n = (size_t)size;
    return 0;
}

struct listing {
    struct repo *r;
    struct arena *a;
    struct repo_entry *items;
    size_t n, cap;
    bool recurse;
};

static void listing_add(struct listing *l, const char *path, const git_tree_entry *entry)
{
    if (l->n == l->cap) {
        size_t more = l->cap ? l->cap * 2 : 32;
        l->items = arena_grow(l->a, l->items, l->cap * sizeof *l->items, more * sizeof *l->items);
        l->cap = more;
    }
    char sha[REPO_SHA_MAX];
    (void)git_oid_tostr(sha, sizeof sha, git_tree_entry_id(entry));
    l->items[l->n++] = (struct repo_entry){path, kind_of(entry), arena_strdup(l->a, sha)};
}

static int list_tree(struct listing *l, git_tree *tree, const char *dir, int depth, struct err *e)
{
    if (depth > 64)
        return err_set(e, ERR_TOO_LARGE, "%s lies more than 64 folders deep", dir);
    for (size_t i = 0; i < git_tree_entrycount(tree); i++) {
        const git_tree_entry *entry = git_tree_entry_byindex(tree, i);
        const char *path =
            arena_printf(l->a, "%s%s%s", dir, *dir ? "/" : "", git_tree_entry_name(entry));
        if (l->n >= REPO_ENTRIES_MAX)
            return err_set(e, ERR_TOO_LARGE, "more than %d files", REPO_ENTRIES_MAX);
        if (!l->recurse || kind_of(entry) != REPO_DIR) {
            listing_add(l, path, entry);
            continue;
        }
        GUARD(tree) git_tree *below = NULL;
        int rc = git_tree_lookup(&below, l->r->git, git_tree_entry_id(entry));
        if (rc < 0)
            return repo__err(e, rc, "folder %s", path);
        rc = list_tree(l, below, path, depth + 1, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int entry_order(const void *a, const void *b)
{
    return strcmp(((const struct repo_entry *)a)->path, ((const struct repo_entry *)b)->path);
}

int repo_list(struct repo *r, const char *commit, const char *dir, bool recurse, struct arena *a,
              struct repo_entry **out, size_t *n, struct err *e)
{
    GUARD(tree) git_tree *tree = NULL;
    int rc;
    if (!*dir) {
        rc = repo__tree(r, commit, &tree, e);
    } else {
        GUARD(tree_entry) git_tree_entry *entry = NULL;
        rc = entry_at(r, commit, dir, &entry, e);
        if (rc == 0 && git_tree_entry_type(entry) != GIT_OBJECT_TREE)
            rc = err_set(e, ERR_INVALID, "%s in commit %.12s is not a folder", dir, commit);
        else if (rc == 0 && git_tree_lookup(&tree, r->git, git_tree_entry_id(entry)) < 0)
            rc = repo__err(e, GIT_ERROR, "%s in commit %.12s", dir, commit);
    }
    struct listing l = {.r = r, .a = a, .recurse = recurse};
    if (rc == 0)
        rc = list_tree(&l, tree, dir, 0, e);
    if (rc < 0)
        return rc;
    if (l.n > 1)
        qsort(l.items, l.n, sizeof *l.items, entry_order);
    *out = l.items;
    *n = l.n;
    return 0;
}

int repo_content_id(struct repo *r, const char *commit, const char *path, char out[REPO_SHA_MAX],
                    struct err *e)
{
    if (!*path) {
        GUARD(tree) git_tree *root = NULL;
        int rc = repo__tree(r, commit, &root, e);
        if (rc == 0)
            (void)git_oid_tostr(out, REPO_SHA_MAX, git_tree_id(root));
        return rc;
    }
    GUARD(tree_entry) git_tree_entry *entry = NULL;
    int rc = entry_at(r, commit, path, &entry, e);
    if (rc == 0)
        (void)git_oid_tostr(out, REPO_SHA_MAX, git_tree_entry_id(entry));
    return rc;
}
