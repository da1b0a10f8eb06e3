#include "ctl/cronjob/plan.h"

#include <string.h>

#include "ctl/job/plan.h"
#include "ctl/pods/pods.h"
#include "kube/write.h"

enum { MISSED_MAX = 100, MISSED_SCAN = 200000 };

struct planner {
    const struct cronjob_view *v;
    struct arena *a;
    struct schedule schedule;
    struct cronjob_plan out;
};

static void tell(struct planner *p, bool warns, const char *reason, const char *message)
{
    if (p->out.n_notes < ARRAY_LEN(p->out.notes))
        p->out.notes[p->out.n_notes++] = (struct cronjob_note){warns, reason, message};
}

static const struct object *job_with(const struct planner *p, const char *uid)
{
    for (size_t i = 0; i < p->v->jobs.n; i++)
        if (strcmp(p->v->jobs.items[i]->uid, uid) == 0)
            return p->v->jobs.items[i];
    return NULL;
}

static bool succeeded(const struct object *job)
{
    const struct value *c = object_condition(job->root, "Complete");
    return strcmp(value_str(value_get(c, "status"), ""), "True") == 0;
}

void cronjob_add_active(struct value *status, const struct object *job, struct arena *a)
{
    struct value *ref = value_new_object(a);
    (void)value_set_str(a, ref, "kind", "Job");
    (void)value_set_str(a, ref, "namespace", job->ns);
    (void)value_set_str(a, ref, "name", job->name);
    (void)value_set_str(a, ref, "uid", job->uid);
    (void)value_set_str(a, ref, "apiVersion", "batch/v1");
    (void)value_set(a, ref, "resourceVersion",
                    value_new_strf(a, "%llu", (unsigned long long)job->rv));
    (void)value_push(a, value_make_array(a, status, "active"), ref);
}

static void note_success(struct planner *p, const struct object *job)
{
    const struct value *at = value_at(job->root, "status.completionTime");
    const struct value *had = value_get(p->out.status, "lastSuccessfulTime");
    if (at && time_ms(at, 0) > time_ms(had, 0))
        (void)value_set(p->a, p->out.status, "lastSuccessfulTime", at);
}

/* status.active without what finished or went. */
static size_t tend_active(struct planner *p)
{
    struct value *left = value_new_array(p->a);
    VALUE_EACH_ITEM(ref, value_at(p->v->cronjob->root, "status.active"))
    {
        const struct object *job = job_with(p, value_str(value_get(ref, "uid"), ""));
        const char *name = value_str(value_get(ref, "name"), "");
        if (!job)
            tell(p, false, "MissingJob", arena_printf(p->a, "Active job went missing: %s", name));
        else if (job_is_finished(job))
            tell(p, false, "SawCompletedJob",
                 arena_printf(p->a, "Saw completed job: %s, condition: %s", name,
                              succeeded(job) ? "Complete" : "Failed"));
        else
            (void)value_push(p->a, left, ref);
    }
    for (size_t i = 0; i < p->v->jobs.n; i++)
        if (succeeded(p->v->jobs.items[i]))
            note_success(p, p->v->jobs.items[i]);
    (void)value_remove(p->out.status, "active");
    if (value_count(left))
        (void)value_set(p->a, p->out.status, "active", left);
    return value_count(left);
}

static int by_start(const void *px, const void *py)
{
    const struct object *x = *(const struct object *const *)px;
    const struct object *y = *(const struct object *const *)py;
    const char *s = value_at_str(x->root, "status.startTime", "~");
    const char *t = value_at_str(y->root, "status.startTime", "~");
    int d = strcmp(s, t);
    return d ? d : strcmp(x->name, y->name);
}

static void forget(struct planner *p, bool good, const char *limit_path, int64_t dflt)
{
    const struct object **l = ARENA_ARRAY(p->a, const struct object *, p->v->jobs.n + 1);
    int64_t n = 0, keep = value_at_int(p->v->cronjob->root, limit_path, dflt);
    for (size_t i = 0; i < p->v->jobs.n; i++)
        if (job_is_finished(p->v->jobs.items[i]) && succeeded(p->v->jobs.items[i]) == good)
            l[n++] = p->v->jobs.items[i];
    qsort(l, (size_t)n, sizeof(struct object *), by_start);
    for (int64_t i = 0; i < n - keep; i++)
        p->out.remove.items[p->out.remove.n++] = l[i];
}

