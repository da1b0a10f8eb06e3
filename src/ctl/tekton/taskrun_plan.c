/* taskrun_plan.c - from a TaskRun and its pod to its next status. */
#include "ctl/tekton/taskrun_plan.h"

#include "api/object.h"
#include "base/clock.h"
#include "ctl/tekton/pod.h"
#include "ctl/tekton/taskrun_steps.h"

enum { DEFAULT_TIMEOUT_S = 3600 };

static const char running_text[] = "Not all Steps in the Task have finished executing";

/* ---- times and conditions ---- */

int64_t run_time_ms(const char *rfc3339)
{
    int64_t ns = 0;
    if (!rfc3339 || !*rfc3339 || clock_parse_rfc3339(rfc3339, &ns, NULL) < 0)
        return 0;
    return ns / 1000000;
}

void run_set_time(struct value *object, struct arena *a, const char *key, int64_t ms)
{
    char text[CLOCK_TEXT_MAX];
    clock_format_rfc3339(ms, text);
    (void)value_set_str(a, object, key, text);
}

const char *run_state(const struct value *run)
{
    return value_at_str(object_condition(run, "Succeeded"), "status", "");
}

const char *run_reason(const struct value *run)
{
    return value_at_str(object_condition(run, "Succeeded"), "reason", "");
}

bool run_is_done(const struct value *run)
{
    const char *state = run_state(run);
    return strcmp(state, "True") == 0 || strcmp(state, "False") == 0;
}

void run_mark(struct value *status, struct arena *a, const char *state, const char *reason,
              const char *message, int64_t now_ms)
{
    struct value *list = value_make_array(a, status, "conditions"), *c = NULL;
    for (size_t i = 0; i < value_count(list); i++)
        if (strcmp(value_at_str(&list->items[i], "type", ""), "Succeeded") == 0)
            c = &list->items[i];
    bool same = c && strcmp(value_at_str(c, "status", ""), state) == 0 &&
                strcmp(value_at_str(c, "reason", ""), reason) == 0 &&
                strcmp(value_at_str(c, "message", ""), message) == 0;
    if (same)
        return;
    if (!c)
        c = value_push(a, list, value_new_object(a));
    (void)value_set_str(a, c, "type", "Succeeded");
    (void)value_set_str(a, c, "status", state);
    (void)value_set_str(a, c, "reason", reason);
    (void)value_set_str(a, c, "message", message);
    run_set_time(c, a, "lastTransitionTime", now_ms);
}

int64_t taskrun_timeout_ns(const struct value *run)
{
    int64_t ns;
    const char *text = value_at_str(run, "spec.timeout", "");
    if (*text && clock_parse_duration(text, &ns, NULL) == 0)
        return ns;
    return (int64_t)DEFAULT_TIMEOUT_S * 1000000000;
}

/* ---- endings ---- */

static struct value *status_copy(const struct value *run, struct arena *a)
{
    const struct value *status = value_get(run, "status");
    return value_is(status, VALUE_OBJECT) ? value_copy(a, status) : value_new_object(a);
}

struct value *status_fail(const struct value *status, struct arena *a, const char *reason,
                          const char *message, int64_t now_ms)
{
    struct value *out = value_copy(a, status);
    run_mark(out, a, "False", reason, message, now_ms);
    run_set_time(out, a, "completionTime", now_ms);
    return out;
}

/* Steps that had not ended are said to have ended with the run. */
static void terminate_steps(struct value *status, const struct value *run, const char *reason,
                            int64_t now_ms, struct arena *a)
{
    struct value *steps = value_get_mut(status, "steps");
    for (size_t i = 0; i < value_count(steps); i++) {
        struct value *s = &steps->items[i];
        if (value_get(s, "terminated"))
            continue;
        const char *began = value_at_str(s, "running.startedAt", "");
        struct value *t = value_new_object(a);
        (void)value_set_int(a, t, "exitCode", 1);
        (void)value_set_str(a, t, "startedAt",
                            *began ? began : value_at_str(run, "metadata.creationTimestamp", ""));
        run_set_time(t, a, "finishedAt", now_ms);
        (void)value_set_str(a, t, "reason", reason);
        (void)value_set(a, t, "message",
                        value_new_strf(a, "Step %s terminated as pod %s is terminated",
                                       value_at_str(s, "name", ""),
                                       value_at_str(status, "podName", "")));
        (void)value_remove(s, "running");
        (void)value_remove(s, "waiting");
        (void)value_set(a, s, "terminated", t);
        (void)value_set_str(a, s, "terminationReason", reason);
    }
}

