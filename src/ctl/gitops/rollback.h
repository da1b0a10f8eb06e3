/* rollback.h - what becomes of a content that was brought to the cluster: good, or condemned and
 * taken back. Pure.
 *
 * Model      Content is what Git says plus the configuration from outside. Content that is not
 *            known to be good is on trial from the moment a sync brings it, until its analysis
 *            passes (then it is the good one) or something fails (then it is condemned). What is
 *            condemned is taken back once; a rollback restores content that is good already, so
 *            that it has no trial of its own and nothing can flap.                        */
#pragma once
#include <stdbool.h>

#include "ctl/gitops/health/health.h"

enum rollback_run { RUN_NONE, RUN_ACTIVE, RUN_PASSED, RUN_FAILED, RUN_INCONCLUSIVE };

struct rollback_view {
    bool wanted;       /* failures are to be taken back without asking */
    const char *asked; /* somebody condemns it by hand: why; or NULL */
    bool analysis;     /* … and names AnalysisTemplates */
    bool at_once;      /* analysis starts with the sync, not when it is healthy */
    bool operation_running;
    bool operation_failed; /* the last one, of the content on trial */
    bool synced;           /* the cluster is as the revision says */
    enum health_status health;
    bool deadline;   /* a rollout passed its progress deadline */
    bool crash_loop; /* a container of it crashes again and again */
    bool on_trial, condemned;
    enum rollback_run run;
    bool has_good;
    bool head_is_trial;  /* nothing newer is in Git */
    bool git_differs;    /* from the good content, in Git */
    bool config_differs; /* … outside */
    bool writable;       /* a revert commit can be made */
    bool reverted;       /* … and was */
};

enum rollback_what {
    ROLLBACK_NONE,
    ROLLBACK_WAIT,
    ROLLBACK_ANALYSE,
    ROLLBACK_GOOD,
    ROLLBACK_CONDEMN,
    ROLLBACK_REVERT,     /* the commit */
    ROLLBACK_CONFIG,     /* what was kept of the configuration */
    ROLLBACK_PIN,        /* the good revision is served though Git says otherwise */
    ROLLBACK_STUCK,      /* condemned, and there is nothing good to go back to */
    ROLLBACK_SUPERSEDED, /* something newer came: it decides for itself */
};

const char *rollback_name(enum rollback_what what);

/* `why` gets a sentence for a condemnation, or NULL. */
enum rollback_what rollback_decide(const struct rollback_view *v, const char **why);
