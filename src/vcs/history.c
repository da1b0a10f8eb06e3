#include <ctype.h>

#include "vcs/repo_int.h"

static struct repo_person person(struct arena *a, const git_signature *s)
{
    return (struct repo_person){arena_strdup(a, s->name), arena_strdup(a, s->email), s->when.time};
}

static void commit_fill(git_commit *commit, struct arena *a, struct repo_commit *out)
{
    char sha[REPO_SHA_MAX];
    unsigned n = git_commit_parentcount(commit);
    const char **parents = ARENA_ARRAY(a, const char *, n + 1);
    for (unsigned i = 0; i < n; i++) {
        (void)git_oid_tostr(sha, sizeof sha, git_commit_parent_id(commit, i));
        parents[i] = arena_strdup(a, sha);
    }
    (void)git_oid_tostr(sha, sizeof sha, git_commit_id(commit));
    const char *message = git_commit_message(commit);
    *out = (struct repo_commit){
        .sha = arena_strdup(a, sha),
        .message = arena_strdup(a, message ? message : ""),
        .parents = parents,
        .author = person(a, git_commit_author(commit)),
        .committer = person(a, git_commit_committer(commit)),
    };
}

int repo_commit_read(struct repo *r, const char *sha, struct arena *a, struct repo_commit *out,
                     struct err *e)
{
    GUARD(commit) git_commit *commit = NULL;
    int rc = repo__commit(r, sha, &commit, e);
    if (rc == 0)
        commit_fill(commit, a, out);
    return rc;
}

/* The id of what stands at `path` in a commit's tree; all zero when nothing does. */
static git_oid id_at(git_commit *commit, const char *path)
{
    git_oid id = {{0}};
    GUARD(tree) git_tree *tree = NULL;
    GUARD(tree_entry) git_tree_entry *entry = NULL;
    if (git_commit_tree(&tree, commit) == 0 && git_tree_entry_bypath(&entry, tree, path) == 0)
        (void)git_oid_cpy(&id, git_tree_entry_id(entry));
    return id;
}

/* A merge touches a path only when it differs from all its parents there. */
static bool touches(git_commit *commit, const char *path)
{
    if (!path || !*path)
        return true;
    git_oid mine = id_at(commit, path);
    unsigned n = git_commit_parentcount(commit);
    if (n == 0)
        return !git_oid_is_zero(&mine);
    for (unsigned i = 0; i < n; i++) {
        GUARD(commit) git_commit *parent = NULL;
        if (git_commit_parent(&parent, commit, i) < 0)
            continue;
        git_oid theirs = id_at(parent, path);
        if (git_oid_equal(&mine, &theirs))
            return false;
    }
    return true;
}

static int walk_start(struct repo *r, const char *from, const char *not_from, git_revwalk **out,
                      struct err *e)
{
    git_oid id;
    int rc = git_revwalk_new(out, r->git);
    if (rc == 0)
        rc = git_revwalk_sorting(*out, GIT_SORT_TOPOLOGICAL | GIT_SORT_TIME);
    if (rc == 0)
        rc = git_oid_fromstr(&id, from);
    if (rc == 0)
        rc = git_revwalk_push(*out, &id);
    if (rc == 0 && not_from) {
        rc = git_oid_fromstr(&id, not_from);
        if (rc == 0)
            rc = git_revwalk_hide(*out, &id);
    }
    return rc < 0 ? repo__err(e, rc, "log of %.40s", from) : 0;
}

int repo_log(struct repo *r, const char *from, const char *not_from, const char *path, size_t max,
             struct arena *a, struct repo_commit **out, size_t *n, struct err *e)
{
    GUARD(revwalk) git_revwalk *walk = NULL;
    int rc = walk_start(r, from, not_from, &walk, e);
    if (rc < 0)
        return rc;
    struct repo_commit *list = NULL;
    size_t count = 0, cap = 0;
    git_oid id;
    while (count < max && (rc = git_revwalk_next(&id, walk)) == 0) {
        GUARD(commit) git_commit *commit = NULL;
        rc = git_commit_lookup(&commit, r->git, &id);
        if (rc < 0)
            break;
        if (!touches(commit, path))
            continue;
        if (count == cap) {
            size_t more = cap ? cap * 2 : 16;
            list = arena_grow(a, list, cap * sizeof *list, more * sizeof *list);
            cap = more;
        }
        commit_fill(commit, a, &list[count++]);
    }
    if (rc < 0 && rc != GIT_ITEROVER)
        return repo__err(e, rc, "log of %.40s", from);
    *out = list;
    *n = count;
    return 0;
}

