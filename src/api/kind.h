/* kind.h - one served kind: what every step of a request needs to know about it.         */
#pragma once
#include "api/crd.h"
#include "api/resource.h"
#include "api/schema.h"

struct kind {
    const struct resource *resource;
    const struct schema *schema;   /* NULL: a CRD without one */
    const struct crd_version *crd; /* NULL: built in */
};

/* Of a built-in resource. */
struct kind kind_builtin(const struct resource *r);
/* Of a version of a CRD. */
struct kind kind_custom(const struct crd_version *v);
