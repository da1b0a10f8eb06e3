/* auto_plan.h - should an Application sync by itself now? Pure.                            */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

struct auto_view {
    bool automated, prune, self_heal, allow_empty;
    bool running; /* an operation is under way or asked for */
    bool out_of_sync;
    bool only_prunes;   /* … and pruning is all there is to do */
    bool wants_nothing; /* the source holds no objects, the cluster does */
    bool condemned;     /* this revision or content failed its health check */
    bool unknown;       /* the comparison failed */
    bool attempted;     /* the last operation was for this revision and content */
    bool attempt_failed;
    int heal_attempts;     /* of the last operation, in a row */
    int64_t since_last_ms; /* since the last operation ended */
    const char *revision;
};

enum auto_what {
    AUTO_NONE,
    AUTO_SYNC, /* to the newest revision */
    AUTO_HEAL, /* the same revision again, only what drifted */
    AUTO_LATER,
};

struct auto_decision {
    enum auto_what what;
    const char *why;   /* for a condition; NULL: nothing to say */
    int64_t again_ms;  /* AUTO_LATER */
    int heal_attempts; /* AUTO_HEAL: to be written to the operation */
};

void auto_plan(const struct auto_view *v, struct arena *a, struct auto_decision *out);
