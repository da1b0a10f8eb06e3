/* What an Application's status says of its resources. */
#include "ctl/gitops/app_int.h"

static void add_resource(struct app *p, struct value *list, const struct app_item *i)
{
    struct value *r = value_push(p->a, list, value_new_object(p->a));
    const struct value *o = i->target ? i->target : i->live->root;
    int wave = hook_wave(o);
    if (*i->group)
        (void)value_set_str(p->a, r, "group", i->group);
    (void)value_set_str(p->a, r, "version", i->version);
    (void)value_set_str(p->a, r, "kind", i->kind);
    if (*i->ns)
        (void)value_set_str(p->a, r, "namespace", i->ns);
    (void)value_set_str(p->a, r, "name", i->name);
    if (!i->hook)
        (void)value_set_str(p->a, r, "status", i->in_sync ? "Synced" : "OutOfSync");
    else
        (void)value_set_bool(p->a, r, "hook", true);
    if (i->needs_prune)
        (void)value_set_bool(p->a, r, "requiresPruning", true);
    if (wave)
        (void)value_set_int(p->a, r, "syncWave", wave);
    if (i->health.status != HEALTH_NONE && !i->hook) {
        struct value *h = value_make_object(p->a, r, "health");
        (void)value_set_str(p->a, h, "status", health_name(i->health.status));
        if (*i->health.message)
            (void)value_set_str(p->a, h, "message", i->health.message);
    }
}

static void set_health(struct app *p, enum health_status worst)
{
    struct value *h = value_make_object(p->a, p->status, "health");
    if (strcmp(value_at_str(h, "status", ""), health_name(worst)) == 0)
        return;
    (void)value_set_str(p->a, h, "status", health_name(worst));
    (void)value_set_str(p->a, h, "lastTransitionTime", app_time(p, p->now));
}

static void set_tools(struct app *p)
{
    (void)value_remove(p->status, p->from.many ? "sourceType" : "sourceTypes");
    if (!p->from.many) {
        (void)value_set_str(p->a, p->status, "sourceType", p->want.tools[0]);
        return;
    }
    struct value *list = value_set(p->a, p->status, "sourceTypes", value_new_array(p->a));
    for (size_t i = 0; i < value_count(p->want.source); i++)
        (void)value_push_str(p->a, list, p->want.tools[i] ? p->want.tools[i] : "");
}

void app_summarize(struct app *p)
{
    struct value *list = value_new_array(p->a);
    enum health_status worst = HEALTH_HEALTHY;
    bool synced = true;
    for (size_t i = 0; i < p->have.n; i++) {
        const struct app_item *it = &p->have.items[i];
        if (it->hook && !it->live)
            continue;
        add_resource(p, list, it);
        if (it->hook)
            continue;
        synced &= it->in_sync || (it->needs_prune && it->extraneous_ok);
        /* What only waits for being pruned has no say in how the Application is. */
        if (!it->needs_prune && !it->health_ignored && it->health.status > worst)
            worst = it->health.status;
    }
    (void)value_set(p->a, p->status, "resources", list);
    set_health(p, worst);
    struct value *sync = value_make_object(p->a, p->status, "sync");
    (void)value_set_str(p->a, sync, "status", synced ? "Synced" : "OutOfSync");
    revision_put(p->a, sync, p->revision, p->want.source);
    struct value *to = value_make_object(p->a, sync, "comparedTo");
    revision_put_source(p->a, to, p->from.doc);
    (void)value_set(p->a, to, "destination", value_get(p->spec, "destination"));
    set_tools(p);
    struct value *images = value_new_array(p->a);
    for (const char *const *i = p->want.images; *i; i++)
        (void)value_push_str(p->a, images, *i);
    (void)value_set(p->a, value_make_object(p->a, p->status, "summary"), "images", images);
}
