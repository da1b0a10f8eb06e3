/* otlp.h - OTLP's metrics (an ExportMetricsServiceRequest, in protobuf or JSON) as samples. Pure.
 *
 * Model      Names and labels become Prometheus's: units and _total are added to names, other
 *            characters become '_'; service.namespace/service.name is the job, service.instance.id
 *            the instance, and the rest of a resource stands in target_info.
 * Guarantees Deltas are not taken: they are dropped and counted, and so is a point without a
 *            value.                                                                      */
#pragma once
#include "codec/value.h"
#include "monitor/batch.h"

/* As `otlp:` of Prometheus's configuration says. */
enum otlp_names { OTLP_ESCAPED, OTLP_UTF8, OTLP_UTF8_BARE, OTLP_ESCAPED_BARE };

struct otlp_opts {
    enum otlp_names names;
    bool promote_all, keep_identifying, promote_scope;
    const char *const *promote; /* resource attributes that every series gets; NULL-terminated */
    const char *const *ignore;  /* with promote_all: but these */
};

struct otlp_batch {
    struct batch batch;
    size_t dropped;
    const char *why; /* the first; NULL: none was */
};

int otlp_read(struct arena *a, const void *bytes, size_t n, const struct otlp_opts *o,
              struct otlp_batch *out, struct err *e) MUST_CHECK;
int otlp_read_json(struct arena *a, const void *bytes, size_t n, const struct otlp_opts *o,
                   struct otlp_batch *out, struct err *e) MUST_CHECK;
