/* taskrun.c - the TaskRun loop: observe, plan, apply. */
#include "api/podsecurity.h"
#include "ctl/tekton/pod.h"
#include "ctl/tekton/taskrun_plan.h"
#include "ctl/tekton/taskrun_steps.h"
#include "ctl/tekton/tekton_int.h"
#include "kube/events.h"

static void keys_of_pod(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    (void)c;
    keys_of_owner(o, "TaskRun", s);
}

/* ---- credentials ---- */

/* The entrypoint's flags for one secret of the service account; see src/entrypoint/README.md. */
static void add_credentials(struct value *out, const struct object *secret, struct arena *a)
{
    static const struct {
        const char *type, *prefix, *flag;
    } table[] = {
        {"kubernetes.io/basic-auth", "tekton.dev/git-",    "-basic-git"   },
        {"kubernetes.io/ssh-auth",   "tekton.dev/git-",    "-ssh-git"     },
        {"kubernetes.io/basic-auth", "tekton.dev/docker-", "-basic-docker"},
    };
    const char *type = value_at_str(secret->root, "type", "");
    const char *whole = strcmp(type, "kubernetes.io/dockerconfigjson") == 0 ? "-docker-config"
                        : strcmp(type, "kubernetes.io/dockercfg") == 0      ? "-docker-cfg"
                                                                            : NULL;
    const char *flag = whole ? arena_printf(a, "%s=%s", whole, secret->name) : NULL;
    VALUE_EACH_MEMBER (m, value_at(secret->root, "metadata.annotations")) {
        for (size_t i = 0; i < ARRAY_LEN(table) && !whole; i++) {
            if (strcmp(table[i].type, type) != 0 ||
                strncmp(m->key, table[i].prefix, strlen(table[i].prefix)) != 0)
                continue;
            struct value *item = value_new_object(a);
            (void)value_set_str(a, item, "secret", secret->name);
            (void)value_set(a, item, "flag",
                            value_new_strf(a, "%s=%s=%s", table[i].flag, secret->name,
                                           value_str(&m->value, "")));
            (void)value_push(a, out, item);
        }
    }
    if (!flag)
        return;
    struct value *item = value_new_object(a);
    (void)value_set_str(a, item, "secret", secret->name);
    (void)value_set_str(a, item, "flag", flag);
    (void)value_push(a, out, item);
}

static int find_credentials(struct controller_ctx *c, const struct object *run, struct arena *a,
                            struct value **out, struct err *e)
{
    const char *name = value_at_str(run->root, "spec.serviceAccountName", "");
    struct value *list = value_new_array(a);
    *out = list;
    AUTO(object) struct object *account = NULL;
    int r = kube_get(c->kube, &RES_SERVICE_ACCOUNT, run->ns, *name ? name : "default", &account, e);
    if (r < 0)
        return r == ERR_NOT_FOUND ? 0 : r; /* the pod's own creation will say so */
    VALUE_EACH_ITEM (s, value_get(account->root, "secrets")) {
        AUTO(object) struct object *secret = NULL;
        r = kube_get(c->kube, &RES_SECRET, run->ns, value_at_str(s, "name", ""), &secret, e);
        if (r == 0)
            add_credentials(list, secret, a);
        else if (r != ERR_NOT_FOUND)
            return r;
    }
    return 0;
}

/* ---- what to run ---- */

struct finder {
    struct controller_ctx *c;
    const char *ns;
};

static int find_action(void *arg, const struct value *ref, struct arena *a,
                       const struct value **spec, struct err *e)
{
    struct finder *f = arg;
    struct resolved found;
    int r = tekton__resolve(f->c, f->ns, "StepAction", ref, a, &found, e);
    if (r == 0)
        *spec = found.spec;
    return r;
}

/* The Task as it was when the run began, or as it is now. */
static int find_task(struct controller_ctx *c, const struct object *run, struct arena *a,
                     struct resolved *out, struct err *e)
{
    const struct value *embedded = value_at(run->root, "spec.taskSpec");
    const struct value *ref = value_at(run->root, "spec.taskRef");
    int one = tekton__one_source(run->root, "task", a, e);
    if (one < 0)
        return one;
    if (embedded) {
        *out = (struct resolved){.spec = taskspec_modernize(embedded, a), .name = ""};
    } else {
        struct value *bound;
        int r = params_bind(NULL, value_at(run->root, "spec.params"), a, &bound, e);
        if (r < 0)
            return r;
        struct scope *s = scope_new(a);
        params_scope(s, bound);
        r = tekton__resolve(c, run->ns, "Task", subst_tree(s, ref, 0), a, out, e);
        if (r < 0)
            return r;
    }
    struct finder f = {c, run->ns};
    const struct step_actions actions = {find_action, &f};
    return taskspec_fill_steps(run->root, out->spec, &actions, a, &out->spec, e);
}

