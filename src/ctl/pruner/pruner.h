/* pruner.h - how long finished runs, images and logs are kept, by Tekton Pruner's configuration.
 *
 * Model      The ConfigMap tekton-pruner-default-spec (key global-config, in the namespace
 *            tekton-pipelines) and, where it allows, tekton-pruner-namespace-spec (key ns-config)
 *            say how many runs of a pipeline or task are kept and for how long. Without the
 *            first nothing is pruned. Keys of our own beside it: slipway-images says how many
 * images of a repository stay, slipway-logs how old and large logs get. Guarantees A run that has
 * not finished is never touched, nor a TaskRun of a PipelineRun that is kept: it goes with its
 * owner. An image that something names is never touched. A configuration that is wrong or has
 * unknown fields is said once in an Event and in the log; the last good one holds on, after a
 * restart none. Lifetime   The stores outlive the pruner. */
#pragma once
#include "kube/controller.h"

struct image_store;
struct logdb;
struct pruner;

/* Each may be NULL: it is left alone. */
struct pruner *pruner_new(struct image_store *images, struct logdb *logs);
void pruner_free(struct pruner *p);

extern const struct controller pruner_controller; /* arg: struct pruner */
