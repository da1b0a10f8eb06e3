/* child.c - making what a pipeline task runs as. */
#include "ctl/tekton/child.h"

#include "base/own.h"
#include "codec/json.h"
#include "ctl/tekton/pod.h"

const char *child_kind(const struct value *task)
{
    const char *version = value_at_str(task, "taskRef.apiVersion", "");
    const char *embedded = value_at_str(task, "taskSpec.apiVersion", "");
    if (value_get(task, "pipelineRef") || value_get(task, "pipelineSpec"))
        return "PipelineRun";
    if ((*version && strncmp(version, "tekton.dev/", 11) != 0) ||
        (*embedded && strncmp(embedded, "tekton.dev/", 11) != 0))
        return "CustomRun";
    return "TaskRun";
}

static void copy_member(struct value *to, const char *key, const struct value *from,
                        struct arena *a)
{
    if (from)
        (void)value_set(a, to, key, from);
}

/* The run's own settings for this pipeline task. */
static const struct value *task_settings(const struct value *run, const char *task)
{
    VALUE_EACH_ITEM (s, value_at(run, "spec.taskRunSpecs"))
        if (strcmp(value_at_str(s, "pipelineTaskName", ""), task) == 0)
            return s;
    return NULL;
}

/* `over`'s members over `under`'s. */
static const struct value *layered(const struct value *under, const struct value *over,
                                   struct arena *a)
{
    if (!under || !over)
        return over ? over : under;
    struct value *out = value_copy(a, under);
    VALUE_EACH_MEMBER (m, over)
        (void)value_set(a, out, m->key, &m->value);
    return out;
}

/* ---- workspaces ---- */

static struct value *bind(const struct value *binding, const char *name, const char *sub,
                          struct arena *a)
{
    struct value *out = value_copy(a, binding);
    const char *base = value_at_str(binding, "subPath", "");
    (void)value_set_str(a, out, "name", name);
    if (*sub)
        (void)value_set(a, out, "subPath",
                        *base ? value_new_strf(a, "%s/%s", base, sub) : value_new_str(a, sub));
    return out;
}

/* An embedded spec may use the run's workspaces by name, without saying so. */
static bool mentions(const struct value *spec, const char *workspace, struct arena *a)
{
    const char *text = json_text(a, spec, 0);
    const char *dotted = arena_printf(a, "workspaces.%s.", workspace);
    return named(value_get(spec, "workspaces"), workspace) || strstr(text, dotted);
}

static const struct value *task_workspaces(const struct pipelinerun_view *v,
                                           const struct value *task, struct arena *a)
{
    struct value *out = value_new_array(a);
    VALUE_EACH_ITEM (w, value_get(task, "workspaces")) {
        const char *name = value_at_str(w, "name", "");
        const struct value *b = named(v->bindings, value_at_str(w, "workspace", name));
        if (b)
            (void)value_push(a, out, bind(b, name, value_at_str(w, "subPath", ""), a));
    }
    const struct value *spec = value_get(task, "taskSpec");
    if (!spec)
        spec = value_get(task, "pipelineSpec");
    VALUE_EACH_ITEM (b, v->bindings) {
        const char *name = value_at_str(b, "name", "");
        if (spec && !named(out, name) && mentions(spec, name, a))
            (void)value_push(a, out, b);
    }
    return value_count(out) ? out : NULL;
}

/* ---- the object ---- */

static struct value *child_metadata(const struct pipelinerun_view *v, const struct value *task,
                                    int index, struct arena *a)
{
    const char *run = value_at_str(v->run, "metadata.name", "");
    const char *name = value_at_str(task, "name", "");
    struct value *meta = value_new_object(a), *labels = value_new_object(a);
    struct value *notes = value_new_object(a);
    const struct value *own = task_settings(v->run, name);
    const struct value *from[] = {value_at(v->run, "metadata.labels"),
                                  value_at(task, "taskSpec.metadata.labels"),
                                  value_at(own, "metadata.labels")};
    const struct value *noted[] = {value_at(v->run, "metadata.annotations"),
                                   value_at(task, "taskSpec.metadata.annotations"),
                                   value_at(own, "metadata.annotations")};
    for (size_t i = 0; i < ARRAY_LEN(from); i++) {
        VALUE_EACH_MEMBER (m, from[i])
            (void)value_set(a, labels, m->key, &m->value);
        VALUE_EACH_MEMBER (m, noted[i])
            if (strcmp(m->key, "kubectl.kubernetes.io/last-applied-configuration") != 0)
                (void)value_set(a, notes, m->key, &m->value);
    }
    const char *task_name = value_at_str(task, "taskRef.name", "");
    (void)value_set_str(a, labels, "app.kubernetes.io/managed-by", "tekton-pipelines");
    (void)value_set_str(a, labels, "tekton.dev/pipeline", label_value(v->pipeline, a));
    (void)value_set_str(a, labels, "tekton.dev/pipelineRun", label_value(run, a));
    (void)value_set_str(a, labels, "tekton.dev/pipelineRunUID",
                        value_at_str(v->run, "metadata.uid", ""));
    (void)value_set_str(a, labels, "tekton.dev/pipelineTask", name);
    (void)value_set_str(a, labels, "tekton.dev/memberOf",
                        named(value_get(v->spec, "finally"), name) ? "finally" : "tasks");
    if (*task_name)
        (void)value_set_str(a, labels, "tekton.dev/task", label_value(task_name, a));
    const char *on_error = value_at_str(task, "onError", "");
    if (*on_error)
        (void)value_set_str(a, notes, "slipway.dev/on-error", on_error);

    const char *suffix =
        index < 0 ? arena_printf(a, "-%s", name) : arena_printf(a, "-%s-%d", name, index);
    (void)value_set_str(a, meta, "name", child_name(run, suffix, a));
    (void)value_set_str(a, meta, "namespace", value_at_str(v->run, "metadata.namespace", ""));
    (void)value_set(a, meta, "labels", labels);
    (void)value_set(a, meta, "annotations", notes);
    struct value *owner = value_new_object(a), *owners = value_new_array(a);
    (void)value_set_str(a, owner, "apiVersion", "tekton.dev/v1");
    (void)value_set_str(a, owner, "kind", "PipelineRun");
    (void)value_set_str(a, owner, "name", run);
    (void)value_set_str(a, owner, "uid", value_at_str(v->run, "metadata.uid", ""));
    (void)value_set_bool(a, owner, "controller", true);
    (void)value_set_bool(a, owner, "blockOwnerDeletion", true);
    (void)value_push(a, owners, owner);
    (void)value_set(a, meta, "ownerReferences", owners);
    return meta;
}

