/* ctl.h - the workload control loops: what kube-controller-manager and kube-scheduler do.
 *
 * Model      Each folder src/ctl/<kind>/ holds a pure plan.c and a <kind>.c that observes the
 *            cache and carries the plan out.                                            */
#pragma once
#include "kube/controller.h"

/* The argument of every one of them: runner_add(r, c, &opts). It outlives the runner. */
struct ctl_opts {
    const char *ca_pem;     /* of the API server, for pods: ConfigMap kube-root-ca.crt; or NULL */
    const char *volume_dir; /* folder of the volumes made for claims; NULL: none are made */
    /* The signed token of a Secret of type service-account-token; NULL: such are left empty. */
    int (*mint)(void *arg, const struct object *service_account, const struct object *secret,
                struct arena *a, const char **token, struct err *e);
    void *mint_arg;
};

/* For a cluster of our own, where nobody else runs these; NULL-terminated. The scheduler is
 * apart: a server without a node does not want it. */
extern const struct controller *const ctl_workloads[];
extern const struct controller scheduler_controller;
