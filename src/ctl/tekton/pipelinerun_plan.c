/* pipelinerun_plan.c - which tasks run, wait or are skipped, and what that makes of the run. */
#include "ctl/tekton/pipelinerun_plan.h"

#include "base/clock.h"
#include "base/own.h"
#include "ctl/tekton/child.h"
#include "ctl/tekton/matrix.h"
#include "ctl/tekton/params.h"
#include "ctl/tekton/pipeline_state.h"
#include "ctl/tekton/taskrun_plan.h"
#include "ctl/tekton/when.h"

static const char skip_when[] = "When Expressions evaluated to false";
static const char cancelled_text[] =
    "TaskRun cancelled as the PipelineRun it belongs to has been cancelled.";
static const char timed_out_text[] =
    "TaskRun cancelled as the PipelineRun it belongs to has timed out.";

struct planning {
    const struct pipelinerun_view *v;
    struct arena *a;
    struct pipeline_state s;
    struct value *status;
    struct pipelinerun_plan *out;
    const char *wish; /* spec.status */
    bool timed_out, tasks_timed_out, finally_timed_out, stopping;
    const char *failed_reason, *failed_message; /* the run cannot go on */
};

static bool wishes(const struct planning *p, const char *what)
{
    return strcmp(p->wish, what) == 0;
}

/* ---- time ---- */

static void due(struct planning *p, int64_t at_ms)
{
    int64_t in = at_ms - p->v->now_ms;
    if (in > 0 && (p->out->requeue_ms == 0 || in < p->out->requeue_ms))
        p->out->requeue_ms = in;
}

static bool past(struct planning *p, const char *which, const char *since_key)
{
    int64_t limit = pipelinerun_timeout_ns(p->v->run, which) / 1000000;
    int64_t since = run_time_ms(value_at_str(p->status, since_key, ""));
    if (limit == 0 || since == 0)
        return false;
    due(p, since + limit);
    return p->v->now_ms >= since + limit;
}

/* What finally may take: its own limit, or what the other two leave. */
static bool finally_past(struct planning *p)
{
    if (pipelinerun_timeout_ns(p->v->run, "finally"))
        return past(p, "finally", "finallyStartTime");
    return false;
}

static void observe_time(struct planning *p)
{
    p->timed_out = past(p, "pipeline", "startTime");
    p->tasks_timed_out = past(p, "tasks", "startTime");
    p->finally_timed_out = finally_past(p);
}

/* ---- effects ---- */

static void add_create(struct planning *p, struct value *child)
{
    struct pipelinerun_plan *o = p->out;
    o->create = arena_grow(p->a, o->create, o->n_create * sizeof *o->create,
                           (o->n_create + 1) * sizeof *o->create);
    o->create[o->n_create++] = child;
}

static void cancel_task(struct planning *p, const struct task_state *t, const char *message)
{
    struct pipelinerun_plan *o = p->out;
    for (size_t i = 0; i < t->n_runs; i++) {
        if (run_is_done(t->runs[i]) || *value_at_str(t->runs[i], "spec.status", ""))
            continue;
        o->cancel = arena_grow(p->a, o->cancel, o->n_cancel * sizeof *o->cancel,
                               (o->n_cancel + 1) * sizeof *o->cancel);
        o->cancel[o->n_cancel++] = (struct pipelinerun_cancel){t->runs[i], message};
    }
}

static void cancel_all(struct planning *p, bool dag, bool final, const char *message)
{
    for (size_t i = 0; i < p->s.graph.n; i++)
        if (p->s.tasks[i].node->final ? final : dag)
            cancel_task(p, &p->s.tasks[i], message);
}

static void fail(struct planning *p, const char *reason, const char *message)
{
    if (!p->failed_reason) {
        p->failed_reason = reason;
        p->failed_message = message;
    }
}

/* ---- one task ---- */

static bool parents_done(const struct planning *p, const struct task_state *t)
{
    for (size_t i = 0; i < t->node->n_after; i++) {
        const struct task_state *on = pipeline_task(&p->s, t->node->after[i]->name);
        if (!on->done && !on->skipped)
            return false;
    }
    return true;
}

