/* Where an Application's manifests come from: folders of repositories, charts. */
#include "ctl/gitops/app_int.h"
#include "kube/cache.h"
#include "kube/kube.h"

enum { SOURCES_MAX = 64, ASK_AGAIN_MS = 30 * 1000 };

/* ---- which repository ---- */

/* "http://…/git/shop.git" → "shop" for a known prefix, else NULL. */
static const char *under(const char *url, const char *prefix, struct arena *a)
{
    size_t n = prefix ? strlen(prefix) : 0, len = strlen(url);
    if (n == 0 || strncmp(url, prefix, n) != 0)
        return NULL;
    if (len > n + 4 && strcmp(url + len - 4, ".git") == 0)
        len -= 4;
    return arena_strndup(a, url + n, len - n);
}

static const char *hosted_name(const struct app *p, const char *url)
{
    const struct gitops_opts *o = &p->g->opts;
    const char *name = under(url, o->repositories->url, p->a);
    for (const char *const *u = o->urls; !name && u && *u; u++)
        name = under(url, *u, p->a);
    return name ? name : host_name_valid(url) ? url : NULL;
}

static bool same_url(const char *a, const char *b)
{
    size_t na = strlen(a), nb = strlen(b);
    na -= na > 4 && strcmp(a + na - 4, ".git") == 0 ? 4 : 0;
    nb -= nb > 4 && strcmp(b + nb - 4, ".git") == 0 ? 4 : 0;
    return na == nb && memcmp(a, b, na) == 0;
}

static struct gitops_logins logins_of(struct app *p)
{
    const struct object_list secrets = cache_list(p->c->cache, &RES_SECRET, NULL, p->a);
    return (struct gitops_logins){secrets.items, secrets.n, p->ns, p->g->opts.namespace,
                                  value_at_str(p->spec, "project", "default")};
}

/* A Repository object that mirrors the URL; made when there is none. */
static int mirror_of(struct app *p, const char *url, const char **out, struct err *e)
{
    struct object_list all = cache_list(p->c->cache, &RES_REPOSITORY, NULL, p->a);
    const struct gitops_logins logins = logins_of(p);
    struct gitops_login login;
    for (size_t i = 0; i < all.n; i++) {
        const char *theirs = value_at_str(all.items[i]->root, "spec.url", "");
        if (*theirs && same_url(theirs, url)) {
            *out = all.items[i]->name;
            return 0;
        }
    }
    int rc = gitops_login_find(&logins, url, p->a, &login, e);
    if (rc < 0)
        return rc;
    struct value *o = value_new_object(p->a);
    const char *ns = login.user ? login.secret->ns : p->ns;
    const char *name =
        arena_printf(p->a, "mirror-%016llx", (unsigned long long)map_hash(url, strlen(url)));
    (void)value_set_str(p->a, o, "apiVersion", "slipway.dev/v1");
    (void)value_set_str(p->a, o, "kind", "Repository");
    struct value *meta = value_make_object(p->a, o, "metadata");
    (void)value_set_str(p->a, meta, "name", name);
    (void)value_set_str(p->a, meta, "namespace", ns);
    (void)value_set_str(p->a, value_make_object(p->a, o, "spec"), "url", url);
    if (login.user)
        (void)value_set_str(p->a, value_make_object(p->a, o, "spec.secretRef"), "name",
                            login.secret->name);
    rc = kube_create(p->c->kube, &RES_REPOSITORY, ns, o, NULL, e);
    if (rc < 0 && rc != ERR_EXISTS)
        return rc;
    *out = name;
    return 0;
}

static void free_repo(void *repo)
{
    repo_free(repo);
}

static int open_git(struct app *p, struct app_source *s, struct err *e)
{
    const char *url = value_at_str(s->doc, "repoURL", ""), *name = hosted_name(p, url);
    int rc = name ? 0 : mirror_of(p, url, &name, e);
    if (rc < 0)
        return rc;
    rc = repo_open(repository_path(p->g->opts.repositories, name, p->a), &s->repo, e);
    if (rc == ERR_NOT_FOUND)
        return err_set(e, ERR_NOT_FOUND, "repository %s is not here (yet)", url);
    if (rc < 0)
        return rc;
    arena_defer(p->a, free_repo, s->repo);
    s->repository = name;
    AUTO(object) struct object *owner = NULL;
    const char *ns, *owner_name;
    if (repository_owner(p->g->opts.repositories, name, p->a, &ns, &owner_name, NULL) < 0 ||
        kube_get(p->c->kube, &RES_REPOSITORY, ns, owner_name, &owner, NULL) < 0)
        return 0;
    s->writable = !*value_at_str(owner->root, "spec.url", "");
    const char *why = value_at_str(object_condition(owner->root, "Ready"), "message", "");
    s->why = *why ? arena_printf(p->a, "Repository %s/%s: %s", ns, owner_name, why) : "";
    return 0;
}

