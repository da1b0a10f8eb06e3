/* promql.h - Prometheus's query language over any source of series.
 *
 * Model      A query is parsed (ast.h), then worked out for every step of [start, end] at once.
 *            Ranges and look-back are open on the left, as in Prometheus 3.
 * Guarantees No query reads more than max_samples. Errors in the text name line and column.
 *            What upstream has behind a flag is refused by name unless its flag is set.
 * Threads    Any; a query belongs to one thread.                                            */
#pragma once
#include "tsdb/tsdb.h"

struct promql_source {
    int (*select)(struct promql_source *s, const struct matcher *m, size_t n, int64_t min_t,
                  int64_t max_t, size_t max_samples, struct arena *a, struct series_set *out,
                  struct err *e);
};

/* Upstream's --enable-feature, by its own names: see promql_feature(). */
enum {
    PROMQL_FUNCTIONS = 1,      /* promql-experimental-functions */
    PROMQL_EXTENDED = 2,       /* promql-extended-range-selectors: anchored, smoothed */
    PROMQL_FILL = 4,           /* promql-binop-fill-modifiers */
    PROMQL_DELAYED_NAMES = 8,  /* promql-delayed-name-removal */
    PROMQL_TYPE_AND_UNIT = 16, /* type-and-unit-labels */
    PROMQL_START_TIMES = 32,   /* use-start-timestamps */
};
/* 0: there is none of this name. */
unsigned promql_feature(const char *name);
/* Names with commas between; those that upstream has made permanent are fine, too. */
int promql_features(const char *names, unsigned *out, struct err *e) MUST_CHECK;

struct promql_opts {
    unsigned features;
    int64_t lookback_ms;      /* 0: 5 minutes */
    int64_t subquery_step_ms; /* 0: 1 minute */
    size_t max_samples;       /* 0: 50 million */
};

enum promql_type { PROMQL_SCALAR, PROMQL_VECTOR, PROMQL_MATRIX, PROMQL_STRING };

struct promql_result {
    enum promql_type type;
    struct series_set series; /* vector: one sample each; matrix; scalar: one series, no labels */
    const char *string;
    /* "PromQL warning: … (1:5)" and "PromQL info: …", in upstream's words. */
    const char *const *warnings, *const *infos;
    size_t n_warnings, n_infos;
};

/* At one moment: gives what the expression is. */
int promql_instant(struct promql_source *s, const struct promql_opts *o, const char *query,
                   int64_t at_ms, struct arena *a, struct promql_result *out,
                   struct err *e) MUST_CHECK;
/* At every step from start to end: gives a matrix. ERR_INVALID: more than 11,000 steps. */
int promql_range(struct promql_source *s, const struct promql_opts *o, const char *query,
                 int64_t start_ms, int64_t end_ms, int64_t step_ms, struct arena *a,
                 struct promql_result *out, struct err *e) MUST_CHECK;

/* A tsdb as a source. */
struct promql_tsdb {
    struct promql_source source;
    struct tsdb *db;
};
void promql_tsdb_init(struct promql_tsdb *s, struct tsdb *db);
