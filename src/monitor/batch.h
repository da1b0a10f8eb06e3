/* batch.h - samples on their way in: what remote write, OTLP and protobuf exposition are read as.
 *
 * Model      Plain data in one arena: series with their samples, exemplars and metadata. Readers
 *            are pure and make it; batch_write() puts it into the database.
 * Guarantees A series that cannot be taken does not keep the others out; what was wrong is said
 *            with its labels, as Prometheus says it. What is made of bytes from outside is at most
 *            BATCH_BYTES_MAX.                                                            */
#pragma once
#include "tsdb/tsdb.h"

enum {
    BATCH_BYTES_MAX = 256 << 20, /* for an arena_new() that a batch is read into */
    BATCH_LABELS_MAX = 256,      /* of a series */
    BATCH_LABEL_BYTES_MAX = 128 << 20,
    BATCH_AHEAD_MS = 10 * 60000,
};

struct batch_sample {
    int64_t t, start; /* 0: not known */
    double v;
    const struct histogram *h; /* NULL: a float */
};

struct batch_series {
    struct labels labels;
    const char *fault; /* NULL, or why none of it can be taken */
    struct batch_sample *samples;
    size_t n;
    struct exemplar *exemplars;
    size_t n_exemplars;
};

/* "" where nothing is said; type "unknown". */
struct batch_note {
    const char *name, *type, *help, *unit;
};

struct batch {
    struct batch_series *series;
    size_t n, cap;
    struct batch_note *notes;
    size_t n_notes, cap_notes;
    size_t label_bytes;
};

/* A place at the end. ERR_TOO_LARGE past the arena's limit. */
int batch_add(struct batch *b, struct arena *a, struct batch_series **out,
              struct err *e) MUST_CHECK;
int batch_add_note(struct batch *b, struct arena *a, const struct batch_note *x,
                   struct err *e) MUST_CHECK;
/* A list of `n` of a size, for what a count from outside asks for. */
int batch_room(struct arena *a, size_t n, size_t size, void **out, struct err *e) MUST_CHECK;

/* Sorts the labels in place, without those whose value is empty, and says in the series' fault what
 * is wrong with them: their texts are not copied. ERR_TOO_LARGE: all labels together. */
int batch_label(struct batch *b, struct batch_series *s, struct arena *a, struct label *items,
                size_t n, struct err *e) MUST_CHECK;

struct batch_result {
    size_t samples, histograms, exemplars; /* written */
    size_t refused;                        /* samples and histograms that were not */
    const char *why;                       /* the first few reasons, a line each; NULL: none */
};

/* ERR_INVALID names the first reasons when something was refused, after all else was written. */
int batch_write(struct tsdb *db, const struct batch *b, const struct clock *clock, struct arena *a,
                struct batch_result *out, struct err *e) MUST_CHECK;
