/* statement_v02.c - SLSA v0.2's predicate: the formats "in-toto" and "slsa/v1". */
#include <string.h>

#include "base/buf.h"
#include "ctl/chains/hints.h"
#include "ctl/chains/statement_int.h"

enum { COMMAND_MAX = 1 << 20 };

/* What was asked for, declared defaults included. */
static struct value *parameters(const struct value *declared, const struct value *given,
                                struct arena *a)
{
    struct value *v = value_new_object(a);
    VALUE_EACH_ITEM (p, declared)
        if (value_get(p, "default"))
            (void)value_set(a, v, value_at_str(p, "name", ""), value_get(p, "default"));
    VALUE_EACH_ITEM (p, given)
        if (value_get(p, "value"))
            (void)value_set(a, v, value_at_str(p, "name", ""), value_get(p, "value"));
    return v;
}

static struct value *invocation(const struct value *run, const char *spec, struct arena *a)
{
    struct value *v = value_new_object(a), *env = value_new_object(a);
    struct value *from = statement__source(value_get(run, "status"), NULL, a);
    const char *entry = value_at_str(run, "status.provenance.refSource.entryPoint", NULL);
    if (from && entry)
        (void)value_set_str(a, from, "entryPoint", entry);
    (void)value_set(a, v, "configSource", from ? from : value_new_object(a));
    (void)value_set(
        a, v, "parameters",
        parameters(value_get(value_at(run, spec), "params"), value_at(run, "spec.params"), a));
    const struct value *notes = statement__annotations(run, a);
    if (value_members_count(notes))
        (void)value_set(a, env, "annotations", notes);
    if (value_members_count(value_at(run, "metadata.labels")))
        (void)value_set(a, env, "labels", value_at(run, "metadata.labels"));
    if (value_members_count(env))
        (void)value_set(a, v, "environment", env);
    return v;
}

static const struct value *named(const struct value *list, const char *name)
{
    VALUE_EACH_ITEM (v, list)
        if (strcmp(value_at_str(v, "name", ""), name) == 0)
            return v;
    return NULL;
}

static char *entry_point(const struct value *step, struct arena *a)
{
    struct buf b AUTO_BUF;
    const char *script = value_at_str(step, "script", "");
    if (*script)
        return arena_strdup(a, script);
    buf_init(&b, COMMAND_MAX);
    VALUE_EACH_ITEM (word, value_get(step, "command"))
        buf_printf(&b, "%s%s", b.len ? " " : "", value_str(word, ""));
    return arena_strndup(a, buf_text(&b), b.len);
}

static struct value *steps(const struct value *task_run, struct arena *a)
{
    struct value *list = value_new_array(a);
    VALUE_EACH_ITEM (state, value_at(task_run, "status.steps")) {
        const char *name = value_at_str(state, "name", ""), *p = "docker-pullable://";
        const char *id = value_at_str(state, "imageID", "");
        const struct value *step = named(value_at(task_run, "status.taskSpec.steps"), name);
        struct value *v = value_new_object(a);
        (void)value_set_str(a, v, "entryPoint", entry_point(step, a));
        (void)value_set(a, v, "arguments",
                        value_get(step, "args") ? value_get(step, "args") : value_null(a));
        struct value *env = value_make_object(a, v, "environment");
        (void)value_set_str(a, env, "container", name);
        (void)value_set(
            a, env, "image",
            value_new_strf(a, "oci://%s", strncmp(id, p, strlen(p)) == 0 ? id + strlen(p) : id));
        (void)value_set(a, v, "annotations", value_null(a));
        (void)value_push(a, list, v);
    }
    return list;
}

static void set_some(struct arena *a, struct value *to, const char *key, const struct value *v)
{
    if (v)
        (void)value_set(a, to, key, v);
}

