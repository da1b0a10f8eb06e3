/* What a push may change, judged while its objects are still in quarantine. */
#include <limits.h>

#include "vcs/host_int.h"
#include "vcs/match.h"
#include "vcs/repo_int.h"

enum { COMMITS_MAX = 10000 };

struct gate {
    struct repo *repo;
    const struct host_grant *grant;
    struct arena *a;
};

static bool zero(const char *sha)
{
    return strspn(sha, "0") == strlen(sha);
}

int host__parse_changes(char *text, struct arena *a, struct host_ref_change **out, size_t *n,
                        struct err *e)
{
    size_t lines = 0, count = 0;
    for (const char *s = text; (s = strchr(s, '\n')); s++)
        lines++;
    struct host_ref_change *list = ARENA_ARRAY(a, struct host_ref_change, lines + 1);
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        static const char hex[] = "0123456789abcdef";
        if (end - line < 83 || strspn(line, hex) != 40 || line[40] != ' ' ||
            strspn(line + 41, hex) != 40 || line[81] != ' ')
            return err_set(e, ERR_INVALID, "unreadable push: \"%.100s\"", line);
        list[count++] =
            (struct host_ref_change){arena_strdup(a, line + 82), arena_strndup(a, line, 40),
                                     arena_strndup(a, line + 41, 40)};
    }
    *out = list;
    *n = count;
    return 0;
}

static bool path_allowed(const struct host_grant *g, const char *path)
{
    for (const char *const *p = g->paths; *p; p++)
        if (path_match(*p, path))
            return true;
    return false;
}

static int check_changes(const struct gate *g, const char *from, const char *to, struct err *e)
{
    struct repo_change *changes;
    size_t n;
    int rc = repo_diff(g->repo, from, to, g->a, &changes, &n, e);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < n; i++)
        if (!path_allowed(g->grant, changes[i].path))
            return err_set(e, ERR_DENIED, "path %.300s may not be changed with these rights",
                           changes[i].path);
    return 0;
}

/* What one commit changes against all its parents: a merge that takes one side is no change. */
static int check_commit(const struct gate *g, const struct repo_commit *c, struct err *e)
{
    struct repo_change *changes;
    size_t n;
    int rc = repo_diff(g->repo, c->parents[0], c->sha, g->a, &changes, &n, e);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        char mine[REPO_SHA_MAX] = "", theirs[REPO_SHA_MAX];
        bool own = !path_allowed(g->grant, changes[i].path);
        (void)!repo_content_id(g->repo, c->sha, changes[i].path, mine, NULL);
        for (size_t p = 1; own && c->parents[0] && c->parents[p]; p++) {
            theirs[0] = '\0';
            (void)!repo_content_id(g->repo, c->parents[p], changes[i].path, theirs, NULL);
            own = strcmp(mine, theirs) != 0;
        }
        if (own)
            rc = err_set(e, ERR_DENIED,
                         "commit %.12s changes %.300s, which may not be changed with these rights",
                         c->sha, changes[i].path);
    }
    return rc;
}

/* For grants limited to paths: a fast-forward whose every commit and whose sum stay within. */
static int check_paths(const struct gate *g, const struct host_ref_change *c, struct err *e)
{
    char base[REPO_SHA_MAX];
    bool ahead = false;
    int rc;
    if (strncmp(c->ref, "refs/heads/", 11) != 0 || zero(c->new_sha))
        return err_set(e, ERR_DENIED, "%s: rights limited to paths only allow commits on branches",
                       c->ref);
    if (!zero(c->old_sha)) {
        rc = repo_is_ancestor(g->repo, c->old_sha, c->new_sha, &ahead, e);
        if (rc == 0 && !ahead)
            rc = err_set(e, ERR_DENIED, "%s: only a fast-forward is allowed with these rights",
                         c->ref);
        memcpy(base, c->old_sha, REPO_SHA_MAX);
    } else {
        /* A new branch starts from what the default branch has. */
        rc = repo_resolve(g->repo, "HEAD", base, e);
        if (rc == 0)
            rc = repo_merge_base(g->repo, base, c->new_sha, base, e);
        if (rc == ERR_NOT_FOUND)
            rc = err_set(e, ERR_DENIED, "%s: a new branch must start from the default branch",
                         c->ref);
    }
    struct repo_commit *commits;
    size_t n;
    if (rc == 0)
        rc = repo_log(g->repo, c->new_sha, base, NULL, COMMITS_MAX + 1, g->a, &commits, &n, e);
    if (rc == 0 && n > COMMITS_MAX)
        rc = err_set(e, ERR_TOO_LARGE, "%s: more than %d commits in one push", c->ref, COMMITS_MAX);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = check_commit(g, &commits[i], e);
    return rc < 0 ? rc : check_changes(g, base, c->new_sha, e);
}

static int check_ref(const struct gate *g, const struct host_ref_change *c, struct err *e)
{
    bool known = strncmp(c->ref, "refs/heads/", 11) == 0 || strncmp(c->ref, "refs/tags/", 10) == 0;
    if (!known && g->grant->role < HOST_ADMIN)
        return err_set(e, ERR_DENIED, "%s: only branches and tags can be pushed", c->ref);
    if (g->grant->paths)
        return check_paths(g, c, e);
    const char *head;
    if (g->grant->role >= HOST_ADMIN || zero(c->old_sha) ||
        repo_head_branch(g->repo, g->a, &head, NULL) < 0 ||
        strncmp(c->ref, "refs/heads/", 11) != 0 || strcmp(c->ref + 11, head) != 0)
        return 0;
    if (zero(c->new_sha))
        return err_set(e, ERR_DENIED, "%s: deleting the default branch takes the role admin",
                       c->ref);
    bool ahead = false;
    int rc = repo_is_ancestor(g->repo, c->old_sha, c->new_sha, &ahead, e);
    if (rc == 0 && !ahead)
        rc =
            err_set(e, ERR_DENIED, "%s: rewriting the default branch takes the role admin", c->ref);
    return rc;
}

/* Lets libgit2 see the objects that are not yet the repository's. */
static int add_quarantine(struct repo *r, const char *quarantine, struct err *e)
{
    git_odb *odb = NULL;
    size_t n = strlen(r->path);
    char real_repo[PATH_MAX], real[PATH_MAX];
    if (!realpath(r->path, real_repo) || !realpath(quarantine, real))
        return err_set(e, ERR_INVALID, "quarantine %.200s is not there", quarantine);
    n = strlen(real_repo);
    if (strncmp(real, real_repo, n) != 0 || real[n] != '/')
        return err_set(e, ERR_INVALID, "quarantine %.200s is not in the repository", quarantine);
    int rc = git_repository_odb(&odb, r->git);
    if (rc == 0)
        rc = git_odb_add_disk_alternate(odb, real);
    git_odb_free(odb);
    return rc < 0 ? repo__err(e, rc, "open the objects of the push") : 0;
}

int host__judge(const char *repo_path, const char *quarantine, const struct host_grant *grant,
                const struct host_ref_change *changes, size_t n, struct err *e)
{
    AUTO(repo) struct repo *r = NULL;
    AUTO(arena) struct arena *a = arena_new((size_t)256 << 20);
    int rc = repo_open(repo_path, &r, e);
    if (rc == 0 && *quarantine)
        rc = add_quarantine(r, quarantine, e);
    struct gate g = {r, grant, a};
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = check_ref(&g, &changes[i], e);
    return rc;
}
