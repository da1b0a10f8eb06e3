/* podsecurity.h - the Pod Security Standards: what a pod asks for that a level does not allow.
 *
 * Levels are "privileged" (anything), "baseline" and "restricted"; a version "v1.25" judges as
 * that release did, "latest" or "" as the newest.                                          */
#pragma once
#include "codec/value.h"

/* `privileged (container "c" must not set securityContext.privileged=true), …`, or NULL when the
 * pod fits. `spec`: a pod's or a template's; `annotations` may be NULL. */
const char *podsecurity_violations(const char *level, const char *version, const struct value *spec,
                                   const struct value *annotations, struct arena *a);

bool podsecurity_level_known(const char *level);
