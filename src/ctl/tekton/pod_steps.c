/* pod_steps.c - the containers of a Task's steps and sidecars. */
#include "codec/json.h"
#include "ctl/tekton/pod_int.h"

bool pod__mounts_at(const struct value *mounts, const char *path)
{
    VALUE_EACH_ITEM (m, mounts)
        if (strcmp(value_at_str(m, "mountPath", ""), path) == 0)
            return true;
    return false;
}

/* Unless something is mounted there already. */
void pod__add_mount(struct value *container, const char *volume, const char *path, bool read_only,
                    struct arena *a)
{
    struct value *mounts = value_make_array(a, container, "volumeMounts");
    if (pod__mounts_at(mounts, path))
        return;
    struct value *m = value_new_object(a);
    (void)value_set_str(a, m, "name", volume);
    (void)value_set_str(a, m, "mountPath", path);
    if (read_only)
        (void)value_set_bool(a, m, "readOnly", true);
    (void)value_push(a, mounts, m);
}

/* ---- stepTemplate ---- */

const struct value *pod__merge_list(const struct value *under, const struct value *over,
                                    const char *key, struct arena *a)
{
    struct value *out = value_new_array(a);
    VALUE_EACH_ITEM (u, under) {
        bool hidden = false;
        VALUE_EACH_ITEM (o, over)
            hidden = hidden || strcmp(value_at_str(o, key, "?"), value_at_str(u, key, "")) == 0;
        if (!hidden)
            (void)value_push(a, out, u);
    }
    VALUE_EACH_ITEM (o, over)
        (void)value_push(a, out, o);
    return out;
}

static const struct value *merge_object(const struct value *under, const struct value *over,
                                        struct arena *a)
{
    struct value *out = value_copy(a, under);
    VALUE_EACH_MEMBER (m, over) {
        const struct value *u = value_get(out, m->key);
        bool deep = value_is(u, VALUE_OBJECT) && value_is(&m->value, VALUE_OBJECT);
        (void)value_set(a, out, m->key, deep ? merge_object(u, &m->value, a) : &m->value);
    }
    return out;
}

static struct value *merge_template(const struct value *template, const struct value *step,
                                    struct arena *a)
{
    struct value *out = value_copy(a, step);
    VALUE_EACH_MEMBER (m, template) {
        const struct value *own = value_get(step, m->key);
        if (!own)
            (void)value_set(a, out, m->key, &m->value);
        else if (strcmp(m->key, "env") == 0)
            (void)value_set(a, out, m->key, pod__merge_list(&m->value, own, "name", a));
        else if (strcmp(m->key, "volumeMounts") == 0)
            (void)value_set(a, out, m->key, pod__merge_list(&m->value, own, "mountPath", a));
        else if (value_is(own, VALUE_OBJECT) && value_is(&m->value, VALUE_OBJECT))
            (void)value_set(a, out, m->key, merge_object(&m->value, own, a));
    }
    return out;
}

/* ---- containers ---- */

/* What a Container has and a Step, too. */
static const char *const container_fields[] = {
    "image",
    "imagePullPolicy",
    "env",
    "envFrom",
    "volumeMounts",
    "volumeDevices",
    "workingDir",
    "ports",
    "securityContext",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
    "terminationMessagePolicy",
    "stdin",
    "stdinOnce",
    "tty",
};

static struct value *container_of_step(const struct value *step, const char *name, struct arena *a)
{
    struct value *c = value_new_object(a);
    (void)value_set_str(a, c, "name", name);
    for (size_t i = 0; i < ARRAY_LEN(container_fields); i++) {
        const struct value *v = value_get(step, container_fields[i]);
        if (v)
            (void)value_set(a, c, container_fields[i], v);
    }
    const struct value *resources = value_get(step, "computeResources");
    (void)value_set(a, c, "resources", resources ? resources : value_new_object(a));
    const char *dir = value_at_str(step, "workingDir", "");
    if (*dir && *dir != '/')
        (void)value_set(a, c, "workingDir", value_new_strf(a, "/workspace/%s", dir));
    return c;
}

/* Keeps a script for /tekton/scripts; the path it will have. */
static const char *add_script(struct making *m, const char *name, const char *script)
{
    struct arena *a = m->a;
    const char *text =
        strncmp(script, "#!", 2) == 0 ? script : arena_printf(a, "#!/bin/sh\nset -e\n%s", script);
    const char *key = arena_printf(a, "slipway.dev/%s", name);
    (void)value_set_str(a, m->annotations, key, text);
    m->script_bytes += strlen(text);
    struct value *item = value_new_object(a), *field = value_new_object(a);
    (void)value_set_str(a, item, "path", name);
    (void)value_set(a, field, "fieldPath", value_new_strf(a, "metadata.annotations['%s']", key));
    (void)value_set(a, item, "fieldRef", field);
    (void)value_set_int(a, item, "mode", 0755);
    (void)value_push(a, m->scripts, item);
    return arena_printf(a, "/tekton/scripts/%s", name);
}

