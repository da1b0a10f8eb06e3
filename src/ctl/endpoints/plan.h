/* plan.h - the Endpoints of a Service: the older form, for those who still read it. */
#pragma once
#include "ctl/endpointslice/service.h"

/* Pods with the same ports share a subset; addresses are in order. NULL: no endpoints. */
struct value *endpoints_subsets(const struct service_view *v, struct arena *a);
struct value *endpoints_labels(const struct service_view *v, struct arena *a);
