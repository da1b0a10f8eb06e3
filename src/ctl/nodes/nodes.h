/* nodes.h - taints nodes by their conditions, notices silent ones, removes pods of nodes that are
 * gone and pods that may not stay. */
#pragma once
#include "kube/controller.h"

extern const struct controller node_controller;  /* key: a node */
extern const struct controller podgc_controller; /* key: a pod */