/* Declared in git2/merge.h, which includes the header that repo_int.h avoids. */
int git_merge_base(git_oid *out, git_repository *repo, const git_oid *one, const git_oid *two);

int repo_merge_base(struct repo *r, const char *one, const char *two, char out[REPO_SHA_MAX],
                    struct err *e)
{
    git_oid a, b, base;
    int rc = git_oid_fromstr(&a, one);
    if (rc == 0)
        rc = git_oid_fromstr(&b, two);
    if (rc == 0)
        rc = git_merge_base(&base, r->git, &a, &b);
    if (rc < 0)
        return repo__err(e, rc, "merge base of %.12s and %.12s", one, two);
    (void)git_oid_tostr(out, REPO_SHA_MAX, &base);
    return 0;
}

int repo_is_ancestor(struct repo *r, const char *old, const char *young, bool *out, struct err *e)
{
    git_oid a, b;
    int rc = git_oid_fromstr(&a, old);
    if (rc == 0)
        rc = git_oid_fromstr(&b, young);
    if (rc == 0 && git_oid_equal(&a, &b)) {
        *out = true;
        return 0;
    }
    if (rc == 0)
        rc = git_graph_descendant_of(r->git, &b, &a);
    if (rc < 0)
        return repo__err(e, rc, "history of %.12s", young);
    *out = rc > 0;
    return 0;
}

static char letter(git_delta_t status)
{
    return status == GIT_DELTA_ADDED        ? 'A'
           : status == GIT_DELTA_DELETED    ? 'D'
           : status == GIT_DELTA_TYPECHANGE ? 'T'
                                            : 'M';
}

int repo_diff(struct repo *r, const char *from, const char *to, struct arena *a,
              struct repo_change **out, size_t *n, struct err *e)
{
    GUARD(tree) git_tree *old = NULL;
    GUARD(tree) git_tree *young = NULL;
    GUARD(diff) git_diff *diff = NULL;
    int rc = from ? repo__tree(r, from, &old, e) : 0;
    if (rc == 0)
        rc = repo__tree(r, to, &young, e);
    if (rc < 0)
        return rc;
    git_diff_options opts;
    (void)git_diff_options_init(&opts, GIT_DIFF_OPTIONS_VERSION);
    opts.flags = GIT_DIFF_INCLUDE_TYPECHANGE;
    opts.ignore_submodules = GIT_SUBMODULE_IGNORE_NONE;
    rc = git_diff_tree_to_tree(&diff, r->git, old, young, &opts);
    if (rc < 0)
        return repo__err(e, rc, "changes up to %.12s", to);
    size_t count = git_diff_num_deltas(diff);
    if (count > REPO_ENTRIES_MAX)
        return err_set(e, ERR_TOO_LARGE, "%zu changed paths are more than %d", count,
                       REPO_ENTRIES_MAX);
    struct repo_change *list = ARENA_ARRAY(a, struct repo_change, count + 1);
    for (size_t i = 0; i < count; i++) {
        const git_diff_delta *d = git_diff_get_delta(diff, i);
        const char *path = d->new_file.path ? d->new_file.path : d->old_file.path;
        list[i] = (struct repo_change){arena_strdup(a, path), letter(d->status)};
    }
    *out = list;
    *n = count;
    return 0;
}

/* The start of the last paragraph, which must not be the subject. */
static const char *last_paragraph(const char *message)
{
    const char *last = NULL;
    for (const char *s = message; (s = strstr(s, "\n\n"));) {
        while (*s == '\n')
            s++;
        if (*s)
            last = s;
    }
    return last;
}

const char *repo_trailer(struct arena *a, const char *message, const char *key)
{
    const char *line = last_paragraph(message), *found = NULL;
    size_t klen = strlen(key), flen = 0;
    while (line && *line) {
        size_t n = strcspn(line, "\n");
        if (n > klen && strncasecmp(line, key, klen) == 0 && line[klen] == ':') {
            found = line + klen + 1;
            flen = n - klen - 1;
        }
        line += n + (line[n] == '\n');
    }
    if (!found)
        return NULL;
    while (flen && isspace((unsigned char)*found))
        found++, flen--;
    while (flen && isspace((unsigned char)found[flen - 1]))
        flen--;
    return arena_strndup(a, found, flen);
}
