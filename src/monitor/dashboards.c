#include "monitor/dashboards.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/thread.h"
#include "codec/json.h"
#include "dashboard/dashboard.h"
#include "kube/cache.h"
#include "kube/events.h"

static const char label[] = "grafana_dashboard";
enum { FAULTS_SHOWN = 5 };

struct entry {
    struct arena *arena;
    const char *place; /* "namespace/name/key" */
    const char *version, *uid;
    const char *brief, *whole; /* JSON; whole NULL: it could not be read */
};

struct dashboards {
    pthread_mutex_t lock;
    unsigned features;
    struct map entries; /* by place */
};

struct dashboards *dashboards_new(unsigned features)
{
    struct dashboards *d = calloc(1, sizeof *d);
    d->features = features;
    (void)pthread_mutex_init(&d->lock, NULL);
    map_init(&d->entries);
    return d;
}

void dashboards_free(struct dashboards *d)
{
    size_t cursor = 0;
    if (!d)
        return;
    for (const struct map_entry *m; (m = map_next(&d->entries, &cursor));)
        arena_free(((struct entry *)m->value)->arena);
    map_done(&d->entries);
    (void)pthread_mutex_destroy(&d->lock);
    free(d);
}

/* ---- taking one ---- */

static const char *faults_text(const struct dashboard_faults *f, struct arena *a)
{
    char *out = arena_strdup(a, "");
    size_t n = f->n < FAULTS_SHOWN ? f->n : FAULTS_SHOWN;
    for (size_t i = 0; i < n; i++)
        out = arena_join(a, out, i ? "; " : "", f->items[i].where, ": ", f->items[i].text, NULL);
    return f->total > n ? arena_printf(a, "%s; and %zu more", out, f->total - n) : out;
}

static const char *in_json(struct arena *own, struct value *v, const struct dashboard_place *at,
                           const char *uid)
{
    struct value *from = value_set(own, v, "source", value_new_object(own));
    (void)value_set_str(own, from, "namespace", at->ns);
    (void)value_set_str(own, from, "configMap", at->name);
    (void)value_set_str(own, from, "key", at->key);
    if (uid)
        (void)value_set_str(own, v, "uid", uid);
    return json_text(own, v, JSON_NO_HTML);
}

/* Fills the entry; what is wrong with it is said. */
static const char *take(const struct dashboards *all, struct entry *x,
                        const struct dashboard_place *at, const char *text, struct arena *a)
{
    AUTO(arena) struct arena *work = arena_new(0);
    struct dashboard d;
    struct dashboard_faults f;
    struct err e = {0};
    if (dashboard_read(work, text, strlen(text), &d, &e) < 0) {
        struct value *v = value_new_object(work);
        (void)value_set_str(work, v, "error", e.msg);
        x->brief = arena_strdup(x->arena, in_json(work, v, at, NULL));
        x->uid = "";
        return arena_printf(a, "not read: %s", e.msg);
    }
    dashboard_check(work, &d, all->features, &f);
    x->uid = *d.uid ? arena_strdup(x->arena, d.uid)
                    : arena_printf(x->arena, "%016llx",
                                   (unsigned long long)map_hash(x->place, strlen(x->place)));
    x->brief = arena_strdup(x->arena, in_json(work, dashboard_summary(work, &d, &f), at, x->uid));
    x->whole = arena_strdup(x->arena, in_json(work, dashboard_value(work, &d, &f), at, x->uid));
    return f.total ? faults_text(&f, a) : NULL;
}

/* The lock is held. */
static void drop(struct dashboards *d, const char *place)
{
    struct entry *x = map_remove(&d->entries, place);
    if (x)
        arena_free(x->arena);
}

static bool is_known(struct dashboards *d, const char *place, const char *version, bool *full)
{
    LOCK_SCOPE(&d->lock);
    const struct entry *x = map_get(&d->entries, place);
    *full = !x && map_size(&d->entries) >= DASHBOARDS_MAX;
    return x && strcmp(x->version, version) == 0;
}

