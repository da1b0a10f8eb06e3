/* ctl.h - the workload control loops: what kube-controller-manager and kube-scheduler do.
 *
 * Model      Each folder src/ctl/<kind>/ holds a pure plan.c and a <kind>.c that observes the
 *            cache and carries the plan out.                                            */
#pragma once
#include "kube/controller.h"

/* For a cluster of our own, where nobody else runs these; NULL-terminated. Each is added with
 * runner_add(r, c, NULL). */
extern const struct controller *const ctl_workloads[];
