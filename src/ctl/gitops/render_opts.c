/* How an Application's source is rendered. */
#include "ctl/gitops/render_opts.h"

#include <string.h>

#include "base/clock.h"
#include "kube/kube.h"
#include "render/helm/chart.h"
#include "vcs/repo.h"

const struct value *gitops_sources_of(const struct value *spec)
{
    const struct value *many = value_get(spec, "sources");
    return value_count(many) > 0 ? many : value_get(spec, "source");
}

/* ---- what charts may ask for beside their values ---- */

static void add_kind(struct arena *a, const char **list, size_t *n, const char *version,
                     const char *kind)
{
    list[(*n)++] = version;
    list[(*n)++] = arena_printf(a, "%s/%s", version, kind);
}

static void add_definition(struct arena *a, const char **list, size_t *n, const struct value *crd)
{
    VALUE_EACH_ITEM (v, value_at(crd, "spec.versions"))
        if (value_at_bool(v, "served", false))
            add_kind(a, list, n,
                     arena_printf(a, "%s/%s", value_at_str(crd, "spec.group", ""),
                                  value_at_str(v, "name", "")),
                     arena_strdup(a, value_at_str(crd, "spec.names.kind", "")));
}

/* Groups, versions and kinds of the API: what is built in and what CRDs add. */
static int api_versions(struct kube *k, struct arena *a, struct render_opts *o, struct err *e)
{
    struct kube_list crds;
    int rc = kube_list(k, &RES_CRD, NULL, NULL, &crds, e);
    if (rc < 0)
        return rc;
    size_t max = 0, n = 0;
    for (const struct resource *const *r = RESOURCES; *r; r++)
        max++;
    for (size_t i = 0; i < crds.n; i++)
        max += value_count(value_at(crds.items[i]->root, "spec.versions"));
    const char **list = ARENA_ARRAY(a, const char *, 2 * max + 1);
    for (const struct resource *const *r = RESOURCES; *r; r++)
        add_kind(a, list, &n, resource_api_version(*r, a), (*r)->kind);
    for (size_t i = 0; i < crds.n; i++)
        add_definition(a, list, &n, crds.items[i]->root);
    kube_list_done(&crds);
    o->api_versions = list;
    o->n_api_versions = n;
    return 0;
}

static const struct render_variable *variables(const struct gitops_source *p, struct arena *a)
{
    const struct render_variable list[] = {
        {"ARGOCD_APP_NAME",             p->name                                    },
        {"ARGOCD_APP_NAMESPACE",        value_at_str(p->spec,                        "destination.namespace", "")},
        {"ARGOCD_APP_PROJECT_NAME",                          value_at_str(p->spec,                                                                     "project", "default")},
        {"ARGOCD_APP_REVISION",p->revision},
        {"ARGOCD_APP_REVISION_SHORT",                             arena_strndup(a,                                                    p->revision, 7)},
        {"ARGOCD_APP_REVISION_SHORT_8",                             arena_strndup(a,                                                                                                 p->revision, 8)},
        {"ARGOCD_APP_SOURCE_PATH",                  value_at_str(p->source,        "path", "")},
        {"ARGOCD_APP_SOURCE_REPO_URL", value_at_str(p->source, "repoURL", "")},
        {"ARGOCD_APP_SOURCE_TARGET_REVISION",                           value_at_str(p->source,                                                                      "targetRevision", "")},
        {NULL,NULL                   },
    };
    return arena_dup(a, list, sizeof list);
}

/* A chart's time is its commit's: the same revision gives the same objects. */
static int chart_options(const struct gitops_source *s, struct arena *a, struct render_opts *o,
                         struct err *e)
{
    struct repo_commit commit = {.committer = {.when_s = s->now_s}};
    int rc = s->repo ? repo_commit_read(s->repo, s->revision, a, &commit, e) : 0;
    if (rc < 0)
        return rc;
    o->now_ns = commit.committer.when_s * 1000000000;
    o->variables = variables(s, a);
    return api_versions(s->kube, a, o, e);
}

int gitops_chart_tree(const char *archive, size_t n, const struct value *application,
                      struct arena *a, struct tree **out, int64_t *now_s, struct err *e)
{
    int64_t made_ns = 0, packed_s = helm_archive_time(archive, n);
    int rc = helm_archive_tree(archive, n, a, out, e);
    if (rc < 0)
        return rc;
    const char *made = value_at_str(application, "metadata.creationTimestamp", "");
    if (*made && clock_parse_rfc3339(made, &made_ns, NULL) < 0)
        made_ns = 0;
    *now_s = made_ns / 1000000000 > packed_s ? made_ns / 1000000000 : packed_s;
    return 0;
}

int gitops_render_opts(const struct gitops_source *s, struct tree *t, struct arena *a,
                       struct render_opts *out, struct err *e)
{
    enum render_tool tool;
    const char *path;
    *out = (struct render_opts){
        .path = value_at_str(s->source, "path", ""),
        .directory = value_get(s->source, "directory"),
        .kustomize = value_get(s->source, "kustomize"),
        .helm = value_get(s->source, "helm"),
        .release = s->name,
        .namespace = value_at_str(s->spec, "destination.namespace", "default"),
        .kube_version = API_KUBE_VERSION,
    };
    if (tree_join(a, "", out->path, &path, NULL) < 0 || render_detect(t, path, &tool, NULL) < 0 ||
        tool == RENDER_DIRECTORY)
        return 0; /* rendering says what is wrong */
    return chart_options(s, a, out, e);
}
