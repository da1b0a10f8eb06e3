/* pruner.c - the loop: one key a namespace, and one a ConfigMap. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "ctl/pruner/config.h"
#include "ctl/pruner/plan.h"
#include "ctl/pruner/pruner_int.h"
#include "kube/cache.h"
#include "kube/events.h"
#include "kube/write.h"

static const char home[] = "tekton-pipelines";
static const char global_name[] = "tekton-pruner-default-spec";
static const char ns_name[] = "tekton-pruner-namespace-spec";

enum { IMAGES_EVERY_MS = 30000 };

struct pruner *pruner_new(struct image_store *images, struct logdb *logs)
{
    struct pruner *p = calloc(1, sizeof *p);
    if (!p)
        log_die("out of memory");
    *p = (struct pruner){.images = images, .logs = logs};
    map_init(&p->good);
    map_init(&p->refused);
    return p;
}

static void forget(struct map *m, const char *key)
{
    free(map_remove(m, key));
}

static void remember(struct map *m, const char *key, const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        log_die("out of memory");
    free(map_put(m, key, copy));
}

static void done(struct map *m)
{
    size_t cursor = 0;
    for (const struct map_entry *x; (x = map_next(m, &cursor));)
        free(x->value);
    map_done(m);
}

void pruner_free(struct pruner *p)
{
    if (!p)
        return;
    done(&p->good);
    done(&p->refused);
    free(p);
}

static void keys_of_run(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    (void)c;
    key_add(s, NULL, o->ns);
}

/* A new configuration concerns itself, and every namespace that has runs. */
static void keys_of_config(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    if (strcmp(o->name, ns_name) == 0) {
        key_add(s, o->ns, o->name);
        key_add(s, NULL, o->ns);
    }
    if (strcmp(o->name, global_name) != 0 || strcmp(o->ns, home) != 0)
        return;
    key_add(s, o->ns, o->name);
    AUTO(arena) struct arena *a = arena_new(0);
    const struct resource *const kinds[] = {&RES_PIPELINE_RUN, &RES_TASK_RUN};
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        struct object_list runs = cache_list(c->cache, kinds[k], NULL, a);
        for (size_t i = 0; i < runs.n; i++)
            key_add(s, NULL, runs.items[i]->ns);
    }
}

struct config_at {
    const char *ns, *name, *key;
    enum prune_config which;
};

/* Says once what is wrong with a text. */
static void complain(struct controller_ctx *c, const struct object *map, const struct config_at *at,
                     const char *id, const char *text, const struct err *e)
{
    struct pruner *p = c->arg;
    const char *known = map_get(&p->refused, id), *held = map_get(&p->good, id);
    const char *then = held ? "the configuration before it stays in force" : "none is in force";
    if (known && strcmp(known, text) == 0)
        return;
    remember(&p->refused, id, text);
    event_warning(c, &RES_CONFIG_MAP, map, "InvalidConfiguration", "%s: %s; %s", at->key, e->msg,
                  then);
    log_warn("pruner", "configmap %s/%s: %s: %s; %s", at->ns, at->name, at->key, e->msg, then);
}

/* What is in force: what the ConfigMap says, or where that is wrong what it said before. */
static const struct value *read_config(struct controller_ctx *c, const struct config_at *at,
                                       struct arena *a)
{
    struct pruner *p = c->arg;
    struct err e;
    const struct value *out = NULL;
    const char *id = arena_printf(a, "%s/%s/%s", at->ns, at->name, at->key);
    const struct object *map = cache_get(c->cache, &RES_CONFIG_MAP, at->ns, at->name, a);
    const char *text = map ? value_str(value_get(value_get(map->root, "data"), at->key), "") : "";
    if (prune_config_read(text, at->which, a, &out, &e) == 0) {
        remember(&p->good, id, text);
        forget(&p->refused, id);
        return out;
    }
    complain(c, map, at, id, text, &e);
    const char *before = map_get(&p->good, id);
    if (!before || prune_config_read(before, at->which, a, &out, &e) < 0)
        return NULL;
    return out;
}

