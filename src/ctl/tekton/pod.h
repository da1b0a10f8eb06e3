/* pod.h - the Pod that runs a Task's steps.
 *
 * Model      One container a step, each started through the entrypoint at /tekton/bin, which
 *            waits for the step before it and tells the next (src/entrypoint). Scripts are pod
 *            annotations that a downward API volume shows at /tekton/scripts, so that no
 *            container has to run first to place them. Sidecars are init containers that
 *            restart: they are up before the first step and end with the last.
 * Guarantees Pure. Names, labels and paths are upstream's, as tkn and users' scripts expect. */
#pragma once
#include "ctl/tekton/taskspec.h"

enum { POD_SCRIPTS_MAX = 224 << 10 }; /* annotations may hold 256 KiB */

struct pod_input {
    const struct value *run;          /* the TaskRun */
    const struct value *spec;         /* from taskspec_apply() */
    const char *task;                 /* the Task's name, or "" for an embedded one */
    const struct value *volumes;      /* from pod_workspace_volumes() */
    const struct value *image_config; /* {entrypoint, cmd} by image, for steps without command */
    const struct value *credentials;  /* [{secret, flag}] for the entrypoint's credential setup */
    /* Where the node keeps the entrypoint; NULL: an init container copies it. */
    const char *entrypoint_dir;
    const char *tools_image; /* has /usr/bin/slipway-entrypoint */
    const char *registry;    /* instead of slipway.local in images; NULL: as it is */
    const char *work_url;    /* SLIPWAY_WORK_URL of every step, or NULL */
    const char *git_url;     /* SLIPWAY_GIT_URL, or NULL */
};

/* "build-pod", "build-pod-retry1": the same for the same attempt. */
const char *pod_name(const struct value *run, struct arena *a);

/* `base` and `suffix` joined; what is longer than 63 bytes is cut and gets a hash. */
const char *child_name(const char *base, const char *suffix, struct arena *a);

/* What a label may hold of a text: its first 63 bytes, other characters as dashes. */
const char *label_value(const char *text, struct arena *a);

/* {workspace: volume name}; workspaces on one claim share a volume. */
const struct value *pod_workspace_volumes(const struct value *run, struct arena *a);

int pod_make(const struct pod_input *in, struct arena *a, struct value **out,
             struct err *e) MUST_CHECK;
