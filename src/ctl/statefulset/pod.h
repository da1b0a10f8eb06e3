/* pod.h - the pods and claims of a StatefulSet, as they should be. Pure. */
#pragma once
#include "api/object.h"

/* `template`: of the revision the pod is made from. */
struct value *statefulset_pod(const struct object *set, int64_t ordinal, const char *revision,
                              const struct value *template, struct arena *a);
/* The claim of one volumeClaimTemplate for one pod. */
struct value *statefulset_claim(const struct object *set, const struct value *template,
                                int64_t ordinal, struct arena *a);
const char *statefulset_claim_name(const struct object *set, const struct value *template,
                                   int64_t ordinal, struct arena *a);
/* The ownerReferences that the retention policy asks for on a claim, given those it has; `pod` is
 * the condemned pod, or NULL. */
struct value *statefulset_claim_owners(const struct object *set, const struct object *claim,
                                       const struct object *pod, struct arena *a);