static bool parent_skipped(const struct planning *p, const struct task_state *t)
{
    for (size_t i = 0; i < t->node->n_after; i++) {
        const struct task_state *on = pipeline_task(&p->s, t->node->after[i]->name);
        if (on->skipped && strcmp(on->skipped, skip_when) != 0)
            return true;
    }
    return false;
}

/* What the task uses, but for `when`, which is judged with what is there. */
static const struct value *needs(const struct task_state *t, struct arena *a)
{
    struct value *out = value_new_array(a);
    static const char *const parts[] = {"params",  "matrix",       "taskSpec",
                                        "taskRef", "pipelineSpec", "workspaces"};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (value_get(t->task, parts[i]))
            (void)value_push(a, out, value_get(t->task, parts[i]));
    return out;
}

static bool results_missing(struct planning *p, const struct task_state *t)
{
    const struct task_ref *ref = pipeline_missing(&p->s, needs(t, p->a), p->a);
    if (!ref)
        return false;
    const struct task_state *from = pipeline_task(&p->s, ref->task);
    if (!t->node->final && from && (from->succeeded || from->ignored))
        fail(p, "InvalidTaskResultReference",
             arena_printf(p->a,
                          "Invalid task result reference: Could not find result with name %s for "
                          "task %s",
                          ref->result, ref->task));
    return true;
}

static bool when_false(struct planning *p, const struct task_state *t)
{
    bool allowed;
    struct err e = {0};
    if (when_allows(value_get(t->task, "when"), p->a, &allowed, &e) == 0)
        return !allowed;
    fail(p, "CELEvaluationFailed",
         arena_printf(p->a, "[User error] Error evaluating CEL %s: %s",
                      value_at_str(p->v->run, "metadata.name", ""), e.msg));
    return true;
}

static bool matrix_empty(const struct task_state *t)
{
    VALUE_EACH_ITEM (m, value_at(t->task, "matrix.params"))
        if (value_is(value_get(m, "value"), VALUE_ARRAY) && value_count(value_get(m, "value")) == 0)
            return true;
    return false;
}

/* Why a task outside finally will not run, or NULL: it runs, waits or has run. */
static const char *skip_reason(struct planning *p, struct task_state *t)
{
    if (p->stopping)
        return "PipelineRun was stopping";
    if (wishes(p, "CancelledRunFinally"))
        return "PipelineRun was gracefully cancelled";
    if (wishes(p, "StoppedRunFinally"))
        return "PipelineRun was gracefully stopped";
    bool ready = parents_done(p, t);
    if (ready) {
        t->task = subst_tree(p->s.results, t->node->task, SUBST_WHOLE);
        if (when_false(p, t))
            return skip_when;
        if (parent_skipped(p, t))
            return "Parent Tasks were skipped";
        if (results_missing(p, t))
            return "Results were missing";
    }
    if (p->timed_out)
        return "PipelineRun timeout has been reached";
    if (p->tasks_timed_out)
        return "PipelineRun Tasks timeout has been reached";
    return ready && matrix_empty(t) ? "Matrix Parameters have an empty array" : NULL;
}

static const char *final_skip_reason(struct planning *p, struct task_state *t)
{
    if (results_missing(p, t))
        return "Results were missing";
    const struct task_ref *ref = pipeline_missing(&p->s, value_get(t->task, "when"), p->a);
    if (ref)
        return "Results were missing";
    if (when_false(p, t))
        return skip_when;
    if (p->timed_out)
        return "PipelineRun timeout has been reached";
    if (p->finally_timed_out)
        return "PipelineRun Finally timeout has been reached";
    return matrix_empty(t) ? "Matrix Parameters have an empty array" : NULL;
}

static void begin(struct planning *p, struct task_state *t)
{
    const struct value *matrix = value_get(t->task, "matrix"), *combos;
    struct err e = {0};
    if (!matrix) {
        add_create(p, child_make(p->v, t->task, NULL, -1, p->a));
        return;
    }
    if (matrix_expand(matrix, p->a, &combos, &e) < 0) {
        fail(p, "InvalidMatrixParameterTypes",
             arena_printf(p->a, "[User error] Failed to validate matrix \"%s\" with error %s",
                          t->node->name, e.msg));
        return;
    }
    int i = 0;
    VALUE_EACH_ITEM (combo, combos)
        add_create(p, child_make(p->v, t->task, combo, i++, p->a));
}

