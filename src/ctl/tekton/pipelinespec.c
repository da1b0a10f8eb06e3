/* pipelinespec.c - a pipeline's spec made ready for one run: judged, and what is known from the
 * start replaced. */
#include "base/clock.h"
#include "base/own.h"
#include "ctl/tekton/params.h"
#include "ctl/tekton/pipelinerun_plan.h"

enum { PIPELINE_TIMEOUT_S = 3600 };

int64_t pipelinerun_timeout_ns(const struct value *run, const char *which)
{
    int64_t ns;
    const char *text = value_str(value_get(value_at(run, "spec.timeouts"), which), "");
    bool pipeline = strcmp(which, "pipeline") == 0;
    if (!*text && pipeline)
        text = value_at_str(run, "spec.timeout", ""); /* v1beta1 */
    if (*text && clock_parse_duration(text, &ns, NULL) == 0)
        return ns;
    return pipeline ? (int64_t)PIPELINE_TIMEOUT_S * 1000000000 : 0;
}

static int refuse(struct refusal *why, const char *reason, const char *message)
{
    *why = (struct refusal){reason, message};
    return ERR_INVALID;
}

/* The variables of the run itself, for the whole spec. */
static struct scope *run_scope(const struct value *run, const struct value *spec,
                               const char *pipeline, const struct value *bound, struct arena *a)
{
    struct scope *s = scope_new(a);
    params_scope(s, bound);
    scope_put_str(s, value_at_str(run, "metadata.name", ""), "context.pipelineRun.name");
    scope_put_str(s, value_at_str(run, "metadata.namespace", ""), "context.pipelineRun.namespace");
    scope_put_str(s, value_at_str(run, "metadata.uid", ""), "context.pipelineRun.uid");
    scope_put_str(s, pipeline, "context.pipeline.name");
    VALUE_EACH_ITEM (w, value_get(spec, "workspaces")) {
        const char *name = value_at_str(w, "name", "");
        bool has = named(value_at(run, "spec.workspaces"), name) != NULL;
        scope_put_str(s, has ? "true" : "false", "workspaces.%s.bound", name);
    }
    return s;
}

/* An embedded spec sees the pipeline's variables, but its own parameters come first; of the
 * workspaces it means its own. */
static const struct value *apply_embedded(const struct scope *outer, const struct value *task,
                                          const char *key)
{
    struct arena *a = outer->arena;
    const struct value *spec = value_get(task, key);
    struct scope *inner = scope_new(a);
    const struct map_entry *m;
    for (size_t i = 0; (m = map_next(&outer->vars, &i));) {
        if (strncmp(m->key, "params.", 7) == 0 &&
            (named(value_get(spec, "params"), m->key + 7) ||
             named(value_get(task, "params"), m->key + 7) ||
             named(value_at(task, "matrix.params"), m->key + 7)))
            continue;
        if (strncmp(m->key, "workspaces.", 11) != 0)
            scope_put(inner, m->value, "%s", m->key);
    }
    return subst_tree(inner, spec, 0);
}

static const struct value *apply_task(const struct scope *s, const struct value *task)
{
    struct arena *a = s->arena;
    struct scope *own = scope_new(a);
    const struct map_entry *e;
    for (size_t i = 0; (e = map_next(&s->vars, &i));)
        scope_put(own, e->value, "%s", e->key);
    scope_put(own, value_new_strf(a, "%lld", (long long)value_at_int(task, "retries", 0)),
              "context.pipelineTask.retries");
    struct value *out = value_new_object(a);
    VALUE_EACH_MEMBER (m, task) {
        bool embedded = strcmp(m->key, "taskSpec") == 0 || strcmp(m->key, "pipelineSpec") == 0;
        (void)value_set(a, out, m->key,
                        embedded ? apply_embedded(own, task, m->key)
                                 : subst_tree(own, &m->value, SUBST_WHOLE));
    }
    return out;
}

static const struct value *apply_spec(const struct scope *s, const struct value *spec)
{
    struct arena *a = s->arena;
    struct value *out = value_new_object(a);
    VALUE_EACH_MEMBER (m, spec) {
        const struct value *v = &m->value;
        if (strcmp(m->key, "tasks") == 0 || strcmp(m->key, "finally") == 0) {
            struct value *list = value_new_array(a);
            VALUE_EACH_ITEM (task, v)
                (void)value_push(a, list, apply_task(s, task));
            v = list;
        } else if (strcmp(m->key, "results") == 0) {
            v = subst_tree(s, v, SUBST_WHOLE);
        }
        (void)value_set(a, out, m->key, v);
    }
    return out;
}

static int check_workspaces(const struct value *run, const struct value *spec, const char *pipeline,
                            struct arena *a, struct refusal *why)
{
    const char *name = value_at_str(run, "metadata.name", "");
    const char *ns = value_at_str(run, "metadata.namespace", "");
    const struct value *bindings = value_at(run, "spec.workspaces");
    struct value *seen = value_new_object(a);
    VALUE_EACH_ITEM (b, bindings) {
        const char *w = value_at_str(b, "name", "");
        if (value_get(seen, w))
            return refuse(
                why, "InvalidWorkspaceBindings",
                arena_printf(a, "workspace \"%s\" provided by pipelinerun more than once", w));
        (void)value_set_bool(a, seen, w, true);
    }
    VALUE_EACH_ITEM (d, value_get(spec, "workspaces")) {
        const char *w = value_at_str(d, "name", "");
        if (!value_at_bool(d, "optional", false) && !value_get(seen, w))
            return refuse(
                why, "InvalidWorkspaceBindings",
                arena_printf(a,
                             "[User error] PipelineRun %s/%s doesn't bind Pipeline %s/%s's "
                             "Workspaces correctly: pipeline requires workspace with name \"%s\" "
                             "be provided by pipelinerun",
                             ns, name, ns, pipeline, w));
    }
    return 0;
}

