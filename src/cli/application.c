#include "cli/application.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "cli/environment.h"
#include "cli/verb.h"
#include "ctl/gitops/login.h"
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

/* ---- sources ---- */

/* One of the Application's sources, open. */
struct part {
    struct gitops_source source;
    struct repo *repo;  /* NULL: a chart of a repository */
    const char *folder; /* of a clone, to be removed */
    struct tree *files, *plain;
};

struct preview {
    struct kube *kube;
    const struct application_ask *ask;
    const struct value *app, *spec;
    struct arena *a;
    struct charts_store *charts;
    struct part *parts;
    size_t n;
};

static void close_parts(struct preview *p)
{
    for (size_t i = 0; i < p->n; i++) {
        tree_free(p->parts[i].plain);
        tree_free(p->parts[i].files);
        repo_free(p->parts[i].repo);
        if (p->parts[i].folder)
            (void)!fs_remove_tree(p->parts[i].folder, NULL);
    }
    charts_store_free(p->charts);
}

static int open_git(struct preview *p, struct part *t, struct err *e)
{
    const char *url = value_at_str(t->source.source, "repoURL", "");
    const char *revision = p->ask->revision
                               ? p->ask->revision
                               : value_at_str(t->source.source, "targetRevision", "HEAD");
    char sha[REPO_SHA_MAX];
    int rc = open_hosted(url, p->a, &t->repo);
    if (rc < 0)
        rc = fetch(url, p->ask->token, p->a, &t->repo, &t->folder, e);
    if (rc == 0)
        rc = repo_resolve(t->repo, revision, sha, e);
    if (rc < 0 && t->repo && p->ask->revision)
        rc = repo_resolve_typed(t->repo, revision, sha, e);
    if (rc < 0)
        return rc;
    t->source.repo = t->repo;
    t->source.revision = arena_strdup(p->a, sha);
    t->files = tree_of_commit(t->repo, t->source.revision);
    return 0;
}

/* Argo CD's Secrets, as far as this user may read them. */
static void find_logins(struct preview *p, struct gitops_logins *out)
{
    const char *places[] = {p->ask->ns, "argocd"};
    struct kube_list_opts opts = {.labels = "argocd.argoproj.io/secret-type"};
    *out = (struct gitops_logins){
        .ns = p->ask->ns, .home = "argocd", .project = value_at_str(p->spec, "project", "default")};
    for (size_t i = 0; i < 1 + (strcmp(places[0], places[1]) != 0); i++) {
        struct kube_list l;
        if (kube_list(p->kube, &RES_SECRET, places[i], &opts, &l, NULL) < 0)
            continue;
        const struct object **all = ARENA_ARRAY(p->a, const struct object *, out->n + l.n);
        for (size_t k = 0; k < out->n + l.n; k++)
            all[k] = k < out->n ? out->secrets[k] : object_hold(p->a, l.items[k - out->n]);
        out->secrets = all;
        out->n += l.n;
        kube_list_done(&l);
    }
}

static int open_chart(struct preview *p, struct part *t, struct err *e)
{
    struct gitops_logins logins;
    struct charts_wish wish;
    const char *archive;
    size_t n;
    find_logins(p, &logins);
    int rc = gitops_chart_wish(&logins, t->source.source, "spec.source", p->a, &wish, e);
    if (rc == 0 && p->ask->revision)
        wish.version = p->ask->revision;
    if (rc == 0)
        rc = charts_store_version(p->charts, &wish, p->a, &wish.version, e);
    if (rc == 0)
        rc = charts_store_get(p->charts, &wish, p->a, &archive, &n, e);
    t->source.revision = wish.version;
    return rc < 0 ? rc
                  : gitops_chart_tree(archive, n, p->app, p->a, &t->files, &t->source.now_s, e);
}

static int open_parts(struct preview *p, const struct value *many, struct err *e)
{
    const struct charts_store_opts nothing_kept = {.clock = &clock_system};
    int rc = charts_store_open(&nothing_kept, &p->charts, e);
    if (rc == 0 && p->ask->revision && p->n > 1)
        return err_set(e, ERR_UNSUPPORTED, "--revision: it has %zu sources, which one is meant?",
                       p->n);
    for (size_t i = 0; rc == 0 && i < p->n; i++) {
        struct part *t = &p->parts[i];
        t->source = (struct gitops_source){.kube = p->kube, .name = p->ask->name, .spec = p->spec};
        t->source.source = many ? value_item(many, i) : value_get(p->spec, "source");
        if (!*value_at_str(t->source.source, "repoURL", ""))
            return err_set(e, ERR_INVALID, "spec.source%s.repoURL is missing", many ? "s" : "");
        rc = *value_at_str(t->source.source, "chart", "") ? open_chart(p, t, e) : open_git(p, t, e);
        if (rc == 0)
            t->plain = environment_decrypting(t->files);
    }
    return rc;
}

/* ---- rendering ---- */

static const struct render_ref *refs_of(const struct preview *p)
{
    struct render_ref *refs = ARENA_ARRAY(p->a, struct render_ref, p->n + 1);
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) {
        const char *name = value_at_str(p->parts[i].source.source, "ref", "");
        if (*name)
            refs[n++] = (struct render_ref){name, p->parts[i].plain};
    }
    return refs;
}

static int render_part(struct preview *p, const struct part *t, struct application_preview *out,
                       struct err *e)
{
    struct render_opts opts;
    struct render_result r;
    const struct value *source = t->source.source;
    if (*value_at_str(source, "ref", "") && !value_get(source, "path"))
        return 0;
    int rc = gitops_render_opts(&t->source, t->plain, p->a, &opts, e);
    opts.refs = refs_of(p);
    if (rc == 0)
        rc = render_objects(t->plain, &opts, p->a, &r, e);
    if (rc < 0)
        return rc;
    size_t size = sizeof(struct value *);
    out->objects = arena_grow(p->a, out->objects, out->n * size, (out->n + r.n) * size);
    if (r.n)
        memcpy(out->objects + out->n, r.objects, r.n * size);
    out->n += r.n;
    return 0;
}

static int render(struct preview *p, struct application_preview *out, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < p->n; i++) {
        const struct part *t = &p->parts[i];
        const char *revision =
            t->repo ? arena_strndup(p->a, t->source.revision, 8) : t->source.revision;
        out->commit = i ? arena_printf(p->a, "%s, %s", out->commit, revision) : revision;
        rc = render_part(p, t, out, e);
    }
    return rc;
}

int application_preview(struct kube *k, const struct application_ask *ask, struct arena *a,
                        struct application_preview *out, struct err *e)
{
    AUTO(object) struct object *app = NULL;
    int rc = kube_get(k, &RES_APPLICATION, ask->ns, ask->name, &app, e);
    if (rc < 0)
        return rc;
    const struct object *held = object_hold(a, app);
    const struct value *spec = value_get(held->root, "spec"), *many = gitops_sources_of(spec);
    *out = (struct application_preview){
        .resources = value_at(held->root, "status.resources"),
        .ns = value_at_str(spec, "destination.namespace", "default"),
    };
    if (!value_is(many, VALUE_ARRAY))
        many = NULL;
    struct preview p = {.kube = k,
                        .ask = ask,
                        .app = held->root,
                        .spec = spec,
                        .a = a,
                        .n = many ? value_count(many) : 1};
    p.parts = ARENA_ARRAY(a, struct part, p.n);
    rc = open_parts(&p, many, e);
    if (rc == 0)
        rc = render(&p, out, e);
    close_parts(&p);
    return rc < 0 ? err_wrap(e, rc, "Application %s/%s", ask->ns, ask->name) : 0;
}
