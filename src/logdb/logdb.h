/* logdb.h - lines of text by stream and time, compressed, searchable, bounded.
 *
 * Model      A stream is a set of labels (namespace, pod, container …). Lines are appended to it
 *            in time order, kept in memory and in a journal, and packed into zstd chunks in
 *            segment files (docs/formats/logdb.md). There is no full-text index: streams and
 *            time choose the chunks, and those are scanned.
 * Guarantees An appended line survives kill -9 at once, and a power cut after logdb_sync().
 *            A torn journal or segment loses its torn end only. Memory and disk stay within the
 *            limits given; what retention removed is counted.
 * Threads    Any. Queries do not hold up appends: labels are matched and lines are read unlocked.
 * Not here   Where lines come from (logs/), query languages and wire formats.               */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "codec/value.h"

struct logdb;

struct logdb_opts {
    const char *dir;
    const struct clock *clock;
    uint64_t max_bytes;        /* of segments on disk; 0: 1 GiB */
    int64_t max_age_ms;        /* 0: 30 days */
    size_t flush_bytes;        /* journal size that makes chunks; 0: 8 MiB */
    size_t max_pushed_streams; /* of a source and namespace; ten times as many of all; 0: 10000 */
};

int logdb_open(const struct logdb_opts *o, struct logdb **out, struct err *e) MUST_CHECK;
void logdb_free(struct logdb *db); /* packs what is in memory */
AUTO_DEFINE(logdb)

/* Other limits from now on; 0 as in logdb_opts. What is older is not found any more; its bytes go
 * once all of its segment is that old, and a segment spans about half of the age at most. */
void logdb_limit(struct logdb *db, uint64_t max_bytes, int64_t max_age_ms);
int64_t logdb_oldest_ns(struct logdb *db); /* lines before this are not found any more */

/* The stream with exactly these labels (an object of strings), made when there is none. Streams
 * with a label `source` were handed in: ERR_TOO_LARGE when that source has too many in the label
 * `namespace`. One without lines is forgotten ten minutes after it was asked for last, and its
 * number is nobody's until the store is opened again. */
int logdb_stream(struct logdb *db, const struct value *labels, uint32_t *out_id,
                 struct err *e) MUST_CHECK;

/* One line without its newline; bytes past 256 KiB are cut off. A time before the stream's last
 * line is taken as that line's. ERR_GONE: the stream was forgotten; ask for it again. */
int logdb_append(struct logdb *db, uint32_t stream, int64_t time_ns, const char *line, size_t n,
                 struct err *e) MUST_CHECK;

/* The same; says as what the line is known (struct logdb_entry). */
struct logdb_place {
    int64_t time_ns;
    unsigned nth;
};
int logdb_append_at(struct logdb *db, uint32_t stream, int64_t time_ns, const char *line, size_t n,
                    struct logdb_place *out, struct err *e) MUST_CHECK;

/* The time of a stream's last line (0: it has none) and how many lines have exactly it: where a
 * reader of a file goes on after a restart. */
void logdb_last(struct logdb *db, uint32_t stream, int64_t *out_ns, unsigned *out_count);

/* Journal to disk; packs and applies retention when due. Called every second or so. */
int logdb_sync(struct logdb *db, struct err *e) MUST_CHECK;
/* Packs everything now. */
int logdb_flush(struct logdb *db, struct err *e) MUST_CHECK;

enum logdb_op { LOGDB_EQ, LOGDB_NE, LOGDB_MATCH, LOGDB_NOT_MATCH };

struct logdb_matcher {
    const char *label; /* an absent label reads as "" */
    enum logdb_op op;
    const char *value; /* a regular expression, anchored, for the last two */
};

struct logdb_filter {
    enum logdb_op op; /* EQ: contains, NE: lacks; MATCH, NOT_MATCH: regular expression, anywhere */
    const char *text;
};

/* Lines of a stream that lie together, before they are read. */
struct logdb_run {
    const struct value *labels; /* as logdb_entry has them */
    uint64_t lines;
    int64_t from_ns, to_ns; /* of its first and its last line */
    bool all;               /* the query wants each of them */
};

/* True: what is known of it is enough, and it need not be read. */
typedef bool (*logdb_pass)(void *arg, const struct logdb_run *x);

struct logdb_query {
    const struct logdb_matcher *matchers;
    size_t n_matchers;
    const struct logdb_filter *filters;
    size_t n_filters;
    int64_t from_ns, to_ns; /* from <= time < to; to 0: no end */
    size_t limit;           /* 0: 1000 */
    bool newest_first;
    logdb_pass pass; /* of a scan, with the visitor's arg; NULL: all is read */
};

struct logdb_line {
    const struct value *labels; /* lives as long as the arena */
    int64_t time_ns;
    const char *text; /* NUL-terminated */
    size_t n;
};

struct logdb_result {
    struct logdb_line *lines; /* in the order asked for */
    size_t n;
    uint64_t scanned_bytes;
};

/* ERR_INVALID: a regular expression is malformed. */
int logdb_query(struct logdb *db, const struct logdb_query *q, struct arena *a,
                struct logdb_result *out, struct err *e) MUST_CHECK;

/* One line as a scan meets it; everything is borrowed until the visitor returns. */
struct logdb_entry {
    const struct value *labels; /* lives as long as the arena of the scan */
    uint32_t stream;
    unsigned nth;   /* among the lines of its stream that have its time, from 0; with stream and
                       time it names the line for good. Not counted when runs may be passed over */
    uint64_t order; /* grows along a stream, whichever way the scan goes */
    int64_t time_ns;
    const char *text; /* not terminated */
    size_t n;
};

/* 0: go on, > 0: enough, < 0: the scan fails with this code. */
typedef int (*logdb_visit)(void *arg, const struct logdb_entry *x, struct err *e);

/* What a scan may cost; 0: no limit. */
struct logdb_budget {
    uint64_t max_lines, max_bytes;
    int64_t max_ms;
    int64_t began_ms; /* of clock_mono_ms(), for scans that share max_ms; 0: when the scan does */
};

struct logdb_cost {
    uint64_t lines, bytes; /* looked at, wanted or not */
};

/* Shows every line that the query wants to `visit`: each stream's in the order of
 * time, streams interleaved chunk by chunk. `limit` does not count; with `newest_first` the chunks
 * come in that order, and what is in them in the order of time still.
 * ERR_TOO_LARGE: the budget is used up; the sentence says by what. */
int logdb_scan(struct logdb *db, const struct logdb_query *q, const struct logdb_budget *budget,
               struct arena *a, logdb_visit visit, void *arg, struct logdb_cost *out_cost,
               struct err *e) MUST_CHECK;

/* A stream that has lines. */
struct logdb_stream_info {
    const struct value *labels; /* in the arena */
    uint32_t id;
    uint64_t lines, bytes; /* bytes: as they came */
    int64_t from_ns, to_ns;
};

/* The streams that the matchers choose and that may have lines in the query's time. */
int logdb_streams(struct logdb *db, const struct logdb_query *q, struct arena *a,
                  struct logdb_stream_info **out, size_t *out_n, struct err *e) MUST_CHECK;

struct logdb_stats {
    uint64_t streams, lines_in, bytes_in, cut_lines, segments, disk_bytes, removed_segments,
        removed_streams;
};
void logdb_stats(struct logdb *db, struct logdb_stats *out);
