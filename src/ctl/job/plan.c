#include "ctl/job/plan.h"

#include <string.h>

#include "api/conditions.h"
#include "base/buf.h"
#include "codec/json.h"
#include "ctl/job/plan_int.h"
#include "ctl/pods/pods.h"
#include "kube/write.h"

enum {
    BACKOFF_FIRST_MS = 10000,
    BACKOFF_MAX_MS = 600000,
    UNCOUNTED_MAX = 500, /* pods in one status write */
    CREATE_MAX = 500,
};

/* What the Job has come to, from its status and its pods. */
struct tally {
    const struct job_view *v;
    struct arena *a;
    const struct object *job;
    bool indexed, suspended, per_index;
    int64_t completions, parallelism, backoff_limit; /* completions -1: none asked for */
    int64_t active, ready, terminating;
    int64_t succeeded, failed; /* counted and about to be */
    int64_t counted_succeeded, counted_failed;
    struct indexes done, lost; /* indexes that succeeded and that failed for good */
    struct value *uncounted_succeeded, *uncounted_failed;
    const char *fail_job;                /* a rule of the failure policy says so */
    const char *type, *reason, *message; /* how it ends: Complete or Failed; NULL: not yet */
    bool full;                           /* more pods wait to be noted than fit */
};

static bool has_tracking(const struct object *pod)
{
    VALUE_EACH_ITEM(f, value_at(pod->root, "metadata.finalizers"))
    if (strcmp(value_str(f, ""), JOB_FINALIZER) == 0)
        return true;
    return false;
}

static bool is_true(const struct object *job, const char *type)
{
    const struct value *c = object_condition(job->root, type);
    return strcmp(value_str(value_get(c, "status"), ""), "True") == 0;
}

bool job_is_finished(const struct object *job)
{
    return is_true(job, "Complete") || is_true(job, "Failed");
}

int64_t job_finished_ms(const struct object *job)
{
    const char *type = is_true(job, "Complete") ? "Complete" : "Failed";
    if (!job_is_finished(job))
        return 0;
    return time_ms(value_get(object_condition(job->root, type), "lastTransitionTime"), 1);
}

static bool lists(const struct value *uids, const char *uid)
{
    VALUE_EACH_ITEM(u, uids)
    if (strcmp(value_str(u, ""), uid) == 0)
        return true;
    return false;
}

/* ---- counting ---- */

static const struct object *pod_with(const struct tally *t, const char *uid)
{
    for (size_t i = 0; i < t->v->pods.n; i++)
        if (strcmp(t->v->pods.items[i]->uid, uid) == 0)
            return t->v->pods.items[i];
    return NULL;
}

/* Moves to the counter what has lost its finalizer since it was noted. */
static void settle(struct tally *t, const char *list, struct value *left, int64_t *counter)
{
    const struct value *noted =
        value_get(value_at(t->job->root, "status.uncountedTerminatedPods"), list);
    VALUE_EACH_ITEM(u, noted)
    {
        const struct object *p = pod_with(t, value_str(u, ""));
        if (p && has_tracking(p))
            (void)value_push(t->a, left, u);
        else
            (*counter)++;
    }
}

static bool noted(const struct tally *t, const struct object *p)
{
    return lists(t->uncounted_succeeded, p->uid) || lists(t->uncounted_failed, p->uid);
}

static void note(struct tally *t, struct value *list, const struct object *p)
{
    if (value_count(t->uncounted_succeeded) + value_count(t->uncounted_failed) >= UNCOUNTED_MAX)
        t->full = true;
    else
        (void)value_push_str(t->a, list, p->uid);
}

static int64_t index_failures(const struct object *p)
{
    const char *n = object_annotation(p, JOB_INDEX_FAILURE);
    return n ? strtoll(n, NULL, 10) : 0;
}

