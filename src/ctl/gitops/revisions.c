/* A repository has moved: Applications that its new commits concern are looked at, the others are
 * only told that there are new commits, and later. */
#include "base/thread.h"
#include "codec/json.h"
#include "ctl/gitops/app_int.h"
#include "kube/cache.h"
#include "kube/fan.h"

enum { AHEAD_MS = 100, FEW = 16 };

struct told {
    const struct object *app;
    const char *head;
};

struct look {
    struct controller_ctx *c;
    struct gitops *g;
    struct arena *a;
    struct repo *repo; /* NULL: it cannot be read */
    struct map heads;  /* by targetRevision */
    struct told *told;
    size_t n_told, n_concerned;
    int64_t now;
};

/* A URL that ends with the repository's name, or its name alone. */
static bool uses(const char *theirs, const struct object *repository, const char *name)
{
    const char *url = repository ? value_at_str(repository->root, "spec.url", "") : "";
    size_t n = strlen(theirs), m = strlen(name);
    if (*url && strcmp(theirs, url) == 0)
        return true;
    n -= n > 4 && strcmp(theirs + n - 4, ".git") == 0 ? 4 : 0;
    return n >= m && strncmp(theirs + n - m, name, m) == 0 && (n == m || theirs[n - m - 1] == '/');
}

static bool app_uses(const struct object *app, const struct object *repository, const char *name)
{
    const struct value *spec = value_get(app->root, "spec");
    bool hit = uses(value_at_str(spec, "source.repoURL", ""), repository, name);
    VALUE_EACH_ITEM (source, value_get(spec, "sources"))
        hit |= uses(value_at_str(source, "repoURL", ""), repository, name);
    return hit;
}

/* NULL: there is none. */
static const char *head_of(struct look *l, const char *target)
{
    const char *known = map_get(&l->heads, target);
    char sha[REPO_SHA_MAX];
    if (known || repo_resolve(l->repo, target, sha, NULL) < 0)
        return known;
    char *head = arena_strdup(l->a, sha);
    (void)map_put(&l->heads, target, head);
    return head;
}

/* Whether the Application is what it was, all new commits considered. */
static bool stays(struct look *l, const struct object *app, const char **head)
{
    const struct value *spec = value_get(app->root, "spec"), *source = gitops_sources_of(spec);
    const char *key = app_key(app->ns, app->name, l->a);
    if (!l->repo || !value_is(source, VALUE_OBJECT) || !kept_settled(l->g->kept, key, app->rv))
        return false;
    *head = head_of(l, value_at_str(source, "targetRevision", "HEAD"));
    if (!*head)
        return false;
    struct kept_render *r =
        kept_get(l->g->kept, key, app_inputs(spec, app->ns, app->name, l->a), l->repo, *head);
    kept_render_unref(r);
    return r != NULL;
}

static void tell(void *arg, size_t i)
{
    struct look *l = arg;
    const struct object *app = l->told[i].app;
    AUTO(arena) struct arena *a = arena_new(1 << 16);
    AUTO(object) struct object *now = NULL;
    char time[CLOCK_TEXT_MAX];
    struct value *patch = value_new_object(a), *meta = value_make_object(a, patch, "metadata");
    clock_format_rfc3339(l->now, time);
    (void)value_set_str(a, meta, "uid", app->uid);
    (void)value_set_str(a, meta, "resourceVersion",
                        value_at_str(app->root, "metadata.resourceVersion", ""));
    (void)value_set_str(a, value_make_object(a, patch, "status.sync"), "revision", l->told[i].head);
    (void)value_set_str(a, value_make_object(a, patch, "status"), "reconciledAt", time);
    if (kube_patch(l->c->kube, &RES_APPLICATION, app->ns, app->name, NULL, KUBE_PATCH_MERGE, patch,
                   &now, NULL) < 0)
        runner_kick(l->c->runner, application_controller.name, app->ns, app->name);
    else
        kept_settle(l->g->kept, app_key(app->ns, app->name, a), now->rv, true);
}

static void look_at_all(struct look *l, const struct object *repository, const char *name)
{
    struct object_list apps = cache_list(l->c->cache, &RES_APPLICATION, NULL, l->a);
    l->told = ARENA_ARRAY(l->a, struct told, apps.n + 1);
    for (size_t i = 0; i < apps.n; i++) {
        const struct object *app = apps.items[i];
        const char *head;
        if (!app_uses(app, repository, name))
            continue;
        if (!stays(l, app, &head)) {
            runner_kick(l->c->runner, application_controller.name, app->ns, app->name);
            l->n_concerned++;
        } else if (strcmp(value_at_str(app->root, "status.sync.revision", ""), head) != 0) {
            l->told[l->n_told++] = (struct told){app, head};
        }
    }
}

/* Writing a commit's id into a thousand Applications would hold up those that it concerns: they get
 * a little time for themselves, once for all commits that come meanwhile. */
static bool waits(struct look *l, const struct key *repository)
{
    struct controller_ctx *c = l->c;
    const char *key = app_key(repository->ns, repository->name, l->a);
    int64_t now = c->clock->mono_ms(c->clock);
    LOCK_SCOPE(&l->g->lock);
    intptr_t until = (intptr_t)map_get(&l->g->ahead, key);
    if (until == 0 && l->n_concerned > 0 && l->n_told > FEW) {
        until = (intptr_t)now + AHEAD_MS;
        (void)map_put(&l->g->ahead, key, (void *)until);
    }
    if (until > now) {
        c->requeue_after_ms = until - now;
        return true;
    }
    (void)map_remove(&l->g->ahead, key);
    return false;
}

static int revisions_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                          struct err *e)
{
    struct gitops *g = c->arg;
    AUTO(repo) struct repo *repo = NULL;
    struct look l = {.c = c, .g = g, .a = a, .now = c->clock->real_ms(c->clock)};
    (void)e;
    if (repo_open(repository_path(g->opts.repositories, key->name, a), &repo, NULL) == 0)
        l.repo = repo;
    map_init(&l.heads);
    look_at_all(&l, cache_get(c->cache, &RES_REPOSITORY, key->ns, key->name, a), key->name);
    map_done(&l.heads);
    if (!waits(&l, key))
        fan_run(c->fan, l.n_told, tell, &l);
    return 0;
}

static const struct controller_watch watches[] = {
    {&RES_REPOSITORY, NULL},
    {NULL,            NULL},
};

const struct controller revisions_controller = {
    .name = "revisions", .watches = watches, .workers = 1, .sync = revisions_sync};