static void plan_stop(const struct taskrun_view *v, struct arena *a, struct value *status,
                      const char *reason, const char *message, struct taskrun_plan *out)
{
    if (v->pod)
        taskrun_steps_status(v->run, v->pod, status, a);
    run_mark(status, a, "False", reason, message, v->now_ms);
    run_set_time(status, a, "completionTime", v->now_ms);
    terminate_steps(status, v->run, reason, v->now_ms, a);
    out->status = status; /* once that is on record, the pod goes: taskrun.c's sweep */
}

/* A failed attempt goes to retriesStatus, and the next begins from nothing. */
static void plan_retry(const struct taskrun_view *v, struct arena *a, struct value *status,
                       struct taskrun_plan *out)
{
    struct value *next = value_new_object(a), *past = value_new_array(a);
    VALUE_EACH_ITEM (r, value_get(status, "retriesStatus"))
        (void)value_push(a, past, r);
    (void)value_remove(status, "retriesStatus");
    const char *message =
        arena_strdup(a, value_at_str(object_condition(v->run, "Succeeded"), "message", ""));
    VALUE_EACH_ITEM (c, value_get(status, "conditions"))
        message = value_at_str(c, "message", message);
    (void)value_push(a, past, status);
    (void)value_set(a, next, "retriesStatus", past);
    run_mark(next, a, "Unknown", "ToBeRetried", message, v->now_ms);
    (void)value_set_str(a, next, "podName", "");
    if (value_get(status, "taskSpec"))
        (void)value_set(a, next, "taskSpec", value_get(status, "taskSpec"));
    if (value_get(status, "provenance"))
        (void)value_set(a, next, "provenance", value_get(status, "provenance"));
    out->status = next;
    out->requeue_ms = 1;
}

static bool may_retry(const struct taskrun_view *v, const struct value *status)
{
    int64_t retries = value_at_int(v->run, "spec.retries", 0);
    return (int64_t)value_count(value_get(status, "retriesStatus")) < retries;
}

/* ---- the pod's news ---- */

static const char *image_of(const struct value *container_status)
{
    const char *id = value_at_str(container_status, "imageID", "");
    return *id ? id : value_at_str(container_status, "image", "");
}

static bool waits_for_ever(const struct value *pod, const char **reason, const char **message,
                           const struct value *run, struct arena *a)
{
    static const struct {
        const char *waiting, *reason;
        bool pull;
    } table[] = {
        {"ImagePullBackOff",           "TaskRunImagePullFailed",     true },
        {"ErrImageNeverPull",          "TaskRunImagePullFailed",     true },
        {"InvalidImageName",           "TaskRunImagePullFailed",     true },
        {"CreateContainerConfigError", "CreateContainerConfigError", false},
        {"CreateContainerError",       "PodCreationFailed",          false},
    };
    static const char *const lists[] = {"status.containerStatuses", "status.initContainerStatuses"};
    for (size_t l = 0; l < ARRAY_LEN(lists); l++) {
        VALUE_EACH_ITEM (c, value_at(pod, lists[l])) {
            const char *why = value_at_str(c, "state.waiting.reason", "");
            const char *name = value_at_str(c, "name", ""), *dash = strchr(name, '-');
            bool sidecar = strncmp(name, "sidecar-", 8) == 0;
            for (size_t i = 0; i < ARRAY_LEN(table); i++) {
                if (strcmp(table[i].waiting, why) != 0)
                    continue;
                *reason = table[i].reason;
                *message = arena_printf(
                    a,
                    "the %s \"%s\" in TaskRun \"%s\" failed to %s%s%s%s. The pod errored "
                    "with the message: \"%s.\"",
                    sidecar ? "sidecar" : "step", dash ? dash + 1 : name,
                    value_at_str(run, "metadata.name", ""),
                    table[i].pull ? "pull the image \"" : "start", table[i].pull ? image_of(c) : "",
                    table[i].pull ? "\"" : "", "", value_at_str(c, "state.waiting.message", ""));
                return true;
            }
        }
    }
    return false;
}

static const char *waiting_message(const struct value *pod, struct arena *a)
{
    VALUE_EACH_ITEM (c, value_at(pod, "status.containerStatuses")) {
        const char *text = value_at_str(c, "state.waiting.message", "");
        if (*text)
            return arena_printf(a, "build step \"%s\" is pending with reason \"%s\"",
                                value_at_str(c, "name", ""), text);
    }
    VALUE_EACH_ITEM (c, value_at(pod, "status.conditions"))
        if (strcmp(value_at_str(c, "status", ""), "True") != 0)
            return arena_printf(a, "pod status \"%s\":\"%s\"; message: \"%s\"",
                                value_at_str(c, "type", ""), value_at_str(c, "status", ""),
                                value_at_str(c, "message", ""));
    return value_at_str(pod, "status.message", "Pending");
}