static const struct value *without_metadata(const struct value *spec, struct arena *a)
{
    if (!value_get(spec, "metadata"))
        return spec;
    struct value *out = value_copy(a, spec);
    (void)value_remove(out, "metadata");
    return out;
}

static const char *account(const struct value *run, const struct value *own)
{
    const char *places[] = {
        value_at_str(own, "serviceAccountName", ""),
        value_at_str(own, "taskServiceAccountName", ""),
        value_at_str(run, "spec.taskRunTemplate.serviceAccountName", ""),
        value_at_str(run, "spec.serviceAccountName", ""),
    };
    for (size_t i = 0; i < ARRAY_LEN(places); i++)
        if (*places[i])
            return places[i];
    return "default";
}

static void taskrun_settings(const struct pipelinerun_view *v, const struct value *task,
                             struct value *spec, struct arena *a)
{
    const struct value *own = task_settings(v->run, value_at_str(task, "name", ""));
    const struct value *shared = value_at(v->run, "spec.taskRunTemplate.podTemplate");
    if (!shared)
        shared = value_at(v->run, "spec.podTemplate");
    const struct value *pod = value_get(own, "podTemplate");
    if (!pod)
        pod = value_get(own, "taskPodTemplate");
    (void)value_set_str(a, spec, "serviceAccountName", account(v->run, own));
    copy_member(spec, "podTemplate", layered(shared, pod, a), a);
    const struct value *timeout = value_get(own, "timeout");
    copy_member(spec, "timeout", timeout ? timeout : value_get(task, "timeout"), a);
    copy_member(spec, "retries", value_get(task, "retries"), a);
    copy_member(spec, "computeResources", value_get(own, "computeResources"), a);
    copy_member(spec, "stepSpecs", value_get(own, "stepSpecs"), a);
    copy_member(spec, "sidecarSpecs", value_get(own, "sidecarSpecs"), a);
}

static void child_spec(const struct pipelinerun_view *v, const struct value *task, const char *kind,
                       struct value *spec, struct arena *a)
{
    if (strcmp(kind, "TaskRun") == 0) {
        copy_member(spec, "taskRef", value_get(task, "taskRef"), a);
        if (value_get(task, "taskSpec"))
            copy_member(spec, "taskSpec", without_metadata(value_get(task, "taskSpec"), a), a);
        taskrun_settings(v, task, spec, a);
    } else if (strcmp(kind, "CustomRun") == 0) {
        copy_member(spec, "customRef", value_get(task, "taskRef"), a);
        const struct value *embedded = value_get(task, "taskSpec");
        if (embedded)
            copy_member(spec, "customSpec", without_metadata(embedded, a), a);
        (void)value_set_str(a, spec, "serviceAccountName", account(v->run, NULL));
        copy_member(spec, "retries", value_get(task, "retries"), a);
        copy_member(spec, "timeout", value_get(task, "timeout"), a);
    } else {
        copy_member(spec, "pipelineRef", value_get(task, "pipelineRef"), a);
        copy_member(spec, "pipelineSpec", value_get(task, "pipelineSpec"), a);
        copy_member(spec, "taskRunTemplate", value_at(v->run, "spec.taskRunTemplate"), a);
        if (value_get(task, "timeout"))
            (void)value_set(a, value_make_object(a, spec, "timeouts"), "pipeline",
                            value_get(task, "timeout"));
    }
}

struct value *child_make(const struct pipelinerun_view *v, const struct value *task,
                         const struct value *params, int index, struct arena *a)
{
    const char *kind = child_kind(task);
    bool custom = strcmp(kind, "CustomRun") == 0;
    struct value *out = value_new_object(a), *spec = value_new_object(a);
    struct value *all = value_new_array(a);
    VALUE_EACH_ITEM (p, value_get(task, "params"))
        if (!named(params, value_at_str(p, "name", "")))
            (void)value_push(a, all, p);
    VALUE_EACH_ITEM (p, params)
        (void)value_push(a, all, p);
    if (value_count(all))
        (void)value_set(a, spec, "params", all);
    child_spec(v, task, kind, spec, a);
    copy_member(spec, "workspaces", task_workspaces(v, task, a), a);
    (void)value_set_str(a, out, "apiVersion", custom ? "tekton.dev/v1beta1" : "tekton.dev/v1");
    (void)value_set_str(a, out, "kind", kind);
    (void)value_set(a, out, "metadata", child_metadata(v, task, index, a));
    (void)value_set(a, out, "spec", spec);
    return out;
}
