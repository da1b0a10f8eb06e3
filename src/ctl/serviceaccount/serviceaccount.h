/* serviceaccount.h - what every namespace starts with, and tokens kept in Secrets. */
#pragma once
#include "kube/controller.h"

/* ServiceAccount "default" and ConfigMap kube-root-ca.crt in every namespace. */
extern const struct controller serviceaccount_controller;
/* Secrets of type kubernetes.io/service-account-token. */
extern const struct controller token_controller;
