#include "cli/environment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/resource.h"
#include "base/clock.h"
#include "base/fs.h"
#include "render/sops/sops.h"
#include "vcs/repo.h"

enum { KEYS_MAX = 1 << 20 };

void environment_state_done(struct environment_state *s)
{
    tree_free(s->tree);
    tree_free(s->files);
    repo_free(s->repo);
}

static const char *absolute(const char *path, struct arena *a)
{
    char *whole = realpath(path, NULL);
    const char *copy = whole ? arena_strdup(a, whole) : NULL;
    free(whole);
    return copy;
}

/* Where sops itself looks for keys. */
static int my_keys(void *arg, struct arena *a, struct sops_keys *out, struct err *e)
{
    (void)arg;
    struct age_identity *list = NULL;
    size_t n = 0, n_text;
    char *text;
    const char *given = getenv("SOPS_AGE_KEY"), *file = getenv("SOPS_AGE_KEY_FILE");
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (!file && config && *config)
        file = arena_printf(a, "%s/sops/age/keys.txt", config);
    else if (!file && home)
        file = arena_printf(a, "%s/.config/sops/age/keys.txt", home);
    int rc = given ? sops_identities(given, strlen(given), a, &list, &n, e) : 0;
    if (rc == 0 && file && access(file, F_OK) == 0) {
        rc = fs_read(file, KEYS_MAX, a, &text, &n_text, e);
        if (rc == 0)
            rc = sops_identities(text, n_text, a, &list, &n, e);
        if (rc < 0)
            rc = err_wrap(e, rc, "%s", file);
    }
    *out = (struct sops_keys){list, n, sops_ring(a), file ? file : "$SOPS_AGE_KEY_FILE"};
    return rc;
}

/* Bases may lie anywhere, so the tree is all of the machine's, and the folder a path in it. */
static int now_state(const char *folder, struct arena *a, struct environment_state *out,
                     struct err *e)
{
    const char *path = absolute(folder, a);
    if (!path)
        return err_set(e, ERR_NOT_FOUND, "folder %s: %s", folder, strerror(errno));
    *out = (struct environment_state){
        .root = "", .dir = path + 1, .label = "work tree", .now_ns = clock_real_ns()};
    return tree_of_folder("/", &out->files, e);
}

static int commit_state(const char *folder, const char *revision, struct arena *a,
                        struct environment_state *out, struct err *e)
{
    AUTO(repo) struct repo *repo = NULL;
    struct repo_commit commit;
    char sha[REPO_SHA_MAX];
    const char *dir;
    int rc = repo_of_folder(folder, a, &repo, &dir, e);
    if (rc == 0)
        rc = repo_resolve_typed(repo, revision, sha, e);
    if (rc == 0)
        rc = repo_commit_read(repo, sha, a, &commit, e);
    if (rc < 0)
        return rc;
    const char *path = absolute(folder, a);
    size_t n = path ? strlen(path) - strlen(dir) : 0;
    *out = (struct environment_state){
        .root = arena_strndup(a, path ? path : "", n > 0 && *dir ? n - 1 : n),
        .dir = dir,
        .label = arena_strndup(a, sha, 8),
        .now_ns = commit.committer.when_s * 1000000000,
    };
    out->files = tree_of_commit(repo, arena_strdup(a, sha));
    out->repo = take_ptr(repo);
    return 0;
}

struct tree *environment_decrypting(struct tree *files)
{
    static const struct sops_source mine = {my_keys, NULL};
    return sops_tree(files, &mine);
}

int environment_state(const char *folder, const char *revision, struct arena *a,
                      struct environment_state *out, struct err *e)
{
    int rc = revision ? commit_state(folder, revision, a, out, e) : now_state(folder, a, out, e);
    if (rc == 0)
        out->tree = environment_decrypting(out->files);
    return rc;
}

int environment_list(const struct environment_state *s, const struct environment_opts *o,
                     struct arena *a, struct environment **out, size_t *n, struct err *e)
{
    if (o->all)
        return environments_find(s->tree, s->dir, a, out, n, e);
    struct environment *one = ARENA_ARRAY(a, struct environment, 1);
    *one = (struct environment){.name = ".", .path = s->dir};
    *out = one;
    *n = 1;
    return 0;
}

/* A file that the person named, as a chart's source names it: from the tree's root. */
static int add_file(const struct environment_state *s, const char *file, struct arena *a,
                    struct value *list, struct err *e)
{
    const char *path = absolute(file, a);
    size_t n = strlen(s->root);
    if (!path)
        return err_set(e, ERR_NOT_FOUND, "%s: %s", file, strerror(errno));
    if (strncmp(path, s->root, n) != 0 || path[n] != '/')
        return err_set(e, ERR_INVALID, "%s is not in the work tree %s", file, s->root);
    (void)value_push_str(a, list, path + n);
    return 0;
}

static int chart_source(const struct environment_state *s, const struct environment *env,
                        const struct environment_opts *o, struct arena *a, struct value **out,
                        struct err *e)
{
    struct value *source = value_new_object(a);
    struct value *files = value_make_array(a, source, "valueFiles");
    if (env->values)
        (void)value_push_str(a, files, env->values);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < o->values.n; i++)
        rc = add_file(s, o->values.items[i], a, files, e);
    struct value *sets = value_make_array(a, source, "parameters");
    for (size_t i = 0; rc == 0 && i < o->sets.n; i++) {
        const char *text = o->sets.items[i], *equals = strchr(text, '=');
        if (!equals)
            return err_set(e, ERR_INVALID, "--set %s: NAME=VALUE is expected", text);
        struct value *one = value_push(a, sets, value_new_object(a));
        (void)value_set(a, one, "name", value_new_strn(a, text, (size_t)(equals - text)));
        (void)value_set_str(a, one, "value", equals + 1);
    }
    *out = source;
    return rc;
}

int environment_render(const struct environment_state *s, const struct environment *env,
                       const struct environment_opts *o, struct arena *a, struct render_result *out,
                       struct err *e)
{
    enum render_tool tool;
    struct value *chart = NULL;
    const char *last = strrchr(env->path, '/');
    struct render_opts opts = {
        .path = env->path,
        .release = o->release ? o->release
                   : last     ? last + 1
                              : env->path,
        .namespace = o->namespace ? o->namespace : "default",
        .kube_version = API_KUBE_VERSION,
        .now_ns = s->now_ns,
    };
    int rc = render_detect(s->tree, env->path, &tool, e);
    if (rc == 0 && tool == RENDER_HELM)
        rc = chart_source(s, env, o, a, &chart, e);
    opts.helm = chart;
    return rc < 0 ? rc : render_objects(s->tree, &opts, a, out, e);
}