static void plan_incomplete(const struct taskrun_view *v, struct arena *a, struct value *status,
                            struct taskrun_plan *out)
{
    const char *reason, *message;
    if (waits_for_ever(v->pod, &reason, &message, v->run, a)) {
        plan_stop(v, a, status, reason, message, out);
        return;
    }
    if (strcmp(value_at_str(v->pod, "status.phase", "Pending"), "Running") == 0)
        run_mark(status, a, "Unknown", "Running", running_text, v->now_ms);
    else
        run_mark(status, a, "Unknown", "Pending", waiting_message(v->pod, a), v->now_ms);
    out->status = status;
}

static void plan_complete(const struct taskrun_view *v, struct arena *a, struct value *status,
                          struct taskrun_plan *out)
{
    const char *reason, *message;
    run_set_time(status, a, "completionTime", v->now_ms);
    out->status = status;
    if (!taskrun_steps_failed(v->pod)) {
        const char *bad = taskrun_results_problem(status, a);
        if (bad)
            run_mark(status, a, "False", "TaskRunValidationFailed", bad, v->now_ms);
        else
            run_mark(status, a, "True", "Succeeded", "All Steps have completed executing",
                     v->now_ms);
        return;
    }
    taskrun_steps_failure(v->pod, a, &reason, &message);
    bool retry = may_retry(v, status);
    run_mark(status, a, "False", v->ignore_failure && !retry ? "FailureIgnored" : reason, message,
             v->now_ms);
    if (retry)
        plan_retry(v, a, status, out);
}

/* ---- the plan ---- */

/* Cancelled or out of time; true when that ends the run. */
static bool plan_ended(const struct taskrun_view *v, struct arena *a, struct value *status,
                       struct taskrun_plan *out)
{
    const char *name = value_at_str(v->run, "metadata.name", "");
    if (strcmp(value_at_str(v->run, "spec.status", ""), "TaskRunCancelled") == 0) {
        const char *why = value_at_str(v->run, "spec.statusMessage", "");
        plan_stop(v, a, status, "TaskRunCancelled",
                  arena_printf(a, "TaskRun \"%s\" was cancelled. %s", name, why), out);
        return true;
    }
    int64_t limit = taskrun_timeout_ns(v->run) / 1000000;
    int64_t began = run_time_ms(value_at_str(status, "startTime", ""));
    if (limit == 0 || began == 0)
        return false;
    if (v->now_ms < began + limit) {
        out->requeue_ms = began + limit - v->now_ms;
        return false;
    }
    char text[CLOCK_TEXT_MAX];
    clock_format_duration(limit * 1000000, text);
    plan_stop(v, a, status, "TaskRunTimeout",
              arena_printf(a, "TaskRun \"%s\" failed to finish within \"%s\"", name, text), out);
    if (may_retry(v, status)) {
        const char *pod = value_at_str(status, "podName", "");
        out->delete_pod = *pod ? arena_strdup(a, pod) : NULL;
        plan_retry(v, a, status, out);
    }
    return true;
}

void taskrun_plan(const struct taskrun_view *v, struct arena *a, struct taskrun_plan *out)
{
    *out = (struct taskrun_plan){0};
    if (run_is_done(v->run))
        return;
    struct value *status = status_copy(v->run, a);
    if (strcmp(value_at_str(v->run, "spec.status", ""), "TaskRunPending") == 0) {
        run_mark(
            status, a, "Unknown", "TaskRunPending",
            arena_printf(a, "TaskRun \"%s\" is pending", value_at_str(v->run, "metadata.name", "")),
            v->now_ms);
        out->status = status;
        return;
    }
    if (!*value_at_str(status, "startTime", ""))
        run_set_time(status, a, "startTime", v->now_ms);
    if (plan_ended(v, a, status, out))
        return;
    /* Without its spec on record an earlier life ended between making the pod and noting it. */
    if (!v->pod || !value_get(status, "taskSpec")) {
        if (!*run_state(v->run) || strcmp(run_reason(v->run), "TaskRunPending") == 0)
            run_mark(status, a, "Unknown", "Started", running_text, v->now_ms);
        out->status = status;
        out->make_pod = true;
        return;
    }
    (void)value_set_str(a, status, "podName", value_at_str(v->pod, "metadata.name", ""));
    taskrun_steps_status(v->run, v->pod, status, a);
    if (taskrun_steps_complete(v->pod))
        plan_complete(v, a, status, out);
    else
        plan_incomplete(v, a, status, out);
}
