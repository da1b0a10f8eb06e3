#include "vcs/repo.h"

#include <errno.h>
#include <git2/revparse.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "codec/semver.h"
#include "vcs/repo_int.h"

enum { TREE_CACHED_MAX = 16 << 20 };

static void start(void)
{
    (void)git_libgit2_init();
    (void)git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
    /* Else a folder of a hundred files is inflated again for each of them. */
    (void)git_libgit2_opts(GIT_OPT_SET_CACHE_OBJECT_LIMIT, GIT_OBJECT_TREE,
                           (size_t)TREE_CACHED_MAX);
}

void repo__git_start(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, start);
}

static enum err_code code_of(int rc)
{
    switch (rc) {
    case GIT_ENOTFOUND:
    case GIT_EUNBORNBRANCH:
        return ERR_NOT_FOUND;
    case GIT_EEXISTS:
        return ERR_EXISTS;
    case GIT_EMODIFIED:
        return ERR_CONFLICT;
    case GIT_ELOCKED:
        return ERR_AGAIN;
    case GIT_EINVALIDSPEC:
    case GIT_EAMBIGUOUS:
        return ERR_INVALID;
    default:
        return ERR_SYSTEM;
    }
}

int repo__err(struct err *e, int rc, const char *fmt, ...)
{
    const git_error *why = git_error_last();
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return err_set(e, code_of(rc), "%s: %s", text, why ? why->message : "unknown git error");
}

static struct repo *wrap(git_repository *git, const char *path)
{
    struct repo *r = calloc(1, sizeof *r);
    char *copy = strdup(path);
    if (!r || !copy)
        abort();
    r->git = git;
    r->path = copy;
    return r;
}

int repo_open(const char *path, struct repo **out, struct err *e)
{
    repo__git_start();
    git_repository *git = NULL;
    int rc = git_repository_open_ext(
        &git, path, GIT_REPOSITORY_OPEN_NO_SEARCH | GIT_REPOSITORY_OPEN_BARE, NULL);
    if (rc < 0)
        return repo__err(e, rc, "open repository %s", path);
    *out = wrap(git, path);
    return 0;
}

int repo_of_folder(const char *folder, struct arena *a, struct repo **out, const char **path,
                   struct err *e)
{
    repo__git_start();
    git_repository *git = NULL;
    char *whole = realpath(folder, NULL);
    const char *real = whole ? arena_strdup(a, whole) : NULL;
    free(whole);
    if (!real)
        return err_sys(e, errno, "folder %s", folder);
    int rc = git_repository_open_ext(&git, real, 0, NULL);
    if (rc < 0)
        return repo__err(e, rc, "find the Git repository of %s", folder);
    const char *root = git_repository_workdir(git); /* ends with a slash */
    size_t n = root ? strlen(root) - 1 : 0;
    if (!root || strncmp(real, root, n) != 0 || (real[n] && real[n] != '/')) {
        git_repository_free(git);
        return err_set(e, ERR_INVALID, "%s is not in a work tree", folder);
    }
    *path = arena_strdup(a, real[n] ? real + n + 1 : "");
    *out = wrap(git, git_repository_path(git));
    return 0;
}

int repo_create(const char *path, const char *branch, struct repo **out, struct err *e)
{
    repo__git_start();
    if (repo_open(path, out, NULL) == 0)
        return 0;
    git_repository_init_options opts;
    (void)git_repository_init_options_init(&opts, GIT_REPOSITORY_INIT_OPTIONS_VERSION);
    opts.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_MKPATH;
    opts.initial_head = branch;
    git_repository *git = NULL;
    int rc = git_repository_init_ext(&git, path, &opts);
    if (rc < 0)
        return repo__err(e, rc, "create repository %s", path);
    *out = wrap(git, path);
    return 0;
}

void repo_free(struct repo *r)
{
    if (!r)
        return;
    git_repository_free(r->git);
    free(r->path);
    free(r);
}

