/* pipelinerun.c - the PipelineRun loop: observe, plan, apply. */
#include "base/own.h"
#include "ctl/tekton/pipelinerun_plan.h"
#include "ctl/tekton/pod.h"
#include "ctl/tekton/taskrun_plan.h"
#include "ctl/tekton/taskspec.h"
#include "ctl/tekton/tekton_int.h"
#include "kube/events.h"

static void keys_of_child(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    (void)c;
    keys_of_owner(o, "PipelineRun", s);
}

static void keys_of_run(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    (void)c;
    key_add(s, o->ns, o->name);
    keys_of_owner(o, "PipelineRun", s); /* a pipeline in a pipeline */
}

/* ---- what to run ---- */

static int refused(struct refusal *why, const char *reason, const char *message)
{
    *why = (struct refusal){reason, message};
    return ERR_INVALID;
}

static int find_pipeline(struct controller_ctx *c, const struct object *run, struct arena *a,
                         struct resolved *out, struct refusal *why, struct err *e)
{
    const struct value *embedded = value_at(run->root, "spec.pipelineSpec");
    if (tekton__one_source(run->root, "pipeline", a, e) < 0)
        return refused(why, "PipelineValidationFailed", arena_strdup(a, e->msg));
    if (embedded) {
        *out = (struct resolved){.spec = embedded, .name = run->name};
        return 0;
    }
    struct scope *s = scope_new(a);
    struct value *bound;
    int r = params_bind(NULL, value_at(run->root, "spec.params"), a, &bound, e);
    if (r < 0)
        return r;
    params_scope(s, bound);
    const struct value *ref = subst_tree(s, value_at(run->root, "spec.pipelineRef"), 0);
    r = tekton__resolve(c, run->ns, "Pipeline", ref, a, out, e);
    if (r == ERR_NOT_FOUND || r == ERR_INVALID || r == ERR_UNSUPPORTED || r == ERR_DENIED)
        return refused(why, "CouldntGetPipeline",
                       arena_printf(a,
                                    "Error retrieving pipeline for pipelinerun %s/%s: error when "
                                    "listing pipelines for pipelineRun %s: %s",
                                    run->ns, run->name, run->name, e->msg));
    return r;
}

/* Every Task that is named must exist before the first one runs. */
static int check_tasks(struct controller_ctx *c, const struct object *run, const struct value *spec,
                       const char *pipeline, struct arena *a, struct refusal *why, struct err *e)
{
    static const char *const lists[] = {"tasks", "finally"};
    for (size_t l = 0; l < ARRAY_LEN(lists); l++)
        VALUE_EACH_ITEM (task, value_get(spec, lists[l])) {
            const struct value *ref = value_get(task, "taskRef");
            const char *version = value_at_str(ref, "apiVersion", "");
            bool custom = *version && strncmp(version, "tekton.dev/", 11) != 0;
            struct resolved found;
            if (!ref || custom || *value_at_str(ref, "resolver", ""))
                continue;
            int r = tekton__resolve(c, run->ns, "Task", ref, a, &found, e);
            if (r == ERR_NOT_FOUND || r == ERR_UNSUPPORTED)
                return refused(why, "CouldntGetTask",
                               arena_printf(a,
                                            "Pipeline %s/%s can't be Run; it contains Tasks that "
                                            "don't exist: Couldn't retrieve Task \"%s\": %s",
                                            run->ns, pipeline, value_at_str(ref, "name", ""),
                                            e->msg));
            if (r < 0)
                return r;
        }
    return 0;
}

/* The pipeline as it was when the run began, or as it is now. */
static int find_spec(struct controller_ctx *c, const struct object *run, struct arena *a,
                     const struct value **spec, struct refusal *why, struct err *e)
{
    const struct value *kept = value_at(run->root, "status.pipelineSpec");
    if (kept) {
        *spec = kept;
        return 0;
    }
    struct resolved found;
    int r = find_pipeline(c, run, a, &found, why, e);
    if (r == 0)
        r = pipelinespec_apply(run->root, found.spec, found.name, a, spec, why);
    if (r == 0)
        r = check_tasks(c, run, *spec, found.name, a, why, e);
    return r;
}

