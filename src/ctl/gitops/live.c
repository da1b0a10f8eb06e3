/* What the cluster has of what an Application wants, and what it has too much. */
#include "ctl/gitops/app_int.h"
#include "kube/controller.h"

void app_keys_of_tracked(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    const struct gitops *g = c->arg;
    const char *id = object_annotation(o, APP_TRACKING), *colon = id ? strchr(id, ':') : NULL;
    char text[256];
    if (!colon || colon - id >= (int)sizeof text)
        return;
    (void)snprintf(text, sizeof text, "%.*s", (int)(colon - id), id);
    char *under = strchr(text, '_');
    if (under)
        *under++ = '\0';
    key_add(s, under ? text : g->opts.namespace, under ? under : text);
}

/* From now on a change of any tracked object of this kind brings its Application here again. */
static void watch(struct app *p, const struct resource *res)
{
    struct controller_watch w = {res, app_keys_of_tracked};
    controller_watch_also(p->c, &w);
}

static struct app_item item_of(struct app *p, const struct value *o)
{
    const char *version = value_at_str(o, "apiVersion", ""), *slash = strchr(version, '/');
    struct app_item i = {
        .group = slash ? arena_strndup(p->a, version, (size_t)(slash - version)) : "",
        .version = slash ? slash + 1 : version,
        .kind = value_at_str(o, "kind", ""),
        .ns = value_at_str(o, "metadata.namespace", ""),
        .name = value_at_str(o, "metadata.name", ""),
        .hook = hook_is(o),
    };
    (void)!kube_find(p->c->kube, version, i.kind, &i.res, NULL);
    return i;
}

static int get_live(struct app *p, struct app_item *i, struct err *e)
{
    AUTO(object) struct object *o = NULL;
    if (!i->res || !*i->name)
        return 0;
    watch(p, i->res);
    int rc = kube_get(p->c->kube, i->res, i->ns, i->name, &o, e);
    if (rc == 0)
        i->live = object_hold(p->a, o);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* Would applying it change anything? What was in sync is, until one side changes; not so when the
 * answer was a guess. */
static void compare(struct app *p, struct app_item *i, struct app_part *part)
{
    AUTO(object) struct object *predicted = NULL;
    struct err why;
    if (!i->res) {
        i->error = "the cluster does not know this kind";
        return;
    }
    if (!i->live)
        return;
    if (part && !i->live->deleting && atomic_load(&part->in_sync) == i->live->rv) {
        i->in_sync = true;
        return;
    }
    const char *error = NULL;
    bool sure = kube_apply_dry(p->c->kube, i->res, i->ns, i->name, APP_MANAGER, i->target,
                               &predicted, &why) == 0;
    if (sure) {
        i->differs = diff_objects(predicted->root, i->live->root, &p->ignore, p->a);
    } else {
        /* What cannot be applied (an immutable field …) may still be what is wanted. */
        i->differs = diff_config_ignoring(i->target, i->live->root, &p->ignore, p->a);
        error = i->differs ? arena_strdup(p->a, why.msg) : NULL;
    }
    i->in_sync = !i->differs && !i->live->deleting;
    i->error = error;
    if (part && sure && i->in_sync && i->live->rv)
        atomic_store(&part->in_sync, i->live->rv);
}

static void push(struct app *p, struct app_items *l, const struct app_item *i)
{
    size_t size = sizeof *i;
    if ((l->n & (l->n - 1)) == 0) /* room is a power of two */
        l->items = arena_grow(p->a, l->items, l->n * size, (l->n ? 2 * l->n : 1) * size);
    l->items[l->n++] = *i;
}

static const char *identity(struct arena *a, const char *group, const char *kind, const char *ns,
                            const char *name)
{
    return arena_join(a, group, "/", kind, "/", ns, "/", name, NULL);
}

/* Those that are wanted, by what they are. */
static void note_wanted(struct app *p, const struct app_items *l, struct map *out)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct app_item *it = &l->items[i];
        bool ns = !it->res || it->res->namespaced;
        if (it->target)
            (void)map_put(out, identity(p->a, it->group, it->kind, ns ? it->ns : "", it->name),
                          out);
    }
}

