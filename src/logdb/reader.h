/* reader.h - one who takes lines onward: each once, a stream's in their order.
 *
 * Model      What is still to be taken are the newest `pending` lines of each stream: a line that
 *            comes adds one, and retention takes from the other end, so that what it took before
 *            the reader did is counted exactly. Lines that are handed over are in the reader's
 *            memory until they are done; marks say how far that is, for a file that outlives us.
 * Threads    One reads; appends and retention go on meanwhile.
 * Lifetime   Closed before the store.                                                      */
#pragma once
#include "logdb/logdb.h"

struct logdb_reader;

/* The last line of a stream that is done. */
struct logdb_mark {
    uint32_t stream, labels_sum; /* of which stream: numbers come back */
    int64_t time_ns;             /* -1: none is */
    unsigned nth;
};

struct logdb_reader_opts {
    bool (*wants)(void *arg, const struct value *labels); /* pure, quick: it holds up appends */
    void *arg;
    bool begins; /* what is there already is not for it; else all that no mark covers is */
    const struct logdb_mark *marks;
    size_t n_marks;
};

int logdb_reader_open(struct logdb *db, const struct logdb_reader_opts *o,
                      struct logdb_reader **out, struct err *e) MUST_CHECK;
void logdb_reader_free(struct logdb_reader *r);
AUTO_DEFINE(logdb_reader)

struct logdb_batch {
    struct logdb_entry *lines; /* a stream's lie side by side */
    size_t n;
};

/* Some of what is to be taken, at most; none when there is nothing. A chunk that cannot be read is
 * lost, and said. */
void logdb_reader_next(struct logdb_reader *r, size_t max_lines, size_t max_bytes, struct arena *a,
                       struct logdb_batch *out);
/* So many of a stream's lines are done, up to and with this one. */
void logdb_reader_done(struct logdb_reader *r, const struct logdb_entry *last, size_t n);

struct logdb_reader_stats {
    uint64_t behind; /* lines not done */
    uint64_t lost;   /* lines that were removed before they were taken */
};
void logdb_reader_stats(struct logdb_reader *r, struct logdb_reader_stats *out);
void logdb_reader_marks(struct logdb_reader *r, struct arena *a, struct logdb_mark **out,
                        size_t *out_n);
