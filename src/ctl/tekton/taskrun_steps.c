/* taskrun_steps.c - reading container statuses and the entrypoint's messages. */
#include "ctl/tekton/taskrun_steps.h"

#include "base/buf.h"
#include "base/own.h"
#include "codec/json.h"
#include "ctl/tekton/params.h"

/* The kinds of entries in a termination message, as the entrypoint writes them. */
enum {
    ENTRY_TASK_RESULT = 1,
    ENTRY_INTERNAL = 3,
    ENTRY_STEP_RESULT = 4,
    ENTRY_STEP_ARTIFACTS = 5,
    ENTRY_TASK_ARTIFACTS = 6
};

static bool is_step(const struct value *c)
{
    return strncmp(value_at_str(c, "name", ""), "step-", 5) == 0;
}

static bool is_sidecar(const struct value *c)
{
    return strncmp(value_at_str(c, "name", ""), "sidecar-", 8) == 0;
}

static const struct value *terminated(const struct value *c)
{
    return value_at(c, "state.terminated");
}

static bool oom_killed(const struct value *c)
{
    return strcmp(value_at_str(terminated(c), "reason", ""), "OOMKilled") == 0;
}

static const struct value *message_entries(const struct value *container, struct arena *a)
{
    const char *text = value_at_str(terminated(container), "message", "");
    struct value *entries;
    if (*text != '[' || json_parse(a, text, strlen(text), 0, &entries, NULL) < 0)
        return NULL;
    return entries;
}

static const char *internal_entry(const struct value *entries, const char *key)
{
    VALUE_EACH_ITEM (x, entries)
        if (value_at_int(x, "type", 0) == ENTRY_INTERNAL &&
            strcmp(value_at_str(x, "key", ""), key) == 0)
            return value_at_str(x, "value", "");
    return NULL;
}

/* ---- verdict ---- */

bool taskrun_steps_complete(const struct value *pod)
{
    const char *phase = value_at_str(pod, "status.phase", "");
    if (strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0)
        return true;
    const struct value *list = value_at(pod, "status.containerStatuses");
    if (strcmp(phase, "Running") != 0 || value_count(list) == 0)
        return false;
    size_t ended = 0, wanted = 0;
    VALUE_EACH_ITEM (c, value_at(pod, "spec.containers"))
        wanted += is_step(c);
    VALUE_EACH_ITEM (c, list) {
        if (is_step(c) && oom_killed(c))
            return true;
        ended += is_step(c) && terminated(c);
    }
    return ended >= wanted;
}

bool taskrun_steps_failed(const struct value *pod)
{
    if (strcmp(value_at_str(pod, "status.phase", ""), "Failed") == 0)
        return true;
    VALUE_EACH_ITEM (c, value_at(pod, "status.containerStatuses"))
        if (is_step(c) && (value_at_int(terminated(c), "exitCode", 0) != 0 || oom_killed(c)))
            return true;
    return false;
}

/* The first container of a list that ended badly in the way asked for. */
static const struct value *culprit(const struct value *list, bool (*kind)(const struct value *),
                                   bool invert, bool oom)
{
    VALUE_EACH_ITEM (c, list) {
        bool bad = oom ? oom_killed(c) : value_at_int(terminated(c), "exitCode", 0) != 0;
        if (terminated(c) && kind(c) != invert && bad)
            return c;
    }
    return NULL;
}

static const char *container_message(const struct value *c, struct arena *a)
{
    const struct value *t = terminated(c);
    const char *name = value_at_str(c, "name", ""), *why = value_at_str(t, "reason", "");
    const char *internal = internal_entry(message_entries(c, a), "Reason");
    if (internal && strcmp(internal, "TimeoutExceeded") == 0)
        return arena_printf(
            a, "\"%s\" exited because the step exceeded the specified timeout limit", name);
    long long code = value_at_int(t, "exitCode", 0);
    if (code == 0)
        return NULL;
    return *why ? arena_printf(a, "\"%s\" exited with code %lld: %s", name, code, why)
                : arena_printf(a, "\"%s\" exited with code %lld", name, code);
}

