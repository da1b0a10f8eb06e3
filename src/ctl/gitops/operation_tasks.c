/* What an operation has done, and what it still has to do. */
#include "ctl/gitops/operation_int.h"

const struct value *run__operation(const struct run *r)
{
    return value_get(r->state, "operation");
}

/* ---- results ---- */

struct value *run__result(const struct run *r, const struct app_item *i, const char *phase)
{
    struct value *list = value_get_mut(r->result, "resources");
    for (size_t k = 0; k < value_count(list); k++) {
        struct value *x = &list->items[k];
        if (strcmp(value_at_str(x, "kind", ""), i->kind) == 0 &&
            strcmp(value_at_str(x, "group", ""), i->group) == 0 &&
            strcmp(value_at_str(x, "namespace", ""), i->ns) == 0 &&
            strcmp(value_at_str(x, "name", ""), i->name) == 0 &&
            strcmp(value_at_str(x, "syncPhase", "Sync"), phase) == 0)
            return x;
    }
    return NULL;
}

const char *const run__phases[SYNC_PHASES] = {"PreSync", "Sync", "PostSync", "SyncFail"};

void run__set_result(struct run *r, const struct app_item *i, const struct sync_task *t,
                     const char *status, const char *hook_phase, const char *message)
{
    struct arena *a = r->p->a;
    const char *phase = t ? run__phases[t->phase] : "Sync";
    struct value *x = run__result(r, i, phase);
    if (!x) {
        x = value_push(a, value_make_array(a, r->result, "resources"), value_new_object(a));
        (void)value_set_str(a, x, "group", i->group);
        (void)value_set_str(a, x, "version", i->version);
        (void)value_set_str(a, x, "kind", i->kind);
        (void)value_set_str(a, x, "namespace", i->ns);
        (void)value_set_str(a, x, "name", i->name);
        (void)value_set_str(a, x, "syncPhase", phase);
        if (i->hook)
            (void)value_set_str(a, x, "hookType", phase);
    }
    if (*status)
        (void)value_set_str(a, x, "status", status);
    (void)value_set_str(a, x, "hookPhase", hook_phase);
    if (message)
        (void)value_set_str(a, x, "message", message);
}

/* ---- tasks ---- */

static bool selected(const struct run *r, const struct app_item *i)
{
    const struct value *only = value_at(run__operation(r), "sync.resources");
    if (value_count(only) == 0)
        return true;
    VALUE_EACH_ITEM (x, only)
        if (strcmp(value_at_str(x, "kind", ""), i->kind) == 0 &&
            strcmp(value_at_str(x, "group", ""), i->group) == 0 &&
            strcmp(value_at_str(x, "name", ""), i->name) == 0)
            return true;
    return false;
}

const char *run__unknown_hook(const struct app_item *i, struct arena *a)
{
    const char *list = i->hook && i->target ? hook_phases(i->target) : "";
    for (const char *s = list; *s; s += strcspn(s, ",")) {
        s += strspn(s, " ,");
        const char *word = arena_strndup(a, s, strcspn(s, " ,"));
        bool known = !*word;
        for (size_t k = 0; k < ARRAY_LEN(run__phases); k++)
            known |= strcmp(run__phases[k], word) == 0;
        if (!known)
            return word;
    }
    return NULL;
}

/* How far a task is: what this operation did, and how the object is now. */
static void judge(const struct run *r, const struct app_item *i, struct sync_task *t)
{
    const struct value *done = run__result(r, i, run__phases[t->phase]);
    const char *status = value_at_str(done, "status", ""),
               *hook = value_at_str(done, "hookPhase", "");
    t->there = i->live != NULL;
    t->state = TASK_PENDING;
    if (!done)
        return;
    t->message = value_at_str(done, "message", "");
    if (strcmp(status, "SyncFailed") == 0 || strcmp(hook, "Failed") == 0 ||
        strcmp(hook, "Error") == 0)
        t->state = TASK_FAILED;
    else if (strcmp(hook, "Succeeded") == 0 || strcmp(status, "PruneSkipped") == 0)
        t->state = TASK_SUCCEEDED;
    else if (t->prune)
        t->state = i->live ? TASK_RUNNING : TASK_SUCCEEDED;
    else if (!i->live)
        t->state = t->hook ? TASK_PENDING : TASK_FAILED, t->message = "it was deleted meanwhile";
    else if (i->health.status == HEALTH_HEALTHY || i->health.status == HEALTH_NONE)
        t->state = TASK_SUCCEEDED;
    else if (i->health.status == HEALTH_DEGRADED)
        t->state = TASK_FAILED, t->message = i->health.message;
    else
        t->state = TASK_RUNNING;
}

static void add_task(struct run *r, struct app_item *i, enum sync_phase phase)
{
    const struct value *o = i->target ? i->target : i->live->root;
    struct sync_task t = {.group = i->group,
                          .kind = i->kind,
                          .ns = i->ns,
                          .name = i->name,
                          .phase = phase,
                          .wave = hook_wave(o),
                          .hook = i->hook,
                          .prune = i->needs_prune,
                          .policy = i->hook ? hook_policies(o) : 0,
                          .item = i};
    judge(r, i, &t);
    r->tasks[r->n_tasks++] = t;
}

/* False: it stays; the result says so. */
static bool prunes(struct run *r, struct app_item *i)
{
    bool wanted = value_at_bool(run__operation(r), "sync.prune", false);
    bool allowed = item_option(r->p, i->live->root, "Prune", true);
    if (wanted && allowed)
        return true;
    if (!run__result(r, i, "Sync"))
        run__set_result(r, i, NULL, "PruneSkipped", "Succeeded",
                        allowed ? "ignored (requires pruning)" : "ignored (no prune)");
    return false;
}

void run__make_tasks(struct run *r)
{
    bool only_changed = app_option(r->p, "ApplyOutOfSyncOnly");
    bool partial = value_count(value_at(run__operation(r), "sync.resources")) > 0;
    r->n_tasks = 0;
    r->tasks = ARENA_ARRAY(r->p->a, struct sync_task, r->have.n * SYNC_PHASES + 1);
    for (size_t k = 0; k < r->have.n; k++) {
        struct app_item *i = &r->have.items[k];
        if (i->hook) {
            const char *list = i->target ? hook_phases(i->target) : "";
            for (int f = 0; f < SYNC_PHASES && !partial; f++)
                if (hook_lists(list, run__phases[f]))
                    add_task(r, i, (enum sync_phase)f);
            continue;
        }
        if (!selected(r, i) || (i->needs_prune && !prunes(r, i)))
            continue;
        if (only_changed && i->in_sync && !run__result(r, i, "Sync"))
            continue;
        add_task(r, i, SYNC_SYNC);
    }
    /* What was pruned and is gone does not come back as an item, and needs no task. */
}
