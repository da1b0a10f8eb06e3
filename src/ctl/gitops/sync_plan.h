/* sync_plan.h - what a sync operation does next: phases, waves, hooks.
 *
 * Model      Tasks are objects to apply, to prune, and hooks. They run by phase, then wave, then
 *            kind, then name; a step (phase and wave) starts when all before it are done. Without
 *            hooks and waves a sync is one step and ends when it is applied; with several steps
 *            each waits for the health of the one before.
 * Guarantees Pure: the same view gives the same decision, and after a decision was carried out
 *            the next view gives the next one; nothing but the tasks' states is remembered. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

enum sync_phase { SYNC_PRE, SYNC_SYNC, SYNC_POST, SYNC_FAIL, SYNC_PHASES };

enum task_state {
    TASK_PENDING,   /* not applied in this operation */
    TASK_RUNNING,   /* applied, not yet healthy (hook: not yet complete) */
    TASK_SUCCEEDED, /* applied and healthy, pruned, or complete */
    TASK_FAILED,    /* refused, degraded, or a hook that failed */
};

enum hook_policy { HOOK_SUCCEEDED = 1 << 0, HOOK_FAILED = 1 << 1, HOOK_BEFORE = 1 << 2 };

struct sync_task {
    const char *group, *kind, *ns, *name;
    enum sync_phase phase;
    int wave;
    bool hook, prune;
    bool there;      /* the hook's object exists, from now or from an earlier sync */
    unsigned policy; /* of hooks: when their object goes */
    enum task_state state;
    const char *message; /* why it failed or what it waits for; may be NULL */
    void *item;          /* the caller's */
};

struct sync_view {
    struct sync_task *tasks;
    size_t n;
    bool prune_last;
    int64_t since_wave_ms; /* since the last step was applied; < 0: none was */
    int64_t wave_delay_ms;
};

enum sync_what {
    SYNC_RUN,  /* apply `run`, then ask again */
    SYNC_WAIT, /* for what `message` says */
    SYNC_DONE, /* after `run` was applied, when that succeeds */
    SYNC_FAILED,
};

struct sync_decision {
    enum sync_what what;
    struct sync_task **run;
    size_t n_run;
    struct sync_task **remove; /* hooks' objects whose time has come */
    size_t n_remove;
    const char *message;
    int64_t again_ms; /* ask again after so long; 0: when something changes */
};

/* Reorders view->tasks. */
void sync_plan(struct sync_view *view, struct arena *a, struct sync_decision *out);

/* Where a kind stands within a wave. */
int sync_kind_order(const char *kind);
