#include <string.h>

#include "api/conditions.h"
#include "base/clock.h"
#include "node/node_int.h"

/* ---- containers ---- */

bool slot__started(const struct slot *s)
{
    return s->life == LIFE_RUNNING && s->hook_done &&
           (s->def->probes[PROBE_STARTUP].handler.kind == HANDLER_NONE ||
            s->probe[PROBE_STARTUP].ok);
}

bool slot__ready(const struct slot *s)
{
    if (s->def->init && !s->def->sidecar)
        return s->life == LIFE_ENDED && s->end.code == 0;
    return slot__started(s) && (s->def->probes[PROBE_READINESS].handler.kind == HANDLER_NONE ||
                                s->probe[PROBE_READINESS].ok);
}

static void set_time(struct arena *a, struct value *o, const char *key, int64_t ms)
{
    char text[CLOCK_TEXT_MAX];
    clock_format_rfc3339(ms, text);
    if (ms > 0)
        (void)value_set_str(a, o, key, text);
    else
        (void)value_set(a, o, key, value_null(a));
}

static const char *container_uri(struct arena *a, const char *id)
{
    return arena_printf(a, "slipway://%s", id);
}

static struct value *terminated(const struct ended *t, struct arena *a)
{
    struct value *state = value_new_object(a);
    struct value *o = value_make_object(a, state, "terminated");
    (void)value_set_int(a, o, "exitCode", t->code);
    if (t->signal)
        (void)value_set_int(a, o, "signal", t->signal);
    (void)value_set_str(a, o, "reason", t->reason ? t->reason : "Error");
    if (t->message && *t->message)
        (void)value_set_str(a, o, "message", t->message);
    set_time(a, o, "startedAt", t->started_ms);
    set_time(a, o, "finishedAt", t->finished_ms);
    if (t->id)
        (void)value_set_str(a, o, "containerID", container_uri(a, t->id));
    return state;
}

static const char *default_waiting(const struct status_view *v, const struct slot *s)
{
    if (s->def->init)
        return "PodInitializing";
    return v->def->n_init ? "PodInitializing" : "ContainerCreating";
}

static void set_states(const struct status_view *v, const struct slot *s, struct arena *a,
                       struct value *c)
{
    bool ended = s->life == LIFE_ENDED;
    const struct ended *last = ended && s->waiting ? &s->end : &s->last;
    struct value *state;
    if (s->life == LIFE_RUNNING) {
        state = value_new_object(a);
        set_time(a, value_make_object(a, state, "running"), "startedAt", s->started_ms);
    } else if (ended && !s->waiting) {
        state = terminated(&s->end, a);
    } else {
        state = value_new_object(a);
        struct value *w = value_make_object(a, state, "waiting");
        (void)value_set_str(a, w, "reason", s->waiting ? s->waiting : default_waiting(v, s));
        if (s->waiting_message && *s->waiting_message)
            (void)value_set_str(a, w, "message", s->waiting_message);
    }
    (void)value_set(a, c, "state", state);
    (void)value_set(a, c, "lastState", last->set ? terminated(last, a) : value_new_object(a));
}

static void set_volume_mounts(const struct slot *s, struct arena *a, struct value *c)
{
    VALUE_EACH_ITEM (m, value_get(s->def->v, "volumeMounts")) {
        struct value *o =
            value_push(a, value_make_array(a, c, "volumeMounts"), value_new_object(a));
        (void)value_set_str(a, o, "name", value_at_str(m, "name", ""));
        (void)value_set_str(a, o, "mountPath", value_at_str(m, "mountPath", ""));
        if (!value_at_bool(m, "readOnly", false))
            continue;
        (void)value_set_bool(a, o, "readOnly", true);
        (void)value_set_str(a, o, "recursiveReadOnly", "Disabled");
    }
}

static void set_resources(const struct slot *s, struct arena *a, struct value *c)
{
    const struct value *res = value_get(s->def->v, "resources");
    if (s->life != LIFE_RUNNING || !value_count(res))
        return;
    if (value_count(value_get(res, "requests")))
        (void)value_set(a, c, "allocatedResources", value_get(res, "requests"));
    (void)value_set(a, c, "resources", res);
}

