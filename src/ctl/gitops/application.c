#include "kube/cache.h"

#include "codec/json.h"
#include "codec/patch.h"
#include "ctl/gitops/app_int.h"
#include "ctl/gitops/auto_plan.h"

enum { KEPT_BYTES = 256 << 20 };

struct gitops *gitops_new(const struct gitops_opts *opts)
{
    struct gitops *g = calloc(1, sizeof *g);
    if (!g)
        abort();
    g->opts = *opts;
    if (!g->opts.namespace)
        g->opts.namespace = "argocd";
    if (g->opts.wave_delay_ms <= 0)
        g->opts.wave_delay_ms = g->opts.wave_delay_ms < 0 ? 0 : 2000;
    (void)pthread_mutex_init(&g->lock, NULL);
    map_init(&g->last_wave);
    map_init(&g->ahead);
    g->kept = kept_new(KEPT_BYTES);
    return g;
}

void gitops_free(struct gitops *g)
{
    if (!g)
        return;
    size_t cursor = 0;
    for (const struct map_entry *m; (m = map_next(&g->last_wave, &cursor));)
        free(m->value);
    map_done(&g->last_wave);
    map_done(&g->ahead);
    kept_free(g->kept);
    (void)pthread_mutex_destroy(&g->lock);
    free(g);
}

struct gitops_renders gitops_renders(const struct gitops *g)
{
    return (struct gitops_renders){atomic_load(&g->renders), atomic_load(&g->render_us)};
}

void app_soon(struct app *p, int64_t ms)
{
    int64_t *after = &p->c->requeue_after_ms;
    if (ms < 1)
        ms = 1;
    if (*after == 0 || ms < *after)
        *after = ms;
}

/* ---- automatic syncs ---- */

static int64_t since_ms(const struct app *p, const char *path)
{
    int64_t at;
    const char *text = value_at_str(p->status, path, "");
    if (!*text || clock_parse_rfc3339(text, &at, NULL) < 0)
        return INT64_MAX;
    return p->now - at / 1000000;
}

/* Something a sync would do something about; what is being deleted already needs no more. */
static bool drifted(const struct app_item *it)
{
    if (it->hook || it->in_sync)
        return false;
    return !it->needs_prune || (!it->extraneous_ok && !it->live->deleting);
}

static void view_drift(const struct app *p, struct auto_view *v)
{
    v->only_prunes = true;
    for (size_t i = 0; i < p->have.n; i++) {
        const struct app_item *it = &p->have.items[i];
        if (!drifted(it))
            continue;
        v->out_of_sync = true;
        v->only_prunes &= it->needs_prune;
    }
    v->wants_nothing = p->want.n == 0 && p->have.n > 0;
}

static void view_attempt(const struct app *p, struct auto_view *v)
{
    const struct value *a = value_get(p->rollout, "attempt");
    const char *phase = value_at_str(p->status, "operationState.phase", "");
    v->attempted = manifests__same(&p->want, value_at_str(a, "git", ""), p->want.git) &&
                   value_equal(value_get(a, "config"), p->want.config) &&
                   strcmp(value_at_str(a, "revision", ""), p->revision) == 0;
    v->attempt_failed = v->attempted && strcmp(phase, "Succeeded") != 0 && *phase;
    v->heal_attempts =
        (int)value_at_int(p->status, "operationState.operation.sync.autoHealAttemptsCount", 0);
    v->since_last_ms = since_ms(p, "operationState.finishedAt");
}

static struct value *automatic_operation(struct app *p, const struct auto_decision *d)
{
    const struct value *policy = value_get(p->spec, "syncPolicy");
    struct value *op = value_new_object(p->a);
    struct value *sync = value_make_object(p->a, op, "sync");
    revision_put(p->a, sync, p->revision, p->want.source);
    (void)value_set_bool(p->a, sync, "prune", value_at_bool(policy, "automated.prune", false));
    if (value_count(value_get(policy, "syncOptions")) > 0)
        (void)value_set(p->a, sync, "syncOptions", value_get(policy, "syncOptions"));
    (void)value_set_bool(p->a, value_make_object(p->a, op, "initiatedBy"), "automated", true);
    if (value_get(policy, "retry"))
        (void)value_set(p->a, op, "retry", value_get(policy, "retry"));
    if (d->what == AUTO_HEAL)
        (void)value_set_int(p->a, sync, "autoHealAttemptsCount", d->heal_attempts);
    /* Only what drifted; the rest of the revision is there already. */
    for (size_t i = 0; d->what == AUTO_HEAL && i < p->have.n; i++) {
        const struct app_item *it = &p->have.items[i];
        if (it->hook || it->in_sync || (it->needs_prune && it->extraneous_ok))
            continue;
        struct value *r =
            value_push(p->a, value_make_array(p->a, sync, "resources"), value_new_object(p->a));
        (void)value_set_str(p->a, r, "group", it->group);
        (void)value_set_str(p->a, r, "kind", it->kind);
        (void)value_set_str(p->a, r, "namespace", it->ns);
        (void)value_set_str(p->a, r, "name", it->name);
    }
    return op;
}

