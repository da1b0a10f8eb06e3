#include <string.h>

#include "base/thread.h"
#include "node/probe.h"
#include "node/worker_int.h"

static const char *const titles[PROBE_KINDS] = {"Startup", "Liveness", "Readiness"};

static void run_probe(struct job *j)
{
    struct worker *w = j->w;
    AUTO(arena) struct arena *a = arena_new(0);
    const struct pod_def *d = pod_def_read(j->pod, a);
    const struct probe_def *p = &d->c[j->slot].probes[j->probe];
    char text[512];
    struct handler_ctx ctx = {.n = w->n,
                              .container_id = j->id,
                              .s = &j->sandbox,
                              .timeout_ms = p->timeout_ms,
                              .probe = true};
    enum handler_result got = handler__run(&ctx, &p->handler, text, sizeof text);
    LOCK_SCOPE(&w->lock);
    struct slot *s = &w->slots[j->slot];
    struct probe_state *st = &s->probe[j->probe];
    st->in_flight = false;
    if (!s->id || strcmp(s->id, j->id) != 0)
        return; /* another container by now */
    st->result = got;
    st->result_in = true;
    memcpy(st->message, text, sizeof st->message);
}

static void one_probe(struct worker *w, size_t i, enum probe_kind kind, int64_t *wake_ms)
{
    struct slot *s = &w->slots[i];
    const struct probe_def *d = &s->def->probes[kind];
    struct probe_state *p = &s->probe[kind];
    int64_t now = worker__now(w);
    if (p->result_in && probe__count(p, d, now))
        event__pod(w->n, w->pod, s->name, true, "Unhealthy", "%s probe failed: %s", titles[kind],
                   p->message);
    if (p->in_flight || (kind == PROBE_STARTUP && p->known && p->ok))
        return;
    int64_t due = probe__due(p, d);
    if (now >= due) {
        struct job j = {.slot = i, .id = s->id, .probe = kind, .run = run_probe};
        probe__look(p, d, now);
        p->in_flight = job__begin(w, &j);
        due = probe__due(p, d);
    }
    if (*wake_ms == 0 || due < *wake_ms)
        *wake_ms = due;
}

void worker__probes(struct worker *w, int64_t *wake_ms)
{
    for (size_t i = 0; i < w->def->n && w->sandbox_up; i++) {
        const struct slot *s = &w->slots[i];
        if (s->life != LIFE_RUNNING || s->stopping || !s->hook_done)
            continue;
        for (int k = 0; k < PROBE_KINDS; k++) {
            bool wanted = s->def->probes[k].handler.kind != HANDLER_NONE;
            if (wanted && (k == PROBE_STARTUP || slot__started(s)))
                one_probe(w, i, (enum probe_kind)k, wake_ms);
        }
    }
}
