/* otlp_logs.h - OTLP's logs (an ExportLogsServiceRequest, in protobuf or JSON) as documents. Pure.
 */
#pragma once
#include "codec/value.h"

struct otlp_log {
    const char *ns;  /* k8s.namespace.name of its resource; "" */
    int64_t time_ns; /* 0: it has none */
    struct value *record;
};

struct otlp_logs {
    struct otlp_log *items;
    size_t n;
};

int otlp_logs_read(struct arena *a, const void *bytes, size_t n, struct otlp_logs *out,
                   struct err *e) MUST_CHECK;
int otlp_logs_read_json(struct arena *a, const void *bytes, size_t n, struct otlp_logs *out,
                        struct err *e) MUST_CHECK;
