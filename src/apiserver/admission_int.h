/* admission_int.h - the plug-ins behind admission.c. */
#pragma once
#include "apiserver/apiserver_int.h"

const char *admission__default_of(struct call *c, const struct resource *r, const char *annotation);
void crds__instance_gone(struct apiserver *s, const struct served *k);
/* Counts a new object in the namespace's quotas, or refuses it. */
int admit_quota(struct call *c, const struct served *k, const char *ns, const struct value *obj);
/* Takes an object that is gone out of them. */
void quota_release(struct apiserver *s, const struct served *k, const struct value *obj);
/* LimitRanges: fills in what a new pod's containers do not say … */
void admit_limit_defaults(struct call *c, const char *ns, struct value *pod);
/* … and refuses what pods and claims may not ask for. */
int admit_limits(struct call *c, const struct served *k, const char *ns, const struct value *obj);
/* Pod Security Admission by the labels of `ns`, the namespace (NULL: there is none). */
int admit_pod_security(struct call *c, const struct served *k, const struct value *ns,
                       const struct value *obj);

/* Images of a protected namespace: proven, and pinned to their digests. `old` NULL: a new pod. */
int admit_images(struct call *c, const struct served *k, const char *ns, struct value *pod,
                 const struct value *old);
/* An ImageAllowance, in any version: its kind comes from a CRD. */
bool is_allowance(const struct served *k);
/* Sets its owner, or refuses one who is somebody else. `old` NULL: it is new. */
int admit_allowance(struct call *c, const struct served *k, struct value *allowance,
                    const struct value *old);
