/* grpc.h - one question of the gRPC health protocol over a connected plain socket.
 *
 * Speaks just as much HTTP/2 as that needs: one stream, headers sent as literals, of the answer
 * only the data is read.                                                               */
#pragma once
#include <stdint.h>

#include "base/err.h"

enum { GRPC_UNKNOWN = 0, GRPC_SERVING = 1, GRPC_NOT_SERVING = 2, GRPC_SERVICE_UNKNOWN = 3 };

int grpc_health_check(int fd, const char *service, int64_t timeout_ms, int *status,
                      struct err *e) MUST_CHECK;
