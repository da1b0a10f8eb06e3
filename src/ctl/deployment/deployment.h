/* deployment.h - replaces pods by pods of another template, a few at a time. */
#pragma once
#include "kube/controller.h"

extern const struct controller deployment_controller;
