/* follow.h - tells the log collector whose lines are whose. */
#pragma once
#include "kube/controller.h"

/* arg: a struct collector. */
extern const struct controller follow_controller;