static bool needs_image_config(const struct value *step)
{
    return !*value_at_str(step, "script", "") && value_count(value_get(step, "command")) == 0;
}

static int find_image_configs(struct tekton *t, const struct value *spec, struct arena *a,
                              struct value **out, struct err *e)
{
    struct value *configs = value_new_object(a);
    VALUE_EACH_ITEM (step, value_get(spec, "steps")) {
        const char *image = value_at_str(step, "image", "");
        if (!*image)
            image = value_at_str(spec, "stepTemplate.image", "");
        if (!needs_image_config(step) || value_get(configs, image) || !t->ports.image_config ||
            value_count(value_at(spec, "stepTemplate.command")))
            continue;
        struct value *config;
        int r = t->ports.image_config(t->ports.arg, image, a, &config, e);
        if (r < 0)
            return err_wrap(e, r, "find the entrypoint of image %s", image);
        (void)value_set(a, configs, image, config);
    }
    *out = configs;
    return 0;
}

/* The run with its variables replaced where a TaskRun itself may have them. */
static const struct value *effective_run(const struct object *run, const struct value *spec,
                                         const struct value *bindings, struct arena *a)
{
    struct value *root = value_shallow(a, run->root);
    struct value *own = value_shallow(a, value_get(run->root, "spec"));
    struct value *bound;
    struct scope *s = scope_new(a);
    if (params_bind(value_get(spec, "params"), value_get(own, "params"), a, &bound, NULL) == 0)
        params_scope(s, bound);
    (void)value_set(a, own, "workspaces", subst_tree(s, bindings, 0));
    if (value_get(own, "podTemplate"))
        (void)value_set(a, own, "podTemplate", subst_tree(s, value_get(own, "podTemplate"), 0));
    (void)value_set(a, root, "spec", own);
    return root;
}

/* Step and sidecar resources that the run asks for in the task's place. */
static const struct value *with_overrides(const struct value *run, const struct value *spec,
                                          struct arena *a)
{
    static const char *const lists[][3] = {
        {"steps",    "spec.stepSpecs",    "spec.stepOverrides"   },
        {"sidecars", "spec.sidecarSpecs", "spec.sidecarOverrides"}
    };
    struct value *out = value_copy(a, spec);
    for (size_t l = 0; l < ARRAY_LEN(lists); l++) {
        struct value *list = value_get_mut(out, lists[l][0]);
        for (size_t i = 0; i < value_count(list); i++) {
            const char *name = value_at_str(&list->items[i], "name", "");
            for (size_t o = 1; o < 3; o++) {
                const struct value *over = named(value_at(run, lists[l][o]), name);
                const struct value *res = value_get(over, "computeResources");
                if (!res)
                    res = value_get(over, "resources");
                if (*name && res)
                    (void)value_set(a, &list->items[i], "computeResources", res);
            }
        }
    }
    return out;
}

/* ---- the attempt's pod ---- */

struct attempt {
    const struct value *status; /* in: as planned; out: with spec and pod */
    const char *reason;         /* out: of a failure for good */
};

/* What the namespace's label lets a pod do, "" where it says nothing. */
static int security_level(struct controller_ctx *c, const char *ns, struct arena *a,
                          const char **out, struct err *e)
{
    AUTO(object) struct object *space = NULL;
    int r = kube_get(c->kube, &RES_NAMESPACE, NULL, ns, &space, e);
    if (r < 0 && r != ERR_NOT_FOUND)
        return r;
    const char *level = space ? object_label(space, "pod-security.kubernetes.io/enforce") : NULL;
    *out = arena_strdup(a, level ? level : "");
    return 0;
}

/* Who writes a pipeline, or what a pipeline fetches, is not to have the host: steps keep to the
 * baseline of the Pod Security Standards unless their namespace says "privileged". The folder with
 * the programs that start them is ours, and read-only. */