static int open_chart(struct app *p, struct app_source *s, struct err *e)
{
    const struct gitops_logins logins = logins_of(p);
    if (!p->g->opts.charts)
        return err_set(e, ERR_UNSUPPORTED, "%s.chart is not offered here", s->path);
    s->chart = true;
    int rc = gitops_chart_wish(&logins, s->doc, s->path, p->a, &s->wish, e);
    s->wish.fresh = strcmp(note_of(p->obj->root, "argocd.argoproj.io/refresh"), "hard") == 0;
    return rc;
}

/* ---- one source ---- */

static int check_known(const struct app_source *s, struct err *e)
{
    static const char *const known[] = {"repoURL",   "path", "targetRevision", "directory", "chart",
                                        "kustomize", "helm", "name",           "ref"};
    VALUE_EACH_MEMBER (m, s->doc) {
        bool found = value_count(&m->value) == 0;
        for (size_t i = 0; i < ARRAY_LEN(known); i++)
            found |= strcmp(known[i], m->key) == 0;
        if (!found)
            return err_set(e, ERR_UNSUPPORTED, "%s.%s is not offered here yet", s->path, m->key);
    }
    return 0;
}

static int check_source(const struct app_source *s, struct err *e)
{
    static const char *const of_git[] = {"path", "directory", "kustomize", "ref"};
    int rc = check_known(s, e);
    if (rc < 0)
        return rc;
    if (!*value_at_str(s->doc, "repoURL", ""))
        return err_set(e, ERR_INVALID, "%s.repoURL is missing", s->path);
    const char *path = value_at_str(s->doc, "path", "");
    bool chart = *value_at_str(s->doc, "chart", "");
    for (size_t i = strcmp(path, ".") == 0; chart && i < ARRAY_LEN(of_git); i++)
        if (value_count(value_get(s->doc, of_git[i])) > 0)
            return err_set(e, ERR_INVALID, "%s: a chart of a repository has no %s", s->path,
                           of_git[i]);
    if (!chart && strncmp(value_at_str(s->doc, "repoURL", ""), "oci://", 6) == 0)
        return err_set(e, ERR_UNSUPPORTED, "%s: of a registry, charts are offered only: set chart",
                       s->path);
    return 0;
}

static int open_source(struct app *p, struct app_source *s, struct err *e)
{
    int rc = check_source(s, e);
    if (rc == 0)
        rc = project_check_source(p, value_at_str(s->doc, "repoURL", ""), e);
    if (rc < 0)
        return rc;
    bool chart = *value_at_str(s->doc, "chart", "");
    s->ref = value_at_str(s->doc, "ref", "");
    s->renders = chart || !*s->ref || value_get(s->doc, "path");
    s->why = "";
    return chart ? open_chart(p, s, e) : open_git(p, s, e);
}

/* ---- all of them ---- */

int app_sources_open(struct app *p, const struct value *doc, struct app_sources *out, struct err *e)
{
    bool many = value_is(doc, VALUE_ARRAY);
    struct app_sources s = {.doc = doc, .many = many, .n = many ? value_count(doc) : 1};
    int rc = 0;
    if (!value_is(doc, VALUE_ARRAY) && !value_is(doc, VALUE_OBJECT))
        return err_set(e, ERR_INVALID, "spec.source is missing");
    if (s.n > SOURCES_MAX)
        return err_set(e, ERR_TOO_LARGE, "spec.sources has more than %d entries", SOURCES_MAX);
    s.items = ARENA_ARRAY(p->a, struct app_source, s.n);
    for (size_t i = 0; rc == 0 && i < s.n; i++) {
        s.items[i].doc = many ? value_item(doc, i) : doc;
        s.items[i].path = many ? arena_printf(p->a, "spec.sources[%zu]", i) : "spec.source";
        rc = open_source(p, &s.items[i], e);
    }
    if (rc == 0)
        *out = s;
    return rc;
}

static int look_at(struct app *p, struct app_source *s, struct err *e)
{
    char sha[REPO_SHA_MAX];
    if (!s->chart) {
        int rc = repo_resolve(s->repo, value_at_str(s->doc, "targetRevision", "HEAD"), sha, e);
        if (rc == ERR_NOT_FOUND && *s->why)
            return err_wrap(e, rc, "%s", s->why);
        s->head = arena_strdup(p->a, sha);
        return rc;
    }
    struct charts_wish now = s->wish;
    now.fresh = *note_of(p->obj->root, "argocd.argoproj.io/refresh");
    int rc = charts_store_version(p->g->opts.charts, &now, p->a, &s->head, e);
    if (rc < 0)
        app_soon(p, ASK_AGAIN_MS);
    /* A repository that does not answer is said, not waited for in silence. */
    return rc == ERR_AGAIN || rc == ERR_TIMEOUT ? ERR_NOT_FOUND : rc;
}

int app_sources_look(struct app *p, struct app_sources *s, struct err *e)
{
    const char **parts = ARENA_ARRAY(p->a, const char *, s->n);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < s->n; i++) {
        rc = look_at(p, &s->items[i], e);
        parts[i] = s->items[i].head;
    }
    if (rc == 0)
        s->head = revision_join(p->a, parts, s->n);
    return rc;
}