/* ---- the phases ---- */

static void plan_dag(struct planning *p)
{
    for (size_t i = 0; i < p->s.graph.n; i++) {
        const struct task_state *t = &p->s.tasks[i];
        if (!t->node->final && ((t->failed && !t->ignored) || t->cancelled))
            p->stopping = true;
    }
    if (wishes(p, "CancelledRunFinally"))
        cancel_all(p, true, false, cancelled_text);
    if (p->tasks_timed_out && !p->timed_out)
        cancel_all(p, true, false, timed_out_text);
    for (size_t i = 0; i < p->s.graph.n && !p->failed_reason; i++) {
        struct task_state *t = &p->s.tasks[i];
        if (t->node->final || t->n_runs)
            continue;
        t->skipped = skip_reason(p, t);
        if (!t->skipped && parents_done(p, t))
            begin(p, t);
    }
}

static void plan_finally(struct planning *p)
{
    if (!pipeline_dag_done(&p->s) || value_count(value_get(p->v->spec, "finally")) == 0)
        return;
    if (!*value_at_str(p->status, "finallyStartTime", "")) {
        run_set_time(p->status, p->a, "finallyStartTime", p->v->now_ms);
        p->finally_timed_out = finally_past(p);
    }
    if (p->finally_timed_out)
        cancel_all(p, false, true, timed_out_text);
    struct scope *scope = scope_new(p->a);
    const struct map_entry *m;
    for (size_t i = 0; (m = map_next(&p->s.results->vars, &i));)
        scope_put(scope, m->value, "%s", m->key);
    pipeline_scope_status(&p->s, scope);
    for (size_t i = 0; i < p->s.graph.n && !p->failed_reason; i++) {
        struct task_state *t = &p->s.tasks[i];
        if (!t->node->final || t->n_runs)
            continue;
        t->task = subst_tree(scope, t->node->task, SUBST_WHOLE);
        t->skipped = final_skip_reason(p, t);
        if (!t->skipped)
            begin(p, t);
    }
}

/* ---- the verdict ---- */

struct counts {
    int succeeded, failed, ignored, cancelled, skipped, late, incomplete;
};

static struct counts count(const struct planning *p)
{
    struct counts c = {0};
    for (size_t i = 0; i < p->s.graph.n; i++) {
        const struct task_state *t = &p->s.tasks[i];
        c.succeeded += t->succeeded;
        c.ignored += t->ignored;
        c.failed += t->failed && !t->ignored;
        c.cancelled += t->cancelled;
        c.skipped += t->skipped != NULL;
        c.late += t->skipped && strstr(t->skipped, "timeout has been reached") != NULL;
        c.incomplete += !t->done && !t->skipped;
    }
    return c;
}

static void end(struct planning *p, const char *state, const char *reason, const char *message)
{
    run_mark(p->status, p->a, state, reason, message, p->v->now_ms);
    if (strcmp(state, "Unknown") == 0)
        return;
    run_set_time(p->status, p->a, "completionTime", p->v->now_ms);
    const struct value *results = pipeline_results(&p->s, p->a);
    if (value_count(results))
        (void)value_set(p->a, p->status, "results", results);
}

static void mark_finished(struct planning *p, const struct counts *c)
{
    struct arena *a = p->a;
    int completed = c->succeeded + c->failed + c->cancelled + c->ignored;
    const char *ignored = c->ignored ? arena_printf(a, " (Ignored: %d)", c->ignored) : "";
    const char *message =
        arena_printf(a, "Tasks Completed: %d (Failed: %d%s, Cancelled %d), Skipped: %d", completed,
                     c->failed + c->ignored, ignored, c->cancelled, c->skipped);
    if (c->failed || c->late)
        end(p, "False", "Failed", message);
    else if (wishes(p, "CancelledRunFinally") || wishes(p, "StoppedRunFinally"))
        end(p, "False", "Cancelled",
            arena_printf(a, "PipelineRun \"%s\" was cancelled",
                         value_at_str(p->v->run, "metadata.name", "")));
    else if (c->cancelled)
        end(p, "False", "Cancelled", message);
    else
        end(p, "True", c->skipped ? "Completed" : "Succeeded", message);
}

