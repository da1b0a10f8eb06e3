/* status.c - a Deployment's counts and conditions. */
#include <string.h>

#include "api/conditions.h"
#include "ctl/deployment/plan_int.h"
#include "ctl/pods/pods.h"

bool deployment__has_deadline(const struct object *d)
{
    const struct value *v = value_at(d->root, "spec.progressDeadlineSeconds");
    return v && value_int(v, INT32_MAX) != INT32_MAX;
}

static void set_count(struct arena *a, struct value *status, const char *key, int64_t n)
{
    if (n)
        (void)value_set_int(a, status, key, n);
}

struct value *deployment__counts(struct rollout *r)
{
    int64_t actual = 0, ready = 0, available = 0, asked = 0;
    for (size_t i = 0; i < r->n; i++) {
        actual += r->sets[i].actual;
        ready += r->sets[i].ready;
        available += r->sets[i].available;
        asked += r->sets[i].was;
    }
    struct value *s = value_new_object(r->a);
    set_count(r->a, s, "observedGeneration", value_at_int(r->d->root, "metadata.generation", 0));
    set_count(r->a, s, "replicas", actual);
    set_count(r->a, s, "updatedReplicas", r->fresh ? r->fresh->actual : 0);
    set_count(r->a, s, "readyReplicas", ready);
    set_count(r->a, s, "availableReplicas", available);
    set_count(r->a, s, "unavailableReplicas", asked > available ? asked - available : 0);
    const struct value *collisions = value_at(r->d->root, "status.collisionCount");
    if (collisions)
        (void)value_set(r->a, s, "collisionCount", collisions);
    return s;
}

static int64_t count(const struct value *status, const char *key)
{
    return value_int(value_get(status, key), 0);
}

bool deployment__complete(const struct object *d, const struct value *status)
{
    int64_t want = value_at_int(d->root, "spec.replicas", 1);
    return count(status, "updatedReplicas") == want && count(status, "replicas") == want &&
           count(status, "availableReplicas") == want &&
           count(status, "observedGeneration") >= value_at_int(d->root, "metadata.generation", 0);
}

static bool has_progressed(const struct object *d, const struct value *now)
{
    const struct value *was = value_get(d->root, "status");
    int64_t old_was = count(was, "replicas") - count(was, "updatedReplicas");
    int64_t old_now = count(now, "replicas") - count(now, "updatedReplicas");
    return count(now, "updatedReplicas") > count(was, "updatedReplicas") || old_now < old_was ||
           count(now, "readyReplicas") > count(was, "readyReplicas") ||
           count(now, "availableReplicas") > count(was, "availableReplicas");
}

/* ---- conditions ---- */

struct judged {
    struct rollout *r;
    struct value *root; /* holds status.conditions, for condition_* */
};

static const struct value *progressing(const struct judged *j)
{
    return object_condition(j->root, "Progressing");
}

static const char *reason_of(const struct value *c)
{
    return value_str(value_get(c, "reason"), "");
}

/* As upstream: nothing changes while status and reason stay. */
static void judge(struct judged *j, const char *type, const char *status, const char *reason,
                  const char *message)
{
    const struct value *had = object_condition(j->root, type);
    if (had && strcmp(value_str(value_get(had, "status"), ""), status) == 0 &&
        strcmp(reason_of(had), reason) == 0)
        return;
    (void)condition_set_in(j->r->a, value_make_array(j->r->a, j->root, "status.conditions"),
                           &(struct condition){type, status, reason, message, 0}, j->r->v->now_ms,
                           true);
}

static int64_t deadline_ms(const struct judged *j)
{
    return time_ms(value_get(progressing(j), "lastUpdateTime"), 0) +
           value_at_int(j->r->d->root, "spec.progressDeadlineSeconds", 600) * 1000;
}

static bool timed_out(const struct judged *j)
{
    const char *reason = reason_of(progressing(j));
    if (!progressing(j) || strcmp(reason, "NewReplicaSetAvailable") == 0)
        return false;
    return strcmp(reason, "ProgressDeadlineExceeded") == 0 || deadline_ms(j) < j->r->v->now_ms;
}

static const char *about(const struct judged *j, const char *what)
{
    const struct rollout *r = j->r;
    return r->fresh ? arena_printf(r->a, "ReplicaSet \"%s\" %s", r->fresh->name, what)
                    : arena_printf(r->a, "Deployment \"%s\" %s", r->d->name, what);
}

/* The beginning: the new set was made, or found. */
static void judge_start(struct judged *j)
{
    const struct rollout *r = j->r;
    if (!r->fresh || r->d->deleting)
        return;
    if (!r->fresh->o)
        judge(j, "Progressing", "True", "NewReplicaSetCreated",
              arena_printf(r->a, "Created new replica set \"%s\"", r->fresh->name));
    else if (!progressing(j))
        judge(j, "Progressing", "True", "FoundNewReplicaSet",
              arena_printf(r->a, "Found new replica set \"%s\"", r->fresh->name));
}

static void judge_paused(struct judged *j)
{
    const char *reason = reason_of(progressing(j));
    if (strcmp(reason, "ProgressDeadlineExceeded") == 0)
        return;
    if (j->r->paused)
        judge(j, "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused");
    else if (strcmp(reason, "DeploymentPaused") == 0)
        judge(j, "Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed");
}