void taskrun_steps_failure(const struct value *pod, struct arena *a, const char **reason,
                           const char **message)
{
    const struct value *init = value_at(pod, "status.initContainerStatuses");
    const struct value *main = value_at(pod, "status.containerStatuses");
    const struct {
        const struct value *list;
        bool (*kind)(const struct value *);
        bool invert, oom;
        const char *reason;
    } table[] = {
        {init, is_sidecar, false, true,  "SidecarOOM"         },
        {init, is_sidecar, true,  true,  "InitContainerOOM"   },
        {main, is_sidecar, false, true,  "SidecarOOM"         },
        {main, is_step,    false, true,  "StepOOM"            },
        {main, is_step,    false, false, "StepFailed"         },
        {init, is_sidecar, true,  false, "InitContainerFailed"},
        {init, is_sidecar, false, false, "SidecarFailed"      },
        {main, is_sidecar, false, false, "SidecarFailed"      },
    };
    const char *said = value_at_str(pod, "status.message", "");
    *reason = "Failed";
    *message = *said ? said : "build failed for unspecified reasons.";
    if (strcmp(value_at_str(pod, "status.reason", ""), "Evicted") == 0) {
        *reason = "PodEvicted";
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        const struct value *c =
            culprit(table[i].list, table[i].kind, table[i].invert, table[i].oom);
        const char *text = c ? container_message(c, a) : NULL;
        if (!c)
            continue;
        *reason = table[i].reason;
        if (text)
            *message =
                table[i].list == init ? arena_printf(a, "init container failed, %s", text) : text;
        else if (table[i].oom)
            *message = "OOMKilled";
        return;
    }
}

/* ---- steps ---- */

/* A result's value in its declared type. */
static const struct value *typed_value(const struct value *decl, const char *text,
                                       const char **type, struct arena *a)
{
    *type = value_at_str(decl, "type", value_get(decl, "properties") ? "object" : "string");
    struct value *v;
    bool array = strcmp(*type, "array") == 0, object = strcmp(*type, "object") == 0;
    if ((array || object || !decl) && (*text == '[' || *text == '{') &&
        json_parse(a, text, strlen(text), 0, &v, NULL) == 0 &&
        (value_is(v, VALUE_ARRAY) || value_is(v, VALUE_OBJECT))) {
        if (!decl)
            *type = value_is(v, VALUE_ARRAY) ? "array" : "object";
        return param_value(v, a);
    }
    return value_new_str(a, text);
}

static void put_result(struct value *list, const struct value *decl, const char *name,
                       const struct value *v, const char *type, struct arena *a)
{
    (void)decl;
    struct value *r = value_new_object(a);
    (void)value_set_str(a, r, "name", name);
    (void)value_set_str(a, r, "type", type);
    (void)value_set(a, r, "value", v);
    for (size_t i = 0; i < value_count(list); i++)
        if (strcmp(value_at_str(&list->items[i], "name", ""), name) == 0) {
            list->items[i] = *r; /* a later step writes over an earlier one */
            return;
        }
    (void)value_push(a, list, r);
}

/* The step's own declaration in the spec, by container name. */
static const struct value *step_decl(const struct value *spec, const char *container,
                                     struct arena *a)
{
    size_t i = 0;
    VALUE_EACH_ITEM (s, value_get(spec, "steps")) {
        const char *name = value_at_str(s, "name", "");
        if (!*name)
            name = arena_printf(a, "unnamed-%zu", i);
        if (strcmp(name, container + 5) == 0)
            return s;
        i++;
    }
    return NULL;
}

static void add_artifacts(struct value *into, const char *text, struct arena *a)
{
    struct value *v;
    if (json_parse(a, text, strlen(text), 0, &v, NULL) < 0)
        return;
    static const char *const sides[] = {"inputs", "outputs"};
    for (size_t i = 0; i < ARRAY_LEN(sides); i++)
        if (value_count(value_get(v, sides[i])))
            (void)value_set(a, into, sides[i], value_get(v, sides[i]));
}

