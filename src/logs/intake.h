/* intake.h - records that others hand in over their own protocols, on their way into the store.
 *
 * Model      A record is a document (push.h) with the time that its sender gave it. One that is
 *            refused is counted and said; the rest goes on.
 * Guarantees After intake_sync() what was taken is on disk: only then is it acknowledged.
 * Threads    Any.                                                                          */
#pragma once
#include <stdatomic.h>

#include "base/clock.h"
#include "logdb/logdb.h"

struct intake {
    struct logdb *db;
    const struct clock *clock;
    const char *source; /* label of its streams: "fluent" */
    const char *index;  /* under which Elasticsearch's API finds them: "logs-fluent" */
    bool trusted;       /* its records may say of which namespace they are */
    _Atomic uint64_t taken, refused;
    _Atomic int64_t said_ms; /* when a refusal was said last */
};

/* `record` gets an @timestamp when it has none. tag: or NULL. One that can never be taken is
 * refused and a success; an error means that the store takes nothing now. */
int intake_add(struct intake *in, int64_t time_ns, struct value *record, const char *tag,
               struct arena *a, struct err *e) MUST_CHECK;
/* Counts what could not be taken. */
void intake_refuse(struct intake *in, const char *from, const struct err *why);
int intake_sync(struct intake *in, struct err *e) MUST_CHECK;
