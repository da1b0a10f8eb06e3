/* tekton_node.h - a node that understands a few words of shell, and a clock that jumps.
 *
 * Model      A step's script is read for `exit N`, `false`, `sleep N` and for what `echo` and
 *            `printf` write to results; a result that is mentioned but not understood gets a
 *            value of its type. Steps take the time they sleep; the clock jumps to what is due
 *            next, so that an hour's timeout takes no time.                               */
#pragma once
#include "kube/controller.h"
#include "kube/fake.h"

struct sim {
    struct fake_clock clock;
    struct kube *kube;
    struct runner *runner;
    struct tekton *tekton;
    int64_t began_ms;
};

void sim_init(struct sim *s);
void sim_done(struct sim *s);

/* Runs until nothing changes any more, or for `for_ms` of the clock's time. */
void sim_run(struct sim *s, int64_t for_ms);