/* ---- children ---- */

static const struct value **find_children(struct controller_ctx *c, const struct object *run,
                                          struct arena *a, size_t *n)
{
    const struct resource *const kinds[] = {&RES_TASK_RUN, &RES_CUSTOM_RUN, &RES_PIPELINE_RUN};
    const struct value **out = NULL;
    *n = 0;
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        struct object_list owned = cache_owned(c->cache, kinds[k], run->uid, a);
        out = arena_grow(a, out, *n * sizeof *out, (*n + owned.n) * sizeof *out);
        for (size_t i = 0; i < owned.n; i++)
            out[(*n)++] = owned.items[i]->root;
    }
    return out;
}

static const struct resource *kind_resource(const struct value *child)
{
    const char *kind = value_at_str(child, "kind", "TaskRun");
    if (strcmp(kind, "PipelineRun") == 0)
        return &RES_PIPELINE_RUN;
    return strcmp(kind, "CustomRun") == 0 ? &RES_CUSTOM_RUN : &RES_TASK_RUN;
}

static int cancel_child(struct controller_ctx *c, const struct pipelinerun_cancel *cancel,
                        struct arena *a, struct err *e)
{
    const struct resource *res = kind_resource(cancel->child);
    const struct object *child =
        cache_get(c->cache, res, value_at_str(cancel->child, "metadata.namespace", ""),
                  value_at_str(cancel->child, "metadata.name", ""), a);
    if (!child)
        return 0;
    const char *word = res == &RES_TASK_RUN     ? "TaskRunCancelled"
                       : res == &RES_CUSTOM_RUN ? "RunCancelled"
                                                : "Cancelled";
    struct value *patch = value_new_object(a), *spec = value_make_object(a, patch, "spec");
    (void)value_set_str(a, spec, "status", word);
    if (res != &RES_PIPELINE_RUN)
        (void)value_set_str(a, spec, "statusMessage", cancel->message);
    int r = write_patch(c, res, child, patch, e);
    return r == ERR_NOT_FOUND ? 0 : r;
}

static int carry_out(struct controller_ctx *c, const struct pipelinerun_plan *plan, struct arena *a,
                     struct err *e)
{
    for (size_t i = 0; i < plan->n_cancel; i++) {
        int r = cancel_child(c, &plan->cancel[i], a, e);
        if (r < 0)
            return r;
    }
    for (size_t i = 0; i < plan->n_create; i++) {
        const struct value *child = plan->create[i];
        int r = write_create(c, kind_resource(child), child, a, NULL, e);
        if (r < 0 && r != ERR_EXISTS)
            return err_wrap(e, r, "create %s", value_at_str(child, "metadata.name", ""));
    }
    return 0;
}

/* ---- the loop ---- */

static void report(struct controller_ctx *c, const struct object *run, const struct value *status,
                   struct arena *a)
{
    struct value *now = value_new_object(a);
    (void)value_set(a, now, "status", status);
    const struct value *was = object_condition(run->root, "Succeeded");
    const struct value *is = object_condition(now, "Succeeded");
    const char *state = value_at_str(is, "status", ""), *text = value_at_str(is, "message", "");
    const char *reason = value_at_str(is, "reason", "");
    if (strcmp(value_at_str(was, "status", ""), state) == 0 &&
        strcmp(value_at_str(was, "reason", ""), reason) == 0)
        return;
    if (strcmp(state, "False") == 0)
        event_warning(c, &RES_PIPELINE_RUN, run, "Failed", "%s", text);
    else if (strcmp(state, "True") == 0)
        event_normal(c, &RES_PIPELINE_RUN, run, "Succeeded", "%s", text);
    else
        event_normal(c, &RES_PIPELINE_RUN, run, was ? reason : "Started", "%s", text);
}

static int put_status(struct controller_ctx *c, const struct object *run,
                      const struct value *status, struct arena *a, struct err *e)
{
    int r = status ? write_status(c, &RES_PIPELINE_RUN, run, status, e) : 0;
    if (r == 0 && status)
        report(c, run, status, a);
    return r;
}

