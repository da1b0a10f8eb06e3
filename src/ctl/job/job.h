/* job.h - runs pods until enough of them succeeded; forgets finished Jobs in time. */
#pragma once
#include "kube/controller.h"

extern const struct controller job_controller;
extern const struct controller ttl_controller; /* ttlSecondsAfterFinished */