static void judge_progress(struct judged *j, const struct value *status)
{
    const struct object *d = j->r->d;
    bool settled = count(status, "replicas") == count(status, "updatedReplicas") &&
                   strcmp(reason_of(progressing(j)), "NewReplicaSetAvailable") == 0;
    if (settled || d->deleting || j->r->paused)
        return;
    if (deployment__complete(d, status)) {
        judge(j, "Progressing", "True", "NewReplicaSetAvailable",
              about(j, "has successfully progressed."));
    } else if (has_progressed(d, status)) {
        /* Set afresh, so that its lastUpdateTime restarts the deadline. */
        const struct value *had = progressing(j);
        struct value *kept = had ? value_copy(j->r->a, had) : NULL;
        bool was_true = strcmp(value_str(value_get(kept, "status"), ""), "True") == 0;
        (void)condition_remove(j->root, "Progressing");
        judge(j, "Progressing", "True", "ReplicaSetUpdated", about(j, "is progressing."));
        struct value *now = value_at_mut(j->root, "status.conditions");
        now = &now->items[now->n - 1];
        if (was_true)
            (void)value_set(j->r->a, now, "lastTransitionTime",
                            value_get(kept, "lastTransitionTime"));
    } else if (timed_out(j)) {
        judge(j, "Progressing", "False", "ProgressDeadlineExceeded",
              about(j, "has timed out progressing."));
    }
}

static void judge_available(struct judged *j, const struct value *status)
{
    if (count(status, "availableReplicas") >= j->r->replicas - j->r->unavailable)
        judge(j, "Available", "True", "MinimumReplicasAvailable",
              "Deployment has minimum availability.");
    else
        judge(j, "Available", "False", "MinimumReplicasUnavailable",
              "Deployment does not have minimum availability.");
}

static const struct value *failure_of(const struct set *s)
{
    return s && s->o ? object_condition(s->o->root, "ReplicaFailure") : NULL;
}

/* The new set's failure tells more than an old one's. */
static void judge_failure(struct judged *j)
{
    const struct value *f = failure_of(j->r->fresh);
    for (size_t i = 0; i < j->r->n && !f; i++)
        f = failure_of(&j->r->sets[i]);
    if (f)
        judge(j, "ReplicaFailure", value_str(value_get(f, "status"), "True"), reason_of(f),
              value_str(value_get(f, "message"), ""));
    else
        (void)condition_remove(j->root, "ReplicaFailure");
}

static struct judged judged_new(struct rollout *r)
{
    const struct value *had = value_at(r->d->root, "status.conditions");
    struct judged j = {r, value_new_object(r->a)};
    (void)value_set(r->a, value_make_object(r->a, j.root, "status"), "conditions",
                    had ? value_copy(r->a, had) : value_new_array(r->a));
    return j;
}

static void take_conditions(struct judged *j, struct value *status)
{
    const struct value *c = value_at(j->root, "status.conditions");
    if (value_count(c))
        (void)value_set(j->r->a, status, "conditions", c);
}

/* When to look again: a second after the deadline, unless it cannot pass any more. */
static int64_t next_look(const struct judged *j, const struct value *status)
{
    if (!deployment__has_deadline(j->r->d) || !progressing(j) || j->r->paused ||
        deployment__complete(j->r->d, status) ||
        strcmp(reason_of(progressing(j)), "ProgressDeadlineExceeded") == 0 ||
        strcmp(reason_of(progressing(j)), "NewReplicaSetAvailable") == 0)
        return 0;
    return deadline_ms(j) + 1000;
}

struct value *deployment__status(struct rollout *r, int64_t *again_ms)
{
    struct judged j = judged_new(r);
    struct value *status = deployment__counts(r);
    judge_available(&j, status);
    if (deployment__has_deadline(r->d)) {
        judge_paused(&j);
        judge_start(&j);
        judge_progress(&j, status);
    } else {
        (void)condition_remove(j.root, "Progressing");
    }
    judge_failure(&j);
    take_conditions(&j, status);
    *again_ms = next_look(&j, status);
    return status;
}

struct value *deployment_collided(const struct deployment_view *v, struct arena *a)
{
    const struct value *was = value_get(v->deployment->root, "status");
    struct value *s = was ? value_copy(a, was) : value_new_object(a);
    (void)value_set_int(a, s, "collisionCount", count(was, "collisionCount") + 1);
    return s;
}

struct value *deployment_failed(const struct deployment_view *v, const char *set, const char *why,
                                struct arena *a)
{
    struct rollout r = {.v = v, .d = v->deployment, .a = a};
    struct judged j = judged_new(&r);
    const struct value *was = value_get(v->deployment->root, "status");
    struct value *s = was ? value_copy(a, was) : value_new_object(a);
    if (deployment__has_deadline(v->deployment))
        judge(&j, "Progressing", "False", "ReplicaSetCreateError",
              arena_printf(a, "Failed to create new replica set \"%s\": %s", set, why));
    take_conditions(&j, s);
    return s;
}
