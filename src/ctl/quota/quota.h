/* quota.h - recounts what ResourceQuotas limit: when a quota is made or changed, when something
 * that counted goes, and every few minutes. What is added is counted by admission.        */
#pragma once
#include "kube/controller.h"

extern const struct controller quota_controller;
