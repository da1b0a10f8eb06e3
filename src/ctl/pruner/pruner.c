/* pruner.c - the loop: one key a namespace. */
#include "ctl/pruner/pruner.h"

#include "codec/yaml.h"
#include "ctl/pruner/plan.h"
#include "kube/cache.h"
#include "kube/events.h"
#include "kube/write.h"

static const char home[] = "tekton-pipelines";
static const char global_name[] = "tekton-pruner-default-spec";
static const char ns_name[] = "tekton-pruner-namespace-spec";

static void keys_of_run(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    (void)c;
    key_add(s, NULL, o->ns);
}

/* A new configuration concerns every namespace that has runs. */
static void keys_of_config(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    if (strcmp(o->name, ns_name) == 0)
        key_add(s, NULL, o->ns);
    if (strcmp(o->name, global_name) != 0)
        return;
    AUTO(arena) struct arena *a = arena_new(0);
    const struct resource *const kinds[] = {&RES_PIPELINE_RUN, &RES_TASK_RUN};
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        struct object_list runs = cache_list(c->cache, kinds[k], NULL, a);
        for (size_t i = 0; i < runs.n; i++)
            key_add(s, NULL, runs.items[i]->ns);
    }
}

static int read_config(struct controller_ctx *c, const char *ns, const char *name, const char *key,
                       struct arena *a, const struct value **out, struct err *e)
{
    const struct object *map = cache_get(c->cache, &RES_CONFIG_MAP, ns, name, a);
    const char *text = map ? value_str(value_get(value_get(map->root, "data"), key), "") : "";
    struct value *parsed;
    *out = NULL;
    if (!*text)
        return 0;
    int r = yaml_parse(a, text, strlen(text), 0, &parsed, e);
    if (r < 0)
        return err_wrap(e, r, "configmap %s/%s: %s", ns, name, key);
    *out = parsed;
    return 0;
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

static int pruner_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                       struct err *e)
{
    const char *ns = key->name;
    struct prune_view v = {.ns = ns, .now_ms = c->clock->real_ms(c->clock)};
    int r = read_config(c, home, global_name, "global-config", a, &v.global, e);
    if (r == 0)
        r = read_config(c, ns, ns_name, "ns-config", a, &v.ns_config, e);
    if (r < 0)
        return r;
    v.runs = find_runs(c, ns, a, &v.n_runs);
    struct prune_plan plan;
    prune_plan(&v, a, &plan);
    for (size_t i = 0; i < plan.n && r == 0; i++)
        r = remove_run(c, ns, &plan.remove[i], a, e);
    c->requeue_after_ms = plan.requeue_ms;
    return r;
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
