#include "cli/environment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/resource.h"
#include "base/clock.h"
#include "base/fs.h"
#include "charts/charts.h"
#include "cli/helm.h"
#include "cli/light.h"
#include "render/helm/chart.h"
#include "render/sops/sops.h"
#include "vcs/repo.h"

enum { KEYS_MAX = 1 << 20 };

/* How values of this machine are named to a chart of elsewhere. */
#define HERE "here"

void environment_state_done(struct environment_state *s)
{
    tree_free(s->tree);
    if (!s->elsewhere || s->chart)
        tree_free(s->files); /* a clone's is the remote's */
    tree_free(s->here);
    if (s->remote.clones)
        cli_remote_done(&s->remote);
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
    out->root = "";
    out->dir = path + 1;
    out->label = "work tree";
    out->now_ns = clock_real_ns();
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
    out->root = arena_strndup(a, path ? path : "", n > 0 && *dir ? n - 1 : n);
    out->dir = dir;
    out->label = arena_strndup(a, sha, 8);
    out->now_ns = commit.committer.when_s * 1000000000;
    out->files = tree_of_commit(repo, arena_strdup(a, sha));
    out->repo = take_ptr(repo);
    return 0;
}

struct tree *environment_decrypting(struct tree *files)
{
    static const struct sops_source mine = {my_keys, NULL};
    return sops_tree(files, &mine);
}

/* ---- elsewhere ---- */

static bool is_chart(const char *url)
{
    size_t n = strcspn(url, "?#");
    return strncmp(url, "oci://", 6) == 0 ||
           (strncmp(url, "http", 4) == 0 && n > 4 && strncmp(url + n - 4, ".tgz", 4) == 0);
}

bool environment_is_elsewhere(const char *folder)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct kustomize_repository repo;
    return strstr(folder, "://") ||
           (access(folder, F_OK) < 0 && kustomize_repository_parse(folder, a, &repo, NULL) == 0);
}

/* "web" of "oci://host/charts/web:1.2.3" and of "https://host/web-1.2.3.tgz?x" */
static const char *chart_name(const char *url, struct arena *a)
{
    const char *end = url + strcspn(url, "?#"), *start = memrchr(url, '/', (size_t)(end - url));
    start = start ? start + 1 : url;
    size_t n = (size_t)(end - start), k = 0;
    while (k < n && start[k] != ':' && start[k] != '@' &&
           !(start[k] == '-' && k + 1 < n && start[k + 1] >= '0' && start[k + 1] <= '9'))
        k++;
    return arena_strndup(a, start, k);
}

/* Without the password that may be in it: it stands above differences. */
static const char *shown_url(const char *url, struct arena *a)
{
    const char *colon = strstr(url, "://"), *host = colon ? colon + 3 : NULL;
    const char *at = host ? memrchr(host, '@', strcspn(host, "/?#")) : NULL;
    return at ? arena_printf(a, "%.*s%s", (int)(host - url), url, at + 1) : url;
}

static int chart_state(const char *url, const char *version, struct arena *a,
                       struct environment_state *out, struct err *e)
{
    const struct helm_cli_globals nothing_said = {0};
    const struct charts_files files = helm_cli_files(&nothing_said, a);
    const struct charts_query query = {.chart = url, .version = version};
    struct charts_answer answer;
    int rc = light_chart(&files, &query, NULL, a, &answer, e);
    if (rc < 0)
        return rc;
    out->chart = chart_name(url, a);
    out->dir = "";
    /* a link that is signed has its secret in the query */
    const char *shown = shown_url(answer.url, a);
    out->label = arena_strndup(a, shown, strcspn(shown, "?#"));
    return helm_archive_tree(answer.bytes, answer.n, a, &out->files, e);
}

static int repository_state(const char *url, struct arena *a, struct environment_state *out,
                            struct err *e)
{
    struct kustomize_repository *repo = ARENA_NEW(a, struct kustomize_repository);
    int rc = kustomize_repository_parse(url, a, repo, e);
    if (rc == 0)
        rc = out->remote.base.repository(&out->remote.base, repo, &out->files, e);
    if (rc < 0)
        return rc;
    out->dir = repo->path;
    out->label = shown_url(url, a);
    return 0;
}

static int elsewhere_state(const char *url, const struct environment_opts *o, struct arena *a,
                           struct environment_state *out, struct err *e)
{
    out->elsewhere = true;
    out->root = "";
    out->now_ns = clock_real_ns();
    int rc =
        is_chart(url) ? chart_state(url, o->version, a, out, e) : repository_state(url, a, out, e);
    return rc < 0 ? rc : tree_of_folder("/", &out->here, e);
}

int environment_state(const char *folder, const char *revision, const struct environment_opts *o,
                      struct arena *a, struct environment_state *out, struct err *e)
{
    int rc;
    *out = (struct environment_state){.dir = ""};
    cli_remote_init(&out->remote);
    if (!environment_is_elsewhere(folder))
        rc = revision ? commit_state(folder, revision, a, out, e) : now_state(folder, a, out, e);
    else if (revision)
        rc = err_set(e, ERR_UNSUPPORTED, "%s: a revision of it is named in the URL, as ?ref=%s",
                     folder, revision);
    else
        rc = elsewhere_state(folder, o, a, out, e);
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
    (void)value_push_str(a, list, s->elsewhere ? arena_printf(a, "$" HERE "%s", path) : path + n);
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

int environment_render(struct environment_state *s, const struct environment *env,
                       const struct environment_opts *o, struct arena *a, struct render_result *out,
                       struct err *e)
{
    enum render_tool tool;
    struct value *chart = NULL;
    const char *last = strrchr(env->path, '/'), *folder = last ? last + 1 : env->path;
    const struct render_ref refs[] = {
        {HERE, s->here},
        {NULL, NULL   }
    };
    struct render_opts opts = {
        .path = env->path,
        .release = o->release ? o->release
                   : s->chart ? s->chart
                              : folder,
        .refs = s->elsewhere ? refs : NULL,
        .remote = &s->remote.base,
        .charts = &s->remote.charts,
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
