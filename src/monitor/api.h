/* api.h - Prometheus's HTTP API v1: query, query_range, format_query, series, labels,
 * label values, targets, metadata, rules, alerts, alertmanagers and status. GET and form POST. */
#pragma once
#include "monitor/ruler.h"
#include "monitor/scraper.h"
#include "net/http_server.h"
#include "promql/promql.h"

struct monitor_api {
    struct promql_source *source;
    struct tsdb *db;
    struct scraper *scraper; /* for targets; NULL: none */
    struct ruler *ruler;     /* for rules and alerts; NULL: none */
    struct promql_opts query;
    const char *config;               /* the configuration file's text; NULL: none */
    const char *const *alertmanagers; /* URLs that alerts go to, NULL-terminated; NULL: none */
    const char *const *flags;         /* "name", "value", …, NULL-terminated; NULL: none */
    int64_t started_ms;
};

/* An http_handler for paths below /api/v1/; arg: a struct monitor_api. */
void monitor_handle(struct http_request *q, void *arg);

/* A result as the HTTP API's `data` has it. */
struct value *monitor_result(const struct promql_result *r, int64_t at_ms, struct arena *a);
