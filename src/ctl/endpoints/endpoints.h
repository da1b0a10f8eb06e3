/* endpoints.h - keeps the Endpoints object of a Service. */
#pragma once
#include "kube/controller.h"

extern const struct controller endpoints_controller;
