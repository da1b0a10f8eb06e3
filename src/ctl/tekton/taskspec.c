/* taskspec.c - filling in and replacing within a Task's spec. */
#include "ctl/tekton/taskspec.h"

#include "base/buf.h"

const char *step_name(const struct value *step, size_t i, struct arena *a)
{
    const char *name = value_at_str(step, "name", "");
    return *name ? name : arena_printf(a, "unnamed-%zu", i);
}

const char *workspace_path(const struct value *decl, const char *name, struct arena *a)
{
    const char *path = value_at_str(decl, "mountPath", "");
    return *path ? path : arena_printf(a, "/workspace/%s", name);
}

static void rename_member(struct value *object, const char *from, const char *to, struct arena *a)
{
    const struct value *v = value_get(object, from);
    if (!v)
        return;
    if (!value_get(object, to))
        (void)value_set(a, object, to, v);
    (void)value_remove(object, from);
}

const struct value *taskspec_modernize(const struct value *spec, struct arena *a)
{
    struct value *out = value_copy(a, spec);
    rename_member(value_get_mut(out, "stepTemplate"), "resources", "computeResources", a);
    static const char *const lists[] = {"steps", "sidecars"};
    for (size_t l = 0; l < ARRAY_LEN(lists); l++) {
        struct value *list = value_get_mut(out, lists[l]);
        for (size_t i = 0; i < value_count(list); i++)
            rename_member(&list->items[i], "resources", "computeResources", a);
    }
    return out;
}

/* ---- StepActions ---- */

static const char *const action_fields[] = {"image",           "command",      "args",
                                            "script",          "env",          "workingDir",
                                            "securityContext", "volumeMounts", "results"};

/* What still names a parameter where an array or object is wanted is as good as not given. */
static const struct value *settled(const struct value *decls, const struct value *given,
                                   struct arena *a)
{
    struct value *out = value_new_array(a);
    VALUE_EACH_ITEM (g, given) {
        const struct value *d = named(decls, value_at_str(g, "name", ""));
        bool open = strncmp(value_at_str(g, "value", ""), "$(params.", 9) == 0;
        if (!open || strcmp(param_type(d), "string") == 0)
            (void)value_push(a, out, g);
    }
    return out;
}

static const struct value *fill_step(const struct value *step, const struct value *action,
                                     const struct scope *outer, struct arena *a, struct err *e)
{
    const struct value *decls = value_get(action, "params");
    const struct value *given =
        settled(decls, subst_tree(outer, value_get(step, "params"), SUBST_WHOLE), a);
    struct value *lenient = value_new_array(a); /* a step's result may stand for any type */
    VALUE_EACH_ITEM (d, decls) {
        struct value *decl = value_copy(a, d);
        const struct value *v = value_get(named(given, value_at_str(d, "name", "")), "value");
        if (strncmp(value_str(v, ""), "$(steps.", 8) == 0) {
            (void)value_set_str(a, decl, "type", "string");
            (void)value_remove(decl, "default");
            (void)value_remove(decl, "properties");
        }
        (void)value_push(a, lenient, decl);
    }
    struct value *bound;
    if (params_bind(lenient, given, a, &bound, e) < 0)
        return NULL;
    struct scope *inner = scope_new(a);
    params_scope(inner, bound);

    struct value *out = value_copy(a, step);
    (void)value_remove(out, "ref");
    (void)value_remove(out, "params");
    for (size_t i = 0; i < ARRAY_LEN(action_fields); i++) {
        const struct value *v = value_get(action, action_fields[i]);
        if (v)
            (void)value_set(a, out, action_fields[i], subst_tree(inner, v, 0));
    }
    return out;
}

