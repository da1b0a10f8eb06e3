/* logdb_int.h - what the files of logdb/ share. */
#pragma once
#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/map.h"
#include "logdb/logdb.h"

enum { LOG_LINE_MAX = 256 * 1024, LOG_CHUNK_MAX = 512 * 1024 };

/* A segment file; chunks refer to it, and it is unlinked when retention takes it. */
struct segment {
    _Atomic unsigned refs;
    uint64_t seq, size;
    int64_t oldest_ns, newest_ns; /* lines; 0: it has none */
    int fd;
};

/* A packed chunk: where it is and what it spans. */
struct chunk {
    struct segment *segment;
    uint64_t offset; /* of the compressed bytes */
    uint32_t packed, raw, lines;
    int64_t from_ns, to_ns; /* first and last line */
};

/* A stream's labels; they stay as they are. */
struct stream_name {
    _Atomic unsigned refs;
    struct value labels;
    struct member members[];
};

/* All of them at some moment: what matchers look at without the lock. */
struct stream_index {
    _Atomic unsigned refs;
    size_t n;
    struct stream_name *names[]; /* by number; NULL: none */
};

struct stream {
    struct stream_name *name; /* NULL: the number is no stream's */
    bool haunted;             /* it was one's, whose chunks are still there */
    int64_t used_ms;          /* when it was asked for last */
    struct buf head;          /* packed lines that are not in a chunk yet */
    int64_t head_from_ns, last_ns;
    unsigned last_count, head_lines;
    struct chunk *chunks; /* oldest first */
    size_t n_chunks, cap_chunks;
};

struct logdb {
    struct logdb_opts opts;
    char *dir;
    pthread_mutex_t sync; /* held while the journal goes to disk; taken before `lock` */
    pthread_mutex_t lock; /* everything below */
    struct map by_labels; /* canonical JSON → index + 1 */
    struct map owners;    /* "SOURCE/NAMESPACE" → streams */
    struct stream *streams;
    size_t n_streams, cap_streams, n_live, n_pushed;
    struct stream_index *index; /* NULL: to be made anew */
    uint32_t *unused;           /* numbers that were free on opening */
    size_t n_unused, name_lines;
    bool names_dirty;
    int64_t swept_ms;
    struct segment **segments; /* oldest first; the last one is written */
    size_t n_segments;
    uint64_t next_seq;
    int journal, names;
    uint64_t journal_bytes;
    bool journal_dirty;
    int64_t packed_ms; /* when all heads were packed last */
    struct logdb_stats stats;
    struct logdb_reader *readers;
};

/* lines.c: the encoding of lines in heads, chunks and the journal */
void lines_put(struct buf *b, int64_t delta_ns, const char *line, size_t n);
struct lines_reader {
    const unsigned char *at, *end;
    int64_t time_ns;
};
/* 1: a line; 0: the end; -1: damaged. The text is borrowed. */
int lines_next(struct lines_reader *r, const char **out, size_t *n);
void varint_put(struct buf *b, uint64_t v);
bool varint_get(const unsigned char **at, const unsigned char *end, uint64_t *out);
uint32_t checksum(const void *bytes, size_t n);

/* streams.c; under the lock */
int streams_open(struct logdb *db, struct err *e) MUST_CHECK;
int streams_settle(struct logdb *db, struct err *e) MUST_CHECK; /* segments and journal are read */
void streams_free(struct logdb *db);
void streams_sweep(struct logdb *db); /* forgets, now and then, those without lines */
struct stream_index *index_ref(struct logdb *db);
void index_unref(struct stream_index *x); /* without the lock, too */

/* journal.c */
int journal_open(struct logdb *db, struct err *e) MUST_CHECK;
int journal_add(struct logdb *db, uint32_t stream, int64_t time_ns, const char *line, size_t n,
                struct err *e) MUST_CHECK;
int journal_truncate(struct logdb *db, struct err *e) MUST_CHECK;
/* Takes a line into memory only; for replay and append. */
void stream_take(struct logdb *db, struct stream *s, int64_t time_ns, const char *line, size_t n);

/* reader.c; under the lock */
void readers__added(struct logdb *db, uint32_t stream);   /* a line has come */
void readers__removed(struct logdb *db, uint32_t stream); /* its oldest chunks have gone */
void readers__cleared(struct logdb *db, uint32_t stream); /* its number will be another's */

/* segment.c */
int segments_open(struct logdb *db, struct err *e) MUST_CHECK;
int segments_pack(struct logdb *db, struct err *e) MUST_CHECK; /* all heads; under the lock */
void segments_retain(struct logdb *db);
int64_t segments_oldest_ns(const struct logdb *db); /* what is older has had its time */
struct segment *segment_ref(struct segment *s);
void segment_unref(struct segment *s);
/* Memory for many chunks, one behind the other. */
struct unpacker {
    void *zstd; /* made when needed */
    struct buf packed, raw;
};
void unpacker_init(struct unpacker *u);
void unpacker_done(struct unpacker *u);
#define AUTO_UNPACKER __attribute__((cleanup(unpacker_done)))
/* Its lines are in u->raw until the next one. */
int chunk_read(struct unpacker *u, const struct chunk *c, struct err *e) MUST_CHECK;

/* literal.c: the length of a text that is in all that the expression matches; 0: none is known. */
size_t literal_of(const char *expression, struct arena *a, const char **out);
