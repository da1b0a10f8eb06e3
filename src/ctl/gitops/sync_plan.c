#include "ctl/gitops/sync_plan.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"

int sync_kind_order(const char *kind)
{
    static const char *const kinds[] = {"Namespace",
                                        "NetworkPolicy",
                                        "ResourceQuota",
                                        "LimitRange",
                                        "PodSecurityPolicy",
                                        "PodDisruptionBudget",
                                        "ServiceAccount",
                                        "Secret",
                                        "SecretList",
                                        "ConfigMap",
                                        "StorageClass",
                                        "PersistentVolume",
                                        "PersistentVolumeClaim",
                                        "CustomResourceDefinition",
                                        "ClusterRole",
                                        "ClusterRoleList",
                                        "ClusterRoleBinding",
                                        "ClusterRoleBindingList",
                                        "Role",
                                        "RoleList",
                                        "RoleBinding",
                                        "RoleBindingList",
                                        "Service",
                                        "DaemonSet",
                                        "Pod",
                                        "ReplicationController",
                                        "ReplicaSet",
                                        "Deployment",
                                        "HorizontalPodAutoscaler",
                                        "StatefulSet",
                                        "Job",
                                        "CronJob",
                                        "IngressClass",
                                        "Ingress",
                                        "APIService"};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strcmp(kinds[i], kind) == 0)
            return (int)i;
    return (int)ARRAY_LEN(kinds);
}

static int task_order(const void *pa, const void *pb)
{
    const struct sync_task *a = pa, *b = pb;
    if (a->phase != b->phase)
        return a->phase < b->phase ? -1 : 1;
    if (a->wave != b->wave)
        return a->wave < b->wave ? -1 : 1;
    int ka = sync_kind_order(a->kind), kb = sync_kind_order(b->kind);
    if (a->prune != b->prune)
        return a->prune ? 1 : -1;
    if (ka != kb) /* what was made last is pruned first */
        return (ka < kb) == !a->prune ? -1 : 1;
    int c = strcmp(a->ns, b->ns);
    return c ? c : strcmp(a->name, b->name);
}

/* Pruning goes from the highest wave to the lowest: the waves in use change places. With
 * prune_last it comes after everything else. */
static void turn_prune_waves(struct sync_view *v)
{
    int low = INT_MAX, high = INT_MIN, last = 0;
    for (size_t i = 0; i < v->n; i++) {
        const struct sync_task *t = &v->tasks[i];
        if (t->phase != SYNC_SYNC)
            continue;
        if (!t->prune) {
            last = t->wave > last ? t->wave : last;
            continue;
        }
        low = t->wave < low ? t->wave : low;
        high = t->wave > high ? t->wave : high;
    }
    for (size_t i = 0; i < v->n; i++) {
        struct sync_task *t = &v->tasks[i];
        if (t->prune && t->phase == SYNC_SYNC)
            t->wave = v->prune_last ? last + 1 + (high - t->wave) : low + (high - t->wave);
    }
}

static bool same_step(const struct sync_task *a, const struct sync_task *b)
{
    return a->phase == b->phase && a->wave == b->wave;
}

/* More than one step to come: then each must be healthy before the next. */
static bool many_steps(const struct sync_view *v)
{
    const struct sync_task *first = NULL;
    for (size_t i = 0; i < v->n; i++) {
        if (v->tasks[i].phase == SYNC_FAIL)
            continue;
        if (first && !same_step(first, &v->tasks[i]))
            return true;
        first = &v->tasks[i];
    }
    return false;
}

static void list_add(struct sync_task ***list, size_t *n, size_t max, struct sync_task *t,
                     struct arena *a)
{
    if (!*list)
        *list = ARENA_ARRAY(a, struct sync_task *, max);
    (*list)[(*n)++] = t;
}

static void remove_hooks(const struct sync_view *v, unsigned policy, enum task_state state,
                         struct arena *a, struct sync_decision *d)
{
    for (size_t i = 0; i < v->n; i++) {
        struct sync_task *t = &v->tasks[i];
        if (t->hook && t->there && t->state == state && (t->policy & policy))
            list_add(&d->remove, &d->n_remove, v->n, t, a);
    }
}

/* The tasks of the first step that has something pending. */
static const struct sync_task *next_step(const struct sync_view *v, enum sync_phase from,
                                         enum sync_phase to)
{
    for (size_t i = 0; i < v->n; i++)
        if (v->tasks[i].phase >= from && v->tasks[i].phase <= to &&
            v->tasks[i].state == TASK_PENDING)
            return &v->tasks[i];
    return NULL;
}

