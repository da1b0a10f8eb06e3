/* The writes of an operation. */
#include "base/thread.h"
#include "ctl/gitops/operation_int.h"

static const char *described(struct run *r, const struct app_item *i, const char *what)
{
    const char *group = *i->group ? arena_printf(r->p->a, ".%s", i->group) : "";
    return arena_printf(r->p->a, "%s%s/%s %s", i->res ? i->res->singular : i->kind, group, i->name,
                        what);
}

bool run__transient(int rc)
{
    return rc == ERR_AGAIN || rc == ERR_TIMEOUT || rc == ERR_SYSTEM;
}

static enum kube_propagation propagation(const struct app *p)
{
    const char *text = app_option_text(p, "PrunePropagationPolicy");
    if (text && strcmp(text, "background") == 0)
        return KUBE_BACKGROUND;
    return text && strcmp(text, "orphan") == 0 ? KUBE_ORPHAN : KUBE_FOREGROUND;
}

static int delete_item(struct run *r, const struct app_item *i, enum kube_propagation how,
                       struct err *e)
{
    struct kube_delete_opts opts = {.propagation = how, .grace_s = -1, .uid = i->live->uid};
    int rc = kube_delete(r->p->c->kube, i->res, i->ns, i->name, &opts, e);
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* Replace: the object becomes exactly what is wanted. */
static int replace(struct run *r, const struct app_item *i, const struct value *target,
                   struct err *e)
{
    struct kube *k = r->p->c->kube;
    if (!i->live)
        return kube_create(k, i->res, i->ns, target, NULL, e);
    if (item_option(r->p, i->target, "Force", false)) {
        int rc = delete_item(r, i, KUBE_BACKGROUND, e);
        return rc < 0 ? rc : kube_create(k, i->res, i->ns, target, NULL, e);
    }
    struct value *v = value_copy(r->p->a, target);
    (void)value_set_str(r->p->a, value_make_object(r->p->a, v, "metadata"), "resourceVersion",
                        value_at_str(i->live->root, "metadata.resourceVersion", ""));
    return kube_update(k, i->res, i->ns, i->name, NULL, v, NULL, e);
}

static int apply_target(struct run *r, const struct app_item *i, struct err *e)
{
    struct app *p = r->p;
    const struct value *target = i->target;
    if (i->live && app_option(p, "RespectIgnoreDifferences") && p->ignore.entries)
        target = diff_keep_ignored(target, i->live->root, &p->ignore, p->a);
    if (item_option(p, i->target, "Replace", false))
        return replace(r, i, target, e);
    return kube_apply(p->c->kube, i->res, i->ns, i->name, NULL, APP_MANAGER, true, target, NULL, e);
}

/* A hook is made anew each time. ERR_AGAIN: the one before is not gone yet. */
static int make_hook(struct run *r, struct app_item *i, const struct sync_task *t, struct err *e)
{
    struct app *p = r->p;
    struct value *o = value_copy(p->a, i->target);
    if (i->live && (t->policy & HOOK_BEFORE)) {
        int rc = delete_item(r, i, KUBE_BACKGROUND, e);
        if (rc < 0)
            return rc;
    }
    int rc = kube_create(p->c->kube, i->res, i->ns, o, NULL, e);
    if (rc == ERR_EXISTS && i->live && !(t->policy & HOOK_BEFORE))
        return kube_apply(p->c->kube, i->res, i->ns, i->name, NULL, APP_MANAGER, true, o, NULL, e);
    return rc == ERR_EXISTS ? ERR_AGAIN : rc;
}

/* NULL, or why it may not be applied. */
const char *run__refusal(struct run *r, const struct app_item *i)
{
    struct app *p = r->p;
    const char *refused = project_refuses(p, i);
    if (!i->res)
        return arena_printf(p->a, "the cluster does not know the kind %s in %s%s%s", i->kind,
                            i->group, *i->group ? "/" : "", i->version);
    const char *owner = i->live && i->target ? object_annotation(i->live, APP_TRACKING) : NULL;
    const char *mine = app_tracking_prefix(p);
    if (!refused && owner && strncmp(owner, mine, strlen(mine)) != 0 &&
        app_option(p, "FailOnSharedResource"))
        return arena_printf(p->a, "%s/%s belongs to Application %.*s", i->kind, i->name,
                            (int)strcspn(owner, ":"), owner);
    return refused;
}

/* 0: its result is written; ERR_AGAIN and the like: try the task again later. */
static int run_task(struct run *r, struct sync_task *t, struct err *e)
{
    struct app_item *i = t->item;
    struct err why = {.code = ERR_OK};
    const char *refused = run__refusal(r, i);
    if (refused) {
        run__set_result(r, i, t, "SyncFailed", "Failed", refused);
        return 0;
    }
    int rc;
    if (t->prune)
        rc = delete_item(r, i, propagation(r->p), &why);
    else
        rc = i->hook ? make_hook(r, i, t, &why) : apply_target(r, i, &why);
    if (run__transient(rc)) {
        *e = why;
        return rc;
    }
    if (rc < 0)
        run__set_result(r, i, t, "SyncFailed", "Failed", arena_strdup(r->p->a, why.msg));
    else
        run__set_result(r, i, t, t->prune ? "Pruned" : "Synced", "Running",
                        described(r, i,
                                  t->prune  ? "pruned"
                                  : i->live ? "configured"
                                            : "created"));
    return 0;
}

int64_t *run__last_wave(struct app *p)
{
    LOCK_SCOPE(&p->g->lock);
    int64_t *at = map_get(&p->g->last_wave, p->obj->uid);
    if (!at) {
        at = malloc(sizeof *at);
        if (!at)
            abort();
        *at = INT64_MIN;
        (void)map_put(&p->g->last_wave, p->obj->uid, at);
    }
    return at;
}

int run__tasks(struct run *r, const struct sync_decision *d, bool *failed, struct err *e)
{
    int rc = 0;
    *failed = false;
    for (size_t i = 0; i < d->n_run; i++) {
        int one = run_task(r, d->run[i], e);
        rc = one < 0 ? one : rc;
        const struct value *done = run__result(r, d->run[i]->item, run__phases[d->run[i]->phase]);
        *failed |= strcmp(value_at_str(done, "status", ""), "SyncFailed") == 0;
    }
    *run__last_wave(r->p) = r->p->c->clock->mono_ms(r->p->c->clock);
    return rc;
}

int run__remove_hooks(struct run *r, const struct sync_decision *d, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; i < d->n_remove; i++) {
        struct app_item *it = d->remove[i]->item;
        const char *phase = d->remove[i]->state == TASK_FAILED ? "Failed" : "Succeeded";
        run__set_result(r, it, d->remove[i], "", phase, NULL);
        int one = it->live ? delete_item(r, it, KUBE_BACKGROUND, e) : 0;
        rc = one < 0 ? one : rc;
    }
    return rc;
}
