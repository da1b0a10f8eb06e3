/* workloads.c - the list that the server hands to its runner. */
#include "ctl/ctl.h"
#include "ctl/deployment/deployment.h"
#include "ctl/replicaset/replicaset.h"

const struct controller *const ctl_workloads[] = {
    &deployment_controller,
    &replicaset_controller,
    NULL,
};