static const struct config_at global_config = {home, global_name, "global-config", PRUNE_GLOBAL};
static const struct config_at image_config = {home, global_name, "slipway-images", PRUNE_IMAGES};
static const struct config_at log_config = {home, global_name, "slipway-logs", PRUNE_LOGS};

static const struct value *read_ns_config(struct controller_ctx *c, const char *ns, struct arena *a)
{
    return read_config(c, &(struct config_at){ns, ns_name, "ns-config", PRUNE_NAMESPACE}, a);
}

static const struct value **find_runs(struct controller_ctx *c, const char *ns, struct arena *a,
                                      size_t *n)
{
    struct object_list pipelines = cache_list(c->cache, &RES_PIPELINE_RUN, ns, a);
    struct object_list tasks = cache_list(c->cache, &RES_TASK_RUN, ns, a);
    const struct value **out = ARENA_ARRAY(a, const struct value *, pipelines.n + tasks.n + 1);
    *n = 0;
    for (size_t i = 0; i < pipelines.n; i++)
        if (!pipelines.items[i]->deleting)
            out[(*n)++] = pipelines.items[i]->root;
    for (size_t i = 0; i < tasks.n; i++)
        if (!tasks.items[i]->deleting && !object_controller(tasks.items[i]))
            out[(*n)++] = tasks.items[i]->root;
    return out;
}

static int remove_run(struct controller_ctx *c, const char *ns, const struct prune_action *act,
                      struct arena *a, struct err *e)
{
    bool pipeline = strcmp(value_at_str(act->run, "kind", ""), "PipelineRun") == 0;
    const struct resource *res = pipeline ? &RES_PIPELINE_RUN : &RES_TASK_RUN;
    const struct object *o =
        cache_get(c->cache, res, ns, value_at_str(act->run, "metadata.name", ""), a);
    if (!o)
        return 0;
    event_normal(c, res, o, "Pruned", "%s", act->why);
    return write_delete(c, res, o, NULL, e);
}

static int prune_runs(struct controller_ctx *c, const char *ns, struct arena *a, struct err *e)
{
    struct prune_view v = {.ns = ns, .now_ms = c->clock->real_ms(c->clock)};
    int r = 0;
    v.global = read_config(c, &global_config, a);
    v.ns_config = read_ns_config(c, ns, a);
    v.runs = find_runs(c, ns, a, &v.n_runs);
    struct prune_plan plan;
    prune_plan(&v, a, &plan);
    for (size_t i = 0; i < plan.n && r == 0; i++)
        r = remove_run(c, ns, &plan.remove[i], a, e);
    c->requeue_after_ms = plan.requeue_ms;
    return r;
}

/* What is not a namespace's: logs at once, images now and then. */
static int prune_stores(struct controller_ctx *c, struct arena *a, struct err *e)
{
    struct pruner *p = c->arg;
    const struct value *logs = read_config(c, &log_config, a);
    const struct value *images = read_config(c, &image_config, a);
    if (p->logs)
        logdb_limit(p->logs, (uint64_t)value_int(value_get(logs, "maxBytes"), 0),
                    value_int(value_get(logs, "ttlSeconds"), 0) * 1000);
    c->requeue_after_ms = images ? IMAGES_EVERY_MS : 0;
    return pruner__images(p, c, images, a, e);
}

static int pruner_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                       struct err *e)
{
    if (!key->ns || !*key->ns)
        return prune_runs(c, key->name, a, e);
    if (strcmp(key->name, ns_name) == 0) {
        (void)read_ns_config(c, key->ns, a);
        return 0;
    }
    (void)read_config(c, &global_config, a);
    return prune_stores(c, a, e);
}

static const struct controller_watch pruner_watches[] = {
    {&RES_PIPELINE_RUN, keys_of_run   },
    {&RES_TASK_RUN,     keys_of_run   },
    {&RES_CONFIG_MAP,   keys_of_config},
    {NULL,              NULL          },
};

const struct controller pruner_controller = {
    .name = "tekton-pruner",
    .watches = pruner_watches,
    .workers = 1,
    .sync = pruner_sync,
};
