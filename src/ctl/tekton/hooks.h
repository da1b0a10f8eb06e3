/* hooks.h - the door for webhooks: POST /hooks/NAMESPACE/EVENTLISTENER.
 *
 * Guarantees Answers as Tekton's own listener does: 202 with the event's id as soon as the
 *            triggers have run. A delivery that is repeated (X-GitHub-Delivery) makes nothing
 *            twice. Bodies are limited to HOOK_BODY_MAX.
 * Threads    Any.                                                                        */
#pragma once
#include "ctl/tekton/tekton.h"
#include "net/http_server.h"

enum { HOOK_BODY_MAX = 10 << 20 };

struct hooks {
    struct kube *kube;           /* that objects are made through */
    const struct tekton *tekton; /* or NULL */
};

/* An http_handler; `arg` is a struct hooks. */
void hooks_handle(struct http_request *q, void *arg);