static void push_flag(struct value *args, const char *flag, const char *v, struct arena *a)
{
    (void)value_push_str(a, args, flag);
    (void)value_push_str(a, args, v);
}

static const char *result_names(const struct value *results, bool only_own, struct arena *a)
{
    const char *out = "";
    VALUE_EACH_ITEM (r, results)
        if (!only_own || !value_get(r, "value"))
            out = arena_printf(a, "%s%s%s", out, *out ? "," : "", value_at_str(r, "name", ""));
    return out;
}

/* The flags before "--", see src/entrypoint/README.md. */
static void entrypoint_flags(struct making *m, const struct value *step, size_t i,
                             struct value *args)
{
    struct arena *a = m->a;
    const struct value *debug = value_at(m->in->run, "spec.debug.breakpoints");
    if (i > 0)
        push_flag(args, "-wait_file", arena_printf(a, "/tekton/run/%zu/out", i - 1), a);
    push_flag(args, "-post_file", arena_printf(a, "/tekton/run/%zu/out", i), a);
    push_flag(args, "-termination_path", "/tekton/termination", a);
    push_flag(args, "-step_metadata_dir", arena_printf(a, "/tekton/run/%zu/status", i), a);
    push_flag(args, "-step_metadata_link",
              arena_printf(a, "/tekton/steps/step-%s", step_name(step, i, a)), a);
    const char *on_error = value_at_str(step, "onError", "");
    if (*on_error)
        push_flag(args, "-on_error", on_error, a);
    const char *timeout = value_at_str(step, "timeout", "");
    if (*timeout)
        push_flag(args, "-timeout", timeout, a);
    const char *out = value_at_str(step, "stdoutConfig.path", "");
    if (*out)
        push_flag(args, "-stdout_path", out, a);
    const char *err = value_at_str(step, "stderrConfig.path", "");
    if (*err)
        push_flag(args, "-stderr_path", err, a);
    const char *own = result_names(value_get(step, "results"), false, a);
    if (*own)
        push_flag(args, "-step_results", own, a);
    if (value_count(value_get(step, "when")))
        push_flag(args, "-when_expressions", json_text(a, value_get(step, "when"), JSON_NO_HTML),
                  a);
    const char *results = result_names(value_get(m->in->spec, "results"), true, a);
    if (*results)
        push_flag(args, "-results", results, a);
    if (strcmp(value_at_str(debug, "onFailure", ""), "enabled") == 0)
        (void)value_push_str(a, args, "-breakpoint_on_failure");
    VALUE_EACH_ITEM (c, m->in->credentials)
        (void)value_push_str(a, args, value_at_str(c, "flag", ""));
}

/* The command a step means: its script, its command, or its image's own. */
static int step_command(struct making *m, const struct value *step, const char *script_name,
                        struct value *argv, struct err *e)
{
    struct arena *a = m->a;
    const char *script = value_at_str(step, "script", "");
    const struct value *command = value_get(step, "command"), *args = value_get(step, "args");
    if (*script) {
        (void)value_push_str(a, argv, add_script(m, script_name, script));
    } else if (value_count(command)) {
        VALUE_EACH_ITEM (c, command)
            (void)value_push(a, argv, c);
    } else {
        const char *image = value_at_str(step, "image", "");
        const struct value *config = value_get(m->in->image_config, image);
        const struct value *entry = value_get(config, "entrypoint");
        bool none = value_count(entry) == 0;
        VALUE_EACH_ITEM (c, none ? value_get(config, "cmd") : entry)
            (void)value_push(a, argv, c);
        if (!none && !value_count(args))
            args = value_get(config, "cmd");
    }
    VALUE_EACH_ITEM (x, args)
        (void)value_push(a, argv, x);
    if (value_count(argv) == 0)
        return err_set(e, ERR_INVALID,
                       "step \"%s\" has no command and image \"%s\" has no entrypoint",
                       value_at_str(step, "name", ""), value_at_str(step, "image", ""));
    return 0;
}

