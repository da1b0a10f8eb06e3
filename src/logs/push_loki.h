/* push_loki.h - Loki's way of handing lines in: streams of labels and lines, as JSON. */
#pragma once
#include "logs/access.h"

/* Handles POST /loki/api/v1/push; 0 when it was answered. */
int push_loki(struct http_request *q, const struct logs_access *x, struct err *e) MUST_CHECK;
