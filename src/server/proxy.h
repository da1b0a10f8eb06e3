/* proxy.h - keeps the pod network's services as the API has them. */
#pragma once
#include "kube/controller.h"

struct podnet;

/* arg: the struct podnet. One key stands for all services: rules are replaced as a whole. */
extern const struct controller proxy_controller;
