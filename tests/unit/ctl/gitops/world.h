/* world.h - a repository, an Application and an API: the one in memory, or with -DREAL_API the real
 * one (defaults, validation, field ownership). */
#pragma once
#include "ctl/gitops/gitops.h"

#include "base/fs.h"
#include "codec/json.h"
#include "codec/yaml.h"
#include "kube/fake.h"
#include "t.h"
#include "vcs/repo.h"
#ifdef REAL_API
#include "apiserver/local.h"
#endif

struct world {
    char dir[64];
    struct arena *a;
    struct kube *kube;
    struct fake_clock clock;
    struct runner *runner;
    struct repository_opts repositories;
    struct charts_store *charts;
    struct gitops *gitops;
    int commits; /* made by the controller */
};

#ifdef REAL_API
static struct store *store;
static struct apiserver *server;

static inline struct kube *api_new(const struct clock *clock)
{
    struct apiserver_opts opts = {.clock = clock};
    struct err e = {0};
    T_RC(store_open(NULL, &store, &e), &e, "store");
    opts.store = store;
    T_RC(apiserver_new(&opts, &server, &e), &e, "server");
    return kube_local_new(server, "test", NULL);
}

static inline void api_free(struct kube *k)
{
    apiserver_stop(server);
    kube_free(k);
    apiserver_free(server);
    store_free(store);
}
#else
static inline struct kube *api_new(const struct clock *clock)
{
    return kube_fake_new(clock);
}

static inline void api_free(struct kube *k)
{
    kube_free(k);
}
#endif

static inline void load(struct world *w, const char *text)
{
    struct value **docs;
    size_t n;
    struct err e = {0};
    T_RC(yaml_parse_all(w->a, text, strlen(text), 0, &docs, &n, &e), &e, text);
    for (size_t i = 0; i < n; i++) {
        const struct resource *res;
        T_RC(kube_find(w->kube, value_at_str(docs[i], "apiVersion", ""),
                       value_at_str(docs[i], "kind", ""), &res, &e),
             &e, text);
        T_RC(kube_create(w->kube, res, value_at_str(docs[i], "metadata.namespace", ""), docs[i],
                         NULL, &e),
             &e, text);
    }
}

static inline void committed(void *arg, const char *repository)
{
    struct world *w = arg;
    w->commits++;
    runner_kick(w->runner, "repository", "argocd", repository);
}

#define NAMESPACES                                                                                 \
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: argocd}\n---\n"                             \
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: web}\n"
#define REPOSITORY                                                                                 \
    "apiVersion: slipway.dev/v1\nkind: Repository\n"                                               \
    "metadata: {name: infra, namespace: argocd}\nspec: {}\n"

static inline void setup(struct world *w)
{
    memset(w, 0, sizeof *w);
    (void)snprintf(w->dir, sizeof w->dir, "/tmp/slipway-gitops-XXXXXX");
    T_OK(mkdtemp(w->dir) != NULL, "mkdtemp");
    w->a = arena_new((size_t)64 << 20);
    fake_clock_init(&w->clock, 1700000000000);
    w->kube = api_new(&w->clock.clock);
    w->repositories =
        (struct repository_opts){arena_printf(w->a, "%s/git", w->dir), "http://h/git/"};
    const struct charts_store_opts charts = {arena_printf(w->a, "%s/charts", w->dir),
                                             &w->clock.clock, 0};
    struct err e = {0};
    T_RC(charts_store_open(&charts, &w->charts, &e), &e, "charts");
    struct gitops_opts opts = {.repositories = &w->repositories,
                               .charts = w->charts,
                               .wave_delay_ms = -1,
                               .committed = committed,
                               .arg = w};
    w->gitops = gitops_new(&opts);
    w->runner = runner_new(w->kube, &w->clock.clock, 0);
    runner_add(w->runner, &repository_controller, &w->repositories);
    runner_add(w->runner, &application_controller, w->gitops);
    runner_add(w->runner, &revisions_controller, w->gitops);
    load(w, NAMESPACES);
    load(w, REPOSITORY);
    (void)runner_settle(w->runner, 1000);
}

static inline void teardown(struct world *w)
{
    runner_free(w->runner);
    gitops_free(w->gitops);
    charts_store_free(w->charts);
    api_free(w->kube);
    arena_free(w->a);
    (void)!fs_remove_tree(w->dir, NULL);
}

static inline void settle(struct world *w)
{
    for (int i = 0; i < 40; i++) {
        (void)runner_settle(w->runner, 2000);
        fake_clock_move(&w->clock, 250);
    }
}

struct file_edit {
    const char *path, *text; /* text NULL: removed */
};

