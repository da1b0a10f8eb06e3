/* replicaset.h - keeps as many pods of a template as a ReplicaSet asks for. */
#pragma once
#include "kube/controller.h"

extern const struct controller replicaset_controller;
extern const struct controller replication_controller; /* ReplicationControllers */
