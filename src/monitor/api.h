/* api.h - Prometheus's HTTP API v1: query, query_range, query_exemplars, format_query, series,
 * labels, label values, targets, metadata, rules, alerts, alertmanagers, status, write, read, OTLP
 * and admin. GET and form POST. And, of slipway's own, dashboards.
 *
 * What only looks needs no right: who reaches the address sees all metrics. Writing and deleting
 * need what `may` says. */
#pragma once
#include "monitor/ruler.h"
#include "monitor/scraper.h"
#include "net/http_server.h"
#include "promql/promql.h"

struct dashboards;
struct otlp_opts;
struct pushed;

enum monitor_right { MONITOR_WRITE, MONITOR_DELETE };

struct monitor_api {
    struct promql_source *source;
    struct tsdb *db;
    struct scraper *scraper;       /* for targets; NULL: none */
    struct ruler *ruler;           /* for rules and alerts; NULL: none */
    struct dashboards *dashboards; /* NULL: none */
    struct promql_opts query;
    const char *config;               /* the configuration file's text; NULL: none */
    const char *const *alertmanagers; /* URLs that alerts go to, NULL-terminated; NULL: none */
    const char *const *flags;         /* "name", "value", …, NULL-terminated; NULL: none */
    int64_t started_ms;
    struct labels external; /* what federation adds to series */
    /* 0, ERR_UNAUTHENTICATED or ERR_DENIED; NULL: everybody may. */
    int (*may)(void *arg, struct http_request *q, enum monitor_right right, struct err *e);
    void *may_arg;
    struct pushed *pushed;        /* what senders say of their metrics; NULL: not kept */
    const struct otlp_opts *otlp; /* NULL: the usual ones */
};

/* http_handlers for paths below /api/v1/, and for /federate; arg: a struct monitor_api. */
void monitor_handle(struct http_request *q, void *arg);
void monitor_federate(struct http_request *q, void *arg);

/* A result as the HTTP API's `data` has it. */
struct value *monitor_result(const struct promql_result *r, int64_t at_ms, struct arena *a);