static void mount_tekton(struct making *m, struct value *c, size_t i)
{
    struct arena *a = m->a;
    if (value_count(m->scripts))
        pod__add_mount(c, "tekton-internal-scripts", "/tekton/scripts", true, a);
    pod__add_mount(c, "tekton-internal-bin", "/tekton/bin", true, a);
    for (size_t r = 0; r < m->n_steps; r++)
        pod__add_mount(c, arena_printf(a, "tekton-internal-run-%zu", r),
                       arena_printf(a, "/tekton/run/%zu", r), r != i, a);
    pod__add_mount(c, arena_printf(a, "tekton-creds-init-home-%zu", i), "/tekton/creds", false, a);
    VALUE_EACH_ITEM (s, m->in->credentials) {
        const char *secret = value_at_str(s, "secret", "");
        pod__add_mount(c, arena_printf(a, "tekton-internal-secret-volume-%s", secret),
                       arena_printf(a, "/tekton/creds-secrets/%s", secret), true, a);
    }
    pod__add_mount(c, "tekton-internal-workspace", "/workspace", false, a);
    pod__add_mount(c, "tekton-internal-home", "/tekton/home", false, a);
    pod__add_mount(c, "tekton-internal-results", "/tekton/results", false, a);
    pod__add_mount(c, "tekton-internal-steps", "/tekton/steps", false, a);
    pod__add_mount(c, "tekton-internal-artifacts", "/tekton/artifacts", false, a);
}

/* Unless the step says otherwise. */
static void add_env(struct value *container, const char *name, const char *text, struct arena *a)
{
    struct value *env = text ? value_make_array(a, container, "env") : NULL;
    if (!env || named(env, name))
        return;
    struct value *var = value_new_object(a);
    (void)value_set_str(a, var, "name", name);
    (void)value_set_str(a, var, "value", text);
    (void)value_push(a, env, var);
}

static int make_step(struct making *m, const struct value *step, size_t i, struct value *out,
                     struct err *e)
{
    struct arena *a = m->a;
    struct value *c = container_of_step(step, arena_printf(a, "step-%s", step_name(step, i, a)), a);
    struct value *argv = value_new_array(a), *args = value_new_array(a);
    const char *script_name = arena_printf(a, "script-%zu", i);
    int r = step_command(m, step, script_name, argv, e);
    if (r < 0)
        return r;
    entrypoint_flags(m, step, i, args);
    push_flag(args, "-entrypoint", value_item(argv, 0)->text, a);
    (void)value_push_str(a, args, "--");
    for (size_t k = 1; k < value_count(argv); k++)
        (void)value_push(a, args, value_item(argv, k));
    struct value *command = value_new_array(a);
    (void)value_push_str(a, command, "/tekton/bin/entrypoint");
    (void)value_set(a, c, "command", command);
    (void)value_set(a, c, "args", args);
    (void)value_set_str(a, c, "terminationMessagePath", "/tekton/termination");
    add_env(c, "SLIPWAY_WORK_URL", m->in->work_url, a);
    add_env(c, "SLIPWAY_GIT_URL", m->in->git_url, a);
    (void)value_push(a, out, c);
    return 0;
}

/* A sidecar is ready before the first step: what probes readiness gates the start. */
static void make_sidecar(struct making *m, const struct value *sidecar, size_t i, struct value *out)
{
    struct arena *a = m->a;
    const char *name = value_at_str(sidecar, "name", "");
    if (!*name)
        name = arena_printf(a, "unnamed-%zu", i);
    struct value *c = container_of_step(sidecar, arena_printf(a, "sidecar-%s", name), a);
    const char *script = value_at_str(sidecar, "script", "");
    const struct value *command = value_get(sidecar, "command");
    if (*script) {
        struct value *argv = value_new_array(a);
        const char *script_name = arena_printf(a, "sidecar-script-%zu", i);
        (void)value_push_str(a, argv, add_script(m, script_name, script));
        (void)value_set(a, c, "command", argv);
        pod__add_mount(c, "tekton-internal-scripts", "/tekton/scripts", true, a);
    } else if (command) {
        (void)value_set(a, c, "command", command);
    }
    const struct value *args = value_get(sidecar, "args"), *ready = value_get(c, "readinessProbe");
    if (args)
        (void)value_set(a, c, "args", args);
    if (ready && !value_get(c, "startupProbe")) {
        struct value *probe = value_copy(a, ready);
        (void)value_set_int(a, probe, "failureThreshold", 3600);
        (void)value_remove(probe, "successThreshold");
        (void)value_set(a, c, "startupProbe", probe);
    }
    (void)value_set_str(a, c, "restartPolicy", "Always");
    (void)value_push(a, out, c);
}

/* ---- workspaces ---- */

