/* api.h - Prometheus's HTTP API v1 over the time-series store: query, query_range, series, labels,
 * label values, targets, buildinfo. GET and form POST. */
#pragma once
#include "monitor/scraper.h"
#include "net/http_server.h"
#include "promql/promql.h"

struct monitor_api {
    struct promql_source *source;
    struct tsdb *db;
    struct scraper *scraper; /* for targets; NULL: none */
    struct promql_opts query;
};

/* An http_handler for paths below /api/v1/; arg: a struct monitor_api. */
void monitor_handle(struct http_request *q, void *arg);

/* A result as the HTTP API's `data` has it. */
struct value *monitor_result(const struct promql_result *r, int64_t at_ms, struct arena *a);
