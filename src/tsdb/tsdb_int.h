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

struct mem_series {
    struct arena *arena; /* of the labels */
    struct labels labels;
    char *key;            /* canonical text of the labels */
    struct chunk *chunks; /* oldest first; the last one takes samples */
    size_t n_chunks, cap_chunks;
    struct native *natives; /* oldest first, between the floats in time */
    size_t n_natives, cap_natives;
};

/* Slots of series that have a label with a value. */
struct postings {
    uint32_t *slots;
    size_t n, cap;
};

struct slot {
    struct mem_series *series; /* NULL: free */
    uint32_t generation;
};

struct wal_segment {
    uint64_t seq, bytes;
    int64_t newest_ms; /* of its samples */
};

struct wal {
    char *dir; /* NULL: none */
    int fd;
    struct buf pending;
    struct wal_segment *segments; /* oldest first; the last one is written */
    size_t n;
    bool dirty;
};

struct tsdb {
    struct tsdb_opts opts;
    pthread_mutex_t lock; /* everything below */
    struct slot *slots;
    size_t n_slots, cap_slots, live;
    struct map by_key;   /* canonical text → slot + 1 */
    struct map postings; /* name 0xff value → struct postings */
    struct wal wal;
    int64_t retained_ms; /* when retention last ran */
    struct tsdb_stats stats;
};

/* Reference of a slot's present series. */
static inline uint64_t ref_of(const struct tsdb *db, uint32_t slot)
{
    return (uint64_t)db->slots[slot].generation << 32 | slot;
}

/* head.c; under the lock */
char *series__key(const struct labels *l, struct arena *a);
uint32_t head__add(struct tsdb *db, const struct labels *l, const char *key);
void head__drop(struct tsdb *db, uint32_t slot);
struct mem_series *head__get(struct tsdb *db, uint64_t ref); /* NULL: gone */
/* False: not newer than what is there. */
bool head__append(struct mem_series *s, struct sample x);
/* native.c: takes a copy of the bytes; false as above. */
bool native__append(struct mem_series *s, int64_t t, const void *bytes, size_t n);
/* The series' newest sample when that is a histogram, decoded into the arena; else NULL. */
const struct histogram *native__newest(const struct mem_series *s, struct arena *a);
size_t native__retain(struct mem_series *s, int64_t oldest_ms); /* how many went */
/* Puts the histograms of a span between the floats already there. */
void native__merge(const struct mem_series *s, int64_t min_t, int64_t max_t, struct arena *a,
                   struct series *out);
void head__retain(struct tsdb *db, int64_t oldest_ms);

/* wal.c; under the lock */
int wal__open(struct tsdb *db, struct err *e) MUST_CHECK;
void wal__close(struct wal *w);
void wal__series(struct wal *w, uint64_t ref, const struct labels *l);
void wal__sample(struct wal *w, uint64_t ref, struct sample x);
void wal__histogram(struct wal *w, uint64_t ref, int64_t t, const void *bytes, size_t n);
int wal__write(struct tsdb *db, struct err *e) MUST_CHECK; /* what is pending */
void wal__retain(struct tsdb *db, int64_t oldest_ms);