const char *repo_path(const struct repo *r)
{
    return r->path;
}

const char *repo_config_get(struct repo *r, const char *key, struct arena *a)
{
    GUARD(config) git_config *config = NULL;
    git_buf text = GIT_BUF_INIT;
    if (git_repository_config(&config, r->git) < 0 ||
        git_config_get_string_buf(&text, config, key) < 0)
        return NULL;
    const char *copy = arena_strdup(a, text.ptr);
    git_buf_dispose(&text);
    return copy;
}

int repo_config_set(struct repo *r, const char *key, const char *value, struct err *e)
{
    GUARD(config) git_config *config = NULL;
    int rc = git_repository_config(&config, r->git);
    if (rc == 0)
        rc = git_config_set_string(config, key, value);
    return rc < 0 ? repo__err(e, rc, "set %s in %s", key, r->path) : 0;
}

/* ---- names ---- */

static int resolve_constraint(struct repo *r, const struct semver_range *range, struct arena *a,
                              char out[REPO_SHA_MAX], struct err *e)
{
    static const char tags[] = "refs/tags/";
    struct repo_ref *refs;
    size_t n;
    int rc = repo_refs(r, a, &refs, &n, e);
    if (rc < 0)
        return rc;
    const struct repo_ref *best = NULL;
    struct semver newest, version;
    for (size_t i = 0; i < n; i++) {
        if (strncmp(refs[i].name, tags, sizeof tags - 1) != 0 ||
            semver_parse(a, refs[i].name + sizeof tags - 1, &version, NULL) < 0 ||
            !semver_range_has(range, &version) || (best && semver_cmp(&version, &newest) <= 0))
            continue;
        best = &refs[i];
        newest = version;
    }
    if (!best)
        return err_set(e, ERR_NOT_FOUND, "no tag of %s is within the versions asked for", r->path);
    (void)snprintf(out, REPO_SHA_MAX, "%s", best->sha);
    return 0;
}

/* A revision is one name, so git's operators (^ ~ : @{ ..) are not understood here. */
static int resolve_name(struct repo *r, const char *revision, git_object **out)
{
    static const char *const spaces[] = {"%s", "refs/%s", "refs/heads/%s", "refs/tags/%s"};
    for (size_t i = 0; i < ARRAY_LEN(spaces); i++) {
        char name[256];
        GUARD(reference) git_reference *ref = NULL;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        (void)snprintf(name, sizeof name, spaces[i], revision);
#pragma GCC diagnostic pop
        if (git_reference_lookup(&ref, r->git, name) == 0)
            return git_reference_peel(out, ref, GIT_OBJECT_COMMIT);
    }
    size_t len = strlen(revision);
    if (len < 4 || len > 40 || strspn(revision, "0123456789abcdefABCDEF") != len)
        return GIT_ENOTFOUND;
    git_oid id;
    int rc = git_oid_fromstrn(&id, revision, len);
    GUARD(object) git_object *any = NULL;
    if (rc == 0)
        rc = git_object_lookup_prefix(&any, r->git, &id, len, GIT_OBJECT_ANY);
    return rc < 0 ? rc : git_object_peel(out, any, GIT_OBJECT_COMMIT);
}

int repo_resolve(struct repo *r, const char *revision, char out[REPO_SHA_MAX], struct err *e)
{
    if (!revision || !*revision)
        revision = "HEAD";
    GUARD(object) git_object *commit = NULL;
    int rc = strlen(revision) < 200 ? resolve_name(r, revision, &commit) : GIT_ENOTFOUND;
    if (rc == 0) {
        (void)git_oid_tostr(out, REPO_SHA_MAX, git_object_id(commit));
        return 0;
    }
    AUTO(arena) struct arena *a = arena_new(1 << 24);
    struct semver_range *range;
    if (strlen(revision) < 200 && semver_range_parse(a, revision, &range, NULL) == 0)
        return resolve_constraint(r, range, a, out, e);
    if (rc == GIT_ENOTFOUND || rc == GIT_EUNBORNBRANCH || rc == GIT_EINVALIDSPEC)
        return err_set(e, ERR_NOT_FOUND, "revision %.100s is not in %s", revision,
                       basename(r->path));
    return repo__err(e, rc, "revision %s of %s", revision, r->path);
}