static void count_failed(struct tally *t, const struct object *p)
{
    const char *why = NULL;
    enum verdict verdict = job__verdict(t->job, p, t->a, &why);
    if (verdict == VERDICT_FAIL_JOB && !t->fail_job && strcmp(pod_phase(p), "Failed") == 0)
        t->fail_job = why;
    int64_t i = job__index_of(p);
    if (t->per_index && !indexes_have(&t->done, i) &&
        (verdict == VERDICT_FAIL_INDEX ||
         (verdict != VERDICT_IGNORE &&
          index_failures(p) >= value_at_int(t->job->root, "spec.backoffLimitPerIndex", 0))))
        indexes_add(&t->lost, i);
    if (has_tracking(p) && !noted(t, p) && verdict != VERDICT_IGNORE &&
        (!t->indexed || (i >= 0 && i < t->completions)))
        note(t, t->uncounted_failed, p);
}

static void count_succeeded(struct tally *t, const struct object *p)
{
    if (t->indexed)
        indexes_add(&t->done, job__index_of(p));
    else if (has_tracking(p) && !noted(t, p))
        note(t, t->uncounted_succeeded, p);
}

static void count_pods(struct tally *t)
{
    for (size_t i = 0; i < t->v->pods.n; i++)
        if (strcmp(pod_phase(t->v->pods.items[i]), "Succeeded") == 0)
            count_succeeded(t, t->v->pods.items[i]);
    for (size_t i = 0; i < t->v->pods.n; i++) {
        const struct object *p = t->v->pods.items[i];
        if (strcmp(pod_phase(p), "Succeeded") == 0)
            continue;
        bool ours = t->v->doomed && t->v->doomed[i];
        if (job__pod_failed(t->job, p) && !is_true(t->job, "SuccessCriteriaMet"))
            count_failed(t, p);
        if (pod_is_active(p) && !ours) {
            t->active++;
            t->ready += pod_is_ready(p);
        }
        t->terminating += (p->deleting || ours) && !pod_is_finished(p);
    }
}

static struct tally tally_of(const struct job_view *v, struct arena *a)
{
    const struct value *root = v->job->root;
    struct tally t = {.v = v, .a = a, .job = v->job};
    t.indexed = strcmp(value_at_str(root, "spec.completionMode", ""), "Indexed") == 0;
    t.suspended = value_at_bool(root, "spec.suspend", false);
    t.completions = value_at_int(root, "spec.completions", -1);
    t.parallelism = value_at_int(root, "spec.parallelism", 1);
    t.per_index = t.indexed && value_at(root, "spec.backoffLimitPerIndex");
    t.backoff_limit = value_at_int(root, "spec.backoffLimit", t.per_index ? INT32_MAX : 6);
    t.counted_succeeded = value_at_int(root, "status.succeeded", 0);
    t.counted_failed = value_at_int(root, "status.failed", 0);
    t.uncounted_succeeded = value_new_array(a);
    t.uncounted_failed = value_new_array(a);
    int64_t n = t.indexed && t.completions > 0 ? t.completions : 0;
    t.done = indexes_parse(value_at_str(root, "status.completedIndexes", ""), n, a);
    t.lost = indexes_parse(value_at_str(root, "status.failedIndexes", ""), n, a);
    settle(&t, "succeeded", t.uncounted_succeeded, &t.counted_succeeded);
    settle(&t, "failed", t.uncounted_failed, &t.counted_failed);
    count_pods(&t);
    t.succeeded = t.counted_succeeded + (int64_t)value_count(t.uncounted_succeeded);
    t.failed = t.counted_failed + (int64_t)value_count(t.uncounted_failed);
    if (t.indexed)
        t.succeeded = t.counted_succeeded = t.done.count;
    return t;
}

/* ---- ending ---- */

static void ends(struct tally *t, const char *type, const char *reason, const char *message)
{
    t->type = type;
    t->reason = reason;
    t->message = message;
}

static void ends_as_decided(struct tally *t, const char *decided, const char *type)
{
    const struct value *c = object_condition(t->job->root, decided);
    ends(t, type, value_str(value_get(c, "reason"), ""), value_str(value_get(c, "message"), ""));
}

static int64_t deadline_ms(const struct tally *t)
{
    const struct value *s = value_at(t->job->root, "spec.activeDeadlineSeconds");
    int64_t start = time_ms(value_at(t->job->root, "status.startTime"), 0);
    return s && start && !t->suspended ? start + value_int(s, 0) * 1000 : 0;
}

