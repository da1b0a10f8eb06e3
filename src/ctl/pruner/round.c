/* round.c - a look at the registry's tags, and at everything that may name one. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "ctl/pruner/images.h"
#include "ctl/pruner/pruner_int.h"

/* Those whose every word counts, since images are given as parameters and arguments, too. */
static const struct resource *const wholly[] = {
    &RES_DEPLOYMENT,
    &RES_REPLICA_SET,
    &RES_STATEFUL_SET,
    &RES_DAEMON_SET,
    &RES_CONTROLLER_REVISION,
    &RES_JOB,
    &RES_CRON_JOB,
    &RES_REPLICATION_CONTROLLER,
    &RES_POD_TEMPLATE,
    &RES_TASK,
    &RES_STEP_ACTION,
    &RES_PIPELINE,
    &RES_TRIGGER_TEMPLATE,
    &RES_APPLICATION,
    &RES_APPLICATION_SET,
    &RES_ANALYSIS_TEMPLATE,
    &RES_ANALYSIS_RUN,
    &RES_CLUSTER_ANALYSIS_TEMPLATE,
    &RES_CONDEMNATION,
};

static bool is_run(const struct resource *r)
{
    return r == &RES_PIPELINE_RUN || r == &RES_TASK_RUN || r == &RES_CUSTOM_RUN;
}

/* What a run has pushed since it began may be named nowhere yet. */
static void use_run(struct image_prune_view *v, struct map *used, const struct object *o)
{
    int64_t ns = 0;
    const char *begun = value_at_str(o->root, "metadata.creationTimestamp", "");
    if (*value_at_str(o->root, "status.completionTime", ""))
        return;
    image_prune_use(used, o->root, false);
    if (clock_parse_rfc3339(begun, &ns, NULL) < 0)
        v->busy_since_ms = 0;
    else if (ns / 1000000 < v->busy_since_ms)
        v->busy_since_ms = ns / 1000000;
}

/* Asked of the API itself, not of a cache: what cannot be read ends the round. */
static int use_all(struct kube *k, const struct resource *r, struct image_prune_view *v,
                   struct map *used, struct err *e)
{
    struct kube_list list = {0};
    int rc = kube_list(k, r, NULL, NULL, &list, e);
    if (rc == ERR_NOT_FOUND)
        return 0; /* a cluster without this kind */
    if (rc < 0)
        return err_wrap(e, rc, "images in use: list %s", r->plural);
    for (size_t i = 0; i < list.n; i++) {
        if (is_run(r))
            use_run(v, used, list.items[i]);
        else
            image_prune_use(used, list.items[i]->root, r == &RES_POD);
    }
    kube_list_done(&list);
    return 0;
}

static int find_used(struct pruner *p, struct kube *k, struct image_prune_view *v, struct map *used,
                     struct err *e)
{
    static const struct resource *const more[] = {&RES_POD, &RES_PIPELINE_RUN, &RES_TASK_RUN,
                                                  &RES_CUSTOM_RUN};
    AUTO(arena) struct arena *a = arena_new(0);
    const char *const *leased;
    int rc = 0;
    for (size_t i = 0; i < ARRAY_LEN(more) && rc == 0; i++)
        rc = use_all(k, more[i], v, used, e);
    for (size_t i = 0; i < ARRAY_LEN(wholly) && rc == 0; i++)
        rc = use_all(k, wholly[i], v, used, e);
    for (leased = image_store_leases(p->images, a); *leased; leased++)
        (void)map_put(used, *leased, used);
    return rc;
}

static const struct image_tag *find_tags(struct pruner *p, struct arena *a, size_t *n)
{
    static const char local[] = IMAGES_LOCAL_HOST "/";
    struct image_name *names;
    size_t all = image_store_list(p->images, a, &names);
    struct image_tag *list = ARENA_ARRAY(a, struct image_tag, all + 1);
    *n = 0;
    for (size_t i = 0; i < all; i++) {
        const char *path = names[i].reference, *colon = strrchr(path, ':');
        if (strncmp(path, local, strlen(local)) != 0 || !colon)
            continue;
        const char *const *children = image_store_children(p->images, names[i].digest, a);
        if (!children && strncmp(colon, ":sha256-", 8) != 0)
            continue; /* a chart, say, which is named in other ways */
        path += strlen(local);
        list[(*n)++] =
            (struct image_tag){.repository = arena_strndup(a, path, (size_t)(colon - path)),
                               .tag = colon + 1,
                               .digest = names[i].digest,
                               .children = children,
                               .set_ms = names[i].set_ms};
    }
    return list;
}

int pruner__images(struct pruner *p, struct controller_ctx *c, const struct value *config,
                   struct arena *a, struct err *e)
{
    struct image_prune_view v = {
        .config = config, .busy_since_ms = INT64_MAX, .now_ms = c->clock->real_ms(c->clock)};
    struct image_prune_plan plan = {.next_ms = INT64_MAX};
    struct map used;
    if (!config || !p->images)
        return 0;
    v.tags = find_tags(p, a, &v.n_tags);
    map_init(&used);
    v.used = &used;
    int rc = find_used(p, c->kube, &v, &used, e);
    if (rc == 0)
        image_prune_plan(&v, a, &plan);
    map_done(&used);
    if (plan.next_ms < c->requeue_after_ms)
        c->requeue_after_ms = plan.next_ms;
    for (size_t i = 0; i < plan.n && rc == 0; i++) {
        const struct image_tag *t = plan.remove[i].tag;
        const char *name = arena_printf(a, IMAGES_LOCAL_HOST "/%s:%s", t->repository, t->tag);
        rc = image_store_untag_if(p->images, name, t->digest, e);
        if (rc == 0)
            log_info("pruner", "image %s:%s goes: %s", t->repository, t->tag, plan.remove[i].why);
    }
    return rc;
}
