/* logql.h - Grafana Loki's query language.
 *
 * Model      A log query chooses streams by their labels and sends each line through stages:
 *            filters, parsers, filters on labels, formats. A metric query counts or adds up what
 *            comes out over ranges of time; what is done with those numbers is PromQL's, and
 *            its engine does it.
 * Guarantees What is not offered is refused by name and place. A query looks at no more lines and
 *            keeps no more samples and series than its limits say.
 * Not here   ip(), pattern filters (|>), decolorize, unpack: refused.                        */
#pragma once
#include "logdb/logdb.h"
#include "promql/promql.h"

struct stage;

struct logql_log {
    struct logdb_query query; /* matchers, and the filters that come first */
    struct stage *stages;     /* the rest */
    size_t n_stages;
};

/* The whole text is a log query. ERR_INVALID names the place. */
int logql_parse(const char *text, struct arena *a, struct logql_log *out, struct err *e) MUST_CHECK;

/* Is it one, or a metric query? By its first token. */
bool logql_is_log(const char *text);

struct logql_limits {
    struct logdb_budget budget;
    size_t max_samples, max_series;
};

struct logql_scope {
    struct logdb *db;
    const struct logdb_matcher *narrow; /* added to every selector; NULL: none */
    struct logql_limits limits;
};

struct logql_line {
    struct labels labels;
    const char *key; /* the labels as text: equal for lines of one stream */
    int64_t time_ns;
    uint64_t order; /* among lines of one time */
    const char *text;
    size_t n;
};

/* The `limit` newest (or oldest) lines of [from, to), in that order. */
int logql_lines(const struct logql_scope *s, const struct logql_log *log, struct arena *a,
                struct logql_line **out, size_t *out_n, struct err *e) MUST_CHECK;

/* Could it be asked? ERR_INVALID names the place. */
int logql_metric_check(const char *text, struct arena *a, struct err *e) MUST_CHECK;

/* A metric query at every step of [start, end]; start == end: at one moment. */
int logql_metric(const struct logql_scope *s, const char *text, int64_t start_ms, int64_t end_ms,
                 int64_t step_ms, struct arena *a, struct promql_result *out,
                 struct err *e) MUST_CHECK;
