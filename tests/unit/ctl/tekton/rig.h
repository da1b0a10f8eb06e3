/* rig.h - Tekton's loops on a fake API, with a kubelet that plays pods from their scripts.
 *
 * Model      A step's script is read as lines: `result NAME VALUE`, `step-result NAME VALUE`,
 *            `exit N`, `hang` (until the pod goes), `pull-error`; anything else does nothing.
 *            Time stands still until moved.                                              */
#pragma once
#include "kube/controller.h"
#include "kube/fake.h"

struct rig {
    struct fake_clock clock;
    struct kube *kube;
    struct runner *runner;
    struct tekton *tekton;
    unsigned pods_played;
    uint64_t chaos; /* not 0: calls fail and keys run in an order drawn from it */
};

void rig_init(struct rig *r);
void rig_done(struct rig *r);

/* Runs loops and pods until nothing changes. */
void rig_settle(struct rig *r);

/* One line a run, in name order: kind, name, condition, and what came of it. */
char *rig_report(struct rig *r, struct arena *a);

/* "advance 5s", "patch KIND NAME JSON", "push REPOSITORY REF SHA", "settle". */
void rig_do(struct rig *r, const char *line);
