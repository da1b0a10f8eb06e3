/* plan.h - which finished runs of one namespace have to go.
 *
 * Pure: configuration, runs and time in; names out, and when to look again.               */
#pragma once
#include "codec/value.h"

struct prune_view {
    const struct value *global;    /* global-config, parsed; NULL: nothing is pruned */
    const struct value *ns_config; /* ns-config of the namespace, or NULL */
    const char *ns;
    const struct value *const *runs; /* PipelineRuns, and TaskRuns without an owner */
    size_t n_runs;
    int64_t now_ms;
};

struct prune_action {
    const struct value *run;
    const char *why; /* "finished 10m0s ago, kept for 5m0s" */
};

struct prune_plan {
    struct prune_action *remove;
    size_t n;
    int64_t requeue_ms; /* until the next one's time is up; 0: none is due */
};

void prune_plan(const struct prune_view *v, struct arena *a, struct prune_plan *out);
