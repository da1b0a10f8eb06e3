/* tail.h - one who takes samples onward: each once, in the order they came.
 *
 * Model      The store's log is the buffer: a position is how far into it the reader is. Labels
 *            are made once for a series, by the reader's own rule, and kept while it lives.
 * Guarantees What was committed is given, also after a restart. What retention removes before it
 *            was given is lost, and counted to the sample.
 * Threads    One reads; appends go on meanwhile.
 * Lifetime   Closed before the store.                                                      */
#pragma once
#include "tsdb/tsdb.h"

struct tsdb_tail;

struct tsdb_position {
    uint64_t segment, offset;
    uint64_t samples; /* in the log before it, since the store began */
};

struct tsdb_tail_opts {
    bool begins; /* what is there already is not for it; else it goes on at `from` */
    struct tsdb_position from;
    /* A series' labels as the reader wants them, in the arena; false: it wants none of it. */
    bool (*label)(void *arg, const struct labels *own, struct arena *a, struct labels *out);
    void *arg;
    bool histograms, exemplars; /* are wanted, too */
};

/* ERR_UNSUPPORTED: the store is in memory only. */
int tsdb_tail_open(struct tsdb *db, const struct tsdb_tail_opts *o, struct tsdb_tail **out,
                   struct err *e) MUST_CHECK;
void tsdb_tail_free(struct tsdb_tail *t);
AUTO_DEFINE(tsdb_tail)

/* A sample or, with `exemplar`, only that. */
struct tsdb_tail_item {
    struct labels labels;
    int64_t t, start; /* start 0: not known */
    double v;
    const struct histogram *h; /* NULL: a float */
    const struct exemplar *exemplar;
};

/* Up to `max` items that are wanted, in the arena; fewer when there are no more. */
int tsdb_tail_next(struct tsdb_tail *t, size_t max, struct arena *a, struct tsdb_tail_item **out,
                   size_t *n, struct err *e) MUST_CHECK;

/* After what was given last. */
struct tsdb_position tsdb_tail_position(const struct tsdb_tail *t);

struct tsdb_tail_stats {
    uint64_t behind; /* samples in the log, wanted or not, that were not given yet */
    uint64_t lost;   /* that were removed before, since it was opened */
};
void tsdb_tail_stats(struct tsdb_tail *t, struct tsdb_tail_stats *out);