static int keep_to_baseline(const struct tekton *t, const char *ns, const struct value *pod,
                            struct arena *a, struct err *e)
{
    struct value *spec = value_shallow(a, value_get(pod, "spec"));
    struct value *volumes = value_new_array(a);
    VALUE_EACH_ITEM (v, value_get(spec, "volumes"))
        if (!t->entrypoint_dir ||
            strcmp(value_at_str(v, "hostPath.path", ""), t->entrypoint_dir) != 0)
            (void)value_push(a, volumes, v);
    (void)value_set(a, spec, "volumes", volumes);
    const char *why = podsecurity_violations("baseline", "", spec, NULL, a);
    if (!why)
        return 0;
    return err_set(e, ERR_DENIED,
                   "steps may not have the host: %s; to allow it: kubectl label namespace %s "
                   "pod-security.kubernetes.io/enforce=privileged",
                   why, ns);
}

static int attempt_pod(struct controller_ctx *c, const struct object *run,
                       const struct resolved *task, struct arena *a, struct attempt *out,
                       struct value **pod, struct err *e)
{
    struct tekton *t = c->arg;
    const char *label = *task->name ? task->name : run->name;
    out->reason = "TaskRunValidationFailed";
    int r = taskspec_validate(run->root, task->spec, label, a, e);
    if (r < 0)
        return r;
    const struct value *bindings, *applied;
    out->reason = "CouldntCreateWorkspacePVC";
    if ((r = tekton__claims(c, &RES_TASK_RUN, run, a, &bindings, e)) < 0)
        return r;
    out->reason = "TaskRunValidationFailed";
    struct value *edited = value_copy(a, effective_run(run, task->spec, bindings, a));
    (void)value_set(a, edited, "status", out->status); /* the attempt's number is in it */
    const struct value *volumes = pod_workspace_volumes(edited, a);
    if ((r = taskspec_apply(edited, task->spec, label, volumes, a, &applied, e)) < 0)
        return r;
    applied = with_overrides(edited, applied, a);
    struct value *configs, *credentials;
    const char *level;
    out->reason = "PodCreationFailed";
    if ((r = find_image_configs(t, applied, a, &configs, e)) < 0 ||
        (r = find_credentials(c, run, a, &credentials, e)) < 0 ||
        (r = security_level(c, run->ns, a, &level, e)) < 0)
        return r;
    bool allowed = strcmp(level, "privileged") == 0;
    struct value *meta = value_make_object(a, edited, "metadata");
    tekton__inherit(meta, task, a);
    const struct pod_input in = {
        .run = edited,
        .spec = applied,
        .task = task->name,
        .volumes = volumes,
        .image_config = configs,
        .credentials = credentials,
        /* stricter levels take no folder of the host, not even ours */
        .entrypoint_dir = !*level || allowed ? t->entrypoint_dir : NULL,
        .tools_image = t->tools_image,
        .registry = t->registry,
        .work_url = t->work_url,
        .git_url = t->git_url,
    };
    if ((r = pod_make(&in, a, pod, e)) < 0 ||
        (!allowed && (r = keep_to_baseline(t, run->ns, *pod, a, e)) < 0))
        return r;
    struct value *status = value_shallow(a, out->status);
    (void)value_set(a, status, "taskSpec", applied);
    out->status = status;
    return 0;
}

static int make_attempt(struct controller_ctx *c, const struct object *run, struct arena *a,
                        struct attempt *out, struct err *e)
{
    struct resolved task;
    out->reason = "TaskRunResolutionFailed";
    int r = find_task(c, run, a, &task, e);
    if (r < 0)
        return r;
    struct value *pod;
    if ((r = attempt_pod(c, run, &task, a, out, &pod, e)) < 0)
        return r;
    out->reason = "PodCreationFailed";
    r = write_create(c, &RES_POD, pod, a, NULL, e);
    if (r == ERR_EXISTS)
        r = 0; /* an earlier life made it */
    if (r < 0)
        return err_wrap(e, r, "failed to create task run pod \"%s\"", run->name);
    struct value *status = value_shallow(a, out->status);
    (void)value_set_str(a, status, "podName", value_at_str(pod, "metadata.name", ""));
    out->status = status;
    return 0;
}

/* ---- the loop ---- */

static void report(struct controller_ctx *c, const struct object *run, const struct value *status)
{
    struct value wrap = {.kind = VALUE_OBJECT, .n = 1};
    struct member m = {.key = "status", .key_len = 6, .value = *status};
    wrap.members = &m;
    const char *state = run_state(&wrap), *was = run_state(run->root);
    const char *text = value_at_str(object_condition(&wrap, "Succeeded"), "message", "");
    if (strcmp(state, was) == 0)
        return;
    if (strcmp(state, "True") == 0)
        event_normal(c, &RES_TASK_RUN, run, "Succeeded", "%s", text);
    else if (strcmp(state, "False") == 0)
        event_warning(c, &RES_TASK_RUN, run, "Failed", "%s", text);
    else
        event_normal(c, &RES_TASK_RUN, run, "Started", "%s", text);
}

