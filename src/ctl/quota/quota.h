/* quota.h - counts what ResourceQuotas limit when one is made or changed, when a pod ends, and
 * every few minutes. What comes and goes meanwhile is counted by admission.              */
#pragma once
#include "kube/controller.h"

extern const struct controller quota_controller;
