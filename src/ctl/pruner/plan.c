/* plan.c - limits by number and by age. */
#include "ctl/pruner/plan.h"

#include <stdlib.h>
#include <string.h>

#include "api/object.h"
#include "base/clock.h"
#include "base/own.h"

enum { NO_LIMIT = -1 };

struct limits {
    int64_t ttl_s, successful, failed;
};

struct entry {
    const struct value *run;
    const char *group;
    bool succeeded;
    int64_t finished_ms;
    struct limits limits;
};

/* ---- which limits hold ---- */

static int64_t pick(const struct value *from, const char *key, int64_t dflt)
{
    return value_get(from, key) ? value_int(value_get(from, key), dflt) : dflt;
}

/* What a level says goes over what the level above said. */
static struct limits overlay(struct limits l, const struct value *level)
{
    int64_t both = pick(level, "historyLimit", NO_LIMIT);
    if (both != NO_LIMIT)
        l.successful = l.failed = both;
    l.ttl_s = pick(level, "ttlSecondsAfterFinished", l.ttl_s);
    l.successful = pick(level, "successfulHistoryLimit", l.successful);
    l.failed = pick(level, "failedHistoryLimit", l.failed);
    return l;
}

static bool map_holds(const struct value *has, const struct value *wanted)
{
    VALUE_EACH_MEMBER (m, wanted) {
        if (!value_equal(value_get(has, m->key), &m->value))
            return false;
    }
    return true;
}

static bool selected(const struct value *run, const struct value *rule)
{
    const struct value *selectors = value_get(rule, "selector");
    VALUE_EACH_ITEM (s, selectors) {
        if (map_holds(value_at(run, "metadata.labels"), value_get(s, "matchLabels")) &&
            map_holds(value_at(run, "metadata.annotations"), value_get(s, "matchAnnotations")))
            return true;
    }
    return false;
}

static bool is_pipeline(const struct value *run)
{
    return strcmp(value_at_str(run, "kind", ""), "PipelineRun") == 0;
}

/* The pipeline or task a run is of; runs with a spec of their own count together. */
static const char *group_of(const struct value *run)
{
    const char *key = is_pipeline(run) ? "tekton.dev/pipeline" : "tekton.dev/task";
    const char *name = value_str(value_get(value_at(run, "metadata.labels"), key), "");
    return strcmp(name, value_at_str(run, "metadata.name", "")) == 0 ? "" : name;
}

/* The rule of a namespace's list that is for this run: by selector, else by name. */
static const struct value *find_rule(const struct value *level, const struct value *run)
{
    const struct value *by_name = NULL;
    const char *group = group_of(run);
    VALUE_EACH_ITEM (rule, value_get(level, is_pipeline(run) ? "pipelineRuns" : "taskRuns")) {
        const char *name = value_at_str(rule, "name", "");
        if (selected(run, rule))
            return rule;
        if (*name && strcmp(name, group) == 0)
            by_name = rule;
    }
    return by_name;
}

static struct limits limits_of(const struct prune_view *v, const struct value *run)
{
    struct limits l = overlay((struct limits){NO_LIMIT, NO_LIMIT, NO_LIMIT}, v->global);
    const char *level = value_at_str(v->global, "enforcedConfigLevel", "namespace");
    const struct value *own = value_get(value_get(v->global, "namespaces"), v->ns);
    if (strcmp(level, "global") == 0)
        return l;
    l = overlay(l, own);
    l = overlay(l, v->ns_config);
    const struct value *rule = find_rule(v->ns_config, run);
    if (!rule)
        rule = find_rule(own, run);
    return overlay(l, rule);
}

/* ---- what goes ---- */

static int64_t finished_ms(const struct value *run)
{
    int64_t ns = 0;
    const char *text = value_at_str(run, "status.completionTime", "");
    if (!*text || clock_parse_rfc3339(text, &ns, NULL) < 0)
        return 0;
    return ns / 1000000;
}

/* Newest first within a group and outcome. */
static int compare(const void *x, const void *y)
{
    const struct entry *a = x, *b = y;
    int by_kind = (int)is_pipeline(a->run) - (int)is_pipeline(b->run);
    int by_group = strcmp(a->group, b->group);
    if (by_kind || by_group)
        return by_kind ? by_kind : by_group;
    if (a->succeeded != b->succeeded)
        return a->succeeded ? -1 : 1;
    if (a->finished_ms != b->finished_ms)
        return a->finished_ms > b->finished_ms ? -1 : 1;
    return strcmp(value_at_str(b->run, "metadata.name", ""),
                  value_at_str(a->run, "metadata.name", ""));
}

static bool same_series(const struct entry *a, const struct entry *b)
{
    return is_pipeline(a->run) == is_pipeline(b->run) && strcmp(a->group, b->group) == 0 &&
           a->succeeded == b->succeeded;
}

static size_t collect(const struct prune_view *v, struct entry *list)
{
    size_t n = 0;
    for (size_t i = 0; i < v->n_runs; i++) {
        const struct value *run = v->runs[i], *c = object_condition(run, "Succeeded");
        const char *state = value_at_str(c, "status", "");
        int64_t finished = finished_ms(run);
        if (!finished || (strcmp(state, "True") != 0 && strcmp(state, "False") != 0))
            continue;
        list[n++] = (struct entry){run, group_of(run), strcmp(state, "True") == 0, finished,
                                   limits_of(v, run)};
    }
    return n;
}

static const char *late_text(struct arena *a, int64_t ago_ms, int64_t ttl_s)
{
    char ago[CLOCK_TEXT_MAX], kept[CLOCK_TEXT_MAX];
    clock_format_duration(ago_ms / 1000 * 1000000000, ago);
    clock_format_duration(ttl_s * 1000000000, kept);
    return arena_printf(a, "finished %s ago, kept for %s", ago, kept);
}

void prune_plan(const struct prune_view *v, struct arena *a, struct prune_plan *out)
{
    *out = (struct prune_plan){0};
    if (!v->global)
        return;
    struct entry *list = ARENA_ARRAY(a, struct entry, v->n_runs + 1);
    size_t n = collect(v, list);
    qsort(list, n, sizeof *list, compare);
    out->remove = ARENA_ARRAY(a, struct prune_action, n + 1);
    int64_t place = 0;
    for (size_t i = 0; i < n; i++) {
        const struct entry *x = &list[i];
        place = i > 0 && same_series(x, x - 1) ? place + 1 : 0;
        int64_t keep = x->succeeded ? x->limits.successful : x->limits.failed;
        int64_t age = v->now_ms - x->finished_ms, ttl = x->limits.ttl_s;
        const char *why = NULL;
        if (keep >= 0 && place >= keep)
            why = arena_printf(a, "%lld newer ones are kept", (long long)keep);
        else if (ttl >= 0 && age >= ttl * 1000)
            why = late_text(a, age, ttl);
        else if (ttl >= 0 && (!out->requeue_ms || ttl * 1000 - age < out->requeue_ms))
            out->requeue_ms = ttl * 1000 - age;
        if (why)
            out->remove[out->n++] = (struct prune_action){x->run, why};
    }
}
