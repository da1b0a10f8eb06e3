/* plan.h - what a Job needs next.
 *
 * Model      Every pod carries a finalizer until it has been counted. A pod that ended is first
 *            noted in status.uncountedTerminatedPods, then loses its finalizer, then moves to the
 *            counters: so each is counted once, whatever is interrupted.
 * Pure: the same view always gives the same plan.                                        */
#pragma once
#include "kube/cache.h"

#define JOB_FINALIZER     "batch.kubernetes.io/job-tracking"
#define JOB_INDEX         "batch.kubernetes.io/job-completion-index"
#define JOB_INDEX_FAILURE "batch.kubernetes.io/job-index-failure-count"

struct job_view {
    const struct object *job;
    struct object_list pods; /* its own, ended ones too */
    const bool *doomed;      /* of each pod: a delete was sent already */
    int64_t now_ms;
};

struct job_pod {
    int64_t index;    /* -1: the Job is not Indexed */
    int64_t failures; /* of this index before, with backoffLimitPerIndex; else -1 */
};

struct job_plan {
    struct value *status;       /* to be written before anything else is done */
    struct object_list release; /* pods to take the finalizer from, after that */
    struct object_list remove;  /* pods to delete */
    const struct job_pod *create;
    size_t n_create;
    int64_t again_ms;                  /* real time to look again; 0: none */
    bool more;                         /* plan again at once when this is done */
    const char *event, *event_message; /* NULL: none */
    bool event_warns;
};

struct job_plan job_plan(const struct job_view *v, struct arena *a);
const char *job_plan_text(const struct job_plan *p, struct arena *a);

/* The pod that a plan asks for. */
struct value *job_pod_new(const struct object *job, const struct job_pod *p, struct arena *a);

bool job_is_finished(const struct object *job);
int64_t job_finished_ms(const struct object *job); /* 0: it is not */