int taskspec_fill_steps(const struct value *run, const struct value *spec,
                        const struct step_actions *actions, struct arena *a,
                        const struct value **out, struct err *e)
{
    struct value *steps = NULL, *bound = NULL;
    size_t i = 0;
    struct scope *outer = scope_new(a);
    VALUE_EACH_ITEM (step, value_get(spec, "steps")) {
        const struct value *ref = value_get(step, "ref"), *action = NULL;
        if (ref) {
            if (!bound) {
                int r = params_bind(value_get(spec, "params"), value_at(run, "spec.params"), a,
                                    &bound, e);
                if (r < 0)
                    return r;
                params_scope(outer, bound);
                steps = value_copy(a, value_get(spec, "steps"));
            }
            int r = actions->find(actions->arg, subst_tree(outer, ref, 0), a, &action, e);
            if (r < 0)
                return r;
            const struct value *filled = fill_step(step, action, outer, a, e);
            if (!filled)
                return e ? (int)e->code : ERR_INVALID;
            steps->items[i] = *filled;
        }
        i++;
    }
    if (!steps) {
        *out = spec;
        return 0;
    }
    struct value *copy = value_new_object(a);
    VALUE_EACH_MEMBER (m, spec)
        (void)value_set(a, copy, m->key, strcmp(m->key, "steps") ? &m->value : steps);
    *out = copy;
    return 0;
}

/* ---- judging ---- */

static int validate_workspaces(const struct value *run, const struct value *spec, struct err *e)
{
    const struct value *bindings = value_at(run, "spec.workspaces");
    const struct value *decls = value_get(spec, "workspaces");
    VALUE_EACH_ITEM (d, decls) {
        const char *name = value_at_str(d, "name", "");
        if (!value_at_bool(d, "optional", false) && !named(bindings, name))
            return err_set(e, ERR_INVALID,
                           "declared workspace \"%s\" is required but has not been bound", name);
    }
    if (!value_at(run, "spec.taskRef"))
        return 0; /* an embedded spec may use workspaces it does not declare */
    VALUE_EACH_ITEM (b, bindings) {
        const char *name = value_at_str(b, "name", "");
        if (!named(decls, name))
            return err_set(e, ERR_INVALID,
                           "workspace binding \"%s\" does not match any declared workspace", name);
    }
    return 0;
}

int taskspec_validate(const struct value *run, const struct value *spec, const char *task,
                      struct arena *a, struct err *e)
{
    struct value *bound;
    const struct value *decls = value_get(spec, "params");
    if (value_count(value_get(spec, "steps")) == 0)
        return err_set(e, ERR_INVALID, "task %s has no steps", task);
    int r = params_bind(decls, value_at(run, "spec.params"), a, &bound, e);
    if (r < 0)
        return err_wrap(e, r, "invalid input params for task %s", task);
    if ((r = params_check_enum(decls, bound, e)) < 0)
        return r;
    if ((r = params_check_indexes(spec, bound, a, e)) < 0)
        return r;
    return validate_workspaces(run, spec, e);
}

/* ---- replacing ---- */

static void scope_context(struct scope *s, const struct value *run, const char *task)
{
    const struct value *meta = value_get(run, "metadata");
    scope_put_str(s, value_at_str(meta, "name", ""), "context.taskRun.name");
    scope_put_str(s, value_at_str(meta, "namespace", ""), "context.taskRun.namespace");
    scope_put_str(s, value_at_str(meta, "uid", ""), "context.taskRun.uid");
    scope_put_str(s, task, "context.task.name");
    scope_put(s,
              value_new_strf(s->arena, "%zu", value_count(value_at(run, "status.retriesStatus"))),
              "context.task.retry-count");
}

static void scope_workspaces(struct scope *s, const struct value *run, const struct value *spec,
                             const struct value *volumes)
{
    const struct value *bindings = value_at(run, "spec.workspaces");
    VALUE_EACH_ITEM (d, value_get(spec, "workspaces")) {
        const char *name = value_at_str(d, "name", "");
        bool bound = named(bindings, name) != NULL;
        bool absent = !bound && value_at_bool(d, "optional", false);
        scope_put_str(s, bound ? "true" : "false", "workspaces.%s.bound", name);
        scope_put_str(s, absent ? "" : workspace_path(d, name, s->arena), "workspaces.%s.path",
                      name);
        scope_put_str(s, "", "workspaces.%s.claim", name);
        scope_put_str(s, "", "workspaces.%s.volume", name);
    }
    VALUE_EACH_ITEM (b, bindings) {
        const char *name = value_at_str(b, "name", "");
        if (!named(value_get(spec, "workspaces"), name)) {
            scope_put_str(s, "true", "workspaces.%s.bound", name);
            scope_put_str(s, workspace_path(NULL, name, s->arena), "workspaces.%s.path", name);
        }
        scope_put_str(s, value_at_str(b, "persistentVolumeClaim.claimName", ""),
                      "workspaces.%s.claim", name);
        scope_put_str(s, value_str(value_get(volumes, name), ""), "workspaces.%s.volume", name);
    }
}

