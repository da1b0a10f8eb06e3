/* The process dies at every write to the API and after every commit, in turn, while a bad revision
 * is taken back; it starts again, and the end is the same each time: one condemnation, one revert
 * commit, the good one. */
#include "world.h"

/* An API whose connection breaks after so many writes. */
struct mortal {
    struct kube kube;
    struct kube *real;
    struct world *world;
    int64_t left; /* writes and commits; < 0: any number */
};

static struct mortal *mortal_of(struct kube *k)
{
    return container_of(k, struct mortal, kube);
}

static int alive(struct mortal *m, bool writes, struct err *e)
{
    if (m->left == 0)
        return err_set(e, ERR_SYSTEM, "dead");
    m->left -= writes && m->left > 0;
    return 0;
}

/* A commit is a write, too: what comes after it may not be done any more. */
static void m_committed(void *arg, const char *repository)
{
    struct mortal *m = arg;
    (void)alive(m, true, NULL);
    committed(m->world, repository);
}

static int m_get(struct kube *k, const struct resource *r, const char *ns, const char *name,
                 struct object **out, struct err *e)
{
    int rc = alive(mortal_of(k), false, e);
    return rc ? rc : kube_get(mortal_of(k)->real, r, ns, name, out, e);
}

static int m_list(struct kube *k, const struct resource *r, const char *ns,
                  const struct kube_list_opts *opts, struct kube_list *out, struct err *e)
{
    return kube_list(mortal_of(k)->real, r, ns, opts, out, e);
}

static int m_create(struct kube *k, const struct resource *r, const char *ns,
                    const struct value *obj, struct object **out, struct err *e)
{
    int rc = alive(mortal_of(k), true, e);
    return rc ? rc : kube_create(mortal_of(k)->real, r, ns, obj, out, e);
}

static int m_update(struct kube *k, const struct resource *r, const char *ns, const char *name,
                    const char *sub, const struct value *obj, struct object **out, struct err *e)
{
    int rc = alive(mortal_of(k), true, e);
    return rc ? rc : kube_update(mortal_of(k)->real, r, ns, name, sub, obj, out, e);
}

static int m_patch(struct kube *k, const struct resource *r, const char *ns, const char *name,
                   const char *sub, enum kube_patch_type type, const struct value *p,
                   struct object **out, struct err *e)
{
    int rc = alive(mortal_of(k), true, e);
    return rc ? rc : kube_patch(mortal_of(k)->real, r, ns, name, sub, type, p, out, e);
}

static int m_apply(struct kube *k, const struct resource *r, const char *ns, const char *name,
                   const char *sub, const char *manager, bool force, bool dry_run,
                   const struct value *obj, struct object **out, struct err *e)
{
    struct kube *real = mortal_of(k)->real;
    int rc = alive(mortal_of(k), !dry_run, e);
    return rc ? rc : real->ops->apply(real, r, ns, name, sub, manager, force, dry_run, obj, out, e);
}

static int m_del(struct kube *k, const struct resource *r, const char *ns, const char *name,
                 const struct kube_delete_opts *opts, struct err *e)
{
    int rc = alive(mortal_of(k), true, e);
    return rc ? rc : kube_delete(mortal_of(k)->real, r, ns, name, opts, e);
}

static int m_watch_open(struct kube *k, const struct resource *r, const char *ns,
                        const struct kube_list_opts *opts, uint64_t since, struct kube_watch **out,
                        struct err *e)
{
    return kube_watch_open(mortal_of(k)->real, r, ns, opts, since, out, e);
}

static void m_free(struct kube *k)
{
    free(mortal_of(k));
}

static int m_find(struct kube *k, const char *api_version, const char *kind,
                  const struct resource **out, struct err *e)
{
    return kube_find(mortal_of(k)->real, api_version, kind, out, e);
}

static struct mortal *mortal_new(struct world *w, struct kube_ops *ops)
{
    struct mortal *m = calloc(1, sizeof *m);
    /* A watch belongs to the API that opened it: next and close are its own. */
    *ops = *w->kube->ops;
    ops->get = m_get;
    ops->list = m_list;
    ops->create = m_create;
    ops->update = m_update;
    ops->patch = m_patch;
    ops->apply = m_apply;
    ops->del = m_del;
    ops->watch_open = m_watch_open;
    ops->find = m_find;
    ops->free = m_free;
    m->kube.ops = ops;
    m->real = w->kube;
    m->world = w;
    m->left = -1;
    return m;
}