static int sync_by_itself(struct app *p, struct err *e)
{
    const struct value *automated = value_at(p->spec, "syncPolicy.automated");
    struct auto_view v = {
        .automated = automated && !value_is(automated, VALUE_NULL) &&
                     value_at_bool(automated, "enabled", true),
        .prune = value_at_bool(automated, "prune", false),
        .self_heal = value_at_bool(automated, "selfHeal", false),
        .allow_empty = value_at_bool(automated, "allowEmpty", false),
        .running = operation_running(p),
        .condemned = trial_condemned(p, &p->want) != NULL,
        .revision = p->revision,
    };
    struct auto_decision d;
    view_drift(p, &v);
    view_attempt(p, &v);
    auto_plan(&v, p->a, &d);
    app_condition(p, "SyncError", d.why);
    if (d.what == AUTO_LATER)
        app_soon(p, d.again_ms);
    if (d.what != AUTO_SYNC && d.what != AUTO_HEAL)
        return 0;
    return operation_begin(p, automatic_operation(p, &d), e);
}

/* ---- operations asked for ---- */

static int take_operation(struct app *p, struct err *e)
{
    const struct value *op = value_get(p->obj->root, "operation");
    if (!op || operation_running(p))
        return 0;
    p->taken_operation = true;
    struct err why = {.code = ERR_OK};
    int rc = value_get(op, "sync") ? operation_begin(p, op, &why)
                                   : err_set(&why, ERR_INVALID, "operation.sync is missing");
    if (rc < 0)
        app_condition(p, "OperationError", why.msg);
    (void)e;
    return 0;
}

/* ---- deletion ---- */

static int delete_managed(struct app *p, bool background, size_t *left, struct err *e)
{
    struct app_items all = {.n = 0};
    int rc = app_tracked(p, NULL, &all, e);
    *left = 0;
    for (size_t i = 0; rc == 0 && i < all.n; i++) {
        const struct object *o = all.items[i].live;
        if (!item_option(p, o->root, "Delete", true))
            continue;
        (*left)++;
        if (o->deleting)
            continue;
        struct kube_delete_opts opts = {.propagation =
                                            background ? KUBE_BACKGROUND : KUBE_FOREGROUND,
                                        .grace_s = -1,
                                        .uid = o->uid};
        rc = kube_delete(p->c->kube, all.items[i].res, o->ns, o->name, &opts, e);
        rc = rc == ERR_NOT_FOUND ? 0 : rc;
    }
    return rc;
}

