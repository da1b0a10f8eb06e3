#include "ctl/gitops/auto_plan.h"

/* Somebody who fights us gets slower answers; one who edits once gets one at once. */
enum { HEAL_FIRST_MS = 2000, HEAL_MOST_MS = 300000, HEAL_CALM_MS = 600000 };

static int64_t heal_pause_ms(int attempts)
{
    int64_t pause = 0;
    for (int i = 0; i < attempts && pause < HEAL_MOST_MS; i++)
        pause = pause ? pause * 3 : HEAL_FIRST_MS;
    return pause < HEAL_MOST_MS ? pause : HEAL_MOST_MS;
}

static void plan_heal(const struct auto_view *v, struct auto_decision *d)
{
    int attempts = v->since_last_ms > HEAL_CALM_MS ? 0 : v->heal_attempts;
    /* The first three drifts in a row are undone without a pause. */
    int64_t pause = heal_pause_ms(attempts > 3 ? attempts - 3 : 0);
    if (v->since_last_ms < pause) {
        d->what = AUTO_LATER;
        d->again_ms = pause - v->since_last_ms;
        return;
    }
    d->what = AUTO_HEAL;
    d->heal_attempts = attempts + 1;
}

void auto_plan(const struct auto_view *v, struct arena *a, struct auto_decision *out)
{
    struct auto_decision d = {.what = AUTO_NONE};
    *out = d;
    if (!v->automated || v->running || v->unknown || !v->out_of_sync)
        return;
    if (v->condemned) {
        out->why =
            arena_printf(a, "revision %.12s is condemned: it failed its health check", v->revision);
        return;
    }
    if (v->only_prunes && !v->prune)
        return;
    if (v->wants_nothing && v->prune && !v->allow_empty) {
        out->why = "auto-sync would wipe out all resources: the source holds none";
        return;
    }
    if (!v->attempted) {
        out->what = AUTO_SYNC;
        return;
    }
    if (v->attempt_failed) {
        out->why = arena_printf(a, "the last sync of revision %.12s failed and is not tried again",
                                v->revision);
        return;
    }
    if (v->self_heal)
        plan_heal(v, out);
}
