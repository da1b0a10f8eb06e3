/* local.h - the kube port in the process: controllers and node talk to the server's core.
 *
 * Model      Every call runs in the caller's thread as the given identity, through the same
 *            defaulting, validation, admission and field ownership as an HTTP request, without
 *            JSON in between. Objects read are decoded once per revision and shared.
 * Lifetime   The server outlives the port. */
#pragma once
#include "apiserver/apiserver.h"
#include "kube/kube.h"

/* `manager`: field manager of writes (and its status writes), e.g. "deployment-controller".
 * `who` NULL: system:masters; rights are checked otherwise. `who` is copied. */
struct kube *kube_local_new(struct apiserver *s, const char *manager, const struct identity *who);