static struct value *status_of(const struct object *run, struct arena *a)
{
    const struct value *had = value_get(run->root, "status");
    return value_is(had, VALUE_OBJECT) ? value_copy(a, had) : value_new_object(a);
}

static int put_refusal(struct controller_ctx *c, const struct object *run,
                       const struct refusal *why, struct arena *a, struct err *e)
{
    int64_t now = c->clock->real_ms(c->clock);
    struct value *status = status_of(run, a);
    if (!value_get(status, "startTime"))
        run_set_time(status, a, "startTime", now);
    return put_status(c, run, status_fail(status, a, why->reason, why->message, now), a, e);
}

static int put_pending(struct controller_ctx *c, const struct object *run, struct arena *a,
                       struct err *e)
{
    struct value *status = status_of(run, a);
    run_mark(status, a, "Unknown", "PipelineRunPending",
             arena_printf(a, "PipelineRun \"%s\" is pending", run->name),
             c->clock->real_ms(c->clock));
    return put_status(c, run, status, a, e);
}

/* The pipeline's name: of the Pipeline, or of the run that embeds it. tkn finds runs by it. */
static int label_run(struct controller_ctx *c, const struct object *run, struct arena *a,
                     const struct object **out, struct err *e)
{
    *out = run;
    if (object_label(run, "tekton.dev/pipeline"))
        return 0;
    const char *name = value_at_str(run->root, "spec.pipelineRef.name", "");
    struct value *patch = value_new_object(a);
    (void)value_set_str(a, value_make_object(a, patch, "metadata.labels"), "tekton.dev/pipeline",
                        label_value(*name ? name : run->name, a));
    int r = write_patch(c, &RES_PIPELINE_RUN, run, patch, e);
    if (r < 0)
        return r;
    *out = cache_get(c->cache, &RES_PIPELINE_RUN, run->ns, run->name, a);
    return *out ? 0 : err_set(e, ERR_AGAIN, "pipelinerun %s is being deleted", run->name);
}

static int run_pipeline(struct controller_ctx *c, const struct object *run, struct arena *a,
                        struct err *e)
{
    struct refusal why = {0};
    struct pipelinerun_view view = {.run = run->root, .now_ms = c->clock->real_ms(c->clock)};
    int r = find_spec(c, run, a, &view.spec, &why, e);
    if (r < 0)
        return why.reason ? put_refusal(c, run, &why, a, e) : r;
    if ((r = tekton__claims(c, &RES_PIPELINE_RUN, run, a, &view.bindings, e)) < 0)
        return r;
    const char *label = object_label(run, "tekton.dev/pipeline");
    view.pipeline = label ? label : run->name;
    view.children = find_children(c, run, a, &view.n_children);
    struct pipelinerun_plan plan;
    pipelinerun_plan(&view, a, &plan);
    c->requeue_after_ms = plan.requeue_ms;
    if ((r = carry_out(c, &plan, a, e)) < 0 && !tekton__transient(r)) {
        why = (struct refusal){"CreateRunFailed", arena_strdup(a, e->msg)};
        return put_refusal(c, run, &why, a, e);
    }
    return r < 0 ? r : put_status(c, run, plan.status, a, e);
}

static int pipelinerun_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                            struct err *e)
{
    const struct object *run = cache_get(c->cache, &RES_PIPELINE_RUN, key->ns, key->name, a);
    if (!run || run->deleting || run_is_done(run->root))
        return 0;
    if (strcmp(value_at_str(run->root, "spec.status", ""), "PipelineRunPending") == 0)
        return put_pending(c, run, a, e);
    int r = label_run(c, run, a, &run, e);
    return r < 0 ? r : run_pipeline(c, run, a, e);
}

static const struct controller_watch pipelinerun_watches[] = {
    {&RES_PIPELINE_RUN, keys_of_run  },
    {&RES_TASK_RUN,     keys_of_child},
    {&RES_CUSTOM_RUN,   keys_of_child},
    {NULL,              NULL         },
};

const struct controller pipelinerun_controller = {
    .name = "tekton-pipelinerun",
    .watches = pipelinerun_watches,
    .workers = 4,
    .sync = pipelinerun_sync,
};
