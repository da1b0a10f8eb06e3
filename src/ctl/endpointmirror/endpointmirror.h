/* endpointmirror.h - EndpointSlices for Endpoints that people write by hand, for Services without
 * a selector. */
#pragma once
#include "kube/controller.h"

extern const struct controller endpointmirror_controller;
