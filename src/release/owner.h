/* owner.h - the process that works at a release, as others can tell it from one that has died. */
#pragma once
#include "base/arena.h"

struct release_self {
    const char *host, *boot; /* the machine, and its start */
    const char *pids;        /* the namespace that numbers processes */
    int64_t pid, began;
};

const struct release_self *release_self(struct arena *a);
