/* disruption.h - keeps count for PodDisruptionBudgets, which evictions are checked against. */
#pragma once
#include "kube/controller.h"

extern const struct controller disruption_controller;
