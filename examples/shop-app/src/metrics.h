/* metrics.h - requests counted the way Prometheus reads them. Any thread. */
#pragma once
#include <stddef.h>

void metrics_request(int status, double seconds);
size_t metrics_print(char *out, size_t room);
