/* endpointslice.h - tells the node and ingress where a Service's pods are. */
#pragma once
#include "kube/controller.h"

extern const struct controller endpointslice_controller;