const char *dashboards_put(struct dashboards *d, const struct dashboard_place *at, const char *text,
                           struct arena *a)
{
    const char *place = arena_join(a, at->ns, "/", at->name, "/", at->key, NULL);
    bool full;
    if (is_known(d, place, at->version, &full))
        return NULL;
    if (full)
        return arena_printf(a, "not kept: there are %d dashboards already", DASHBOARDS_MAX);
    struct arena *own = arena_new(0);
    struct entry *x = ARENA_NEW(own, struct entry);
    *x = (struct entry){
        .arena = own, .place = arena_strdup(own, place), .version = arena_strdup(own, at->version)};
    const char *fault = take(d, x, at, text, a);
    LOCK_SCOPE(&d->lock);
    drop(d, place);
    (void)map_put(&d->entries, place, x);
    return fault;
}

void dashboards_keep(struct dashboards *d, const char *ns, const char *name,
                     const struct value *data)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const char *prefix = arena_join(a, ns, "/", name, "/", NULL);
    const char *gone[DASHBOARDS_MAX];
    size_t n = 0, cursor = 0, len = strlen(prefix);
    LOCK_SCOPE(&d->lock);
    for (const struct map_entry *m; (m = map_next(&d->entries, &cursor));)
        if (strncmp(m->key, prefix, len) == 0 && !value_get(data, m->key + len))
            gone[n++] = arena_strdup(a, m->key);
    for (size_t i = 0; i < n; i++)
        drop(d, gone[i]);
}

/* ---- showing them ---- */

static int by_place(const void *a, const void *b)
{
    return strcmp((*(struct entry *const *)a)->place, (*(struct entry *const *)b)->place);
}

/* The lock is held. */
static size_t sorted(struct dashboards *d, struct entry *out[DASHBOARDS_MAX])
{
    size_t n = 0, cursor = 0;
    for (const struct map_entry *m; n < DASHBOARDS_MAX && (m = map_next(&d->entries, &cursor));)
        out[n++] = m->value;
    qsort(out, n, sizeof *out, by_place);
    return n;
}

void dashboards_list(struct dashboards *d, struct buf *out)
{
    struct entry *all[DASHBOARDS_MAX];
    LOCK_SCOPE(&d->lock);
    size_t n = sorted(d, all);
    buf_putc(out, '[');
    for (size_t i = 0; i < n; i++) {
        buf_puts(out, i ? "," : "");
        buf_puts(out, all[i]->brief);
    }
    buf_putc(out, ']');
}

bool dashboards_show(struct dashboards *d, const char *uid, struct buf *out)
{
    struct entry *all[DASHBOARDS_MAX];
    LOCK_SCOPE(&d->lock);
    size_t n = sorted(d, all);
    for (size_t i = 0; i < n; i++) {
        if (!all[i]->whole || strcmp(all[i]->uid, uid) != 0)
            continue;
        buf_puts(out, all[i]->whole);
        return true;
    }
    return false;
}

/* ---- ConfigMaps ---- */

static bool is_dashboard(const char *key)
{
    const char *dot = strrchr(key, '.');
    return dot && strcmp(dot, ".json") == 0;
}

static bool is_ours(const struct object *o)
{
    return !o->deleting && object_label(o, label);
}

static int map_sync(struct controller_ctx *c, const struct key *key, struct arena *a, struct err *e)
{
    struct dashboards *d = c->arg;
    const struct object *o = cache_get(c->cache, &RES_CONFIG_MAP, key->ns, key->name, a);
    const struct value *data = o && is_ours(o) ? value_get(o->root, "data") : NULL;
    (void)e;
    dashboards_keep(d, key->ns, key->name, data);
    VALUE_EACH_MEMBER (m, data) {
        const struct dashboard_place at = {key->ns, key->name, m->key,
                                           value_at_str(o->root, "metadata.resourceVersion", "")};
        const char *fault =
            is_dashboard(m->key) ? dashboards_put(d, &at, value_str(&m->value, ""), a) : NULL;
        if (!fault)
            continue;
        event_warning(c, &RES_CONFIG_MAP, o, "InvalidDashboard", "%s: %s", m->key, fault);
        log_warn("dashboards", "configmap %s/%s: %s: %s", o->ns, o->name, m->key, fault);
    }
    return 0;
}

static const struct controller_watch map_watches[] = {
    {&RES_CONFIG_MAP, NULL},
    {NULL,            NULL},
};

const struct controller dashboards_controller = {.name = "dashboards",
                                                 .watches = map_watches,
                                                 .workers = 1,
                                                 .concerns = is_ours,
                                                 .sync = map_sync};
