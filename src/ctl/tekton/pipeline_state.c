/* pipeline_state.c - reading children into task states. */
#include "ctl/tekton/pipeline_state.h"

#include "base/own.h"
#include "codec/json.h"
#include "ctl/tekton/params.h"
#include "ctl/tekton/taskrun_plan.h"

static const char *child_task(const struct value *child)
{
    return value_str(value_get(value_at(child, "metadata.labels"), "tekton.dev/pipelineTask"), "");
}

/* The number behind the last dash; matrix children are told apart by it. */
static long child_number(const struct value *child)
{
    const char *dash = strrchr(value_at_str(child, "metadata.name", ""), '-');
    return dash ? strtol(dash + 1, NULL, 10) : 0;
}

static void take_runs(const struct pipelinerun_view *v, struct task_state *t, struct arena *a)
{
    t->runs = ARENA_ARRAY(a, const struct value *, v->n_children + 1);
    for (size_t i = 0; i < v->n_children; i++) {
        if (strcmp(child_task(v->children[i]), t->node->name) != 0)
            continue;
        size_t at = t->n_runs++;
        bool many = value_get(t->node->task, "matrix") != NULL;
        for (; many && at > 0 && child_number(t->runs[at - 1]) > child_number(v->children[i]); at--)
            t->runs[at] = t->runs[at - 1];
        t->runs[at] = v->children[i];
    }
}

static void judge(struct task_state *t)
{
    bool all_done = t->n_runs > 0, all_ok = t->n_runs > 0, bad = false, cancelled = false;
    for (size_t i = 0; i < t->n_runs; i++) {
        const char *state = run_state(t->runs[i]), *reason = run_reason(t->runs[i]);
        all_done = all_done && run_is_done(t->runs[i]);
        all_ok = all_ok && strcmp(state, "True") == 0;
        bad = bad || strcmp(state, "False") == 0;
        cancelled = cancelled ||
                    (strcmp(state, "False") == 0 && (strcmp(reason, "TaskRunCancelled") == 0 ||
                                                     strcmp(reason, "CustomRunCancelled") == 0 ||
                                                     strcmp(reason, "Cancelled") == 0));
    }
    t->done = all_done;
    t->succeeded = all_done && all_ok;
    t->cancelled = all_done && cancelled;
    t->failed = all_done && bad && !cancelled;
    t->ignored = t->failed && strcmp(value_at_str(t->node->task, "onError", ""), "continue") == 0;
}

static void scope_results(const struct task_state *t, struct scope *s)
{
    struct arena *a = s->arena;
    bool many = value_get(t->node->task, "matrix") != NULL;
    if (many)
        scope_put(s, value_new_strf(a, "%zu", t->n_runs), "tasks.%s.matrix.length", t->node->name);
    for (size_t i = 0; i < t->n_runs && t->done; i++) {
        VALUE_EACH_ITEM (r, value_at(t->runs[i], "status.results")) {
            const char *name = value_at_str(r, "name", "");
            const char *key = arena_printf(a, "tasks.%s.results.%s", t->node->name, name);
            if (!many) {
                scope_put(s, value_get(r, "value"), "%s", key);
                continue;
            }
            const struct value *had = map_get(&s->vars, key);
            struct value *list = had ? value_copy(a, had) : value_new_array(a);
            (void)value_push(a, list, value_get(r, "value"));
            scope_put(s, list, "%s", key);
            scope_put(s, value_new_strf(a, "%zu", value_count(list)), "tasks.%s.matrix.%s.length",
                      t->node->name, name);
        }
        const struct value *artifacts = value_at(t->runs[i], "status.artifacts.outputs");
        VALUE_EACH_ITEM (o, artifacts)
            scope_put_str(s, json_text(a, value_get(o, "values"), JSON_NO_HTML),
                          "tasks.%s.outputs.%s", t->node->name, value_at_str(o, "name", ""));
    }
}

int pipeline_observe(const struct pipelinerun_view *v, struct arena *a, struct pipeline_state *out,
                     struct err *e)
{
    struct pipeline_state s = {.view = v, .results = scope_new(a)};
    int r = pipeline_make(v->spec, a, &s.graph, e);
    if (r < 0)
        return r;
    s.tasks = ARENA_ARRAY(a, struct task_state, s.graph.n + 1);
    for (size_t i = 0; i < s.graph.n; i++) {
        struct task_state *t = &s.tasks[i];
        t->node = &s.graph.nodes[i];
        t->task = t->node->task;
        take_runs(v, t, a);
        judge(t);
        scope_results(t, s.results);
    }
    *out = s;
    return 0;
}

struct task_state *pipeline_task(const struct pipeline_state *s, const char *name)
{
    for (size_t i = 0; i < s->graph.n; i++)
        if (strcmp(s->tasks[i].node->name, name) == 0)
            return &s->tasks[i];
    return NULL;
}

bool pipeline_dag_done(const struct pipeline_state *s)
{
    for (size_t i = 0; i < s->graph.n; i++)
        if (!s->tasks[i].node->final && !s->tasks[i].done && !s->tasks[i].skipped)
            return false;
    return true;
}

/* ---- missing results ---- */

struct looking {
    const struct pipeline_state *s;
    struct arena *a;
    struct task_ref *found;
};

