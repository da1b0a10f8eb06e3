/* daemonset.h - one pod on every node that should have it. */
#pragma once
#include "kube/controller.h"

extern const struct controller daemonset_controller;
