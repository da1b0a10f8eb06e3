/* policy.c - what failed pods mean (podFailurePolicy) and when enough succeeded (successPolicy). */
#include <string.h>

#include "ctl/job/plan_int.h"
#include "ctl/pods/pods.h"

static bool replaces_only_failed(const struct object *job)
{
    return strcmp(value_at_str(job->root, "spec.podReplacementPolicy", ""), "Failed") == 0;
}

bool job__pod_failed(const struct object *job, const struct object *pod)
{
    if (strcmp(pod_phase(pod), "Failed") == 0)
        return true;
    /* A pod that is deleted may never get to say how it ended. */
    return !replaces_only_failed(job) && pod->deleting && strcmp(pod_phase(pod), "Succeeded") != 0;
}

static void latest(const struct value *statuses, int64_t *ms)
{
    VALUE_EACH_ITEM(c, statuses)
    {
        int64_t t = time_ms(value_at(c, "state.terminated.finishedAt"), 0);
        *ms = t > *ms ? t : *ms;
    }
}

int64_t job__pod_finished_ms(const struct object *pod, int64_t now_ms)
{
    int64_t ms = 0;
    latest(value_at(pod->root, "status.containerStatuses"), &ms);
    if (!ms)
        ms = time_ms(value_get(object_condition(pod->root, "Ready"), "lastTransitionTime"), 0);
    if (!ms)
        ms = time_ms(value_at(pod->root, "metadata.deletionTimestamp"), 0);
    return ms && ms < now_ms ? ms : now_ms;
}

static bool has_value(const struct value *values, int64_t code)
{
    VALUE_EACH_ITEM(v, values)
    if (value_int(v, -1) == code)
        return true;
    return false;
}

/* The first container that ended with a code that the rule means. */
static const struct value *exit_match(const struct value *rule, const struct value *statuses)
{
    const char *only = value_str(value_get(rule, "containerName"), NULL);
    bool in = strcmp(value_str(value_get(rule, "operator"), ""), "In") == 0;
    VALUE_EACH_ITEM(c, statuses)
    {
        const struct value *end = value_at(c, "state.terminated");
        int64_t code = value_int(value_get(end, "exitCode"), 0);
        if (!end || code == 0 || (only && strcmp(value_str(value_get(c, "name"), ""), only) != 0))
            continue;
        if (has_value(value_get(rule, "values"), code) == in)
            return c;
    }
    return NULL;
}

static const char *condition_match(const struct value *patterns, const struct object *pod)
{
    VALUE_EACH_ITEM(p, patterns)
    {
        const char *type = value_str(value_get(p, "type"), "");
        const struct value *c = object_condition(pod->root, type);
        if (c && strcmp(value_str(value_get(c, "status"), ""),
                        value_str(value_get(p, "status"), "True")) == 0)
            return type;
    }
    return NULL;
}

static const char *rule_match(const struct value *rule, size_t at, const struct object *pod,
                              struct arena *a)
{
    const char *action = value_str(value_get(rule, "action"), "");
    const struct value *exits = value_get(rule, "onExitCodes");
    const struct value *c = NULL;
    if (exits) {
        c = exit_match(exits, value_at(pod->root, "status.containerStatuses"));
        if (!c)
            c = exit_match(exits, value_at(pod->root, "status.initContainerStatuses"));
    }
    if (c)
        return arena_printf(
            a,
            "Container %s for pod %s/%s failed with exit code %lld matching %s rule at index %zu",
            value_str(value_get(c, "name"), ""), pod->ns, pod->name,
            (long long)value_int(value_at(c, "state.terminated.exitCode"), 0), action, at);
    const char *type = condition_match(value_get(rule, "onPodConditions"), pod);
    return type ? arena_printf(a, "Pod %s/%s has condition %s matching %s rule at index %zu",
                               pod->ns, pod->name, type, action, at)
                : NULL;
}

enum verdict job__verdict(const struct object *job, const struct object *pod, struct arena *a,
                          const char **message)
{
    size_t at = 0;
    VALUE_EACH_ITEM(rule, value_at(job->root, "spec.podFailurePolicy.rules"))
    {
        const char *why = rule_match(rule, at++, pod, a);
        const char *action = value_str(value_get(rule, "action"), "");
        if (!why)
            continue;
        *message = why;
        return strcmp(action, "FailJob") == 0     ? VERDICT_FAIL_JOB
               : strcmp(action, "FailIndex") == 0 ? VERDICT_FAIL_INDEX
               : strcmp(action, "Ignore") == 0    ? VERDICT_IGNORE
                                                  : VERDICT_COUNT;
    }
    return VERDICT_COUNT;
}

int64_t job__success_rule(const struct object *job, const struct indexes *succeeded,
                          struct arena *a)
{
    int64_t at = 0;
    VALUE_EACH_ITEM(rule, value_at(job->root, "spec.successPolicy.rules"))
    {
        const char *wanted = value_str(value_get(rule, "succeededIndexes"), NULL);
        int64_t n = succeeded->count;
        int64_t need = value_int(value_get(rule, "succeededCount"), -1);
        if (wanted) {
            struct indexes w = indexes_parse(wanted, succeeded->n, a);
            n = 0;
            for (int64_t i = 0; i < w.n; i++)
                n += indexes_have(&w, i) && indexes_have(succeeded, i);
            need = need < 0 ? w.count : need;
        }
        if (need >= 0 && n >= need && (wanted || n > 0))
            return at;
        at++;
    }
    return -1;
}
