/* tekton_catalog.c - every Task and Pipeline of others decodes, plans and leaves no variable of
 * its own unreplaced. */
#include <stdio.h>
#include <string.h>

#include "codec/json.h"
#include "codec/yaml.h"
#include "ctl/tekton/pipelinerun_plan.h"
#include "ctl/tekton/pod.h"
#include "tekton.h"

/* A run that gives a spec all it asks for. */
static struct value *generous_run(const struct value *spec, bool pipeline, struct arena *a)
{
    struct value *run = value_new_object(a), *params = value_new_array(a);
    struct value *workspaces = value_new_array(a);
    VALUE_EACH_ITEM (d, value_get(spec, "params")) {
        struct value *p = value_new_object(a), *v = value_new_str(a, "given");
        const char *type = param_type(d);
        if (value_get(d, "default"))
            continue;
        if (strcmp(type, "array") == 0) {
            v = value_new_array(a);
            for (int i = 0; i < 4; i++)
                (void)value_push_str(a, v, "given");
        } else if (strcmp(type, "object") == 0) {
            v = value_new_object(a);
            VALUE_EACH_MEMBER (m, value_get(d, "properties"))
                (void)value_set_str(a, v, m->key, "given");
        }
        (void)value_set(a, p, "name", value_get(d, "name"));
        (void)value_set(a, p, "value", v);
        (void)value_push(a, params, p);
    }
    VALUE_EACH_ITEM (w, value_get(spec, "workspaces")) {
        struct value *b = value_new_object(a);
        (void)value_set(a, b, "name", value_get(w, "name"));
        (void)value_set(a, b, "emptyDir", value_new_object(a));
        (void)value_push(a, workspaces, b);
    }
    struct value *meta = value_make_object(a, run, "metadata");
    (void)value_set_str(a, meta, "name", "run");
    (void)value_set_str(a, meta, "namespace", "default");
    (void)value_set_str(a, meta, "uid", "1-2-3");
    struct value *own = value_make_object(a, run, "spec");
    (void)value_set(a, own, "params", params);
    (void)value_set(a, own, "workspaces", workspaces);
    (void)value_set(a, own, pipeline ? "pipelineRef" : "taskRef", value_new_object(a));
    return run;
}

struct leftover {
    const struct value *spec;
    const char *spelled;
};

/* Of what the spec declares nothing may be left; others' variables are others' business. */
static void find_own(void *arg, const struct subst_ref *ref)
{
    static const char *const lists[] = {"params", "workspaces", "results"};
    struct leftover *left = arg;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        size_t n = strlen(lists[i]);
        if (strncmp(ref->name, lists[i], n) != 0 || ref->name[n] != '.')
            continue;
        VALUE_EACH_ITEM (d, value_get(left->spec, lists[i])) {
            const char *name = value_at_str(d, "name", "?");
            size_t len = strlen(name);
            const char *rest = ref->name + n + 1;
            if (strncmp(rest, name, len) == 0 && (rest[len] == '.' || !rest[len]))
                left->spelled = ref->spelled;
        }
    }
}

static int plan_task(const struct value *spec, struct arena *a, struct err *e)
{
    const struct value *run, *applied, *volumes, *modern = taskspec_modernize(spec, a);
    struct value *pod, *configs = value_new_object(a), *any = value_new_object(a);
    run = generous_run(modern, false, a);
    volumes = pod_workspace_volumes(run, a);
    VALUE_EACH_ITEM (s, value_get(spec, "steps"))
        if (value_get(s, "ref"))
            return 0; /* whose StepActions are elsewhere */
    int r = taskspec_validate(run, modern, "task", a, e);
    if (r == 0)
        r = taskspec_apply(run, modern, "task", volumes, a, &applied, e);
    if (r < 0)
        return r;
    (void)value_push_str(a, value_make_array(a, any, "entrypoint"), "/entrypoint");
    VALUE_EACH_ITEM (s, value_get(applied, "steps"))
        (void)value_set(a, configs, value_at_str(s, "image", ""), any);
    const struct pod_input in = {.run = run,
                                 .spec = applied,
                                 .task = "task",
                                 .volumes = volumes,
                                 .image_config = configs,
                                 .entrypoint_dir = "/bin"};
    if ((r = pod_make(&in, a, &pod, e)) < 0)
        return r;
    struct leftover left = {modern, NULL};
    subst_each_ref(pod, a, find_own, &left);
    return left.spelled ? err_set(e, ERR_INVALID, "$(%s) is left", left.spelled) : 0;
}

static int plan_pipeline(const struct value *spec, struct arena *a, struct err *e)
{
    const struct value *run = generous_run(spec, true, a);
    struct refusal why = {0};
    struct pipelinerun_view v = {
        .run = run, .pipeline = "p", .bindings = value_at(run, "spec.workspaces"), .now_ms = 1};
    if (pipelinespec_apply(run, spec, "p", a, &v.spec, &why) < 0)
        return err_set(e, ERR_INVALID, "%s: %s", why.reason, why.message);
    struct pipelinerun_plan plan;
    pipelinerun_plan(&v, a, &plan);
    VALUE_EACH_ITEM (c, value_get(plan.status, "conditions"))
        if (strcmp(value_at_str(c, "status", ""), "False") == 0)
            return err_set(e, ERR_INVALID, "%s", value_at_str(c, "message", ""));
    return 0;
}

static int plan_doc(const struct value *doc, struct arena *a, struct err *e)
{
    const char *kind = value_at_str(doc, "kind", "");
    const struct value *spec = value_get(doc, "spec");
    if (strcmp(kind, "Task") == 0 || strcmp(kind, "ClusterTask") == 0)
        return plan_task(spec, a, e);
    if (strcmp(kind, "Pipeline") == 0)
        return plan_pipeline(spec, a, e);
    if (strcmp(kind, "TaskRun") == 0 && value_get(spec, "taskSpec"))
        return plan_task(value_get(spec, "taskSpec"), a, e);
    if (strcmp(kind, "PipelineRun") == 0 && value_get(spec, "pipelineSpec"))
        return plan_pipeline(value_get(spec, "pipelineSpec"), a, e);
    return 0;
}

static void plan_file(struct score *s, const char *file)
{
    AUTO(arena) struct arena *a = arena_new(256 << 20);
    struct err e = {0};
    struct value **docs;
    size_t n, count;
    char *text = score_read(s, file, a, &n);
    if (!text)
        return;
    int r = yaml_or_json_parse_all(a, text, n, 0, &docs, &count, &e);
    for (size_t i = 0; i < count && r == 0; i++)
        if ((r = plan_doc(docs[i], a, &e)) < 0)
            r = err_wrap(&e, r, "%s %s", value_at_str(docs[i], "kind", ""),
                         value_at_str(docs[i], "metadata.name", ""));
    if (r < 0)
        score_fail(s, file, "%s", e.msg);
    else
        score_pass(s);
}

void tekton_catalog(struct score *s, const struct value *index)
{
    static const char *const lists[] = {"catalog", "plumbing", "triggers"};
    for (size_t l = 0; l < ARRAY_LEN(lists); l++)
        VALUE_EACH_ITEM (x, value_get(index, lists[l]))
            plan_file(s, value_at_str(x, "file", ""));
}
