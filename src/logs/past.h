/* past.h - pods that are no more, as far as their lines tell.
 *
 * Model      A pod is what streams of containers have the labels `namespace` and `pod` for; lines
 * that were handed in say nothing of pods. Who had the name before and after is one pod here. Not
 * here   Who may ask; whether the pod is alive.                                         */
#pragma once
#include "logdb/logdb.h"

/* A Pod that says what is known: its containers, that it is gone (the annotation
 * slipway.dev/deleted, the phase Unknown) and when its last line came. ERR_NOT_FOUND: there is no
 * line of it. */
int past_pod(struct logdb *db, const char *ns, const char *name, struct arena *a,
             const struct value **out, struct err *e) MUST_CHECK;

struct past_log {
    const char *ns, *pod, *container;
    bool timestamps;
    int64_t tail_lines; /* < 0: all */
    int64_t since_ns;
    int64_t limit_bytes; /* < 0: all */
};

/* Both outputs of the container, in the order of time. `write` fails when the reader has gone. */
int past_log(struct logdb *db, const struct past_log *o,
             int (*write)(void *arg, const void *bytes, size_t n, struct err *e), void *arg,
             struct err *e) MUST_CHECK;
