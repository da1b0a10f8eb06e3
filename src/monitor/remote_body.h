/* remote_body.h - the messages of remote write (1.0 and 2.0) and remote read, unpacked. Pure. */
#pragma once
#include "base/buf.h"
#include "monitor/batch.h"

enum remote_version { REMOTE_WRITE_1, REMOTE_WRITE_2 };

/* ERR_INVALID: it is no such message. What is wrong with one series is its fault. */
int remote_write_read(struct arena *a, const void *bytes, size_t n, enum remote_version version,
                      struct batch *out, struct err *e) MUST_CHECK;
/* Version 2's symbols are shared by all that is written: each text stands once. */
void remote_write_print(const struct batch *b, enum remote_version version, struct buf *out);

enum { REMOTE_QUERIES_MAX = 64, REMOTE_MATCHERS_MAX = 64 };

struct remote_query {
    int64_t min_t, max_t;
    const struct matcher *matchers;
    size_t n;
};

struct remote_queries {
    struct remote_query *items;
    size_t n;
    bool samples; /* an answer of samples is accepted */
};

int remote_read_read(struct arena *a, const void *bytes, size_t n, struct remote_queries *out,
                     struct err *e) MUST_CHECK;
/* One query's result, into an answer that begins empty. */
void remote_read_print(const struct series_set *set, struct buf *out);
