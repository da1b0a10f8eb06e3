/* volume.h - binds claims to volumes, makes volumes of folders, keeps both while they are used. */
#pragma once
#include "kube/controller.h"

extern const struct controller claim_controller;            /* PersistentVolumeClaims */
extern const struct controller volume_controller;           /* PersistentVolumes */
extern const struct controller claim_protection_controller; /* finalizers of both */
