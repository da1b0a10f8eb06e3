#include "ctl/gitops/rollback.h"

const char *rollback_name(enum rollback_what what)
{
    static const char *const names[] = {"none",   "wait",   "analyse", "good",  "condemn",
                                        "revert", "config", "pin",     "stuck", "superseded"};
    return names[what];
}

/* What was condemned is taken back, each part once. */
static enum rollback_what take_back(const struct rollback_view *v)
{
    if (!v->head_is_trial)
        return ROLLBACK_SUPERSEDED;
    if (!v->has_good)
        return ROLLBACK_STUCK;
    if (v->git_differs && v->writable && !v->reverted)
        return ROLLBACK_REVERT;
    if (v->config_differs)
        return ROLLBACK_CONFIG;
    if (v->git_differs && !v->writable)
        return ROLLBACK_PIN;
    return ROLLBACK_WAIT;
}

static const char *failure(const struct rollback_view *v)
{
    if (v->run == RUN_FAILED)
        return "the analysis failed";
    if (v->deadline)
        return "the rollout exceeded its progress deadline";
    if (v->crash_loop)
        return "a container crashes again and again";
    return NULL;
}

enum rollback_what rollback_decide(const struct rollback_view *v, const char **why)
{
    *why = NULL;
    if (!v->on_trial)
        return ROLLBACK_NONE;
    if (v->condemned)
        return take_back(v);
    *why = v->asked ? v->asked : v->wanted ? failure(v) : NULL;
    if (*why)
        return ROLLBACK_CONDEMN;
    if (!v->head_is_trial)
        return ROLLBACK_SUPERSEDED;
    bool settled = !v->operation_running && !v->operation_failed && v->synced;
    bool healthy = settled && v->health == HEALTH_HEALTHY;
    if (!v->analysis)
        return healthy ? ROLLBACK_GOOD : ROLLBACK_WAIT;
    switch (v->run) {
    case RUN_NONE:
        return healthy || (settled && v->at_once) ? ROLLBACK_ANALYSE : ROLLBACK_WAIT;
    case RUN_PASSED:
        return healthy ? ROLLBACK_GOOD : ROLLBACK_WAIT;
    case RUN_ACTIVE:
    case RUN_FAILED:
    case RUN_INCONCLUSIVE:
        break;
    }
    return ROLLBACK_WAIT;
}
