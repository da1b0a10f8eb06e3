/* operation_int.h - a sync under way, as its files share it. */
#pragma once
#include "ctl/gitops/app_int.h"

struct run {
    struct app *p;
    struct value *state, *result; /* status.operationState and its syncResult */
    struct app_manifests want;
    struct app_items have;
    struct sync_task *tasks;
    size_t n_tasks;
};

extern const char *const run__phases[SYNC_PHASES]; /* "PreSync" … */

const struct value *run__operation(const struct run *r); /* what was asked for */
/* The entry of syncResult.resources, or NULL. */
struct value *run__result(const struct run *r, const struct app_item *i, const char *phase);
/* status "" and message NULL leave what is there. `t` NULL: no task. */
void run__set_result(struct run *r, const struct app_item *i, const struct sync_task *t,
                     const char *status, const char *hook_phase, const char *message);
void run__make_tasks(struct run *r);

/* Of an item's hook annotation, the first word that is no phase we have; NULL: none. */
const char *run__unknown_hook(const struct app_item *i, struct arena *a);
/* NULL, or why an item may not be applied. */
const char *run__refusal(struct run *r, const struct app_item *i);
/* An error that says: try again later. */
bool run__transient(int rc);
/* When this operation last applied something (monotonic); INT64_MIN: it did not. */
int64_t *run__last_wave(struct app *p);
/* *failed: a task was refused; its result says why. */
int run__tasks(struct run *r, const struct sync_decision *d, bool *failed,
               struct err *e) MUST_CHECK;
int run__remove_hooks(struct run *r, const struct sync_decision *d, struct err *e) MUST_CHECK;
