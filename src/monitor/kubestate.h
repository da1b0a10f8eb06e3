/* kubestate.h - the state of objects as numbers, by the names of kube-state-metrics 2.
 *
 * Model      kubestate_object() is pure: samples of one object. kubestate_emit() lists the kinds
 * that have any and gives those of each object. Guarantees Nothing of a Secret's or ConfigMap's
 * content is given, and no labels or annotations that users wrote (kube-state-metrics leaves them
 * out by default, too). Threads    Any. */
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