static bool step_uses(const struct value *step, const char *workspace, const char **path)
{
    const struct value *w = named(value_get(step, "workspaces"), workspace);
    const char *own = value_at_str(w, "mountPath", value_at_str(w, "mountpath", ""));
    if (w && *own)
        *path = own;
    return w != NULL;
}

/* Whether any step or sidecar asks for the workspace: then only those get it. */
static bool isolated(const struct value *spec, const char *workspace)
{
    const char *path;
    VALUE_EACH_ITEM (s, value_get(spec, "steps"))
        if (step_uses(s, workspace, &path))
            return true;
    VALUE_EACH_ITEM (s, value_get(spec, "sidecars"))
        if (step_uses(s, workspace, &path))
            return true;
    return false;
}

static void mount_workspaces(struct making *m, const struct value *step, struct value *c)
{
    struct arena *a = m->a;
    const struct value *spec = m->in->spec;
    VALUE_EACH_ITEM (b, value_at(m->in->run, "spec.workspaces")) {
        const char *name = value_at_str(b, "name", "");
        const struct value *decl = named(value_get(spec, "workspaces"), name);
        const char *path = workspace_path(decl, name, a);
        bool wanted = step_uses(step, name, &path);
        struct value *mounts = value_make_array(a, c, "volumeMounts");
        if ((!wanted && isolated(spec, name)) || pod__mounts_at(mounts, path))
            continue;
        struct value *mount = value_new_object(a);
        (void)value_set(a, mount, "name", value_get(m->in->volumes, name));
        (void)value_set_str(a, mount, "mountPath", path);
        const char *sub = value_at_str(b, "subPath", "");
        if (*sub)
            (void)value_set_str(a, mount, "subPath", sub);
        if (value_at_bool(decl, "readOnly", false))
            (void)value_set_bool(a, mount, "readOnly", true);
        (void)value_push(a, mounts, mount);
    }
}

/* Copies the entrypoint to where steps find it, for nodes that do not have it. */
static struct value *prepare_container(struct making *m)
{
    struct arena *a = m->a;
    struct value *c = value_new_object(a), *command = value_new_array(a);
    (void)value_set_str(a, c, "name", "prepare");
    (void)value_set_str(a, c, "image", m->in->tools_image);
    static const char *const words[] = {"/usr/bin/slipway-entrypoint", "init",
                                        "/usr/bin/slipway-entrypoint", "/tekton/bin/entrypoint"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        (void)value_push_str(a, command, words[i]);
    (void)value_set(a, c, "command", command);
    pod__add_mount(c, "tekton-internal-bin", "/tekton/bin", false, a);
    return c;
}

static size_t depth(const struct value *mount)
{
    size_t n = 0;
    for (const char *p = value_at_str(mount, "mountPath", ""); *p; p++)
        n += *p == '/' && p[1];
    return n;
}

/* Parents first, or they would cover what is mounted below them. */
static void order_mounts(struct value *container)
{
    struct value *mounts = value_get_mut(container, "volumeMounts");
    for (size_t i = 1; i < value_count(mounts); i++) {
        struct value one = mounts->items[i];
        size_t at = i;
        for (; at > 0 && depth(&mounts->items[at - 1]) > depth(&one); at--)
            mounts->items[at] = mounts->items[at - 1];
        mounts->items[at] = one;
    }
}

int pod__make_containers(struct making *m, struct value *init, struct value *containers,
                         struct err *e)
{
    struct arena *a = m->a;
    const struct value *spec = m->in->spec, *template = value_get(spec, "stepTemplate");
    struct value *steps = value_new_array(a);
    size_t i = 0;
    VALUE_EACH_ITEM (step, value_get(spec, "steps")) {
        struct value *merged = merge_template(template, step, a);
        (void)value_push(a, steps, merged);
        int r = make_step(m, merged, i++, containers, e);
        if (r < 0)
            return r;
    }
    i = 0;
    VALUE_EACH_ITEM (sidecar, value_get(spec, "sidecars")) {
        make_sidecar(m, sidecar, i, init);
        mount_workspaces(m, sidecar, &init->items[init->n - 1]);
        i++;
    }
    for (i = 0; i < value_count(containers); i++) {
        mount_workspaces(m, value_item(steps, i), &containers->items[i]);
        mount_tekton(m, &containers->items[i], i);
        order_mounts(&containers->items[i]);
    }
    if (!m->in->entrypoint_dir)
        (void)value_insert(a, init, 0, prepare_container(m));
    if (m->script_bytes > POD_SCRIPTS_MAX)
        return err_set(e, ERR_INVALID, "the steps' scripts have %zu bytes; a pod can hold %d",
                       m->script_bytes, POD_SCRIPTS_MAX);
    return 0;
}
