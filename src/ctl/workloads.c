/* workloads.c - the list that the server hands to its runner. */
#include "ctl/ctl.h"

const struct controller *const ctl_workloads[] = {
    NULL,
};
