/* api.h - Loki's HTTP API over the log store: what Grafana and `slipway logs` ask.
 *
 * GET  /loki/api/v1/query_range          query, start, end, step, limit, direction
 * GET  /loki/api/v1/query                query, time, limit, direction
 * GET  /loki/api/v1/labels               start, end, query
 * GET  /loki/api/v1/label/NAME/values    start, end, query
 * GET  /loki/api/v1/series               match[], start, end
 * POST /loki/api/v1/push                 JSON
 * POST /otlp/v1/logs, /v1/logs           OTLP: protobuf or JSON                          */
#pragma once
#include "logs/access.h"

/* An http_handler for paths below /loki/, and OTLP's; arg: a struct logs_access. */
void logs_handle(struct http_request *q, void *arg);