/* tkn finds runs by these labels. */
static int label_run(struct controller_ctx *c, const struct object *run, struct arena *a,
                     struct err *e)
{
    const char *task = value_at_str(run->root, "spec.taskRef.name", "");
    if (object_label(run, "app.kubernetes.io/managed-by"))
        return 0;
    struct value *patch = value_new_object(a);
    struct value *labels = value_make_object(a, patch, "metadata.labels");
    (void)value_set_str(a, labels, "app.kubernetes.io/managed-by", "tekton-pipelines");
    if (*task)
        (void)value_set_str(a, labels, "tekton.dev/task", label_value(task, a));
    return write_patch(c, &RES_TASK_RUN, run, patch, e);
}

static int taskrun_apply(struct controller_ctx *c, const struct object *run,
                         const struct object *pod, struct taskrun_plan *plan, struct arena *a,
                         struct err *e)
{
    c->requeue_after_ms = plan->requeue_ms;
    if (plan->delete_pod && pod) { /* before a retry, whose status speaks of it no more */
        int r = write_delete(c, &RES_POD, pod, NULL, e);
        if (r < 0)
            return r;
    }
    if (plan->make_pod) {
        struct attempt attempt = {.status = plan->status};
        struct err why = {0};
        int r = make_attempt(c, run, a, &attempt, &why);
        if (r < 0 && tekton__transient(r)) {
            if (e)
                *e = why;
            return r;
        }
        plan->status = attempt.status;
        if (r < 0)
            plan->status =
                status_fail(plan->status, a, attempt.reason, why.msg, c->clock->real_ms(c->clock));
    }
    int r = plan->status ? write_status(c, &RES_TASK_RUN, run, plan->status, e) : 0;
    if (r == 0 && plan->status)
        report(c, run, plan->status);
    return r;
}

/* What a run that was stopped leaves behind. */
static int sweep(struct controller_ctx *c, const struct object *run, struct arena *a, struct err *e)
{
    const char *name = value_at_str(run->root, "status.podName", "");
    const struct object *pod = *name ? cache_get(c->cache, &RES_POD, run->ns, name, a) : NULL;
    const struct value *owner = pod ? object_controller(pod) : NULL;
    bool own = strcmp(value_at_str(owner, "uid", ""), run->uid) == 0;
    if (!own || pod->deleting || taskrun_steps_complete(pod->root))
        return 0;
    return write_delete(c, &RES_POD, pod, NULL, e);
}

static int taskrun_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                        struct err *e)
{
    const struct object *run = cache_get(c->cache, &RES_TASK_RUN, key->ns, key->name, a);
    if (!run || run->deleting)
        return 0;
    if (run_is_done(run->root))
        return sweep(c, run, a, e);
    const struct object *pod = cache_get(c->cache, &RES_POD, key->ns, pod_name(run->root, a), a);
    const struct value *owner = pod ? object_controller(pod) : NULL;
    if (pod && strcmp(value_at_str(owner, "uid", ""), run->uid) != 0)
        pod = NULL; /* an older run's of the same name */
    const char *on_error = object_annotation(run, "slipway.dev/on-error");
    const struct taskrun_view view = {
        .run = run->root,
        .pod = pod ? pod->root : NULL,
        .now_ms = c->clock->real_ms(c->clock),
        .ignore_failure = on_error && strcmp(on_error, "continue") == 0,
    };
    struct taskrun_plan plan;
    taskrun_plan(&view, a, &plan);
    int r = taskrun_apply(c, run, pod, &plan, a, e);
    if (r < 0 || *run_state(run->root))
        return r;
    struct object *now; /* the status made a new revision of it */
    r = kube_get(c->kube, &RES_TASK_RUN, key->ns, key->name, &now, e);
    if (r < 0)
        return r == ERR_NOT_FOUND ? 0 : r;
    const struct object *held = object_hold(a, now);
    object_unref(now);
    return label_run(c, held, a, e);
}

static const struct controller_watch taskrun_watches[] = {
    {&RES_TASK_RUN, NULL       },
    {&RES_POD,      keys_of_pod},
    {NULL,          NULL       },
};

const struct controller taskrun_controller = {
    .name = "tekton-taskrun",
    .watches = taskrun_watches,
    .workers = 4,
    .sync = taskrun_sync,
};