/* With restartPolicy OnFailure containers fail inside pods that go on. */
static bool restarted_too_often(const struct tally *t)
{
    if (strcmp(value_at_str(t->job->root, "spec.template.spec.restartPolicy", ""), "OnFailure") !=
        0)
        return false;
    int64_t n = 0;
    for (size_t i = 0; i < t->v->pods.n; i++)
        if (!pod_is_finished(t->v->pods.items[i]))
            n += pod_restarts(t->v->pods.items[i]);
    return t->backoff_limit == 0 ? n > 0 : n >= t->backoff_limit;
}

static bool too_many_indexes_lost(const struct tally *t)
{
    const struct value *max = value_at(t->job->root, "spec.maxFailedIndexes");
    return t->per_index && max && t->lost.count > value_int(max, 0);
}

static void judge_failure(struct tally *t)
{
    int64_t deadline = deadline_ms(t);
    if (t->fail_job)
        ends(t, "Failed", "PodFailurePolicy", t->fail_job);
    else if (t->failed > t->backoff_limit || restarted_too_often(t))
        ends(t, "Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit");
    else if (deadline && t->v->now_ms >= deadline)
        ends(t, "Failed", "DeadlineExceeded", "Job was active longer than specified deadline");
    else if (too_many_indexes_lost(t))
        ends(t, "Failed", "MaxFailedIndexesExceeded",
             "Job has exceeded the specified maximal number of failed indexes");
}

static void judge_success(struct tally *t)
{
    int64_t rule = t->indexed ? job__success_rule(t->job, &t->done, t->a) : -1;
    bool enough = t->completions < 0 ? t->succeeded > 0 && t->active == 0
                                     : t->succeeded >= t->completions && t->active == 0;
    if (rule >= 0)
        ends(t, "Complete", "SuccessPolicy",
             arena_printf(t->a, "Matched rules at index %lld", (long long)rule));
    else if (enough)
        ends(t, "Complete", "CompletionsReached", "Reached expected number of succeeded pods");
    else if (t->per_index && t->lost.count && t->done.count + t->lost.count >= t->completions)
        ends(t, "Failed", "FailedIndexes", "Job has failed indexes");
}

/* What was decided once stays, though its last pods are still going. */
static void judge(struct tally *t)
{
    if (is_true(t->job, "SuccessCriteriaMet"))
        ends_as_decided(t, "SuccessCriteriaMet", "Complete");
    else if (is_true(t->job, "FailureTarget"))
        ends_as_decided(t, "FailureTarget", "Failed");
    else
        judge_failure(t);
    if (!t->type)
        judge_success(t);
}

/* When a Job fails, the pods that still run failed with it. */
static void fail_the_rest(struct tally *t)
{
    if (!t->type || strcmp(t->type, "Failed") != 0)
        return;
    for (size_t i = 0; i < t->v->pods.n; i++) {
        const struct object *p = t->v->pods.items[i];
        if (has_tracking(p) && !pod_is_finished(p) && !noted(t, p))
            note(t, t->uncounted_failed, p);
    }
}

/* ---- the pods to make and to remove ---- */

static void push(struct object_list *l, const struct object *o)
{
    l->items[l->n++] = o;
}

static struct object_list active_pods(const struct tally *t)
{
    struct object_list l = {.items = ARENA_ARRAY(t->a, const struct object *, t->v->pods.n + 1)};
    for (size_t i = 0; i < t->v->pods.n; i++)
        if (pod_is_active(t->v->pods.items[i]) && !(t->v->doomed && t->v->doomed[i]))
            push(&l, t->v->pods.items[i]);
    return l;
}

/* Failures in a row since the last success put off the next try. */
static int64_t backoff_until_ms(const struct tally *t)
{
    int64_t success = 0, last = 0, n = 0;
    for (size_t i = 0; i < t->v->pods.n; i++)
        if (strcmp(pod_phase(t->v->pods.items[i]), "Succeeded") == 0) {
            int64_t at = job__pod_finished_ms(t->v->pods.items[i], t->v->now_ms);
            success = at > success ? at : success;
        }
    for (size_t i = 0; i < t->v->pods.n; i++) {
        const struct object *p = t->v->pods.items[i];
        int64_t at = job__pod_finished_ms(p, t->v->now_ms);
        if (strcmp(pod_phase(p), "Failed") != 0 || at <= success)
            continue;
        n++;
        last = at > last ? at : last;
    }
    int64_t wait = BACKOFF_FIRST_MS;
    for (int64_t i = 1; i < n && wait < BACKOFF_MAX_MS; i++)
        wait *= 2;
    return n ? last + (wait < BACKOFF_MAX_MS ? wait : BACKOFF_MAX_MS) : 0;
}

