/* worker_int.h - one pod's worker: what its files share.
 *
 * The worker's thread decides; what takes long (pulls, starts, hooks, probes, stops) runs on a
 * thread of its own for that one job, leaves its result under the lock and wakes the worker. */
#pragma once
#include "node/node_int.h"

struct worker {
    struct node *n;
    char *uid;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    bool kicked;
    bool gone;     /* the API has no such pod any more */
    bool finished; /* nothing is left to do */
    unsigned jobs;
    struct object *pod; /* the newest */
    struct arena *def_arena;
    struct pod_def *def; /* of `pod` */
    struct slot *slots;  /* as def->c */
    struct sandbox sandbox;
    bool sandbox_up;
    int64_t sandbox_retry_ms;
    unsigned sandbox_failures;
    bool over;   /* Succeeded or Failed */
    bool frozen; /* it was over before we came: its status stays */
    bool untold; /* a container's end is not in a status that was written */
    const char *fail_reason, *fail_message;
    int64_t started_ms;
    struct arena *sent_arena;
    const struct value *sent; /* the status written last */
    int64_t status_retry_ms;
    int64_t refresh_ms;
    int64_t stop_by_ms; /* the pod's end is due; 0: not asked for */
};

int64_t worker__now(const struct worker *w);

/* A job: runs on its own thread with a reference to the pod as it was. */
struct job {
    struct worker *w;
    struct object *pod;
    size_t slot;
    int attempt;
    char *id;          /* of the container concerned */
    struct turn *turn; /* to start it */
    enum probe_kind probe;
    enum stop_reason reason;
    int64_t grace_ms;
    struct sandbox sandbox;
    void (*run)(struct job *j);
};
/* With the lock held. Takes what `j` points to; false when no thread is to be had. */
bool job__begin(struct worker *w, const struct job *j);

void worker__begin_start(struct worker *w, size_t slot);
void worker__begin_stop(struct worker *w, size_t slot, enum stop_reason reason);
/* Begins the probes that are due, counts those that came back; the next time to look. */
void worker__probes(struct worker *w, int64_t *wake_ms);
/* With the lock held: the container of the slot has ended. */
void slot__end(struct worker *w, struct slot *s, const struct container_end *end);
void slot__set(char **field, const char *text);             /* copies; NULL empties it */
void ended__set(struct ended *t, const struct ended *from); /* copies, frees what was there */
/* Finds what an earlier life of the node left of the pod's containers. */
void worker__adopt(struct worker *w);

/* ---- worker_tell.c ---- */

/* Writes the status; lets go of the lock meanwhile. */
void worker__tell(struct worker *w);
/* A pull that failed is told as ErrImagePull first; while the next try waits, as a back-off. */
void worker__flip_pull_errors(struct worker *w, int64_t *wake);
void worker__earliest(int64_t *wake, int64_t at); /* 0: never */