static inline int draft(void *arg, struct repo *r, const char *parent, struct arena *a,
                        struct repo_draft *out, struct err *e)
{
    const struct file_edit *f = arg;
    struct repo_edit *edits = ARENA_ARRAY(a, struct repo_edit, 16);
    size_t n = 0;
    (void)r, (void)parent, (void)e;
    for (; f[n].path; n++)
        edits[n] = (struct repo_edit){.kind = f[n].text ? REPO_WRITE : REPO_REMOVE,
                                      .path = f[n].path,
                                      .bytes = f[n].text,
                                      .n = f[n].text ? strlen(f[n].text) : 0};
    *out = (struct repo_draft){edits, n,
                               "a change\n\nSlipway-App-Commit: "
                               "1111111111111111111111111111111111111111\n"};
    return 0;
}

/* Pushes files to infra; the commit. */
static inline const char *push(struct world *w, struct file_edit *files)
{
    AUTO(repo) struct repo *r = NULL;
    struct err e = {0};
    char sha[REPO_SHA_MAX] = "";
    bool changed;
    struct repo_commit_opts o = {
        .branch = "main", .author = {"t", "t@x", 1}
    };
    T_RC(repo_open(repository_path(&w->repositories, "infra", w->a), &r, &e), &e, "open");
    T_RC(repo_commit_edit(r, &o, draft, files, sha, &changed, &e), &e, "push");
    runner_kick(w->runner, "repository", "argocd", "infra");
    settle(w);
    return arena_strdup(w->a, sha);
}

static inline const struct value *get(struct world *w, const struct resource *res, const char *ns,
                                      const char *name)
{
    AUTO(object) struct object *o = NULL;
    if (kube_get(w->kube, res, ns, name, &o, NULL) < 0)
        return NULL;
    return object_hold(w->a, o)->root;
}

static inline const char *app(struct world *w, const char *path)
{
    return value_at_str(get(w, &RES_APPLICATION, "argocd", "shop"), path, "");
}

static inline void patch(struct world *w, const struct resource *res, const char *ns,
                         const char *name, const char *sub, const char *json)
{
    struct value *v;
    struct err e = {0};
    T_RC(json_parse(w->a, json, strlen(json), 0, &v, &e), &e, json);
    sub = res->status ? sub : NULL;
    T_RC(kube_patch(w->kube, res, ns, name, sub, KUBE_PATCH_MERGE, v, NULL, &e), &e, json);
    settle(w);
}

#define APPLICATION(more)                                                                          \
    "apiVersion: argoproj.io/v1alpha1\nkind: Application\n"                                        \
    "metadata:\n  name: shop\n  namespace: argocd\n"                                               \
    "  finalizers: [resources-finalizer.argocd.argoproj.io/background]\n" more                     \
    "spec:\n  project: default\n  source: {repoURL: \"http://h/git/infra.git\", path: prod}\n"     \
    "  destination: {server: \"https://kubernetes.default.svc\", namespace: web}\n"                \
    "  syncPolicy:\n    automated: {prune: true, selfHeal: true}\n"                                \
    "    syncOptions: [PrunePropagationPolicy=background]\n"

#define MAP(name, value)                                                                           \
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " name "}\ndata: {k: " value "}\n"

static inline const char *map_value(struct world *w, const char *name)
{
    return value_at_str(get(w, &RES_CONFIG_MAP, "web", name), "data.k", "gone");
}

#define WATCHED "  annotations: {slipway.dev/analysis: ok}\n"
#define TEMPLATE                                                                                   \
    "apiVersion: argoproj.io/v1alpha1\nkind: AnalysisTemplate\n"                                   \
    "metadata: {name: ok, namespace: argocd}\n"                                                    \
    "spec: {args: [{name: namespace}], metrics: [{name: m, provider: {web: {url: x}}}]}\n"

/* Ends the analysis that is under way; its name. */
static inline const char *verdict(struct world *w, const char *phase)
{
    struct kube_list l = {0};
    struct err e = {0};
    const char *name = "none";
    T_RC(kube_list(w->kube, &RES_ANALYSIS_RUN, NULL, NULL, &l, &e), &e, "runs");
    for (size_t i = 0; i < l.n; i++)
        if (!*value_at_str(l.items[i]->root, "status.phase", ""))
            name = arena_strdup(w->a, l.items[i]->name);
    kube_list_done(&l);
    patch(w, &RES_ANALYSIS_RUN, "argocd", name, "status",
          arena_printf(w->a, "{\"status\":{\"phase\":\"%s\",\"message\":\"metric m\"}}", phase));
    return name;
}

static inline size_t count_of(struct world *w, const struct resource *res)
{
    struct kube_list l = {0};
    struct err e = {0};
    T_RC(kube_list(w->kube, res, NULL, NULL, &l, &e), &e, res->plural);
    size_t n = l.n;
    kube_list_done(&l);
    return n;
}

static inline void delete_all(struct world *w, const struct resource *res)
{
    struct kube_list l = {0};
    struct err e = {0};
    struct kube_delete_opts del = {.grace_s = -1};
    T_RC(kube_list(w->kube, res, NULL, NULL, &l, &e), &e, res->plural);
    for (size_t i = 0; i < l.n; i++)
        T_RC(kube_delete(w->kube, res, l.items[i]->ns, l.items[i]->name, &del, &e), &e, "delete");
    kube_list_done(&l);
    settle(w);
}
