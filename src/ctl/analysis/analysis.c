#include "ctl/analysis/analysis.h"

#include <string.h>

#include "ctl/analysis/args.h"
#include "ctl/analysis/baseline.h"
#include "ctl/analysis/measure.h"
#include "ctl/analysis/plan.h"
#include "kube/write.h"

enum { KEEP_MEASUREMENTS = 10, METRICS_MAX = 100 };

struct work {
    struct controller_ctx *c;
    const struct object *run;
    struct arena *a;
    struct analysis_args args;
    struct value *metrics; /* arguments filled in */
    struct value *status;
    int64_t now, next; /* next: when to look again */
};

static const char *at(struct work *w)
{
    char text[CLOCK_TEXT_MAX];
    clock_format_rfc3339(w->now, text);
    return arena_strdup(w->a, text);
}

static struct value *result_of(struct work *w, const char *name)
{
    struct value *list = value_make_array(w->a, w->status, "metricResults");
    for (size_t i = 0; i < value_count(list); i++)
        if (strcmp(value_at_str(&list->items[i], "name", ""), name) == 0)
            return &list->items[i];
    struct value *r = value_push(w->a, list, value_new_object(w->a));
    (void)value_set_str(w->a, r, "name", name);
    (void)value_set_str(w->a, r, "phase", "Pending");
    return r;
}

static bool dry(const struct work *w, const char *name)
{
    VALUE_EACH_ITEM (d, value_at(w->run->root, "spec.dryRun")) {
        const char *pattern = value_at_str(d, "metricName", "");
        if (strcmp(pattern, name) == 0 || strcmp(pattern, "*") == 0 || strcmp(pattern, ".*") == 0)
            return true;
    }
    return false;
}

/* ---- one measurement ---- */

static void write_measurement(struct work *w, struct value *m, const struct value *metric,
                              const struct measurement *got)
{
    struct err why = {.code = ERR_OK};
    const char *phase = got->phase;
    if (!phase)
        phase = analysis_phase_name(analysis_judge(metric, got->value, w->a, &why));
    if (*got->shown)
        (void)value_set_str(w->a, m, "value", analysis_args_hide(&w->args, got->shown, w->a));
    const char *message = *why.msg ? why.msg : got->message;
    if (*message)
        (void)value_set_str(w->a, m, "message", analysis_args_hide(&w->args, message, w->a));
    if (got->metadata)
        (void)value_set(w->a, m, "metadata", got->metadata);
    (void)value_set_str(w->a, m, "phase", phase);
}

static void take(struct work *w, const struct value *metric, struct value *result, int64_t since)
{
    struct value *list = value_make_array(w->a, result, "measurements");
    size_t n = value_count(list);
    struct value *m = n ? &list->items[n - 1] : NULL;
    if (!m || analysis_over(analysis_phase_named(value_at_str(m, "phase", "")))) {
        m = value_push(w->a, list, value_new_object(w->a));
        (void)value_set_str(w->a, m, "startedAt", at(w));
    }
    struct measure_ctx ctx = {
        .c = w->c,
        .opts = w->c->arg,
        .run = w->run,
        .metric = metric,
        .metadata = value_get(m, "metadata"),
        .started_ms = since,
        .index = (size_t)(value_at_int(result, "count", 0) + value_at_int(result, "error", 0)),
        .a = w->a};
    struct measurement got;
    struct err why = {.code = ERR_OK};
    if (measure(&ctx, &got, &why) < 0)
        got = (struct measurement){.phase = "Error", .shown = "", .message = why.msg};
    write_measurement(w, m, metric, &got);
    if (!analysis_over(analysis_phase_named(value_at_str(m, "phase", ""))))
        return;
    w->now = w->c->clock->real_ms(w->c->clock);
    (void)value_set_str(w->a, m, "finishedAt", at(w));
    analysis_count(w->a, result, m);
    while (value_count(list) > KEEP_MEASUREMENTS)
        value_remove_at(list, 0);
}

/* ---- the run ---- */

static void end(struct work *w, enum analysis_phase phase, const char *message)
{
    (void)value_set_str(w->a, w->status, "phase", analysis_phase_name(phase));
    if (*message)
        (void)value_set_str(w->a, w->status, "message", message);
    if (analysis_over(phase))
        (void)value_set_str(w->a, w->status, "completedAt", at(w));
}

