#include "cli/application.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "cli/environment.h"
#include "cli/verb.h"
#include "ctl/gitops/render_opts.h"
#include "vcs/host.h"
#include "vcs/repo.h"

/* ---- the repository ---- */

/* "http://127.0.0.1:3000/git/shop.git" → "shop"; NULL: it is not of a host like ours. */
static const char *hosted_name(const char *url, struct arena *a)
{
    const char *at = strstr(url, "/git/"), *name = at ? at + strlen("/git/") : url;
    size_t n = strlen(name);
    if (n > 4 && strcmp(name + n - 4, ".git") == 0)
        n -= 4;
    name = arena_strndup(a, name, n);
    return host_name_valid(name) ? name : NULL;
}

static int open_hosted(const char *url, struct arena *a, struct repo **out)
{
    const char *name = hosted_name(url, a);
    if (!name)
        return ERR_NOT_FOUND;
    return repo_open(arena_printf(a, "%s/git/%s.git", verb_data_dir(NULL), name), out, NULL);
}

/* *folder is to be removed. */
static int fetch(const char *url, const char *token, struct arena *a, struct repo **out,
                 const char **folder, struct err *e)
{
    const char *tmp = getenv("TMPDIR");
    char *made = arena_printf(a, "%s/slipway-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(made))
        return err_set(e, ERR_SYSTEM, "make a folder for the repository in %s", tmp ? tmp : "/tmp");
    *folder = made;
    struct repo_remote from = {.url = url, .user = token ? "slipway" : NULL, .password = token};
    int rc = repo_create(arena_printf(a, "%s/repo.git", made), "main", out, e);
    if (rc == 0)
        rc = repo_fetch_mirror(*out, &from, e);
    return rc < 0 ? err_wrap(e, rc, "fetch %s", url) : 0;
}

/* ---- rendering ---- */

static int find_source(const struct value *spec, const struct value **out, struct err *e)
{
    int rc = gitops_find_source(spec, out, e);
    if (rc < 0)
        return rc;
    if (!*value_at_str(*out, "repoURL", ""))
        return err_set(e, ERR_INVALID, "spec.source.repoURL is missing");
    if (*value_at_str(*out, "chart", ""))
        return err_set(e, ERR_UNSUPPORTED,
                       "the source is a chart of a repository: render it with "
                       "`slipway helm template`");
    return 0;
}

static int render(struct kube *k, struct repo *repo, const struct application_ask *ask,
                  const struct value *spec, const struct value *source, struct arena *a,
                  struct application_preview *out, struct err *e)
{
    char sha[REPO_SHA_MAX];
    const char *revision =
        ask->revision ? ask->revision : value_at_str(source, "targetRevision", "HEAD");
    int rc = repo_resolve(repo, revision, sha, e);
    if (rc < 0 && ask->revision)
        rc = repo_resolve_typed(repo, revision, sha, e);
    if (rc < 0)
        return rc;
    AUTO(tree) struct tree *files = tree_of_commit(repo, arena_strdup(a, sha));
    AUTO(tree) struct tree *t = environment_decrypting(files);
    struct gitops_source s = {k, repo, arena_strdup(a, sha), ask->name, spec, source};
    struct render_opts opts;
    struct render_result r;
    rc = gitops_render_opts(&s, t, a, &opts, e);
    if (rc == 0)
        rc = render_objects(t, &opts, a, &r, e);
    if (rc < 0)
        return rc;
    out->objects = r.objects;
    out->n = r.n;
    out->commit = arena_strndup(a, sha, 8);
    return 0;
}

int application_preview(struct kube *k, const struct application_ask *ask, struct arena *a,
                        struct application_preview *out, struct err *e)
{
    AUTO(object) struct object *app = NULL;
    AUTO(repo) struct repo *repo = NULL;
    const struct value *source;
    const char *folder = NULL;
    int rc = kube_get(k, &RES_APPLICATION, ask->ns, ask->name, &app, e);
    if (rc < 0)
        return rc;
    const struct object *held = object_hold(a, app);
    const struct value *spec = value_get(held->root, "spec");
    *out = (struct application_preview){
        .resources = value_at(held->root, "status.resources"),
        .ns = value_at_str(spec, "destination.namespace", "default"),
    };
    rc = find_source(spec, &source, e);
    if (rc < 0)
        return err_wrap(e, rc, "Application %s/%s", ask->ns, ask->name);
    const char *url = value_at_str(source, "repoURL", "");
    if (open_hosted(url, a, &repo) < 0)
        rc = fetch(url, ask->token, a, &repo, &folder, e);
    if (rc == 0)
        rc = render(k, repo, ask, spec, source, a, out, e);
    if (folder)
        (void)!fs_remove_tree(folder, NULL);
    return rc < 0 ? err_wrap(e, rc, "Application %s/%s", ask->ns, ask->name) : 0;
}
