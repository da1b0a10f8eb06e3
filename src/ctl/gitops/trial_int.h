/* trial_int.h - what the files of a trial share. */
#pragma once
#include "ctl/gitops/app_int.h"
#include "ctl/gitops/rollback.h"

/* How the condemned revision can be reverted in Git: all that is newer than the good one comes from
 * one branch of one hosted repository. */
struct trial_way {
    const struct app_source *source; /* the first of those that are in it */
    const char *branch;
};
bool trial__way(struct app *p, struct trial_way *out);
/* True: a source is in it. */
bool trial__in_way(const struct trial_way *w, const struct app_source *s);
/* Of the AnalysisRun and the Condemnation of the content on trial. */
const char *trial__run_name(struct app *p);
void trial__labels(struct app *p, struct value *meta);

int trial__revert(struct app *p, const struct object *condemnation, struct err *e) MUST_CHECK;
/* Puts on record the commit below `head` that took the condemned content back, when a death came
 * between the two. */
int trial__note_revert(struct app *p, const struct object *condemnation, const char *head,
                       struct err *e) MUST_CHECK;
int trial__analyse(struct app *p, struct err *e) MUST_CHECK;
enum rollback_run trial__run_state(const struct object *run);
/* Why a run failed, in one sentence. */
const char *trial__message(const struct object *run, struct arena *a);
