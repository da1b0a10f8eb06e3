/* pruner.h - how long finished runs are kept, by Tekton Pruner's configuration.
 *
 * Model      The ConfigMap tekton-pruner-default-spec (key global-config, in the namespace
 *            tekton-pipelines) and, where it allows, tekton-pruner-namespace-spec (key ns-config)
 *            say how many runs of a pipeline or task are kept and for how long. Without the
 *            first nothing is pruned.
 * Guarantees A run that has not finished is never touched, nor a TaskRun of a PipelineRun that
 *            is kept: it goes with its owner. Logs and images outlive runs by their own rules. */
#pragma once
#include "kube/controller.h"

extern const struct controller pruner_controller; /* arg: NULL */