static int64_t failures_of_index(const struct tally *t, int64_t index)
{
    int64_t n = 0;
    for (size_t i = 0; i < t->v->pods.n; i++) {
        const struct object *p = t->v->pods.items[i];
        const char *why;
        if (job__index_of(p) == index && job__pod_failed(t->job, p) &&
            job__verdict(t->job, p, t->a, &why) != VERDICT_IGNORE && index_failures(p) + 1 > n)
            n = index_failures(p) + 1;
    }
    return n;
}

static void plan_creates(const struct tally *t, int64_t n, struct job_plan *p)
{
    if (n <= 0)
        return;
    struct job_pod *pods = ARENA_ARRAY(t->a, struct job_pod, (size_t)n);
    struct indexes busy = indexes_parse("", t->done.n, t->a);
    struct object_list active = active_pods(t);
    for (size_t i = 0; i < active.n; i++)
        indexes_add(&busy, job__index_of(active.items[i]));
    for (int64_t next = 0; (int64_t)p->n_create < n; next++) {
        if (!t->indexed) {
            pods[p->n_create++] = (struct job_pod){-1, -1};
            continue;
        }
        if (next >= t->completions)
            break;
        if (!indexes_have(&busy, next) && !indexes_have(&t->done, next) &&
            !indexes_have(&t->lost, next))
            pods[p->n_create++] =
                (struct job_pod){next, t->per_index ? failures_of_index(t, next) : -1};
    }
    p->create = pods;
}

static int64_t wanted_active(const struct tally *t)
{
    if (t->completions < 0)
        return t->succeeded > 0 ? t->active : t->parallelism;
    int64_t left = t->completions - t->succeeded - (t->indexed ? t->lost.count : 0);
    left = left < t->parallelism ? left : t->parallelism;
    return left > 0 ? left : 0;
}

static void look_again(struct job_plan *p, int64_t at)
{
    if (at && (!p->again_ms || at < p->again_ms))
        p->again_ms = at;
}

static void plan_pods(const struct tally *t, struct job_plan *p)
{
    struct object_list active = active_pods(t);
    if (t->type || t->suspended) {
        p->remove = active;
        return;
    }
    int64_t want = wanted_active(t);
    if (t->active > want) {
        pods_rank(&active, t->v->now_ms);
        active.n = (size_t)(t->active - want);
        p->remove = active;
        return;
    }
    int64_t n = want - t->active;
    if (strcmp(value_at_str(t->job->root, "spec.podReplacementPolicy", ""), "Failed") == 0)
        n -= t->terminating;
    int64_t wait = n > 0 ? backoff_until_ms(t) : 0;
    if (wait > t->v->now_ms)
        look_again(p, wait);
    else
        plan_creates(t, n < CREATE_MAX ? n : CREATE_MAX, p);
}

/* Pods that need not be waited for any more, once the status that notes them is written. */
static void plan_release(const struct tally *t, struct job_plan *p)
{
    p->release.items = ARENA_ARRAY(t->a, const struct object *, t->v->pods.n + 1);
    for (size_t i = 0; i < t->v->pods.n; i++) {
        const struct object *o = t->v->pods.items[i];
        const char *why;
        if (!has_tracking(o))
            continue;
        bool ended = strcmp(pod_phase(o), "Succeeded") == 0 || job__pod_failed(t->job, o);
        if (!t->type && !t->job->deleting && !ended)
            continue;
        if (ended && !t->job->deleting && !t->indexed && !noted(t, o) &&
            !is_true(t->job, "SuccessCriteriaMet") &&
            job__verdict(t->job, o, t->a, &why) != VERDICT_IGNORE)
            continue; /* did not fit into this status */
        push(&p->release, o);
    }
}

/* ---- the status ---- */