static int drop_finalizers(struct app *p, struct err *e)
{
    struct value *o = value_copy(p->a, p->obj->root);
    struct value *list = value_at_mut(o, "metadata.finalizers");
    for (size_t i = value_count(list); i-- > 0;)
        if (strncmp(value_str(&list->items[i], ""), APP_FINALIZER, strlen(APP_FINALIZER)) == 0)
            value_remove_at(list, i);
    int rc = kube_update(p->c->kube, &RES_APPLICATION, p->ns, p->name, NULL, o, NULL, e);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int finalize(struct app *p, struct err *e)
{
    bool ours = false, background = false;
    VALUE_EACH_ITEM (f, value_at(p->obj->root, "metadata.finalizers")) {
        const char *text = value_str(f, "");
        if (strncmp(text, APP_FINALIZER, strlen(APP_FINALIZER)) != 0)
            continue;
        ours = true;
        background |= strstr(text, "/background") != NULL;
    }
    if (!ours)
        return 0;
    size_t left;
    int rc = delete_managed(p, background, &left, e);
    if (rc == 0 && left > 0 && !background)
        app_soon(p, 500);
    else if (rc == 0)
        rc = drop_finalizers(p, e);
    return rc;
}

/* ---- writing back ---- */

/* The annotation, and the fields that are taken away when they were acted upon. */
static void metadata_patch(struct app *p, struct value *patch)
{
    const char *text = json_text(p->a, p->rollout, JSON_SORTED);
    const char *old = object_annotation(p->obj, APP_ROLLOUT);
    if (value_count(p->rollout) > 0 && (!old || strcmp(old, text) != 0))
        (void)value_set_str(p->a, value_make_object(p->a, patch, "metadata.annotations"),
                            APP_ROLLOUT, text);
    static const char *const orders[] = {"argocd.argoproj.io/refresh", APP_CONDEMN};
    for (size_t i = 0; p->orders_done && i < ARRAY_LEN(orders); i++)
        if (object_annotation(p->obj, orders[i]))
            (void)value_set(p->a, value_make_object(p->a, patch, "metadata.annotations"), orders[i],
                            value_null(p->a));
    if (!p->taken_operation)
        return;
    (void)value_set(p->a, patch, "operation", value_null(p->a));
    /* One that came meanwhile must not be lost. */
    (void)value_set_str(p->a, value_make_object(p->a, patch, "metadata"), "resourceVersion",
                        value_at_str(p->obj->root, "metadata.resourceVersion", ""));
}

/* One write: what happened and what is remembered of it cannot part. Only what changed is sent,
 * so that nobody else's edit is in the way. */
int app_write(struct app *p, struct err *e)
{
    struct value *patch = value_new_object(p->a);
    const struct value *old = value_get(p->obj->root, "status");
    metadata_patch(p, patch);
    if (!value_equal(p->status, old)) {
        (void)value_set_str(p->a, p->status, "reconciledAt", app_time(p, p->now));
        (void)value_set(p->a, patch, "status",
                        patch_merge_diff(p->a, old ? old : value_new_object(p->a), p->status));
    }
    if (value_count(patch) == 0)
        return 0;
    (void)value_set_str(p->a, value_make_object(p->a, patch, "metadata"), "uid", p->obj->uid);
    AUTO(object) struct object *now = NULL;
    int rc = kube_patch(p->c->kube, &RES_APPLICATION, p->ns, p->name, NULL, KUBE_PATCH_MERGE, patch,
                        &now, e);
    if (rc < 0)
        return rc;
    p->obj = object_hold(p->a, now);
    p->taken_operation = false;
    return 0;
}

/* ---- one sync ---- */

static int look(struct app *p, struct err *e)
{
    struct app_sources good;
    const char *pinned;
    int rc = project_check(p, e);
    if (rc == 0)
        rc = app_sources_open(p, gitops_sources_of(p->spec), &p->from, e);
    if (rc == 0)
        rc = app_sources_look(p, &p->from, e);
    if (rc == 0)
        rc = diff_ignore_check(p->ignore.entries, e);
    if (rc == 0)
        rc = app_options_check(p, e);
    if (rc == 0)
        rc = app_render(p, &p->from, p->from.head, &p->want, e);
    if (rc < 0)
        return rc;
    p->revision = p->from.head;
    if (trial_pinned(p, &p->want, &good, &pinned)) {
        p->revision = pinned;
        rc = app_render(p, &good, pinned, &p->want, e);
    }
    return rc < 0 ? rc : app_observe(p, &p->want, &p->have, e);
}

/* The source is unknown, but what runs is still there to be judged. */
static int cannot_compare(struct app *p, int rc, const struct err *why)
{
    bool spec = rc == ERR_DENIED || rc == ERR_UNSUPPORTED;
    app_condition(p, "ComparisonError", spec ? NULL : why->msg);
    app_condition(p, "InvalidSpecError", spec ? why->msg : NULL);
    app_condition(p, "SyncError", NULL);
    struct value *sync = value_make_object(p->a, p->status, "sync");
    (void)value_set_str(p->a, sync, "status", "Unknown");
    if (operation_running(p)) {
        struct value *state = value_get_mut(p->status, "operationState");
        (void)value_set_str(p->a, state, "phase", "Error");
        (void)value_set_str(p->a, state, "message", why->msg);
        (void)value_set_str(p->a, state, "finishedAt", app_time(p, p->now));
    }
    return 0;
}

static int work(struct app *p, struct err *e)
{
    struct err why = {.code = ERR_OK};
    int rc = look(p, &why);
    if (rc == ERR_AGAIN || rc == ERR_TIMEOUT || rc == ERR_CONFLICT) {
        *e = why;
        return rc;
    }
    if (rc < 0)
        return cannot_compare(p, rc, &why);
    app_condition(p, "ComparisonError", NULL);
    app_condition(p, "InvalidSpecError", NULL);
    rc = take_operation(p, e);
    if (rc == 0)
        rc = sync_by_itself(p, e);
    if (rc == 0 && operation_running(p)) {
        rc = operation_step(p, e);
        if (rc == 0)
            rc = app_observe(p, &p->want, &p->have, e);
    }
    if (rc == 0)
        app_summarize(p);
    if (rc == 0)
        rc = trial_step(p, e);
    p->orders_done = rc == 0;
    return rc;
}

/* Only another input, or another cluster, would change anything; time would not. */
static bool is_settled(const struct app *p)
{
    return p->want.revision && strcmp(p->want.revision, p->from.head) == 0 && !p->again &&
           p->c->requeue_after_ms == 0 && !trial_wanted(p) && !operation_running(p) &&
           strcmp(value_at_str(p->status, "sync.status", ""), "Synced") == 0 &&
           value_count(value_get(p->status, "conditions")) == 0;
}

static int application_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                            struct err *e)
{
    AUTO(object) struct object *obj = NULL;
    int rc = kube_get(c->kube, &RES_APPLICATION, key->ns, key->name, &obj, e);
    if (rc == ERR_NOT_FOUND) {
        kept_drop(((struct gitops *)c->arg)->kept, app_key(key->ns, key->name, a));
        return 0;
    }
    if (rc < 0)
        return rc;
    struct app p = {.g = c->arg, .c = c, .a = a, .obj = obj, .ns = obj->ns, .name = obj->name};
    const struct value *old = value_get(obj->root, "status");
    const char *rollout = object_annotation(obj, APP_ROLLOUT);
    p.spec = value_get(obj->root, "spec");
    p.status = old ? value_copy(a, old) : value_new_object(a);
    p.ignore.entries = value_get(p.spec, "ignoreDifferences");
    p.now = c->clock->real_ms(c->clock);
    if (!rollout || json_parse(a, rollout, strlen(rollout), 0, &p.rollout, NULL) < 0)
        p.rollout = value_new_object(a);
    if (obj->deleting)
        return finalize(&p, e);
    if (strcmp(note_of(obj->root, "argocd.argoproj.io/skip-reconcile"), "true") == 0)
        return 0;
    rc = work(&p, e);
    if (rc < 0)
        return rc;
    if (p.again)
        app_soon(&p, 1);
    rc = app_write(&p, e);
    if (rc == 0 && is_settled(&p))
        kept_settle(p.g->kept, app_key(p.ns, p.name, a), p.obj->rv, false);
    return rc;
}