static void run_step(const struct sync_view *v, const struct sync_task *first, struct arena *a,
                     struct sync_decision *d)
{
    d->what = SYNC_RUN;
    for (size_t i = 0; i < v->n; i++)
        if (v->tasks[i].state == TASK_PENDING && same_step(first, &v->tasks[i]))
            list_add(&d->run, &d->n_run, v->n, &v->tasks[i], a);
}

static size_t count_running(const struct sync_view *v, bool all, enum sync_phase from,
                            enum sync_phase to, const struct sync_task **first)
{
    size_t n = 0;
    for (size_t i = 0; i < v->n; i++) {
        const struct sync_task *t = &v->tasks[i];
        if (t->state != TASK_RUNNING || t->phase < from || t->phase > to || !(all || t->hook))
            continue;
        *first = n ? *first : t;
        n++;
    }
    return n;
}

static const char *waiting_text(const struct sync_task *t, size_t n, struct arena *a)
{
    const char *what = t->prune ? "deletion" : t->hook ? "completion of hook" : "healthy state of";
    const char *more = n > 1 ? arena_printf(a, " and %zu more", n - 1) : "";
    if (t->prune)
        return arena_printf(a, "waiting for deletion of %s/%s/%s%s", t->group, t->kind, t->name,
                            more);
    return arena_printf(a, "waiting for %s %s/%s/%s%s", what, t->group, t->kind, t->name, more);
}

/* Something failed: the SyncFail hooks run, then the operation has failed. */
static void plan_failure(const struct sync_view *v, const struct sync_task *failed, struct arena *a,
                         struct sync_decision *d)
{
    const struct sync_task *first = NULL;
    const struct sync_task *next = next_step(v, SYNC_FAIL, SYNC_FAIL);
    const char *why = failed->message && *failed->message ? failed->message : "not healthy";
    const char *text =
        failed->hook
            ? arena_printf(a, "hook %s/%s failed: %s", failed->kind, failed->name, why)
            : arena_printf(a,
                           "one or more synchronization tasks completed unsuccessfully, reason: "
                           "%s/%s: %s",
                           failed->kind, failed->name, why);
    remove_hooks(v, HOOK_FAILED, TASK_FAILED, a, d);
    remove_hooks(v, HOOK_SUCCEEDED, TASK_SUCCEEDED, a, d);
    if (next) {
        run_step(v, next, a, d);
    } else {
        size_t n = count_running(v, true, SYNC_FAIL, SYNC_FAIL, &first);
        d->what = n ? SYNC_WAIT : SYNC_FAILED;
        text = n ? waiting_text(first, n, a) : text;
    }
    d->message = text;
}

void sync_plan(struct sync_view *v, struct arena *a, struct sync_decision *out)
{
    struct sync_decision d = {.what = SYNC_DONE};
    const struct sync_task *waits = NULL;
    turn_prune_waves(v);
    if (v->n > 1)
        qsort(v->tasks, v->n, sizeof *v->tasks, task_order);
    size_t running = count_running(v, many_steps(v), SYNC_PRE, SYNC_POST, &waits);
    for (size_t i = 0; i < v->n; i++) {
        if (v->tasks[i].state != TASK_FAILED || v->tasks[i].phase == SYNC_FAIL)
            continue;
        /* What runs beside it ends first. */
        if (running == 0) {
            plan_failure(v, &v->tasks[i], a, &d);
            *out = d;
            return;
        }
    }
    const struct sync_task *next = next_step(v, SYNC_PRE, SYNC_POST);
    if (running > 0) {
        d.what = SYNC_WAIT;
        d.message = waiting_text(waits, running, a);
    } else if (next && v->since_wave_ms >= 0 && v->since_wave_ms < v->wave_delay_ms) {
        d.what = SYNC_WAIT;
        d.message = "waiting between waves";
        d.again_ms = v->wave_delay_ms - v->since_wave_ms;
    } else if (next) {
        run_step(v, next, a, &d);
        bool more = false, hooks = false;
        for (size_t i = 0; i < v->n; i++) {
            const struct sync_task *t = &v->tasks[i];
            more |= t->phase != SYNC_FAIL && t->state == TASK_PENDING && !same_step(next, t);
            hooks |= t->hook && same_step(next, t);
        }
        /* Nothing follows: being applied is enough, whatever becomes of it later. */
        if (!more && !hooks) {
            d.what = SYNC_DONE;
            d.message = "successfully synced (all tasks run)";
        }
    } else {
        d.message = "successfully synced (no more tasks)";
    }
    remove_hooks(v, HOOK_SUCCEEDED, TASK_SUCCEEDED, a, &d);
    *out = d;
}
