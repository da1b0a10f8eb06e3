#include "node/probe.h"

enum { EAGER_FIRST_MS = 25, EAGER_EXEC_MS = 250 };

void probe__begin(struct probe_state *p, const struct probe_def *d, int64_t started_ms)
{
    bool in_flight = p->in_flight;
    *p = (struct probe_state){.in_flight = in_flight, .due_ms = started_ms + d->initial_delay_ms};
    p->eager_ms = d->handler.kind == HANDLER_EXEC ? EAGER_EXEC_MS : EAGER_FIRST_MS;
}

int64_t probe__due(const struct probe_state *p, const struct probe_def *d)
{
    int64_t early = p->due_ms - d->period_ms + p->eager_ms;
    return p->eager_ms && p->counted && early < p->due_ms ? early : p->due_ms;
}

/* `counted` says that a look of the period has been taken already: until then no early ones. */
void probe__look(struct probe_state *p, const struct probe_def *d, int64_t now_ms)
{
    p->in_flight = true;
    p->early = now_ms < p->due_ms;
    if (p->early) {
        p->eager_ms = p->eager_ms * 2;
        return;
    }
    p->counted = true;
    p->due_ms += d->period_ms;
    if (p->due_ms <= now_ms) /* we were away: no burst of looks to catch up */
        p->due_ms = now_ms + d->period_ms;
}

bool probe__count(struct probe_state *p, const struct probe_def *d, int64_t now_ms)
{
    p->result_in = false;
    if (p->result == HANDLER_OK) {
        if (p->early)
            p->due_ms = now_ms + d->period_ms;
        p->eager_ms = 0;
        p->failures = 0;
        if (++p->successes >= d->successes)
            p->known = p->ok = true;
        return false;
    }
    if (p->early)
        return false;
    p->successes = 0;
    if (++p->failures >= d->failures) {
        p->known = true;
        p->ok = false;
    }
    /* the very first look comes as soon as the program runs: that it is not ready then is no news
     */
    return p->failures > 1 || p->known;
}