static void set_count(const struct tally *t, struct value *s, const char *key, int64_t n)
{
    if (n)
        (void)value_set_int(t->a, s, key, n);
    else
        (void)value_remove(s, key);
}

/* Adds a condition of Job's form; true when it was not there. */
static bool add_condition(const struct tally *t, struct value *root, const char *type,
                          const char *status, const char *reason, const char *message)
{
    const struct value *had = object_condition(root, type);
    if (had && strcmp(value_str(value_get(had, "status"), ""), status) == 0)
        return false;
    struct value *list = value_make_array(t->a, root, "status.conditions");
    (void)condition_remove(root, type);
    struct value *c = value_new_object(t->a);
    (void)value_set_str(t->a, c, "type", type);
    (void)value_set_str(t->a, c, "status", status);
    (void)value_set(t->a, c, "lastProbeTime", time_value(t->a, t->v->now_ms));
    (void)value_set(t->a, c, "lastTransitionTime", time_value(t->a, t->v->now_ms));
    (void)value_set_str(t->a, c, "reason", reason);
    (void)value_set_str(t->a, c, "message", message);
    list = value_make_array(t->a, root, "status.conditions");
    (void)value_push(t->a, list, c);
    return true;
}

static void tell(struct job_plan *p, bool warns, const char *reason, const char *message)
{
    p->event = reason;
    p->event_message = message;
    p->event_warns = warns;
}

static void suspend_or_resume(struct tally *t, struct value *root, struct job_plan *p)
{
    struct value *s = value_get_mut(root, "status");
    if (t->suspended) {
        if (add_condition(t, root, "Suspended", "True", "JobSuspended", "Job suspended"))
            tell(p, false, "Suspended", "Job suspended");
        return;
    }
    if (strcmp(value_str(value_get(object_condition(root, "Suspended"), "status"), ""), "True") ==
            0 &&
        add_condition(t, root, "Suspended", "False", "JobResumed", "Job resumed")) {
        (void)value_remove(s, "startTime");
        tell(p, false, "Resumed", "Job resumed");
    }
    if (!value_get(s, "startTime"))
        (void)value_set(t->a, s, "startTime", time_value(t->a, t->v->now_ms));
}

static void end(struct tally *t, struct value *root, struct job_plan *p)
{
    bool complete = strcmp(t->type, "Complete") == 0;
    (void)add_condition(t, root, complete ? "SuccessCriteriaMet" : "FailureTarget", "True",
                        t->reason, t->message);
    /* The last word waits for the last pod. */
    size_t open = value_count(t->uncounted_succeeded) + value_count(t->uncounted_failed);
    for (size_t i = 0; i < t->v->pods.n; i++)
        open += has_tracking(t->v->pods.items[i]);
    if (open || t->terminating || t->active)
        return;
    if (!add_condition(t, root, t->type, "True", t->reason, t->message))
        return;
    if (complete)
        (void)value_set(t->a, value_get_mut(root, "status"), "completionTime",
                        time_value(t->a, t->v->now_ms));
    tell(p, !complete, complete ? "Completed" : t->reason, complete ? "Job completed" : t->message);
}

static void set_uncounted(const struct tally *t, struct value *s)
{
    struct value *u = value_new_object(t->a);
    if (value_count(t->uncounted_succeeded))
        (void)value_set(t->a, u, "succeeded", t->uncounted_succeeded);
    if (value_count(t->uncounted_failed))
        (void)value_set(t->a, u, "failed", t->uncounted_failed);
    (void)value_set(t->a, s, "uncountedTerminatedPods", u);
}

static struct value *status_of(struct tally *t, struct job_plan *p)
{
    struct value *root = value_new_object(t->a);
    const struct value *was = value_get(t->job->root, "status");
    (void)value_set(t->a, root, "status", was ? value_copy(t->a, was) : value_new_object(t->a));
    struct value *s = value_get_mut(root, "status");
    set_count(t, s, "active", t->active + (int64_t)p->n_create - (int64_t)p->remove.n);
    set_count(t, s, "succeeded", t->counted_succeeded);
    set_count(t, s, "failed", t->counted_failed);
    (void)value_set_int(t->a, s, "ready", p->remove.n ? 0 : t->ready);
    (void)value_set_int(t->a, s, "terminating", t->terminating);
    set_uncounted(t, s);
    if (t->indexed && t->done.count)
        (void)value_set_str(t->a, s, "completedIndexes", indexes_text(&t->done, t->a));
    if (t->per_index)
        (void)value_set_str(t->a, s, "failedIndexes", indexes_text(&t->lost, t->a));
    if (t->type)
        end(t, root, p);
    else
        suspend_or_resume(t, root, p);
    return value_get_mut(root, "status");
}

