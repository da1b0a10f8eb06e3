/* tsdb.h - time series: samples by labels, compressed in memory, journaled on disk.
 *
 * Model      A series is named by its labels and holds samples in time order, floats and native
 *            histograms. Samples within the retention are in memory, floats Gorilla-packed (1.5 to
 *            3 bytes each); appends are collected and written to a log by tsdb_commit(), which is
 *            read back on opening (docs/formats/tsdb.md).
 *
 * Guarantees What tsdb_commit() returned for survives kill -9, and a power cut after the next
 *            tsdb_sync(). Memory is bounded by max_series and the retention; what is refused is
 *            counted.
 *
 * Threads    Any; selects do not hold up appends for longer than copying takes.
 *
 * Not here   Query language (promql/), scraping and rules (monitor/).                        */
#pragma once
#include "base/clock.h"
#include "tsdb/chunk.h"
#include "tsdb/histogram.h"
#include "tsdb/labels.h"

struct tsdb;

struct tsdb_opts {
    const char *dir; /* NULL: memory only */
    const struct clock *clock;
    int64_t retention_ms; /* 0: 24 h */
    size_t max_series;    /* 0: 200,000 */
    size_t max_exemplars; /* 0: 100,000, of all series; the oldest go */
};

int tsdb_open(const struct tsdb_opts *o, struct tsdb **out, struct err *e) MUST_CHECK;
void tsdb_free(struct tsdb *db);
AUTO_DEFINE(tsdb)

int64_t tsdb_retention_ms(const struct tsdb *db);

/* The series with these labels, made when there is none; good for as long as it gets samples.
 * ERR_TOO_LARGE past max_series. */
int tsdb_series(struct tsdb *db, const struct labels *l, uint64_t *out_ref,
                struct err *e) MUST_CHECK;

/* ERR_CONFLICT: older than the series' last sample; ERR_EXISTS: as old, with another value (the
 * same sample again is nothing new). ERR_NOT_FOUND: the series was dropped for want of samples: ask
 * for it again. */
int tsdb_append(struct tsdb *db, uint64_t ref, int64_t t_ms, double v, struct err *e) MUST_CHECK;

/* The same for a native histogram; the series may hold floats too. What is stored has the hint of
 * histogram_hint_after(). ERR_INVALID: histogram_fault() says why. */
int tsdb_append_histogram(struct tsdb *db, uint64_t ref, int64_t t_ms, const struct histogram *h,
                          struct err *e) MUST_CHECK;

/* When what the series' next samples count began; 0: not known. It holds until it is told anew. */
void tsdb_begins(struct tsdb *db, uint64_t ref, int64_t start_ms);

/* Writes the appends since the last commit to the log: once a scrape. */
int tsdb_commit(struct tsdb *db, struct err *e) MUST_CHECK;

/* Log to disk; drops what is older than the retention. Called every second or so. */
int tsdb_sync(struct tsdb *db, struct err *e) MUST_CHECK;

enum match_op { MATCH_EQ, MATCH_NE, MATCH_RE, MATCH_NOT_RE };

struct matcher {
    const char *name;
    enum match_op op;
    const char *value; /* a regular expression, anchored, for the last two */
};

struct series {
    struct labels labels;
    const struct sample *samples; /* min_t <= t <= max_t, in time order, stale markers included */
    size_t n;
    /* NULL: all are floats. Else one for each sample, NULL for a float; its v is then 0. */
    const struct histogram *const *histograms;
    const int64_t *starts; /* NULL: not known. When what a sample counts began; 0: not known */
};

struct series_set {
    struct series *items; /* sorted by labels */
    size_t n;
};

/* Series that all matchers fit and that have samples in the span. ERR_INVALID: malformed regular
 * expression; ERR_TOO_LARGE: more samples than max_samples. */
int tsdb_select(struct tsdb *db, const struct matcher *m, size_t n, int64_t min_t, int64_t max_t,
                size_t max_samples, struct arena *a, struct series_set *out,
                struct err *e) MUST_CHECK;

/* Whether all matchers fit. ERR_INVALID as above. */
int tsdb_matches(const struct matcher *m, size_t n, const struct labels *l, bool *out,
                 struct err *e) MUST_CHECK;

/* Sorted and distinct; n = 0 matchers: of all series. */
int tsdb_label_names(struct tsdb *db, const struct matcher *m, size_t n, struct arena *a,
                     const char ***out, size_t *out_n, struct err *e) MUST_CHECK;
int tsdb_label_values(struct tsdb *db, const char *name, const struct matcher *m, size_t n,
                      struct arena *a, const char ***out, size_t *out_n, struct err *e) MUST_CHECK;

/* ---- exemplars: the samples' examples, a trace of each ---- */

enum { EXEMPLAR_RUNES_MAX = 128 }; /* of an exemplar's names and values together */

struct exemplar {
    struct labels labels;
    double v;
    int64_t t;
};

/* ERR_CONFLICT: older than the series' last one (that one again is nothing new). ERR_INVALID: its
 * labels are too long. ERR_NOT_FOUND: as above. */
int tsdb_append_exemplar(struct tsdb *db, uint64_t ref, const struct exemplar *x,
                         struct err *e) MUST_CHECK;

struct exemplar_series {
    struct labels labels; /* of the series */
    const struct exemplar *items;
    size_t n;
};

/* Of the series that all matchers fit, sorted by labels. */
int tsdb_exemplars(struct tsdb *db, const struct matcher *m, size_t n, int64_t min_t, int64_t max_t,
                   struct arena *a, struct exemplar_series **out, size_t *out_n,
                   struct err *e) MUST_CHECK;

/* ---- care ---- */

/* Takes the samples of a span out of the series that all matchers fit, at once and for good. */
int tsdb_delete(struct tsdb *db, const struct matcher *m, size_t n, int64_t min_t, int64_t max_t,
                struct err *e) MUST_CHECK;

/* A copy as of now, below the folder's snapshots/: a folder that tsdb_open() opens. `name` is made
 * of the time. ERR_UNSUPPORTED: there is no folder. */
int tsdb_snapshot(struct tsdb *db, struct arena *a, const char **name, struct err *e) MUST_CHECK;

struct tsdb_stats {
    uint64_t series, samples_in, refused, chunk_bytes, log_bytes, exemplars;
    int64_t oldest_ms, newest_ms;
};
void tsdb_stats(struct tsdb *db, struct tsdb_stats *out);
