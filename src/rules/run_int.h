/* run_int.h - the state of a running group, for the files that change it. */
#pragma once
#include "base/map.h"
#include "rules/rules_int.h"

/* An alert as it is kept from one moment to the next. */
struct rule_kept {
    struct arena *arena; /* of its labels */
    struct arena *notes; /* of its annotations, anew each time */
    struct alert alert;  /* with resolved_ms: not active any more, kept to be told */
    char *key;
    int64_t absent_ms; /* since when its query gives it no more; 0: it does */
    int64_t told_ms;   /* when it was last given to rule_runner_tell() */
    bool seen;
};

struct rule_state {
    struct rule_kept **alerts;
    size_t n;
    struct alert *view; /* of the alerts, for those who ask */
    struct map written; /* key of a series → its labels, of the last eval */
    struct arena *written_arena;
    struct rule_health health;
};

struct rule_runner {
    struct rules_host host;
    const struct rule_group *group;
    struct rule_state *states;
    bool settled; /* alerts are as they were before a restart, or need not be */
};

/* What one eval writes: series that it does not write again get a stale marker. */
struct rule_output {
    struct rule_runner *r;
    struct rule_state *state;
    struct arena *arena;
    struct map written;
    int64_t at_ms;
};

int rule_output__put(struct rule_output *o, const struct labels *l, double v,
                     const struct histogram *h, struct err *e) MUST_CHECK;
struct labels rule__with_label(struct arena *a, const struct labels *l, const char *name,
                               const char *value);
/* The group's labels, then the rule's, expanded for an alert. */
struct labels rule__labels(struct arena *a, const struct rule_group *g, const struct rule *r,
                           struct labels l, const struct rule_expansion *x);

/* alerts.c: what an alerting rule makes of its query's answer. */
int rule__alert(struct rule_output *o, const struct rule *r, const struct promql_result *result,
                struct arena *a, struct err *e) MUST_CHECK;
void rule_state__drop_alerts(struct rule_state *s);