static bool finally_done(const struct planning *p)
{
    for (size_t i = 0; i < p->s.graph.n; i++)
        if (p->s.tasks[i].node->final && !p->s.tasks[i].done && !p->s.tasks[i].skipped)
            return false;
    return true;
}

static void mark_running(struct planning *p, const struct counts *c)
{
    const char *reason = "Running";
    if (p->tasks_timed_out)
        reason = "PipelineRunTimeoutRunningFinally";
    else if (wishes(p, "CancelledRunFinally"))
        reason = "CancelledRunningFinally";
    else if (wishes(p, "StoppedRunFinally"))
        reason = "StoppedRunningFinally";
    else if (c->cancelled || (c->failed && finally_done(p)))
        reason = "PipelineRunStopping";
    end(p, "Unknown", reason,
        arena_printf(p->a,
                     "Tasks Completed: %d (Failed: %d, Cancelled %d), Incomplete: %d, Skipped: %d",
                     c->succeeded + c->failed + c->cancelled + c->ignored, c->failed, c->cancelled,
                     c->incomplete, c->skipped));
}

static void mark_late(struct planning *p, const char *which, const char *how)
{
    char text[CLOCK_TEXT_MAX];
    clock_format_duration(pipelinerun_timeout_ns(p->v->run, which), text);
    end(p, "False", "PipelineRunTimeout",
        arena_printf(p->a, "PipelineRun \"%s\" failed %s within \"%s\"",
                     value_at_str(p->v->run, "metadata.name", ""), how, text));
}

static void judge(struct planning *p)
{
    struct counts c = count(p);
    if (p->failed_reason) {
        cancel_all(p, true, true, cancelled_text);
        p->out->n_create = 0;
        end(p, "False", p->failed_reason, p->failed_message);
    } else if (p->timed_out) {
        mark_late(p, "pipeline", "to finish");
    } else if (p->tasks_timed_out && finally_done(p) && pipeline_dag_done(&p->s)) {
        mark_late(p, "tasks", "due to tasks failed to finish");
    } else if (c.incomplete == 0) {
        mark_finished(p, &c);
    } else {
        mark_running(p, &c);
    }
}

static void publish(struct planning *p)
{
    struct arena *a = p->a;
    (void)value_set(a, p->status, "childReferences",
                    pipeline_references(&p->s, p->out->create, p->out->n_create, a));
    const struct value *skipped = pipeline_skipped(&p->s, a);
    if (value_count(skipped))
        (void)value_set(a, p->status, "skippedTasks", skipped);
    else
        (void)value_remove(p->status, "skippedTasks");
    p->out->status = p->status;
}

static void plan_running(struct planning *p)
{
    if (!*value_at_str(p->status, "startTime", ""))
        run_set_time(p->status, p->a, "startTime", p->v->now_ms);
    observe_time(p);
    if (wishes(p, "Cancelled")) {
        cancel_all(p, true, true, cancelled_text);
        end(p, "False", "Cancelled",
            arena_printf(p->a, "PipelineRun \"%s\" was cancelled",
                         value_at_str(p->v->run, "metadata.name", "")));
        return;
    }
    if (p->timed_out)
        cancel_all(p, true, true, timed_out_text);
    plan_dag(p);
    if (!p->timed_out)
        plan_finally(p);
    judge(p);
}

void pipelinerun_plan(const struct pipelinerun_view *v, struct arena *a,
                      struct pipelinerun_plan *out)
{
    struct err e = {0};
    *out = (struct pipelinerun_plan){0};
    if (run_is_done(v->run))
        return;
    struct planning p = {.v = v, .a = a, .out = out};
    const struct value *had = value_get(v->run, "status");
    p.status = value_is(had, VALUE_OBJECT) ? value_copy(a, had) : value_new_object(a);
    p.wish = value_at_str(v->run, "spec.status", "");
    if (!value_get(p.status, "pipelineSpec"))
        (void)value_set(a, p.status, "pipelineSpec", v->spec);
    if (pipeline_observe(v, a, &p.s, &e) < 0) {
        out->status = status_fail(p.status, a, "PipelineInvalidGraph", e.msg, v->now_ms);
        return;
    }
    plan_running(&p);
    publish(&p);
}