/* A fresh process on the same API and the same repositories. */
static void restart(struct world *w, struct mortal *m)
{
    struct gitops_opts opts = {
        .repositories = &w->repositories, .wave_delay_ms = -1, .committed = m_committed, .arg = m};
    runner_free(w->runner);
    gitops_free(w->gitops);
    w->gitops = gitops_new(&opts);
    w->runner = runner_new(&m->kube, &w->clock.clock, 0);
    runner_add(w->runner, &repository_controller, &w->repositories);
    runner_add(w->runner, &application_controller, w->gitops);
    runner_add(w->runner, &revisions_controller, w->gitops);
}

static void fail_analysis(struct world *w)
{
    struct kube_list l = {0};
    struct err e = {0};
    struct value *v;
    static const char failed[] = "{\"status\":{\"phase\":\"Failed\",\"message\":\"m\"}}";
    T_RC(json_parse(w->a, failed, sizeof failed - 1, 0, &v, &e), &e, "json");
    T_RC(kube_list(w->kube, &RES_ANALYSIS_RUN, NULL, NULL, &l, &e), &e, "runs");
    for (size_t i = 0; i < l.n; i++)
        if (!*value_at_str(l.items[i]->root, "status.phase", ""))
            T_RC(kube_patch(w->kube, &RES_ANALYSIS_RUN, "argocd", l.items[i]->name, NULL,
                            KUBE_PATCH_MERGE, v, NULL, &e),
                 &e, "verdict");
    kube_list_done(&l);
}

/* What the one condemnation says took its content back. */
static const char *noted_revert(struct world *w)
{
    struct kube_list l = {0};
    const char *sha = "";
    if (kube_list(w->kube, &RES_CONDEMNATION, NULL, NULL, &l, NULL) == 0 && l.n == 1)
        sha = arena_strdup(w->a, value_at_str(l.items[0]->root, "status.revertCommit", ""));
    kube_list_done(&l);
    return sha;
}

static const char *head_of(struct world *w)
{
    AUTO(repo) struct repo *r = NULL;
    char *sha = arena_alloc(w->a, REPO_SHA_MAX);
    struct err e = {0};
    T_RC(repo_open(repository_path(&w->repositories, "infra", w->a), &r, &e), &e, "open");
    T_RC(repo_resolve(r, "HEAD", sha, &e), &e, "head");
    return sha;
}

/* True: the process did all it wanted before its death. */
static bool dies_after(int64_t writes)
{
    struct world w;
    struct kube_ops ops;
    char name[40];
    (void)snprintf(name, sizeof name, "death after %d writes", (int)writes);
    setup(&w);
    struct mortal *m = mortal_new(&w, &ops);
    load(&w, TEMPLATE);
    load(&w, APPLICATION(WATCHED));
    (void)push(&w, (struct file_edit[]){
                       {"prod/a.yaml", MAP("a", "good")},
                       {0     }
    });
    (void)verdict(&w, "Successful");
    restart(&w, m);
    settle(&w);
    m->left = writes;
    (void)push(&w, (struct file_edit[]){
                       {"prod/a.yaml", MAP("a", "bad")},
                       {"prod/b.yaml",       MAP("b", "new")},
                       {0}
    });
    fail_analysis(&w);
    settle(&w);
    bool done = m->left != 0;
    m->left = -1;
    restart(&w, m);
    settle(&w);
    fail_analysis(&w); /* where the death came before the analysis */
    settle(&w);
    T_EQ_INT(count_of(&w, &RES_CONDEMNATION), 1, name);
    T_EQ_INT(w.commits, 1, name);
    T_EQ_STR(noted_revert(&w), head_of(&w), name);
    T_EQ_STR(map_value(&w, "a"), "good", name);
    T_EQ_STR(map_value(&w, "b"), "gone", name);
    T_EQ_STR(app(&w, "status.sync.status"), "Synced", name);
    T_EQ_STR(app(&w, "status.operationState.phase"), "Succeeded", name);
    runner_free(w.runner);
    w.runner = NULL;
    kube_free(&m->kube);
    teardown(&w);
    return done;
}

static void survives_death_anywhere(void)
{
    int64_t writes = 1;
    while (writes < 200 && !dies_after(writes))
        writes++;
    T_OK(writes > 8 && writes < 200, "the story has an end");
}

T_MAIN(survives_death_anywhere)
