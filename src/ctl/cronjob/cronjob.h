/* cronjob.h - starts Jobs by the clock. */
#pragma once
#include "kube/controller.h"

extern const struct controller cronjob_controller;