/* Every workspace that a task of the pipeline names must be one of the pipeline's. */
static int check_task_workspaces(const struct value *run, const struct value *spec,
                                 const char *pipeline, struct arena *a, struct refusal *why)
{
    static const char *const lists[] = {"tasks", "finally"};
    for (size_t l = 0; l < ARRAY_LEN(lists); l++)
        VALUE_EACH_ITEM (task, value_get(spec, lists[l]))
            VALUE_EACH_ITEM (w, value_get(task, "workspaces")) {
                const char *own = value_at_str(w, "name", "");
                const char *from = value_at_str(w, "workspace", own);
                if (!named(value_get(spec, "workspaces"), from) &&
                    !named(value_at(run, "spec.workspaces"), from))
                    return refuse(
                        why, "PipelineValidationFailed",
                        arena_printf(a,
                                     "Pipeline %s/%s can't be Run; it has an invalid spec: "
                                     "pipeline task \"%s\" expects workspace with name \"%s\" but "
                                     "none exists in pipeline spec",
                                     value_at_str(run, "metadata.namespace", ""), pipeline,
                                     value_at_str(task, "name", ""), from));
            }
    return 0;
}

static int check_params(const struct value *run, const struct value *spec, const char *pipeline,
                        struct arena *a, struct value **bound, struct refusal *why)
{
    const char *name = value_at_str(run, "metadata.name", "");
    const char *ns = value_at_str(run, "metadata.namespace", "");
    struct err e = {0};
    const struct value *decls = value_get(spec, "params");
    if (params_bind(decls, value_at(run, "spec.params"), a, bound, &e) < 0) {
        if (strncmp(e.msg, "param types", 11) == 0)
            return refuse(why, "ParameterTypeMismatch",
                          arena_printf(a,
                                       "[User error] PipelineRun %s/%s parameters have "
                                       "mismatching types with Pipeline %s/%s's parameters: "
                                       "parameters have inconsistent types : %s",
                                       ns, name, ns, pipeline, strchr(e.msg, '[')));
        if (strncmp(e.msg, "missing keys", 12) == 0)
            return refuse(why, "ObjectParameterMissKeys",
                          arena_printf(a,
                                       "[User error] PipelineRun %s/%s parameters is missing "
                                       "object keys required by Pipeline %s/%s's parameters: %s",
                                       ns, name, ns, pipeline, e.msg));
        const char *list = strchr(e.msg, '[');
        return refuse(why, "ParameterMissing",
                      arena_printf(a,
                                   "[User error] PipelineRun %s/%s is missing some parameters "
                                   "required by Pipeline %s/%s: pipelineRun missing parameters: %s",
                                   ns, name, ns, pipeline, list ? list : e.msg));
    }
    if (params_check_enum(decls, *bound, &e) < 0)
        return refuse(why, "InvalidParamValue",
                      arena_printf(a,
                                   "[User error] PipelineRun %s/%s parameters have invalid value: "
                                   "%s",
                                   ns, name, e.msg));
    if (params_check_indexes(spec, *bound, a, &e) < 0)
        return refuse(why, "ParamArrayIndexingInvalid",
                      arena_printf(a,
                                   "[User error] PipelineRun %s/%s failed validation: failed to "
                                   "validate Pipeline %s/%s's parameter which has an invalid index "
                                   "while referring to an array: %s",
                                   ns, name, ns, pipeline, e.msg));
    return 0;
}

int pipelinespec_apply(const struct value *run, const struct value *spec, const char *pipeline,
                       struct arena *a, const struct value **out, struct refusal *why)
{
    struct pipeline graph;
    struct err e = {0};
    const char *name = value_at_str(run, "metadata.name", "");
    const char *ns = value_at_str(run, "metadata.namespace", "");
    if (value_count(value_get(spec, "tasks")) == 0)
        return refuse(why, "PipelineValidationFailed",
                      arena_printf(a,
                                   "Pipeline %s/%s can't be Run; it has an invalid spec: "
                                   "missing field(s): tasks",
                                   ns, pipeline));
    if (pipeline_make(spec, a, &graph, &e) < 0)
        return refuse(why, "PipelineInvalidGraph",
                      arena_printf(a,
                                   "[User error] PipelineRun %s/%s's Pipeline DAG is invalid: %s",
                                   ns, name, e.msg));
    struct value *bound;
    int r = check_params(run, spec, pipeline, a, &bound, why);
    if (r == 0)
        r = check_workspaces(run, spec, pipeline, a, why);
    if (r == 0)
        r = check_task_workspaces(run, spec, pipeline, a, why);
    if (r < 0)
        return r;
    *out = apply_spec(run_scope(run, spec, pipeline, bound, a), spec);
    return 0;
}
