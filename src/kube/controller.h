/* controller.h - the contract between a control loop and its runner.
 *
 * Model      The runner owns a cache per watched resource and a queue of keys. It merges
 *            events into keys, never syncs one key on two threads, backs off per key (5 ms
 *            doubling to 60 s) and drops the back-off after success. A sync therefore never
 *            learns *what happened*, only *which object to look at*.
 * Guarantees No sync runs before the caches it reads are filled. A sync that wrote is called
 *            again when its own writes arrive.
 * Threads    Syncs run on a fixed pool; different keys of a controller run side by side.  */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "kube/kube.h"

struct cache;    /* kube/cache.h: read-only view of what is watched */
struct fan;      /* kube/fan.h: many small writes side by side */
struct recorder; /* kube/events.h: Events about objects */
struct key_sink; /* where keys_of() puts the keys an object concerns */
struct controller_ctx {
    struct kube *kube;
    struct cache *cache;
    struct fan *fan;
    struct recorder *recorder;
    struct runner *runner;
    const struct controller *controller;
    const struct clock *clock;
    void *arg;                /* the controller's own, from controller_add() */
    int64_t requeue_after_ms; /* out: sync this key again after so long; 0: no need */
};

struct key {
    const char *ns, *name;
};

/* Queues ns/name for the controller that keys_of() was called for. */
void key_add(struct key_sink *s, const char *ns, const char *name);

struct controller_watch {
    const struct resource *resource; /* NULL ends the list */
    /* Which keys an object (new, changed or gone) concerns. NULL: its own name. */
    void (*keys_of)(const struct object *o, struct controller_ctx *c, struct key_sink *s);
};

/* For keys_of: the controller-owner of kind `kind`. */
void keys_of_owner(const struct object *o, const char *kind, struct key_sink *s);

struct controller {
    const char *name; /* field manager of its writes, source of its events */
    const struct controller_watch *watches;
    unsigned workers;  /* 0: 2 */
    int64_t resync_ms; /* every key again after so long; 0: never */
    /* Of what it watches, the objects that matter: a change of one that did not and does not is
     * passed over without a sync. NULL: all. */
    bool (*concerns)(const struct object *o);
    /* 0: settled until something it watches changes or requeue_after_ms passes.
     * ERR_CONFLICT, ERR_AGAIN, ERR_TIMEOUT, ERR_SYSTEM: once more, with back-off. ERR_INVALID
     * and the rest: not before the object changes. All but the first two also become a Warning
     * event on the object. */
    int (*sync)(struct controller_ctx *c, const struct key *key, struct arena *a, struct err *e);
};

/* Watches one more resource for this controller, from now on (a CRD's, say). Any sync. */
void controller_watch_also(struct controller_ctx *c, const struct controller_watch *w);

struct runner;
/* threads 0: nothing runs by itself; see runner_step(). */
struct runner *runner_new(struct kube *k, const struct clock *clock, unsigned threads);
void runner_add(struct runner *r, const struct controller *c, void *arg);
int runner_start(struct runner *r, struct err *e) MUST_CHECK;
/* Queues a key from outside (a push, a webhook). Any thread. */
void runner_kick(struct runner *r, const char *controller, const char *ns, const char *name);
void runner_stop(struct runner *r); /* waits for syncs that run */
void runner_free(struct runner *r);
AUTO_DEFINE(runner)

struct cache *runner_cache(struct runner *r);
struct recorder *runner_recorder(struct runner *r);

/* ---- for tests and the simulator: a runner with 0 threads, driven by its caller ---- */

/* Delivers what the watches hold, then syncs one key that is due, the `choice`-th (modulo) of
 * them. False: nothing was due. */
bool runner_step(struct runner *r, uint64_t choice);
/* Steps until nothing is due, at most `max` times; how many syncs ran. */
size_t runner_settle(struct runner *r, size_t max);
/* When the next key is due, on clock->mono_ms; INT64_MAX: never. */
int64_t runner_next_due_ms(struct runner *r);