/* ---- what concerns an Application ---- */

static void keys_of_application(const struct object *o, struct controller_ctx *c,
                                struct key_sink *s)
{
    AUTO(arena) struct arena *a = arena_new(1 << 16);
    const struct gitops *g = c->arg;
    if (!kept_told(g->kept, app_key(o->ns, o->name, a), o->rv))
        key_add(s, o->ns, o->name);
    app_keys_of_tracked(o, c, s);
}

static void keys_of_label(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    const char *name = object_label(o, "slipway.dev/application");
    app_keys_of_tracked(o, c, s);
    if (name)
        key_add(s, o->ns, name);
}

/* Secrets and ConfigMaps from outside: each Application keeps a list of those it uses. */
static void keys_of_config(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct object_list apps = cache_list(c->cache, &RES_APPLICATION, NULL, a);
    const char *key =
        arena_printf(a, "\"%s/%s/%s\":", value_at_str(o->root, "kind", "Secret"), o->ns, o->name);
    app_keys_of_tracked(o, c, s);
    for (size_t i = 0; i < apps.n; i++) {
        const char *rollout = object_annotation(apps.items[i], APP_ROLLOUT);
        if (rollout && strstr(rollout, key))
            key_add(s, apps.items[i]->ns, apps.items[i]->name);
    }
}

static const struct controller_watch watches[] = {
    {&RES_APPLICATION,  keys_of_application},
    {&RES_ANALYSIS_RUN, keys_of_label      },
    {&RES_CONDEMNATION, keys_of_label      },
    {&RES_SECRET,       keys_of_config     },
    {&RES_CONFIG_MAP,   keys_of_config     },
    {NULL,              NULL               },
};

const struct controller application_controller = {
    .name = "application", .watches = watches, .resync_ms = 180 * 1000, .sync = application_sync};
