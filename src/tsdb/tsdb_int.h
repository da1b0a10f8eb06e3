/* tsdb_int.h - what the files of tsdb/ share. */
#pragma once
#include <pthread.h>

#include "base/buf.h"
#include "base/map.h"
#include "tsdb/tsdb.h"

enum { NATIVE_BYTES_MAX = 4 << 20 };

/* A native histogram, encoded. */
struct native {
    int64_t t;
    uint32_t n;
    uint8_t *bytes;
};

/* From the sample of a time on, until the next one: since when they count. */
struct start_run {
    int64_t t, start;
};

/* What the log holds of a series: its names and values, each ended by a zero byte. */
enum { SERIES_LABELS_MAX = 256, SERIES_BYTES_MAX = 1 << 19 };

struct mem_series {
    struct labels labels; /* in `own`; the texts are the postings' */
    uint32_t hash;
    struct chunk *chunks; /* oldest first; the last one takes samples */
    size_t n_chunks, cap_chunks;
    struct native *natives; /* oldest first, between the floats in time */
    size_t n_natives, cap_natives;
    struct start_run *runs; /* oldest first; none: no start was ever known */
    uint32_t n_runs, cap_runs;
    int64_t start;      /* of the next sample */
    int64_t exemplar_t; /* of the newest; 0: none yet */
    size_t exemplar_at; /* its place in the ring, which may be another's since */
    struct label own[];
};

/* One of a ring; the labels are names and values, each ended by a zero byte. */
struct kept_exemplar {
    uint64_t ref;
    int64_t t;
    double v;
    uint32_t n;
    char *text; /* NULL: a free place */
};

/* Slots of series that have a label with a value, and its texts. */
struct postings {
    uint32_t *slots;
    size_t n, cap;
    struct label label;
    char text[];
};

struct slot {
    struct mem_series *series; /* NULL: free */
    uint32_t generation;
};

struct wal_segment {
    uint64_t seq, bytes;
    uint64_t defined;  /* bytes of the series that it begins with */
    int64_t newest_ms; /* of its samples */
    uint64_t first;    /* samples that the log had before it */
    uint64_t samples;  /* in it; of what is written */
};

/* Records that are not written yet. */
struct wal_pending {
    struct buf bytes;
    uint64_t samples;
    int64_t newest_ms; /* of its samples */
};

struct wal {
    char *dir; /* NULL: none */
    int fd;
    struct wal_pending pending;
    struct buf run;   /* samples that are no record yet, behind those */
    uint64_t run_ref; /* of its last sample */
    int64_t run_t;
    struct buf packed;            /* what is written of what is pending */
    struct wal_segment *segments; /* oldest first; the last one is written */
    size_t n;
    uint64_t next_seq;
    bool dirty;
    bool lost; /* something could not be written: what follows is in a segment of its own */
};

struct tsdb {
    struct tsdb_opts opts;
    pthread_mutex_t lock; /* everything below */
    struct slot *slots;
    size_t n_slots, cap_slots, live;
    uint32_t *index;      /* by hash of the labels: slot + 1; 0: free */
    size_t n_index;       /* a power of two */
    uint32_t *free_slots; /* below n_slots */
    size_t n_free, cap_free;
    struct map postings;             /* name 0xff value → struct postings */
    struct kept_exemplar *exemplars; /* max_exemplars of them, made with the first */
    size_t next_exemplar;
    struct wal wal;
    int64_t retained_ms; /* when retention last ran */
    struct tsdb_stats stats;
};

/* Reference of a slot's present series. */
static inline uint64_t ref_of(const struct tsdb *db, uint32_t slot)
{
    return (uint64_t)db->slots[slot].generation << 32 | slot;
}

/* index.c; under the lock */
bool index__find(const struct tsdb *db, const struct labels *l, uint32_t *out_slot);
void index__add(struct tsdb *db, uint32_t slot, const struct labels *l);
void index__remove(struct tsdb *db, uint32_t slot);
void index__free(struct tsdb *db);
const struct postings *index__postings(const struct tsdb *db, const struct label *l,
                                       struct arena *a); /* NULL: none */

/* head.c; under the lock */
uint32_t head__add(struct tsdb *db, const struct labels *l);
void series__free(struct mem_series *s);
void head__drop(struct tsdb *db, uint32_t slot);
struct mem_series *head__get(struct tsdb *db, uint64_t ref); /* NULL: gone */
enum append { APPEND_TAKEN, APPEND_SAME, APPEND_TWICE, APPEND_OLD };
/* How a sample of time t stands to the newest: APPEND_TAKEN, _TWICE or _OLD. */
enum append head__place(const struct mem_series *s, int64_t t);
enum append head__append(struct mem_series *s, struct sample x);
/* native.c: takes a copy of the bytes. */
enum append native__append(struct mem_series *s, int64_t t, const void *bytes, size_t n);
/* The series' newest sample when that is a histogram, decoded into the arena; else NULL. */
const struct histogram *native__newest(const struct mem_series *s, struct arena *a);
size_t native__retain(struct mem_series *s, int64_t oldest_ms); /* how many went */
/* Puts the histograms of a span between the floats already there. */
void native__merge(const struct mem_series *s, int64_t min_t, int64_t max_t, struct arena *a,
                   struct series *out);
void head__retain(struct tsdb *db, int64_t oldest_ms);
void head__make_chunk(struct mem_series *s); /* an empty one, at the end */

/* starts.c */
bool starts__mark(struct mem_series *s, int64_t t); /* true: a run begins with this sample */
void starts__add(struct mem_series *s, int64_t t, int64_t start);
void starts__retain(struct mem_series *s, int64_t oldest_ms);
void starts__fill(const struct mem_series *s, struct arena *a, struct series *out);

/* exemplar.c */
void exemplar__keep(struct tsdb *db, uint64_t ref, int64_t t, double v, const void *text, size_t n);
void exemplar__free(struct tsdb *db);

/* remove.c: samples of the span go; true when the series has none left. */
bool remove__span(struct mem_series *s, int64_t min_t, int64_t max_t);

/* select.c: the slots of the series that all matchers fit, in the arena. */
int select__slots(struct tsdb *db, const struct matcher *m, size_t n, struct arena *a,
                  uint32_t **out, size_t *out_n, struct err *e) MUST_CHECK;

/* wal.c; under the lock */
int wal__open(struct tsdb *db, struct err *e) MUST_CHECK;
void wal__close(struct wal *w);
void wal__series(struct wal *w, uint64_t ref, const struct labels *l);
void wal__sample(struct wal *w, uint64_t ref, struct sample x);
void wal__histogram(struct wal *w, uint64_t ref, int64_t t, const void *bytes, size_t n);
void wal__start(struct wal *w, uint64_t ref, int64_t t, int64_t start);
void wal__exemplar(struct wal *w, uint64_t ref, const struct exemplar *x, const void *text,
                   size_t n);
void wal__delete(struct wal *w, uint64_t ref, int64_t min_t, int64_t max_t);
int wal__copy(struct wal *w, const char *to, struct err *e) MUST_CHECK;
int wal__write(struct tsdb *db, struct err *e) MUST_CHECK; /* what is pending */
/* The same once half of what may be pending is: before anything is added. */
int wal__ease(struct tsdb *db, struct err *e) MUST_CHECK;
void wal__retain(struct tsdb *db, int64_t oldest_ms);
