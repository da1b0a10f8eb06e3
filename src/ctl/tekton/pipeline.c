/* pipeline.c - finding dependencies and putting tasks in order. */
#include "ctl/tekton/pipeline.h"

#include "base/own.h"
#include "ctl/tekton/subst.h"

bool task_ref_parse(const char *name, struct arena *a, struct task_ref *out)
{
    *out = (struct task_ref){.task = "", .field = "", .result = ""};
    size_t skip = strncmp(name, "tasks.", 6) == 0 ? 6 : strncmp(name, "finally.", 8) == 0 ? 8 : 0;
    const char *dot = skip ? strchr(name + skip, '.') : NULL;
    if (!dot)
        return false;
    out->final = skip == 8;
    out->task = arena_strndup(a, name + skip, (size_t)(dot - name - skip));
    const char *end = strchr(dot + 1, '.');
    out->field = end ? arena_strndup(a, dot + 1, (size_t)(end - dot - 1)) : dot + 1;
    out->result = end ? end + 1 : "";
    return true;
}

struct gather {
    struct arena *a;
    const struct pipeline *all;
    struct pipeline_node *node;
};

static struct pipeline_node *node_named(const struct pipeline *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->nodes[i].name, name) == 0)
            return &p->nodes[i];
    return NULL;
}

const struct pipeline_node *pipeline_find(const struct pipeline *p, const char *name)
{
    return node_named(p, name);
}

static void depend(struct gather *g, const struct pipeline_node *on, bool results)
{
    struct pipeline_node *n = g->node;
    for (size_t i = 0; i < n->n_after; i++) {
        if (n->after[i] == on) {
            n->uses_results[i] = n->uses_results[i] || results;
            return;
        }
    }
    size_t k = n->n_after++;
    n->after = arena_grow(g->a, n->after, k * sizeof *n->after, (k + 1) * sizeof *n->after);
    n->uses_results = arena_grow(g->a, n->uses_results, k, k + 1);
    n->after[k] = on;
    n->uses_results[k] = results;
}

static void depend_on_ref(void *arg, const struct subst_ref *ref)
{
    struct gather *g = arg;
    struct task_ref t;
    if (!task_ref_parse(ref->name, g->a, &t))
        return;
    const struct pipeline_node *on = node_named(g->all, t.task);
    bool data = strcmp(t.field, "results") == 0 || strcmp(t.field, "outputs") == 0 ||
                strcmp(t.field, "matrix") == 0;
    if (on && on != g->node && data && !on->final && !g->node->final)
        depend(g, on, true);
}

static int gather_deps(struct pipeline *p, struct pipeline_node *n, struct arena *a, struct err *e)
{
    struct gather g = {a, p, n};
    VALUE_EACH_ITEM (after, value_get(n->task, "runAfter")) {
        const char *name = value_str(after, "");
        const struct pipeline_node *on = node_named(p, name);
        if (n->final)
            return err_set(e, ERR_INVALID, "finally task %s may not have runAfter", n->name);
        if (!on || on->final)
            return err_set(e, ERR_INVALID,
                           "task %s depends on %s but %s wasn't present in Pipeline", n->name, name,
                           name);
        depend(&g, on, false);
    }
    subst_each_ref(n->task, a, depend_on_ref, &g);
    return 0;
}

enum mark { MARK_NEW, MARK_OPEN, MARK_DONE };

struct sorting {
    const struct pipeline *in;
    enum mark *marks;
    const struct pipeline_node **order;
    size_t n;
};

static int visit(struct sorting *s, const struct pipeline_node *n, struct err *e)
{
    enum mark *mark = &s->marks[n - s->in->nodes];
    if (*mark == MARK_DONE)
        return 0;
    if (*mark == MARK_OPEN)
        return err_set(e, ERR_INVALID, "cycle detected; task \"%s\" depends on itself", n->name);
    *mark = MARK_OPEN;
    for (size_t i = 0; i < n->n_after; i++) {
        int r = visit(s, n->after[i], e);
        if (r < 0)
            return r;
    }
    *mark = MARK_DONE;
    s->order[s->n++] = n;
    return 0;
}

static int sort_nodes(struct pipeline *p, struct arena *a, struct err *e)
{
    struct sorting s = {p, ARENA_ARRAY(a, enum mark, p->n + 1),
                        ARENA_ARRAY(a, const struct pipeline_node *, p->n + 1), 0};
    for (size_t i = 0; i < p->n; i++) {
        int r = visit(&s, &p->nodes[i], e);
        if (r < 0)
            return r;
    }
    struct pipeline sorted = {ARENA_ARRAY(a, struct pipeline_node, p->n + 1), p->n};
    for (size_t i = 0; i < p->n; i++)
        sorted.nodes[i] = *s.order[i];
    for (size_t i = 0; i < p->n; i++)
        for (size_t k = 0; k < sorted.nodes[i].n_after; k++)
            sorted.nodes[i].after[k] = node_named(&sorted, sorted.nodes[i].after[k]->name);
    *p = sorted;
    return 0;
}

static int add_nodes(struct pipeline *p, const struct value *list, bool final, struct err *e)
{
    VALUE_EACH_ITEM (task, list) {
        const char *name = value_at_str(task, "name", "");
        if (p->n >= PIPELINE_TASKS_MAX)
            return err_set(e, ERR_TOO_LARGE, "a pipeline may have %d tasks", PIPELINE_TASKS_MAX);
        if (!*name)
            return err_set(e, ERR_INVALID, "a task of the pipeline has no name");
        if (node_named(p, name))
            return err_set(e, ERR_INVALID, "duplicate pipeline task: %s", name);
        p->nodes[p->n++] = (struct pipeline_node){.task = task, .name = name, .final = final};
    }
    return 0;
}

int pipeline_make(const struct value *spec, struct arena *a, struct pipeline *out, struct err *e)
{
    const struct value *tasks = value_get(spec, "tasks"), *finally = value_get(spec, "finally");
    size_t room = value_count(tasks) + value_count(finally);
    struct pipeline p = {ARENA_ARRAY(a, struct pipeline_node, room + 1), 0};
    int r = add_nodes(&p, tasks, false, e);
    if (r == 0)
        r = add_nodes(&p, finally, true, e);
    for (size_t i = 0; i < p.n && r == 0; i++)
        r = gather_deps(&p, &p.nodes[i], a, e);
    if (r == 0)
        r = sort_nodes(&p, a, e);
    if (r == 0)
        *out = p;
    return r;
}