static struct value *container_status(const struct status_view *v, const struct slot *s,
                                      struct arena *a)
{
    struct value *c = value_new_object(a);
    (void)value_set_str(a, c, "name", s->name);
    set_states(v, s, a, c);
    (void)value_set_bool(a, c, "ready", slot__ready(s));
    (void)value_set_int(a, c, "restartCount", s->restarts);
    (void)value_set_str(a, c, "image", s->image ? s->image : s->def->image);
    (void)value_set_str(a, c, "imageID", s->image_id ? s->image_id : "");
    if (s->id)
        (void)value_set_str(a, c, "containerID", container_uri(a, s->id));
    (void)value_set_bool(a, c, "started", slot__started(s));
    set_resources(s, a, c);
    set_volume_mounts(s, a, c);
    return c;
}

/* ---- phase ---- */

static bool any_running(const struct status_view *v)
{
    for (size_t i = 0; i < v->def->n; i++)
        if (v->slots[i].life == LIFE_RUNNING || v->slots[i].starting)
            return true;
    return false;
}

/* What the init containers say: NULL when the main ones decide. */
static const char *init_phase(const struct status_view *v)
{
    bool pending = false;
    for (size_t i = 0; i < v->def->n_init; i++) {
        const struct slot *s = &v->slots[i];
        if (s->def->sidecar) {
            pending |= !slot__started(s);
            continue;
        }
        bool failed = s->life == LIFE_ENDED && s->end.code != 0;
        if (failed && v->def->restart == RESTART_NEVER && !any_running(v))
            return "Failed";
        pending |= s->life != LIFE_ENDED || failed;
    }
    for (size_t i = v->def->n_init; i < v->def->n; i++)
        if (v->slots[i].attempt >= 0)
            return NULL;
    return pending ? "Pending" : NULL;
}

const char *status__phase(const struct status_view *v)
{
    size_t running = 0, waiting = 0, stopped = 0, good = 0, n = v->def->n - v->def->n_init;
    if (v->fail_reason)
        return any_running(v) ? value_at_str(v->old, "phase", "Running") : "Failed";
    const char *phase = init_phase(v);
    if (phase)
        return phase;
    for (size_t i = v->def->n_init; i < v->def->n; i++) {
        const struct slot *s = &v->slots[i];
        running += s->life == LIFE_RUNNING;
        waiting += s->life == LIFE_NONE;
        stopped += s->life == LIFE_ENDED;
        good += s->life == LIFE_ENDED && s->end.code == 0;
    }
    if (waiting)
        return "Pending";
    if (running || !stopped)
        return "Running";
    if (!v->def->deleting && v->def->restart == RESTART_ALWAYS)
        return "Running";
    if (!v->def->deleting && v->def->restart == RESTART_ON_FAILURE && good < n)
        return "Running";
    if (any_running(v)) /* sidecars first have to go */
        return "Running";
    return good == n ? "Succeeded" : "Failed";
}

/* ---- conditions ---- */

/* "[a b]": the containers that are not as they should be; "" when all are. */
static const char *lagging(const struct status_view *v, bool init, struct arena *a)
{
    AUTO_BUF struct buf b;
    buf_init(&b, 1 << 16);
    for (size_t i = 0; i < v->def->n; i++) {
        const struct slot *s = &v->slots[i];
        bool counts = init ? s->def->init : !s->def->init || s->def->sidecar;
        bool fine = !init || !s->def->sidecar ? slot__ready(s) : slot__started(s);
        if (counts && !fine)
            buf_printf(&b, "%s%s", b.len ? " " : "[", s->name);
    }
    if (b.len)
        buf_putc(&b, ']');
    return arena_strdup(a, buf_text(&b));
}

static void put_condition(const struct status_view *v, struct arena *a, struct value *list,
                          const char *type, bool ok, const char *reason, const char *message)
{
    char now[CLOCK_TEXT_MAX];
    clock_format_rfc3339(v->now_ms, now);
    const char *want = ok ? "True" : "False";
    struct value *c = value_push(a, list, value_new_object(a));
    (void)value_set_str(a, c, "type", type);
    (void)value_set_str(a, c, "status", want);
    (void)value_set(a, c, "lastProbeTime", value_null(a));
    const struct value *old = NULL;
    VALUE_EACH_ITEM (o, value_get(v->old, "conditions"))
        if (strcmp(value_at_str(o, "type", ""), type) == 0)
            old = o;
    bool same = strcmp(value_at_str(old, "status", ""), want) == 0;
    (void)value_set_str(a, c, "lastTransitionTime",
                        same ? value_at_str(old, "lastTransitionTime", now) : now);
    if (reason)
        (void)value_set_str(a, c, "reason", reason);
    if (message)
        (void)value_set_str(a, c, "message", message);
}

