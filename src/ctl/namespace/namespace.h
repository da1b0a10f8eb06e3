/* namespace.h - empties a namespace that is being deleted, then lets it go. */
#pragma once
#include "kube/controller.h"

extern const struct controller namespace_controller;