/* Sorts the entries of one step's message to where they belong. */
static void take_entries(const struct value *entries, const struct value *spec,
                         const struct value *decl, struct value *step, struct value *status,
                         struct arena *a)
{
    VALUE_EACH_ITEM (x, entries) {
        const char *key = value_at_str(x, "key", ""), *text = value_at_str(x, "value", "");
        const char *type;
        const struct value *d, *v;
        switch (value_at_int(x, "type", 0)) {
        case ENTRY_TASK_RESULT:
            if (!(d = named(value_get(spec, "results"), key)))
                break;
            v = typed_value(d, text, &type, a);
            put_result(value_make_array(a, status, "results"), d, key, v, type, a);
            break;
        case ENTRY_STEP_RESULT:
            if (!(d = named(value_get(decl, "results"), key)))
                break;
            v = typed_value(d, text, &type, a);
            put_result(value_make_array(a, step, "results"), d, key, v, type, a);
            break;
        case ENTRY_STEP_ARTIFACTS:
            add_artifacts(step, text, a);
            break;
        case ENTRY_TASK_ARTIFACTS:
            add_artifacts(value_make_object(a, status, "artifacts"), text, a);
            break;
        default:
            break;
        }
    }
}

/* What of a message is worth keeping: the results. */
static const char *kept_message(const struct value *entries, struct arena *a)
{
    struct value *kept = value_new_array(a);
    VALUE_EACH_ITEM (x, entries)
        if (value_at_int(x, "type", 0) == ENTRY_TASK_RESULT)
            (void)value_push(a, kept, x);
    return value_count(kept) ? json_text(a, kept, JSON_NO_HTML) : NULL;
}

static void ended_step(const struct value *container, const struct value *entries,
                       struct value *step, struct arena *a)
{
    struct value *t = value_copy(a, terminated(container));
    const char *began = internal_entry(entries, "StartedAt");
    const char *code = internal_entry(entries, "ExitCode");
    const char *why = internal_entry(entries, "Reason");
    if (began) {
        char text[40];
        size_t n = strcspn(began, ".");
        (void)snprintf(text, sizeof text, "%.*sZ", (int)(n > 30 ? 30 : n), began);
        (void)value_set_str(a, t, "startedAt", strchr(began, '.') ? text : began);
    }
    if (code)
        (void)value_set_int(a, t, "exitCode", strtol(code, NULL, 10));
    if (entries) {
        (void)value_remove(t, "message");
        const char *kept = kept_message(entries, a);
        if (kept)
            (void)value_set_str(a, t, "message", kept);
    }
    (void)value_set(a, step, "terminated", t);
    (void)value_set_str(a, step, "terminationReason",
                        why    ? why
                        : code ? "Continued"
                               : value_at_str(t, "reason", ""));
}

static struct value *make_state(const struct value *container, size_t prefix, struct arena *a)
{
    const char *name = value_at_str(container, "name", "");
    struct value *s = value_new_object(a);
    (void)value_set_str(a, s, "container", name);
    (void)value_set_str(a, s, "imageID", value_at_str(container, "imageID", ""));
    (void)value_set_str(a, s, "name", name + prefix);
    return s;
}

static void copy_state(const struct value *container, struct value *s, struct arena *a)
{
    static const char *const states[] = {"running", "waiting"};
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        const struct value *v = value_get(value_get(container, "state"), states[i]);
        if (v)
            (void)value_set(a, s, states[i], v);
    }
}

static const struct value *container_status(const struct value *pod, const char *list,
                                            const char *name)
{
    return named(value_at(pod, list), name);
}

static void fill_sidecars(const struct value *pod, struct value *status, struct arena *a)
{
    struct value *out = value_new_array(a);
    static const char *const lists[][2] = {
        {"spec.initContainers", "status.initContainerStatuses"},
        {"spec.containers",     "status.containerStatuses"    }
    };
    for (size_t l = 0; l < ARRAY_LEN(lists); l++) {
        VALUE_EACH_ITEM (c, value_at(pod, lists[l][0])) {
            const struct value *now =
                container_status(pod, lists[l][1], value_at_str(c, "name", ""));
            if (!is_sidecar(c) || !now)
                continue;
            struct value *s = make_state(now, 8, a);
            copy_state(now, s, a);
            if (terminated(now))
                (void)value_set(a, s, "terminated", terminated(now));
            (void)value_push(a, out, s);
        }
    }
    if (value_count(out))
        (void)value_set(a, status, "sidecars", out);
}

