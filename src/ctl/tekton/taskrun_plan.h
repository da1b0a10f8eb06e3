/* taskrun_plan.h - what a TaskRun needs next.
 *
 * Pure: no store, clock or log. The view holds everything that may matter, the plan everything
 * that may happen; a TaskRun that is done gives an empty plan.                            */
#pragma once
#include "codec/value.h"

struct taskrun_view {
    const struct value *run; /* the TaskRun */
    const struct value *pod; /* of this attempt, or NULL */
    int64_t now_ms;
    bool ignore_failure; /* its pipeline task says onError: continue */
};

struct taskrun_plan {
    const struct value *status; /* NULL: as it is */
    bool make_pod;              /* resolve the task and create this attempt's pod */
    const char *delete_pod;     /* name, or NULL */
    int64_t requeue_ms;         /* 0: nothing is due by time alone */
};

void taskrun_plan(const struct taskrun_view *v, struct arena *a, struct taskrun_plan *out);

/* ---- pieces for the wiring ---- */

bool run_is_done(const struct value *run); /* for every kind with a Succeeded condition */
/* "True", "False", "Unknown", or "" before there is a condition. */
const char *run_state(const struct value *run);
const char *run_reason(const struct value *run);

/* Sets status.conditions' Succeeded; keeps the transition time while the state is the same. */
void run_mark(struct value *status, struct arena *a, const char *state, const char *reason,
              const char *message, int64_t now_ms);

/* The status of a run that failed for good. */
struct value *status_fail(const struct value *status, struct arena *a, const char *reason,
                          const char *message, int64_t now_ms);

/* Nanoseconds: spec.timeout, one hour unless said, 0 for none. */
int64_t taskrun_timeout_ns(const struct value *run);

int64_t run_time_ms(const char *rfc3339); /* 0 when absent or malformed */
void run_set_time(struct value *object, struct arena *a, const char *key, int64_t ms);
