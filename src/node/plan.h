/* plan.h - what a pod needs next.
 *
 * Pure: no clock, kube, container or log. Whatever may influence the decision is in the view,
 * whatever may happen is in the plan. A pod that is as it should be gets an empty plan, and
 * wake_ms says when time alone will change that.                                        */
#pragma once
#include "node/def.h"

enum life { LIFE_NONE, LIFE_RUNNING, LIFE_ENDED };

struct container_view {
    enum life life;
    bool busy;      /* something is being done to it: ask again later */
    bool started;   /* its post-start hook and startup probe are through */
    bool unhealthy; /* liveness or startup probe gave up */
    bool changed;   /* its definition is another than it was started with */
    int exit_code;
    int64_t ended_ms;
    int64_t retry_ms; /* back-off: not before this; 0: now */
};

struct pod_view {
    const struct pod_def *def;
    const struct container_view *c; /* as def->c */
    bool sandbox;                   /* network and volumes are there */
    bool sandbox_busy;
    int64_t sandbox_retry_ms;
    bool over;          /* its phase was Succeeded or Failed before, or it was evicted */
    bool untold;        /* a container ended and the API does not know how yet */
    bool mains_were;    /* main containers have been started at some time */
    int64_t started_ms; /* status.startTime; 0: none */
    int64_t now_ms;
};

enum pod_action_kind {
    POD_SANDBOX_UP,
    POD_SANDBOX_DOWN,
    POD_START,
    POD_STOP,   /* politely, then by force */
    POD_FINISH, /* nothing is left: the object may go */
};

enum stop_reason { STOP_POD, STOP_UNHEALTHY, STOP_CHANGED, STOP_DEADLINE };

struct pod_action {
    enum pod_action_kind kind;
    size_t container;
    enum stop_reason reason;
};

struct pod_plan {
    struct pod_action *act;
    size_t n;
    int64_t wake_ms;      /* look again then; 0: no need */
    bool deadline_passed; /* the pod fails with DeadlineExceeded */
    bool done;            /* all that should run has run */
};

void pod_plan(const struct pod_view *v, struct arena *a, struct pod_plan *out);

/* Whether a container that ended is started again, back-off aside. */
bool container_restarts(const struct pod_def *d, const struct container_def *c, int exit_code);

/* Back-off as the kubelet counts it: the first restart is at once, then 10 s doubling to 5 min;
 * ten minutes without a restart forget it all. */
struct backoff {
    int64_t delay_ms; /* 0: none yet */
    int64_t updated_ms;
};
/* When a container that ended at ended_ms may start again; ended_ms or later. */
int64_t backoff_until(const struct backoff *b, int64_t ended_ms, int64_t now_ms);
void backoff_next(struct backoff *b, int64_t now_ms);