static void look(void *arg, const struct subst_ref *ref)
{
    struct looking *l = arg;
    struct task_ref t;
    if (l->found || !task_ref_parse(ref->name, l->a, &t) || strcmp(t.field, "results") != 0 ||
        !pipeline_find(&l->s->graph, t.task))
        return;
    const char *probe = arena_printf(l->a, "$(%s)", ref->spelled);
    const struct value *v = value_new_str(l->a, probe);
    const struct value *all = map_get(&l->s->results->vars, ref->name);
    bool whole = all && all->kind != VALUE_STRING && ref->index < 0;
    if (whole || subst_text(l->s->results, v->text) != v->text)
        return;
    l->found = arena_dup(l->a, &t, sizeof t);
}

const struct task_ref *pipeline_missing(const struct pipeline_state *s, const struct value *tree,
                                        struct arena *a)
{
    struct looking l = {s, a, NULL};
    subst_each_ref(tree, a, look, &l);
    return l.found;
}

/* ---- status variables ---- */

void pipeline_scope_status(const struct pipeline_state *s, struct scope *into)
{
    const char *all = "Succeeded";
    for (size_t i = 0; i < s->graph.n; i++) {
        const struct task_state *t = &s->tasks[i];
        if (t->node->final)
            continue;
        bool bad = t->failed || t->cancelled;
        scope_put_str(into,
                      t->succeeded ? "Succeeded"
                      : bad        ? "Failed"
                                   : "None",
                      "tasks.%s.status", t->node->name);
        scope_put_str(into, t->n_runs ? run_reason(t->runs[0]) : "None", "tasks.%s.reason",
                      t->node->name);
        if (bad)
            all = "Failed";
        else if (t->skipped && strcmp(all, "Succeeded") == 0)
            all = "Completed";
    }
    scope_put_str(into, pipeline_dag_done(s) ? all : "None", "tasks.status");
}

/* ---- what the status tells ---- */

const struct value *pipeline_results(const struct pipeline_state *s, struct arena *a)
{
    struct scope *scope = scope_new(a);
    const struct map_entry *m;
    for (size_t i = 0; (m = map_next(&s->results->vars, &i));) {
        scope_put(scope, m->value, "%s", m->key);
        const struct task_state *t;
        for (size_t k = 0; k < s->graph.n; k++) {
            t = &s->tasks[k];
            const char *prefix = arena_printf(a, "tasks.%s.", t->node->name);
            if (t->node->final && strncmp(m->key, prefix, strlen(prefix)) == 0)
                scope_put(scope, m->value, "finally.%s", m->key + 6);
        }
    }
    struct value *out = value_new_array(a);
    struct pipeline_state with = *s;
    with.results = scope;
    VALUE_EACH_ITEM (r, value_get(s->view->spec, "results")) {
        const struct value *from = value_get(r, "value");
        if (pipeline_missing(&with, from, a))
            continue;
        const struct value *v = subst_tree(scope, from, SUBST_WHOLE);
        struct value *result = value_new_object(a);
        (void)value_set_str(a, result, "name", value_at_str(r, "name", ""));
        (void)value_set(a, result, "value", v);
        (void)value_push(a, out, result);
    }
    return out;
}

static void add_reference(const struct pipeline_state *s, const struct value *child,
                          struct value *list, struct arena *a)
{
    const struct task_state *t = pipeline_task(s, child_task(child));
    if (!t)
        return;
    struct value *ref = value_new_object(a);
    (void)value_set_str(a, ref, "apiVersion", value_at_str(child, "apiVersion", ""));
    (void)value_set_str(a, ref, "kind", value_at_str(child, "kind", ""));
    (void)value_set_str(a, ref, "name", value_at_str(child, "metadata.name", ""));
    (void)value_set_str(a, ref, "pipelineTaskName", t->node->name);
    const char *shown = value_at_str(t->task, "displayName", "");
    if (*shown)
        (void)value_set_str(a, ref, "displayName", shown);
    if (value_count(value_get(t->task, "when")))
        (void)value_set(a, ref, "whenExpressions", value_get(t->task, "when"));
    (void)value_push(a, list, ref);
}

const struct value *pipeline_references(const struct pipeline_state *s,
                                        const struct value *const *created, size_t n,
                                        struct arena *a)
{
    struct value *list = value_new_array(a);
    for (size_t i = 0; i < s->graph.n; i++)
        for (size_t k = 0; k < s->tasks[i].n_runs; k++)
            add_reference(s, s->tasks[i].runs[k], list, a);
    for (size_t i = 0; i < n; i++)
        add_reference(s, created[i], list, a);
    return list;
}

const struct value *pipeline_skipped(const struct pipeline_state *s, struct arena *a)
{
    struct value *list = value_new_array(a);
    for (size_t i = 0; i < s->graph.n; i++) {
        const struct task_state *t = &s->tasks[i];
        if (!t->skipped)
            continue;
        struct value *skip = value_new_object(a);
        (void)value_set_str(a, skip, "name", t->node->name);
        (void)value_set_str(a, skip, "reason", t->skipped);
        bool by_when = strcmp(t->skipped, "When Expressions evaluated to false") == 0;
        if (value_count(value_get(t->task, "when")) && (!t->node->final || by_when))
            (void)value_set(a, skip, "whenExpressions", value_get(t->task, "when"));
        (void)value_push(a, list, skip);
    }
    return list;
}
