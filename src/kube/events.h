/* events.h - Events about objects: what `kubectl describe` shows at its end.
 *
 * Model      The same sentence about the same object is one Event with a count. More than ten
 *            different sentences with one reason in ten minutes become "(combined from similar
 *            events)". Events are written behind the caller's back, in order.
 * Guarantees Recording never blocks on the API and never fails; past 4096 waiting Events new
 *            ones are dropped.
 * Threads    Any.                                                                        */
#pragma once
#include <stdbool.h>

#include "base/clock.h"
#include "kube/controller.h"

struct recorder;

struct recorder *recorder_new(struct kube *k, const struct clock *clock);
int recorder_start(struct recorder *r, struct err *e) MUST_CHECK; /* a thread of its own */
void recorder_flush(struct recorder *r);                          /* or: write what waits, now */
void recorder_free(struct recorder *r);                           /* writes what waits */
AUTO_DEFINE(recorder)

struct event_note {
    const char *source; /* "kubelet", "deployment-controller" */
    bool warning;
    const char *reason, *message;
    const char *field; /* involvedObject.fieldPath ("spec.containers{app}"), or NULL */
};

/* Copies what it needs. */
void recorder_add(struct recorder *r, const struct resource *res, const struct object *o,
                  const struct event_note *note);

/* For controllers: in their own name. */
void event_normal(struct controller_ctx *c, const struct resource *res, const struct object *o,
                  const char *reason, const char *fmt, ...) PRINTF(5, 6);
void event_warning(struct controller_ctx *c, const struct resource *res, const struct object *o,
                   const char *reason, const char *fmt, ...) PRINTF(5, 6);