int repo_resolve_typed(struct repo *r, const char *revision, char out[REPO_SHA_MAX], struct err *e)
{
    GUARD(object) git_object *named = NULL;
    GUARD(object) git_object *commit = NULL;
    int rc = git_revparse_single(&named, r->git, revision);
    if (rc == 0)
        rc = git_object_peel(&commit, named, GIT_OBJECT_COMMIT);
    if (rc < 0)
        return repo__err(e, rc, "revision %.100s of %s", revision, r->path);
    (void)git_oid_tostr(out, REPO_SHA_MAX, git_object_id(commit));
    return 0;
}

static int add_ref(struct arena *a, git_reference *ref, struct repo_ref *out)
{
    GUARD(object) git_object *commit = NULL;
    const char *name = git_reference_name(ref);
    if (strncmp(name, "refs/heads/", 11) != 0 && strncmp(name, "refs/tags/", 10) != 0)
        return 0;
    if (git_reference_peel(&commit, ref, GIT_OBJECT_COMMIT) < 0)
        return 0; /* a tag of a tree or a blob is no revision */
    char sha[REPO_SHA_MAX];
    (void)git_oid_tostr(sha, sizeof sha, git_object_id(commit));
    *out = (struct repo_ref){arena_strdup(a, name), arena_strdup(a, sha)};
    return 1;
}

static int ref_order(const void *a, const void *b)
{
    return strcmp(((const struct repo_ref *)a)->name, ((const struct repo_ref *)b)->name);
}

int repo_refs(struct repo *r, struct arena *a, struct repo_ref **out, size_t *n, struct err *e)
{
    GUARD(reference_iterator) git_reference_iterator *it = NULL;
    int rc = git_reference_iterator_new(&it, r->git);
    if (rc < 0)
        return repo__err(e, rc, "list the refs of %s", r->path);
    struct repo_ref *list = NULL;
    size_t count = 0, cap = 0;
    git_reference *ref = NULL;
    while ((rc = git_reference_next(&ref, it)) == 0) {
        if (count == cap) {
            size_t more = cap ? cap * 2 : 16;
            list = arena_grow(a, list, cap * sizeof *list, more * sizeof *list);
            cap = more;
        }
        if (count < REPO_ENTRIES_MAX)
            count += (size_t)add_ref(a, ref, &list[count]);
        git_reference_free(ref);
    }
    if (rc != GIT_ITEROVER)
        return repo__err(e, rc, "list the refs of %s", r->path);
    if (count > 1)
        qsort(list, count, sizeof *list, ref_order);
    *out = list;
    *n = count;
    return 0;
}

int repo_head_branch(struct repo *r, struct arena *a, const char **out, struct err *e)
{
    GUARD(reference) git_reference *head = NULL;
    int rc = git_reference_lookup(&head, r->git, "HEAD");
    if (rc < 0)
        return repo__err(e, rc, "HEAD of %s", r->path);
    const char *target = git_reference_symbolic_target(head);
    if (!target || strncmp(target, "refs/heads/", 11) != 0)
        return err_set(e, ERR_NOT_FOUND, "HEAD of %s names no branch", r->path);
    *out = arena_strdup(a, target + 11);
    return 0;
}

int repo_set_head_branch(struct repo *r, const char *branch, struct err *e)
{
    char name[256];
    (void)snprintf(name, sizeof name, "refs/heads/%s", branch);
    int rc = git_repository_set_head(r->git, name);
    return rc < 0 ? repo__err(e, rc, "point HEAD of %s at %s", r->path, branch) : 0;
}
