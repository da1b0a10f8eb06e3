/* wal_int.h - records of the log, as wal.c writes and replay.c reads them. */
#pragma once
#include "tsdb/tsdb_int.h"

enum {
    PENDING_BYTES = 64 << 20, /* of records that are written at once, unpacked */
    RECORD_SERIES = 1,
    RECORD_SAMPLE = 2, /* of logs of before: samples are in runs now */
    RECORD_HISTOGRAM = 3,
    RECORD_START = 4,
    RECORD_EXEMPLAR = 5,
    RECORD_DELETE = 6,
    RECORD_RUN = 7,
    RECORD_PACKED = 8,
    RECORD_COUNT = 9,
};

struct record_head {
    uint32_t length, sum;
};

/* A sample, and with its labels' text behind it an exemplar. */
struct __attribute__((packed)) sample_record {
    char type;
    uint64_t ref;
    struct sample sample;
};

struct __attribute__((packed)) histogram_record {
    char type;
    uint64_t ref;
    int64_t t; /* the encoded histogram follows */
};

/* A start: t, start. A deletion: from, to. */
struct __attribute__((packed)) span_record {
    char type;
    uint64_t ref;
    int64_t a, b;
};

struct __attribute__((packed)) count_record {
    char type;
    uint64_t samples; /* before the segment */
};

/* wal.c */
void wal__path(const struct wal *w, uint64_t seq, char *out, size_t room);
int wal__open_segment(struct wal *w, uint64_t seq, struct err *e) MUST_CHECK;
/* Samples that the last segment holds from now on, and the newest one's time. */
void wal__count(struct wal *w, uint64_t samples, int64_t newest_ms);
/* replay.c: takes what a segment holds into memory, and goes on writing it; a torn end is cut. */
int wal__replay(struct tsdb *db, uint64_t seq, struct err *e) MUST_CHECK;
