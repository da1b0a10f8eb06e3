/* fake.h - an API in memory, for tests of whatever stands on kube.h.
 *
 * Model      Every resource of RESOURCES[] and those added. One sequence of resource versions
 *            and a full history for watches. What a server does around the objects is done:
 *            uid, generation (when spec changes), creationTimestamp, generateName (a counter:
 *            "web-00001"), ERR_CONFLICT for a stale resourceVersion, the status subresource,
 *            finalizers, propagation policies, graceful deletion of pods that have a node.
 *            Not done: defaults, validation, permissions.
 *            Strategic patches are merge patches in which lists whose elements have a "name",
 *            "type" or "containerPort" are merged by it. Apply is a merge that also removes
 *            what the same manager applied before and applies no longer.
 * Threads    Any.                                                                        */
#pragma once
#include "base/clock.h"
#include "kube/kube.h"

struct kube *kube_fake_new(const struct clock *clock);

/* Also serves this resource (a CRD's); it must live as long as the fake. */
void kube_fake_add(struct kube *k, const struct resource *r);

/* Fails the next `n` calls of this verb ("create", "update", … or "*") on this resource (NULL:
 * any) with `code`. */
void kube_fake_fail(struct kube *k, const char *verb, const struct resource *r, unsigned n,
                    int code);

/* Creates what a YAML or JSON text holds (documents separated by "---"); dies when it cannot. */
void kube_fake_load(struct kube *k, const char *text);

/* How many calls of this verb there were ("create" …; "*": all that write). */
unsigned kube_fake_calls(struct kube *k, const char *verb);

/* Forgets history before now: watches that are behind get ERR_GONE. */
void kube_fake_compact(struct kube *k);

/* A clock that stands still until moved. */
struct fake_clock {
    struct clock clock;
    int64_t ms;
};
void fake_clock_init(struct fake_clock *c, int64_t real_ms);
void fake_clock_move(struct fake_clock *c, int64_t by_ms);