/* The tracking id must be the object's own: copies of annotations are not taken for ours. */
static bool tracked(struct app *p, const struct object *o, const struct resource *r)
{
    const char *id = object_annotation(o, APP_TRACKING), *prefix = app_tracking_prefix(p);
    size_t n = strlen(prefix);
    if (!id || strncmp(id, prefix, n) != 0)
        return false;
    const char *dest = value_at_str(p->spec, "destination.namespace", "");
    const char *ns = r->namespaced ? o->ns : *dest ? dest : "default";
    return strcmp(id + n, arena_printf(p->a, "%s/%s:%s/%s", r->group, r->kind, ns, o->name)) == 0;
}

static int add_left_over(struct app *p, const struct map *wanted, struct app_items *l,
                         const struct resource *r, struct err *e)
{
    struct kube_list all = {.n = 0};
    int rc = kube_list(p->c->kube, r, NULL, NULL, &all, e);
    for (size_t i = 0; rc == 0 && i < all.n; i++) {
        const struct object *o = all.items[i];
        const char *ns = r->namespaced ? o->ns : "";
        if (!tracked(p, o, r) || map_has(wanted, identity(p->a, r->group, r->kind, ns, o->name)))
            continue;
        const struct object *held = object_hold(p->a, o);
        struct app_item it = item_of(p, held->root);
        it.res = r;
        it.group = r->group;
        it.version = r->version;
        it.kind = r->kind;
        it.live = held;
        it.needs_prune = !it.hook;
        it.extraneous_ok =
            strstr(note_of(held->root, "argocd.argoproj.io/compare-options"), "IgnoreExtraneous");
        push(p, l, &it);
    }
    if (rc == 0)
        kube_list_done(&all);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

static void add_kind(const struct resource **kinds, size_t *n, const struct resource *r)
{
    for (size_t i = 0; i < *n; i++)
        if (kinds[i] == r)
            return;
    if (r)
        kinds[(*n)++] = r;
}

/* Left-overs can only be of kinds that are wanted now or were synced before. */
int app_tracked(struct app *p, const struct app_manifests *want, struct app_items *out,
                struct err *e)
{
    const struct value *old = value_at(p->obj->root, "status.resources");
    const struct resource **kinds =
        ARENA_ARRAY(p->a, const struct resource *, (want ? want->n : 0) + value_count(old) + 1);
    size_t n = 0;
    for (size_t i = 0; i < out->n; i++)
        add_kind(kinds, &n, out->items[i].res);
    VALUE_EACH_ITEM (r, old) {
        const char *group = value_at_str(r, "group", "");
        const char *version =
            arena_printf(p->a, "%s%s%s", group, *group ? "/" : "", value_at_str(r, "version", ""));
        const struct resource *res = NULL;
        if (kube_find(p->c->kube, version, value_at_str(r, "kind", ""), &res, NULL) == 0)
            add_kind(kinds, &n, res);
    }
    struct map wanted;
    int rc = 0;
    map_init(&wanted);
    note_wanted(p, out, &wanted);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        watch(p, kinds[i]);
        rc = add_left_over(p, &wanted, out, kinds[i], e);
    }
    map_done(&wanted);
    return rc;
}

int app_observe(struct app *p, const struct app_manifests *want, struct app_items *out,
                struct err *e)
{
    struct app_items l = {.n = 0};
    for (size_t i = 0; i < want->n; i++) {
        struct app_item it = item_of(p, want->objects[i]);
        if (strcmp(hook_phases(want->objects[i]), "Skip") == 0)
            continue;
        it.target = want->objects[i];
        int rc = get_live(p, &it, e);
        if (rc < 0)
            return rc;
        if (!it.hook)
            compare(p, &it, want->parts ? &want->parts[i] : NULL);
        push(p, &l, &it);
    }
    int rc = app_tracked(p, want, &l, e);
    for (size_t i = 0; rc == 0 && i < l.n; i++) {
        struct app_item *it = &l.items[i];
        it->health = health_of(it->live ? it->live->root : NULL, p->a);
        const struct value *notes = it->target ? it->target : it->live->root;
        it->health_ignored =
            strcmp(note_of(notes, "argocd.argoproj.io/ignore-healthcheck"), "true") == 0;
    }
    if (rc == 0)
        *out = l;
    return rc;
}
