/* workloads.c - the list that the server hands to its runner. */
#include "ctl/ctl.h"
#include "ctl/deployment/deployment.h"
#include "ctl/endpoints/endpoints.h"
#include "ctl/endpointslice/endpointslice.h"
#include "ctl/garbage/garbage.h"
#include "ctl/namespace/namespace.h"
#include "ctl/replicaset/replicaset.h"
#include "ctl/serviceaccount/serviceaccount.h"

const struct controller *const ctl_workloads[] = {
    &serviceaccount_controller, &token_controller,         &deployment_controller,
    &replicaset_controller,     &endpointslice_controller, &endpoints_controller,
    &namespace_controller,      &garbage_controller,       NULL,
};
