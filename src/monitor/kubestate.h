/* kubestate.h - the state of objects as numbers, by the names of kube-state-metrics 2.
 *
 * Model      kubestate_object() is pure: samples of one object. kubestate_emit() lists the kinds
 *            that have any and gives those of each object.
 * Guarantees No ConfigMaps and no Secrets, whose names are not for everybody who may look at
 *            metrics; no labels or annotations that users wrote (kube-state-metrics leaves them
 *            out by default, too). Of a kind with more than ten thousand objects the rest are
 *            counted as slipway_objects_not_measured.
 * Threads    Any.                                                                            */
#pragma once
#include "api/object.h"
#include "api/resource.h"
#include "monitor/scraper.h"

struct kube;

/* Nothing for a kind that has no metrics. */
void kubestate_object(const struct resource *r, const struct object *o, scraper_emit emit,
                      void *to);

/* A scraper_source; kube: a struct kube *. A kind that cannot be listed is left out. */
void kubestate_emit(void *kube, scraper_emit emit, void *to);