/* The latest time that passed and was not used; *missed counts those that passed. */
static int64_t latest_missed(const struct planner *p, int64_t *missed)
{
    const struct value *root = p->v->cronjob->root;
    int64_t from = time_ms(value_at(root, "metadata.creationTimestamp"), p->v->now_ms);
    int64_t last = time_ms(value_at(root, "status.lastScheduleTime"), 0);
    const struct value *grace = value_at(root, "spec.startingDeadlineSeconds");
    from = last > from ? last : from;
    if (grace && p->v->now_ms - value_int(grace, 0) * 1000 > from)
        from = p->v->now_ms - value_int(grace, 0) * 1000;
    int64_t found = 0;
    *missed = 0;
    for (int64_t t = from; *missed < MISSED_SCAN;) {
        t = schedule_next(&p->schedule, p->v->zone, t);
        if (t == 0 || t > p->v->now_ms)
            break;
        found = t;
        (*missed)++;
    }
    return found;
}

static struct value *job_of(struct planner *p, int64_t at_ms)
{
    struct arena *a = p->a;
    const struct object *cj = p->v->cronjob;
    const struct value *t = value_at(cj->root, "spec.jobTemplate");
    struct value *job = value_new_object(a);
    (void)value_set_str(a, job, "apiVersion", "batch/v1");
    (void)value_set_str(a, job, "kind", "Job");
    struct value *meta = value_make_object(a, job, "metadata");
    (void)value_set_str(a, meta, "name",
                        arena_printf(a, "%s-%lld", cj->name, (long long)(at_ms / 60000)));
    (void)value_set_str(a, meta, "namespace", cj->ns);
    const struct value *labels = value_at(t, "metadata.labels");
    if (labels)
        (void)value_set(a, meta, "labels", value_copy(a, labels));
    const struct value *notes = value_at(t, "metadata.annotations");
    struct value *n =
        value_set(a, meta, "annotations", notes ? value_copy(a, notes) : value_new_object(a));
    (void)value_set(a, n, "batch.kubernetes.io/cronjob-scheduled-timestamp", time_value(a, at_ms));
    (void)value_push(a, value_make_array(a, meta, "ownerReferences"),
                     owner_reference(a, &RES_CRON_JOB, cj));
    (void)value_set(a, job, "spec", value_copy(a, value_get(t, "spec")));
    return job;
}

static void replace_active(struct planner *p)
{
    VALUE_EACH_ITEM(ref, value_get(p->out.status, "active"))
    {
        const struct object *job = job_with(p, value_str(value_get(ref, "uid"), ""));
        if (job)
            p->out.remove.items[p->out.remove.n++] = job;
    }
    (void)value_remove(p->out.status, "active");
}

static void start(struct planner *p, size_t active)
{
    const struct value *root = p->v->cronjob->root;
    const char *policy = value_at_str(root, "spec.concurrencyPolicy", "Allow");
    int64_t missed, at = latest_missed(p, &missed);
    p->out.again_ms = schedule_next(&p->schedule, p->v->zone, p->v->now_ms);
    if (at == 0)
        return;
    if (missed > MISSED_MAX)
        tell(p, true, "TooManyMissedTimes",
             "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check "
             "clock skew");
    if (strcmp(policy, "Forbid") == 0 && active > 0) {
        tell(p, false, "JobAlreadyActive",
             "Not starting job because prior execution is running and concurrency policy is "
             "Forbid");
        return;
    }
    if (strcmp(policy, "Replace") == 0)
        replace_active(p);
    p->out.create = job_of(p, at);
    p->out.scheduled_ms = at;
    (void)value_set(p->a, p->out.status, "lastScheduleTime", time_value(p->a, at));
}

int cronjob_plan(const struct cronjob_view *v, struct arena *a, struct cronjob_plan *out,
                 struct err *e)
{
    struct planner p = {.v = v, .a = a};
    const struct value *root = v->cronjob->root, *was = value_get(root, "status");
    int rc = schedule_parse(value_at_str(root, "spec.schedule", ""), &p.schedule, e);
    if (rc < 0)
        return rc;
    p.out.status = was ? value_copy(a, was) : value_new_object(a);
    p.out.remove.items = ARENA_ARRAY(a, const struct object *, 2 * v->jobs.n + 1);
    size_t active = tend_active(&p);
    forget(&p, true, "spec.successfulJobsHistoryLimit", 3);
    forget(&p, false, "spec.failedJobsHistoryLimit", 1);
    if (!v->cronjob->deleting && !value_at_bool(root, "spec.suspend", false))
        start(&p, active);
    *out = p.out;
    return 0;
}