struct job_plan job_plan(const struct job_view *v, struct arena *a)
{
    struct job_plan p = {0};
    struct tally t = tally_of(v, a);
    if (!v->job->deleting) {
        judge(&t);
        fail_the_rest(&t);
        plan_pods(&t, &p);
        p.status = status_of(&t, &p);
        if (!t.type)
            look_again(&p, deadline_ms(&t));
    }
    plan_release(&t, &p);
    p.more = p.release.n > 0 || t.full;
    return p;
}

const char *job_plan_text(const struct job_plan *p, struct arena *a)
{
    AUTO_BUF struct buf b;
    buf_init(&b, (size_t)1 << 20);
    for (size_t i = 0; i < p->n_create; i++)
        buf_printf(&b, p->create[i].index < 0 ? "create\n" : "create %lld\n",
                   (long long)p->create[i].index);
    for (size_t i = 0; i < p->remove.n; i++)
        buf_printf(&b, "delete %s\n", p->remove.items[i]->name);
    for (size_t i = 0; i < p->release.n; i++)
        buf_printf(&b, "release %s\n", p->release.items[i]->name);
    if (p->status)
        buf_printf(&b, "status %s\n", json_text(a, p->status, JSON_SORTED));
    return arena_strdup(a, buf_text(&b));
}

/* ---- pods ---- */

static void add_index_env(struct arena *a, struct value *containers)
{
    for (size_t i = 0; i < value_count(containers); i++) {
        struct value *env = value_make_array(a, &containers->items[i], "env");
        bool has = false;
        VALUE_EACH_ITEM(v, env)
        has |= strcmp(value_str(value_get(v, "name"), ""), "JOB_COMPLETION_INDEX") == 0;
        if (has)
            continue;
        struct value *v = value_new_object(a);
        (void)value_set_str(a, v, "name", "JOB_COMPLETION_INDEX");
        (void)value_set_str(a, value_make_object(a, v, "valueFrom.fieldRef"), "fieldPath",
                            "metadata.labels['" JOB_INDEX "']");
        (void)value_push(a, env, v);
    }
}

static void set_index(const struct object *job, const struct job_pod *p, struct value *pod,
                      struct arena *a)
{
    struct value *meta = value_get_mut(pod, "metadata"), *spec = value_get_mut(pod, "spec");
    const char *index = arena_printf(a, "%lld", (long long)p->index);
    (void)value_set_str(a, value_make_object(a, meta, "labels"), JOB_INDEX, index);
    (void)value_set_str(a, value_make_object(a, meta, "annotations"), JOB_INDEX, index);
    if (p->failures >= 0)
        (void)value_set_str(a, value_make_object(a, meta, "annotations"), JOB_INDEX_FAILURE,
                            arena_printf(a, "%lld", (long long)p->failures));
    (void)value_set_str(a, spec, "hostname", arena_printf(a, "%s-%s", job->name, index));
    add_index_env(a, value_get_mut(spec, "containers"));
    if (value_get_mut(spec, "initContainers"))
        add_index_env(a, value_get_mut(spec, "initContainers"));
}

struct value *job_pod_new(const struct object *job, const struct job_pod *p, struct arena *a)
{
    struct value *pod = pod_of_template(a, value_at(job->root, "spec.template"), &RES_JOB, job);
    struct value *meta = value_get_mut(pod, "metadata");
    const char *prefix = p->index < 0 ? arena_printf(a, "%s-", job->name)
                                      : arena_printf(a, "%s-%lld-", job->name, (long long)p->index);
    (void)value_set_str(a, meta, "generateName", prefix);
    (void)value_push_str(a, value_make_array(a, meta, "finalizers"), JOB_FINALIZER);
    if (p->index >= 0)
        set_index(job, p, pod, a);
    return pod;
}