static int prepare(struct work *w, struct err *e)
{
    const struct value *metrics = value_at(w->run->root, "spec.metrics");
    if (value_count(metrics) == 0 || value_count(metrics) > METRICS_MAX)
        return err_set(e, ERR_INVALID, "spec.metrics has %zu entries; 1 to %d are possible",
                       value_count(metrics), METRICS_MAX);
    int rc = analysis_args_read(w->c->kube, w->run, w->a, &w->args, e);
    if (rc == 0)
        rc = analysis_args_fill(&w->args, metrics, w->a, &w->metrics, e);
    VALUE_EACH_ITEM (m, w->metrics) {
        struct baseline b;
        if (rc == 0)
            rc = analysis_check(m, e);
        if (rc == 0 && baseline_settings(m))
            rc = baseline_read(m, &b, e);
    }
    return rc;
}

static int64_t started(struct work *w)
{
    int64_t ns;
    const char *text = value_at_str(w->status, "startedAt", "");
    if (*text && clock_parse_rfc3339(text, &ns, NULL) == 0)
        return ns / 1000000;
    (void)value_set_str(w->a, w->status, "startedAt", at(w));
    return w->now;
}

/* Measures what is due; the worst of the metrics that count. */
static enum analysis_phase measure_all(struct work *w, bool terminating, const char **message)
{
    enum analysis_phase worst = ANALYSIS_SUCCESSFUL;
    bool all_over = true;
    int64_t since = started(w);
    *message = "";
    VALUE_EACH_ITEM (metric, w->metrics) {
        const char *name = value_at_str(metric, "name", ""), *why;
        struct value *result = result_of(w, name);
        if (!terminating && analysis_due_ms(metric, result, since) <= w->now)
            take(w, metric, result, since);
        enum analysis_phase p = analysis_assess(metric, result, terminating, w->a, &why);
        (void)value_set_str(w->a, result, "phase", analysis_phase_name(p));
        why = analysis_args_hide(&w->args, why, w->a);
        if (*why)
            (void)value_set_str(w->a, result, "message", why);
        int64_t due = analysis_due_ms(metric, result, since);
        if (!analysis_over(p) && due > 0 && due < w->next)
            w->next = due;
        all_over &= analysis_over(p);
        if (dry(w, name)) {
            (void)value_set_bool(w->a, result, "dryRun", true);
            continue;
        }
        if (analysis_over(p) && p > worst) {
            worst = p;
            *message = why;
        }
    }
    /* One bad metric ends the run; what others would still say does not matter. */
    return worst > ANALYSIS_PENDING || all_over ? worst : ANALYSIS_RUNNING;
}

static int work(struct work *w, struct err *e)
{
    const char *message;
    bool stop = value_at_bool(w->run->root, "spec.terminate", false);
    struct err why = {.code = ERR_OK};
    int rc = prepare(w, &why);
    if (rc == ERR_AGAIN || rc == ERR_TIMEOUT) {
        *e = why;
        return rc;
    }
    if (rc < 0) {
        end(w, ANALYSIS_ERROR, why.msg);
        return 0;
    }
    enum analysis_phase p = measure_all(w, stop, &message);
    if (analysis_over(p) && p != ANALYSIS_SUCCESSFUL && !stop) {
        const char *others;
        (void)measure_all(w, true, &others);
    }
    end(w, p, message);
    return 0;
}

static int analysis_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                         struct err *e)
{
    AUTO(object) struct object *run = NULL;
    int rc = kube_get(c->kube, &RES_ANALYSIS_RUN, key->ns, key->name, &run, e);
    if (rc == ERR_NOT_FOUND || (rc == 0 && run->deleting))
        return 0;
    if (rc < 0)
        return rc;
    const struct value *old = value_get(run->root, "status");
    if (analysis_over(analysis_phase_named(value_at_str(old, "phase", "Pending"))))
        return 0;
    struct work w = {.c = c, .run = run, .a = a, .next = INT64_MAX};
    w.status = old ? value_copy(a, old) : value_new_object(a);
    w.now = c->clock->real_ms(c->clock);
    rc = work(&w, e);
    if (rc < 0)
        return rc;
    if (w.next != INT64_MAX)
        c->requeue_after_ms = w.next > w.now ? w.next - w.now : 1;
    return write_status(c, &RES_ANALYSIS_RUN, run, w.status, e);
}

static void keys_of_job(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    (void)c;
    keys_of_owner(o, "AnalysisRun", s);
}

static const struct controller_watch watches[] = {
    {&RES_ANALYSIS_RUN, NULL       },
    {&RES_JOB,          keys_of_job},
    {NULL,              NULL       },
};

const struct controller analysis_controller = {
    .name = "analysis", .watches = watches, .workers = 4, .sync = analysis_sync};