/* Results whose value is taken from a step's. */
static void derived_results(const struct value *spec, struct value *status, struct arena *a)
{
    struct scope *s = scope_new(a);
    VALUE_EACH_ITEM (step, value_get(status, "steps"))
        VALUE_EACH_ITEM (r, value_get(step, "results"))
            scope_put(s, value_get(r, "value"), "steps.%s.results.%s",
                      value_at_str(step, "name", ""), value_at_str(r, "name", ""));
    VALUE_EACH_ITEM (d, value_get(spec, "results")) {
        const struct value *from = value_get(d, "value");
        if (!from)
            continue;
        const struct value *v = subst_tree(s, from, SUBST_WHOLE);
        /* $(steps.s.results.r) of an array means all of it */
        if (value_is(v, VALUE_STRING) && strncmp(v->text, "$(steps.", 8) == 0) {
            const char *n = arena_strndup(a, v->text + 2, v->n > 3 ? v->n - 3 : 0);
            const struct value *all = map_get(&s->vars, n);
            if (!all)
                continue;
            v = all;
        }
        const char *type = value_is(v, VALUE_ARRAY)    ? "array"
                           : value_is(v, VALUE_OBJECT) ? "object"
                                                       : "string";
        put_result(value_make_array(a, status, "results"), d, value_at_str(d, "name", ""), v, type,
                   a);
    }
}

void taskrun_steps_status(const struct value *run, const struct value *pod, struct value *status,
                          struct arena *a)
{
    const struct value *spec = value_get(status, "taskSpec");
    if (!spec)
        spec = value_at(run, "spec.taskSpec");
    (void)value_set(a, status, "steps", value_new_array(a));
    (void)value_remove(status, "results");
    VALUE_EACH_ITEM (c, value_at(pod, "spec.containers")) {
        const char *name = value_at_str(c, "name", "");
        const struct value *now = container_status(pod, "status.containerStatuses", name);
        if (!is_step(c) || !now)
            continue;
        struct value *step = make_state(now, 5, a);
        copy_state(now, step, a);
        if (terminated(now)) {
            const struct value *entries = message_entries(now, a);
            ended_step(now, entries, step, a);
            take_entries(entries, spec, step_decl(spec, name, a), step, status, a);
        }
        (void)value_push(a, value_make_array(a, status, "steps"), step);
    }
    derived_results(spec, status, a);
    fill_sidecars(pod, status, a);
}

/* ---- judging results ---- */

const char *taskrun_results_problem(const struct value *status, struct arena *a)
{
    const char *types = "", *keys = "";
    VALUE_EACH_ITEM (r, value_get(status, "results")) {
        const char *name = value_at_str(r, "name", "");
        const struct value *d = named(value_at(status, "taskSpec.results"), name);
        const struct value *v = value_get(r, "value");
        const char *want =
            value_at_str(d, "type", value_get(d, "properties") ? "object" : "string");
        const char *got = value_is(v, VALUE_ARRAY)    ? "array"
                          : value_is(v, VALUE_OBJECT) ? "object"
                                                      : "string";
        if (strcmp(want, got) != 0)
            types = arena_printf(a,
                                 "%s%s \"%s\": task result is expected to be \"%s\" type but was "
                                 "initialized to a different type \"%s\"",
                                 types, *types ? "," : "", name, want, got);
        const char *missing = "";
        VALUE_EACH_MEMBER (p, value_get(d, "properties"))
            if (value_is(v, VALUE_OBJECT) && !value_get(v, p->key))
                missing = arena_printf(a, "%s%s%s", missing, *missing ? " " : "", p->key);
        if (*missing)
            keys = arena_printf(a, "%s%s%s:[%s]", keys, *keys ? " " : "", name, missing);
    }
    if (*types)
        return arena_printf(a,
                            "Provided results don't match declared results; may be invalid "
                            "JSON or missing result declaration: %s",
                            types);
    if (*keys)
        return arena_printf(a,
                            "missing keys for these results which are required in "
                            "TaskResult's properties map[%s]",
                            keys);
    return NULL;
}
