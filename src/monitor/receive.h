/* receive.h - samples that are pushed here, and raw ones asked for: remote write and read, OTLP.
 * Who writes needs the right to; it is known before the body is read. */
#pragma once
#include "monitor/api.h"

enum { RECEIVE_PACKED_MAX = 16 << 20, RECEIVE_UNPACKED_MAX = 32 << 20 };

/* False: the path (below /api/v1/) is another's. */
bool receive_handle(struct http_request *q, const struct monitor_api *m, const char *path);
