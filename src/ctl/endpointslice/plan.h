/* plan.h - which EndpointSlices a Service should have.
 *
 * Pure. Endpoints stay in the slice they are in; new ones fill slices with room, at most 100 a
 * slice; slices differ by address family and port numbers. A Service with no endpoints keeps
 * one empty slice.                                                                      */
#pragma once
#include "ctl/endpointslice/service.h"

enum { ENDPOINTS_A_SLICE = 100 };

struct slice_action {
    const struct object *slice; /* NULL: create `body` */
    const struct value *body;   /* NULL: delete `slice` */
};

struct slice_plan {
    struct slice_action *actions;
    size_t n;
    bool node_missing; /* a pod was left out for it */
};

struct slice_plan endpointslice_plan(const struct service_view *v, struct arena *a);