static const char *gates_missing(const struct status_view *v, struct arena *a)
{
    VALUE_EACH_ITEM (g, value_get(v->def->spec, "readinessGates")) {
        const char *type = value_at_str(g, "conditionType", "");
        bool ok = false;
        VALUE_EACH_ITEM (c, value_get(v->old, "conditions"))
            ok |= strcmp(value_at_str(c, "type", ""), type) == 0 &&
                  strcmp(value_at_str(c, "status", ""), "True") == 0;
        if (!ok)
            return arena_printf(
                a, "corresponding condition of pod readiness gate \"%s\" does not exist.", type);
    }
    return NULL;
}

static void keep_foreign(const struct status_view *v, struct arena *a, struct value *list)
{
    static const char *const ours[] = {"PodReadyToStartContainers", "Initialized", "Ready",
                                       "ContainersReady", "PodScheduled"};
    VALUE_EACH_ITEM (c, value_get(v->old, "conditions")) {
        bool mine = false;
        for (size_t i = 0; i < ARRAY_LEN(ours); i++)
            mine |= strcmp(value_at_str(c, "type", ""), ours[i]) == 0;
        if (!mine)
            (void)value_push(a, list, c);
    }
}

static void set_conditions(const struct status_view *v, const char *phase, struct arena *a,
                           struct value *status)
{
    struct value *list = value_make_array(a, status, "conditions");
    bool good = strcmp(phase, "Succeeded") == 0, bad = strcmp(phase, "Failed") == 0;
    const char *done = good ? "PodCompleted" : bad ? "PodFailed" : NULL;
    const char *init = lagging(v, true, a), *unready = lagging(v, false, a);
    bool mains_were = false;
    for (size_t i = v->def->n_init; i < v->def->n; i++)
        mains_were |= v->slots[i].attempt >= 0;
    bool initialized = !*init || good || mains_were;
    put_condition(v, a, list, "PodReadyToStartContainers", v->sandbox != NULL, NULL, NULL);
    put_condition(v, a, list, "Initialized", initialized,
                  initialized ? (good ? done : NULL) : "ContainersNotInitialized",
                  initialized ? NULL
                              : arena_printf(a, "containers with incomplete status: %s", init));
    bool ready = !*unready && !done;
    const char *why = done ? done : ready ? NULL : "ContainersNotReady";
    const char *text =
        done || ready ? NULL : arena_printf(a, "containers with unready status: %s", unready);
    const char *gate = ready ? gates_missing(v, a) : NULL;
    put_condition(v, a, list, "Ready", ready && !gate, gate ? "ReadinessGatesNotReady" : why,
                  gate ? gate : text);
    put_condition(v, a, list, "ContainersReady", ready, why, text);
    put_condition(v, a, list, "PodScheduled", true, NULL, NULL);
    keep_foreign(v, a, list);
}

/* ---- all of it ---- */

static void set_addresses(const struct status_view *v, struct arena *a, struct value *status)
{
    (void)value_set_str(a, status, "hostIP", v->n->address);
    struct value *hosts = value_make_array(a, status, "hostIPs");
    (void)value_set_str(a, value_push(a, hosts, value_new_object(a)), "ip", v->n->address);
    const char *ip =
        v->sandbox && *v->sandbox->ip ? v->sandbox->ip : value_at_str(v->old, "podIP", "");
    if (!*ip)
        return;
    (void)value_set_str(a, status, "podIP", ip);
    struct value *ips = value_make_array(a, status, "podIPs");
    (void)value_set_str(a, value_push(a, ips, value_new_object(a)), "ip", ip);
}

struct value *status__build(const struct status_view *v, struct arena *a)
{
    struct value *status = value_new_object(a);
    const char *phase = status__phase(v);
    (void)value_set_str(a, status, "phase", phase);
    set_conditions(v, phase, a, status);
    if (v->fail_reason) {
        (void)value_set_str(a, status, "reason", v->fail_reason);
        (void)value_set_str(a, status, "message", v->fail_message);
    }
    set_addresses(v, a, status);
    char now[CLOCK_TEXT_MAX];
    clock_format_rfc3339(v->now_ms, now);
    (void)value_set_str(a, status, "startTime", value_at_str(v->old, "startTime", now));
    const char *nominated = value_at_str(v->old, "nominatedNodeName", NULL);
    if (nominated)
        (void)value_set_str(a, status, "nominatedNodeName", nominated);
    for (size_t i = 0; i < v->def->n; i++) {
        struct value *list = value_make_array(
            a, status, i < v->def->n_init ? "initContainerStatuses" : "containerStatuses");
        (void)value_push(a, list, container_status(v, &v->slots[i], a));
    }
    (void)value_set_str(a, status, "qosClass", pod_qos(v->def->spec));
    return status;
}
