/* statefulset.h - pods with names, order and volumes of their own. */
#pragma once
#include "kube/controller.h"

extern const struct controller statefulset_controller;