static struct value *task(const struct value *run, const struct value *child, struct arena *a)
{
    struct value *v = value_new_object(a);
    const struct value *notes = value_at(child, "metadata.labels");
    const char *name = value_str(value_get(notes, "tekton.dev/pipelineTask"), "");
    const struct value *own = named(value_at(run, "status.pipelineSpec.tasks"), name);
    if (!own)
        own = named(value_at(run, "status.pipelineSpec.finally"), name);
    const char *ok = value_at_str(child, "status.conditions[0].status", "");
    (void)value_set_str(a, v, "name", name);
    set_some(a, v, "after", value_get(own, "runAfter"));
    (void)value_set(a, v, "ref",
                    value_get(own, "taskRef") ? value_get(own, "taskRef") : value_new_object(a));
    set_some(a, v, "startedOn", value_at(child, "status.startTime"));
    set_some(a, v, "finishedOn", value_at(child, "status.completionTime"));
    set_some(a, v, "serviceAccountName", value_at(run, "spec.taskRunTemplate.serviceAccountName"));
    (void)value_set_str(a, v, "status", strcmp(ok, "True") == 0 ? "Succeeded" : "Failed");
    (void)value_set(a, v, "steps", steps(child, a));
    (void)value_set(a, v, "invocation", invocation(child, "status.taskSpec", a));
    set_some(a, v, "results", value_at(child, "status.results"));
    return v;
}

static struct value *build(const struct chains_run *r, struct arena *a)
{
    struct value *v = value_new_object(a);
    if (!statement__is_pipeline(r)) {
        (void)value_set(a, v, "steps", steps(r->run, a));
        return v;
    }
    struct value *tasks = value_new_array(a);
    for (size_t i = 0; i < r->n_children; i++)
        (void)value_push(a, tasks, task(r->run, r->children[i], a));
    (void)value_set(a, v, "tasks", tasks);
    return v;
}

static struct value *metadata(const struct value *run, struct arena *a)
{
    struct value *v = value_new_object(a), *whole = value_make_object(a, v, "completeness");
    const struct value *labels = value_at(run, "metadata.labels");
    const char *again = value_str(value_get(labels, "chains.tekton.dev/reproducible"), "");
    (void)value_set_bool(a, whole, "parameters", false);
    (void)value_set_bool(a, whole, "environment", false);
    (void)value_set_bool(a, whole, "materials", false);
    set_some(a, v, "buildStartedOn", value_at(run, "status.startTime"));
    set_some(a, v, "buildFinishedOn", value_at(run, "status.completionTime"));
    (void)value_set_bool(a, v, "reproducible", strcmp(again, "true") == 0);
    return v;
}

static struct value *materials(const struct chains_run *r, const struct chains_artifact *terms,
                               struct arena *a)
{
    struct value *list = value_new_array(a);
    bool pipeline = statement__is_pipeline(r);
    if (pipeline)
        hints_add(a, list, statement__source(value_get(r->run, "status"), NULL, a));
    else
        statement__images(r->run, a, list);
    for (size_t i = 0; pipeline && i < r->n_children; i++) {
        statement__images(r->children[i], a, list);
        hints_add(a, list, statement__source(value_get(r->children[i], "status"), NULL, a));
    }
    statement__inputs(r, terms, a, list);
    return list;
}

struct value *statement__predicate_v02(const struct chains_run *r, const struct chains_config *c,
                                       struct arena *a)
{
    struct value *v = value_new_object(a);
    const char *spec = statement__is_pipeline(r) ? "status.pipelineSpec" : "status.taskSpec";
    (void)value_set_str(a, value_make_object(a, v, "builder"), "id", c->builder);
    (void)value_set(a, v, "buildType", value_new_strf(a, "tekton.dev/v1/%s", r->kind));
    (void)value_set(a, v, "invocation", invocation(r->run, spec, a));
    (void)value_set(a, v, "buildConfig", build(r, a));
    (void)value_set(a, v, "metadata", metadata(r->run, a));
    (void)value_set(a, v, "materials", materials(r, statement__terms(r, c), a));
    return v;
}
