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

struct stream {
    struct value *labels; /* in the database's arena */
    struct buf head;      /* packed lines that are not in a chunk yet */
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
    struct arena *arena;  /* labels */
    struct map by_labels; /* canonical JSON → index + 1 */
    struct stream *streams;
    size_t n_streams, cap_streams;
    struct segment **segments; /* oldest first; the last one is written */
    size_t n_segments;
    uint64_t next_seq;
    int journal, names;
    uint64_t journal_bytes;
    bool journal_dirty;
    int64_t packed_ms; /* when all heads were packed last */
    struct logdb_stats stats;
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

/* journal.c */
int journal_open(struct logdb *db, struct err *e) MUST_CHECK;
int journal_add(struct logdb *db, uint32_t stream, int64_t time_ns, const char *line, size_t n,
                struct err *e) MUST_CHECK;
int journal_truncate(struct logdb *db, struct err *e) MUST_CHECK;
/* Takes a line into memory only; for replay and append. */
void stream_take(struct logdb *db, struct stream *s, int64_t time_ns, const char *line, size_t n);

/* segment.c */
int segments_open(struct logdb *db, struct err *e) MUST_CHECK;
int segments_pack(struct logdb *db, struct err *e) MUST_CHECK; /* all heads; under the lock */
void segments_retain(struct logdb *db);
int64_t segments_oldest_ns(const struct logdb *db); /* what is older has had its time */
struct segment *segment_ref(struct segment *s);
void segment_unref(struct segment *s);
/* Decompresses into `out`. */
int chunk_read(const struct chunk *c, struct buf *out, struct err *e) MUST_CHECK;
