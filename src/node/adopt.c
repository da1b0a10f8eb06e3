#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "node/probe.h"
#include "node/worker_int.h"

/* ---- from the status in the API ---- */

static const struct value *old_status(const struct worker *w, const struct slot *s)
{
    const struct value *st = value_get(w->pod->root, "status");
    const char *list = s->def->init ? "initContainerStatuses" : "containerStatuses";
    VALUE_EACH_ITEM (c, value_get(st, list))
        if (strcmp(value_at_str(c, "name", ""), s->name) == 0)
            return c;
    return NULL;
}

static int64_t time_of(const struct value *o, const char *key)
{
    int64_t ns;
    const char *text = value_at_str(o, key, NULL);
    return text && clock_parse_rfc3339(text, &ns, NULL) == 0 ? ns / 1000000 : 0;
}

static void read_ended(const struct value *t, struct ended *out)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const char *uri = value_at_str(t, "containerID", "");
    const char *id = strstr(uri, "://");
    struct ended e = {
        .set = true,
        .code = (int)value_at_int(t, "exitCode", 0),
        .signal = (int)value_at_int(t, "signal", 0),
        .started_ms = time_of(t, "startedAt"),
        .finished_ms = time_of(t, "finishedAt"),
        .reason = arena_strdup(a, value_at_str(t, "reason", "Error")),
        .message = arena_strdup(a, value_at_str(t, "message", "")),
        .id = arena_strdup(a, id ? id + 3 : uri),
    };
    ended__set(out, &e);
}

/* The one before the newest container, as far as the API remembers it. */
static void recall_last(struct slot *s, const struct value *old)
{
    const struct value *now = value_at(old, "state.terminated");
    const struct value *last = value_at(old, "lastState.terminated");
    const struct value *t = now ? now : last;
    if (t && s->id && strstr(value_at_str(t, "containerID", ""), s->id))
        t = t == now ? last : NULL;
    if (t)
        read_ended(t, &s->last);
}

/* Only the API remembers it: its record went with the machine's disk or the pod's end. */
static void recall_all(struct worker *w, struct slot *s, const struct value *old)
{
    const char *uri = value_at_str(old, "containerID", "");
    const char *id = strstr(uri, "://");
    if (!id)
        return;
    s->attempt = s->restarts = (int)value_at_int(old, "restartCount", 0);
    slot__set(&s->id, id + 3);
    slot__set(&s->image, value_at_str(old, "image", NULL));
    slot__set(&s->image_id, value_at_str(old, "imageID", NULL));
    const struct value *t = value_at(old, "state.terminated");
    if (!t)
        t = value_at(old, "lastState.terminated");
    s->life = LIFE_ENDED;
    if (t) {
        read_ended(t, &s->end);
        return;
    }
    struct container_end end = {
        .code = 137, .signal = 9, .lost = true, .finished_ms = worker__now(w)};
    slot__end(w, s, &end);
}

/* ---- from what the runtime has ---- */

static const char *note_of(const struct container_info *c, const char *key)
{
    size_t n = strlen(key);
    for (const char *const *p = c->notes; *p; p++)
        if (strncmp(*p, key, n) == 0 && (*p)[n] == '=')
            return *p + n + 1;
    return "";
}

/* The attempt of a container of this slot, -1 for one of another. */
static int attempt_of(const struct worker *w, const struct slot *s, const char *id)
{
    size_t u = strlen(w->uid), n = strlen(s->name);
    if (strncmp(id, w->uid, u) != 0 || id[u] != '_' || strncmp(id + u + 1, s->name, n) != 0 ||
        id[u + 1 + n] != '_')
        return -1;
    return (int)strtol(id + u + n + 2, NULL, 10);
}

static void take_running(struct worker *w, struct slot *s, const struct value *old)
{
    bool was_started = value_at_bool(old, "started", false);
    bool was_ready = value_at_bool(old, "ready", false);
    s->life = LIFE_RUNNING;
    s->hook_done = true; /* whether it ran is not known: it is not run twice */
    for (int k = 0; k < PROBE_KINDS; k++) {
        const struct probe_def *d = &s->def->probes[k];
        probe__begin(&s->probe[k], d, worker__now(w) - d->initial_delay_ms);
        bool was = k == PROBE_STARTUP ? was_started : k == PROBE_READINESS ? was_ready : false;
        s->probe[k].known = s->probe[k].ok = was;
    }
}

static void adopt_slot(struct worker *w, struct slot *s, const struct container_info *list,
                       size_t n)
{
    const struct value *old = old_status(w, s);
    const struct container_info *newest = NULL;
    for (size_t i = 0; i < n; i++) {
        int attempt = attempt_of(w, s, list[i].id);
        if (attempt > s->attempt) {
            s->attempt = attempt;
            newest = &list[i];
        }
    }
    if (!newest) {
        recall_all(w, s, old);
        return;
    }
    s->restarts = s->attempt;
    slot__set(&s->id, newest->id);
    slot__set(&s->image, note_of(newest, "image"));
    slot__set(&s->image_id, note_of(newest, "image_id"));
    const char *wanted = note_of(newest, "wanted");
    slot__set(&s->wanted_image, *wanted ? wanted : NULL);
    s->started_ms = newest->started_ms;
    w->n->images->ops->hold(w->n->images, note_of(newest, "hold"), newest->id);
    recall_last(s, old);
    if (newest->running)
        take_running(w, s, old);
    else
        slot__end(w, s, &newest->end);
}

void worker__adopt(struct worker *w)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const struct value *status = value_get(w->pod->root, "status");
    const char *phase = value_at_str(status, "phase", "");
    struct container_info *list;
    size_t n;
    runtime_list(w->n->runtime, a, &list, &n);
    w->started_ms = time_of(status, "startTime");
    if (!w->started_ms)
        w->started_ms = worker__now(w);
    w->over = w->frozen = strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0;
    for (size_t i = 0; i < w->def->n; i++)
        adopt_slot(w, &w->slots[i], list, n);
    if (w->over || w->def->deleting)
        w->sandbox_up = access(place__pod(w->n, a, w->uid, NULL), F_OK) == 0;
}
