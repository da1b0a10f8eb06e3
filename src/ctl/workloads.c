/* workloads.c - the list that the server hands to its runner. */
#include "ctl/cronjob/cronjob.h"
#include "ctl/ctl.h"
#include "ctl/daemonset/daemonset.h"
#include "ctl/deployment/deployment.h"
#include "ctl/disruption/disruption.h"
#include "ctl/endpointmirror/endpointmirror.h"
#include "ctl/endpoints/endpoints.h"
#include "ctl/endpointslice/endpointslice.h"
#include "ctl/garbage/garbage.h"
#include "ctl/job/job.h"
#include "ctl/namespace/namespace.h"
#include "ctl/nodelifecycle/nodelifecycle.h"
#include "ctl/nodes/nodes.h"
#include "ctl/quota/quota.h"
#include "ctl/replicaset/replicaset.h"
#include "ctl/serviceaccount/serviceaccount.h"
#include "ctl/statefulset/statefulset.h"
#include "ctl/volume/volume.h"

const struct controller *const ctl_workloads[] = {
    &nodelifecycle_controller,
    &serviceaccount_controller,
    &token_controller,
    &deployment_controller,
    &replicaset_controller,
    &replication_controller,
    &endpointmirror_controller,
    &statefulset_controller,
    &daemonset_controller,
    &job_controller,
    &ttl_controller,
    &cronjob_controller,
    &claim_controller,
    &volume_controller,
    &claim_protection_controller,
    &disruption_controller,
    &quota_controller,
    &node_controller,
    &podgc_controller,
    &endpointslice_controller,
    &endpoints_controller,
    &namespace_controller,
    &garbage_controller,
    NULL,
};
