/* alerting.c - rules, and where their alerts go. */
#include "server/server_int.h"

/* Alerts of a PrometheusRule come or go: its status says so. */
static void rules_changed(void *arg, const char *key)
{
    struct server *s = arg;
    AUTO(arena) struct arena *a = arena_new(0);
    const char *ns, *name;
    if (s->runner && rule_object_of(a, key, &ns, &name))
        runner_kick(s->runner, rule_objects_controller.name, ns, name);
}

int rules_start(struct server *s, struct err *e)
{
    struct ruler_opts o = {.source = &s->source.source,
                           .query = &s->monitor.query,
                           .db = s->metrics,
                           .clock = &clock_system,
                           .external_url =
                               arena_printf(s->arena, "http://%s", s->opts.metrics_address),
                           .changed = rules_changed,
                           .arg = s};
    int r = ruler_start(&o, &s->ruler, e);
    s->rules =
        (struct rule_sources){.ruler = s->ruler, .rules = {.features = s->opts.query_features}};
    s->monitor.ruler = s->ruler;
    return r;
}
