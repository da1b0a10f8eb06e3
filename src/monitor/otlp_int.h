/* otlp_int.h - what the files of OTLP share. */
#pragma once
#include "codec/proto_json.h"
#include "monitor/otlp.h"

enum otlp_kind { OTLP_GAUGE, OTLP_COUNTER, OTLP_OTHER };

/* The metric's name for Prometheus; "" when nothing is left of it. */
const char *otlp_metric_name(struct arena *a, const struct otlp_opts *o, const char *name,
                             const char *unit, enum otlp_kind kind);
/* The unit as a word: "bytes" of "By"; "" where there is none. */
const char *otlp_unit(struct arena *a, const char *unit);
/* NULL when nothing is left of it. */
const char *otlp_label_name(struct arena *a, const struct otlp_opts *o, const char *name);

/* A value of an attribute as text: arrays and objects as JSON. NULL: malformed, or one of those in
 * more than tree_max bytes. */
const char *otlp_value_text(struct arena *a, struct proto m, size_t tree_max);

/* An ExportMetricsServiceRequest in JSON. */
extern const struct proto_json_message otlp_metrics_message;
