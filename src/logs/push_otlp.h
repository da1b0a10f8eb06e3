/* push_otlp.h - OTLP's way of handing logs in, over HTTP. */
#pragma once
#include "logs/access.h"

/* Handles POST /otlp/v1/logs and /v1/logs; 0 when it was answered. */
int push_otlp(struct http_request *q, const struct logs_access *x, struct err *e) MUST_CHECK;
