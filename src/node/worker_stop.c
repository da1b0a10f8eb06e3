#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/thread.h"
#include "node/worker_int.h"

enum { LEAST_GRACE_MS = 2000, KILL_AGAIN_MS = 5000 };

/* The image's STOPSIGNAL: a number, or a name with or without SIG. */
static int stop_signal(struct node *n, const char *id)
{
    static const struct {
        const char *name;
        int number;
    } names[] = {
        {"HUP",   SIGHUP  },
        {"INT",   SIGINT  },
        {"QUIT",  SIGQUIT },
        {"KILL",  SIGKILL },
        {"USR1",  SIGUSR1 },
        {"USR2",  SIGUSR2 },
        {"WINCH", SIGWINCH},
        {"TERM",  SIGTERM }
    };
    AUTO(arena) struct arena *a = arena_new(0);
    struct container_info info;
    if (runtime_get(n->runtime, id, a, &info, NULL) < 0)
        return SIGTERM;
    for (const char *const *note = info.notes; *note; note++) {
        if (strncmp(*note, "stop=", 5) != 0)
            continue;
        const char *s = *note + 5;
        int number = (int)strtol(s, NULL, 10);
        if (strncmp(s, "SIGRTMIN+", 9) == 0)
            return SIGRTMIN + (int)strtol(s + 9, NULL, 10);
        if (strncmp(s, "SIG", 3) == 0)
            s += 3;
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
            if (strcmp(s, names[i].name) == 0)
                return names[i].number;
        return number > 0 && number < 65 ? number : SIGTERM;
    }
    return SIGTERM;
}

static bool runs(struct worker *w, const char *id)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct container_info info;
    return runtime_get(w->n->runtime, id, a, &info, NULL) == 0 && info.running;
}

/* Waits for its end, at most until by_ms; sooner when the pod's own end is brought forward, or
 * when the agent itself ends: the next one goes on. */
static void wait_for_end(struct worker *w, const char *id, int64_t by_ms)
{
    LOCK_SCOPE(&w->lock);
    for (;;) {
        if (!runs(w, id) || atomic_load(&w->n->stopping))
            return;
        int64_t by = w->stop_by_ms && w->stop_by_ms < by_ms ? w->stop_by_ms : by_ms;
        int64_t left = by - worker__now(w);
        if (left <= 0)
            return;
        (void)cond_wait_ms(&w->changed, &w->lock, left);
    }
}

static void tell(struct job *j, const char *name)
{
    struct worker *w = j->w;
    if (j->reason == STOP_UNHEALTHY)
        event__pod(w->n, j->pod, name, false, "Killing",
                   "Container %s failed %s probe, will be restarted", name,
                   j->probe == PROBE_STARTUP ? "startup" : "liveness");
    else if (j->reason == STOP_CHANGED)
        event__pod(w->n, j->pod, name, false, "Killing",
                   "Container %s definition changed, will be restarted", name);
    else
        event__pod(w->n, j->pod, name, false, "Killing", "Stopping container %s", name);
}

static void run_stop(struct job *j)
{
    struct worker *w = j->w;
    AUTO(arena) struct arena *a = arena_new(0);
    const struct pod_def *d = pod_def_read(j->pod, a);
    const struct container_def *c = &d->c[j->slot];
    int64_t by = worker__now(w) + j->grace_ms;
    struct err e = {0};
    char text[512];
    tell(j, c->name);
    if (c->pre_stop.kind != HANDLER_NONE && j->grace_ms > 0) {
        struct handler_ctx ctx = {
            .n = w->n, .container_id = j->id, .s = &j->sandbox, .timeout_ms = j->grace_ms};
        if (handler__run(&ctx, &c->pre_stop, text, sizeof text) != HANDLER_OK)
            event__pod(w->n, j->pod, c->name, true, "FailedPreStopHook", "PreStopHook failed: %s",
                       text);
        int64_t least = worker__now(w) + LEAST_GRACE_MS;
        by = by < least ? least : by;
    }
    if (j->grace_ms > 0) {
        (void)!runtime_kill(w->n->runtime, j->id, stop_signal(w->n, j->id), &e);
        wait_for_end(w, j->id, by);
    }
    while (runs(w, j->id) && !atomic_load(&w->n->stopping)) {
        if (runtime_kill(w->n->runtime, j->id, SIGKILL, &e) < 0 && e.code != ERR_NOT_FOUND)
            log_warn("node", "kill %s: %s", j->id, e.msg);
        LOCK_SCOPE(&w->lock);
        for (int64_t until = worker__now(w) + KILL_AGAIN_MS;
             runs(w, j->id) && worker__now(w) < until;)
            (void)cond_wait_ms(&w->changed, &w->lock, 200);
    }
    LOCK_SCOPE(&w->lock);
    w->slots[j->slot].stopping = false;
}

void worker__begin_stop(struct worker *w, size_t slot, enum stop_reason reason)
{
    struct slot *s = &w->slots[slot];
    struct job j = {.slot = slot, .id = s->id, .reason = reason, .run = run_stop};
    j.grace_ms = w->def->grace_s * 1000;
    const struct probe_state *startup = &s->probe[PROBE_STARTUP];
    j.probe = startup->known && !startup->ok ? PROBE_STARTUP : PROBE_LIVENESS;
    if (reason == STOP_UNHEALTHY && s->def->probes[j.probe].grace_s >= 0)
        j.grace_ms = s->def->probes[j.probe].grace_s * 1000;
    if (w->stop_by_ms) {
        int64_t left = w->stop_by_ms - worker__now(w);
        j.grace_ms = left > 0 ? left : 0;
    }
    s->stopping = job__begin(w, &j);
}
