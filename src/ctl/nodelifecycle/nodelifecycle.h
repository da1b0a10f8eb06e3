/* nodelifecycle.h - taints follow a node's Ready condition, as kube-controller-manager's do. */
#pragma once
#include "kube/controller.h"

extern const struct controller nodelifecycle_controller; /* arg is not used */

/* The taints a node should have: its own, with not-ready and unreachable as its condition says.
 * NULL when it has them. Pure. */
struct value *nodelifecycle_taints(const struct value *node, struct arena *a);
