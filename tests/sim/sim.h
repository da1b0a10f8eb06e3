/* sim.h - a whole cluster in one process: real store, real API, real controllers; a clock that is
 * moved by hand, a kubelet that starts every pod, and a schedule that a seed picks.
 *
 * Model      sim_up() makes an empty cluster in a temporary folder. sim_run() steps until nothing
 *            is due. When the process died (mortal.h) sim_run() starts it again on the same
 *            folder, as an operator would, and goes on.                                    */
#pragma once
#include <stdbool.h>

#include "apiserver/apiserver.h"
#include "kube/controller.h"
#include "kube/fake.h"
#include "mortal.h"

struct sim {
    struct fake_clock clock;
    char dir[64];
    struct store *store;
    struct apiserver *api;
    struct kube *kube;    /* immortal: the user's */
    struct mortal mortal; /* the controllers' */
    struct runner *runner;
    uint64_t seed;
    unsigned restarts, syncs;
};

/* die_at 0: it never dies. */
void sim_up(struct sim *s, uint64_t seed, unsigned long die_at, bool after);
void sim_down(struct sim *s);

/* Steps until all is settled, at most `max` syncs; moves the clock to what is due within a
 * minute. False: it never settles. */
bool sim_run(struct sim *s, unsigned max);

/* The user's hand: creates every document. */
void sim_apply(struct sim *s, const char *yaml);
void sim_patch(struct sim *s, const struct resource *r, const char *name, const char *json);
size_t sim_count(struct sim *s, const struct resource *r, const char *labels);