static void scope_paths(struct scope *s, const struct value *spec)
{
    VALUE_EACH_ITEM (r, value_get(spec, "results")) {
        const char *name = value_at_str(r, "name", "");
        scope_put(s, value_new_strf(s->arena, "/tekton/results/%s", name), "results.%s.path", name);
    }
    size_t i = 0;
    VALUE_EACH_ITEM (step, value_get(spec, "steps")) {
        const char *name = step_name(step, i++, s->arena);
        scope_put(s, value_new_strf(s->arena, "/tekton/steps/step-%s/exitCode", name),
                  "steps.step-%s.exitCode.path", name);
    }
    scope_put_str(s, "/tekton/artifacts/provenance.json", "artifacts.path");
    scope_put_str(s, "/tekton/creds", "credentials.path");
}

/* $(step.results.…) and $(step.artifacts.path) mean the step that says them. */
static const struct value *apply_step(const struct scope *outer, const struct value *step, size_t i)
{
    struct arena *a = outer->arena;
    struct scope *s = scope_new(a);
    const char *name = step_name(step, i, a);
    VALUE_EACH_ITEM (r, value_get(step, "results")) {
        const char *result = value_at_str(r, "name", "");
        scope_put(s, value_new_strf(a, "/tekton/steps/step-%s/results/%s", name, result),
                  "step.results.%s.path", result);
    }
    scope_put(s, value_new_strf(a, "/tekton/steps/step-%s/artifacts/provenance.json", name),
              "step.artifacts.path");
    /* Workspaces that this step mounts elsewhere. */
    VALUE_EACH_ITEM (w, value_get(step, "workspaces")) {
        const char *path = value_at_str(w, "mountPath", value_at_str(w, "mountpath", ""));
        if (*path)
            scope_put_str(s, path, "workspaces.%s.path", value_at_str(w, "name", ""));
    }
    return subst_tree(outer, subst_tree(s, step, 0), 0);
}

static const struct value *apply_steps(const struct scope *s, const struct value *steps)
{
    struct value *out = value_new_array(s->arena);
    size_t i = 0;
    VALUE_EACH_ITEM (step, steps)
        (void)value_push(s->arena, out, apply_step(s, step, i++));
    return out;
}

/* Replaces in all but the declarations of parameters. */
static const struct value *apply_members(const struct scope *s, const struct value *spec,
                                         bool in_steps)
{
    struct value *out = value_new_object(s->arena);
    VALUE_EACH_MEMBER (m, spec) {
        const struct value *v = &m->value;
        if (in_steps && strcmp(m->key, "steps") == 0)
            v = apply_steps(s, v);
        else if (strcmp(m->key, "params") != 0 && strcmp(m->key, "description") != 0)
            v = subst_tree(s, v, 0);
        (void)value_set(s->arena, out, m->key, v);
    }
    return out;
}

int taskspec_apply(const struct value *run, const struct value *spec, const char *task,
                   const struct value *volumes, struct arena *a, const struct value **out,
                   struct err *e)
{
    struct value *bound;
    int r = params_bind(value_get(spec, "params"), value_at(run, "spec.params"), a, &bound, e);
    if (r < 0)
        return err_wrap(e, r, "invalid input params for task %s", task);
    struct scope *early = scope_new(a), *late = scope_new(a);
    params_scope(early, bound);
    spec = apply_members(early, spec, false);
    scope_context(late, run, task);
    scope_workspaces(late, run, spec, volumes);
    scope_paths(late, spec);
    *out = apply_members(late, spec, true);
    return 0;
}
