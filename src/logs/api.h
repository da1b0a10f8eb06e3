/* api.h - Loki's HTTP API over the log store: what Grafana and `slipway logs` ask.
 *
 * GET /loki/api/v1/query_range   query, start, end, limit, direction → streams
 * GET /loki/api/v1/query         the same, up to now                                      */
#pragma once
#include "logs/access.h"

/* An http_handler for paths below /loki/; arg: a struct logs_access. */
void logs_handle(struct http_request *q, void *arg);
