/* otlp_json.c - which members of OTLP's JSON are which fields, and attributes' values as text. */
#include <inttypes.h>

#include "codec/json.h"
#include "codec/number.h"
#include "codec/otlp_value.h"
#include "monitor/otlp_int.h"

#define TEXT(name, n)                                                                              \
    {                                                                                              \
        name, n, PROTO_JSON_TEXT, false, NULL                                                      \
    }
#define HEX(name, n)                                                                               \
    {                                                                                              \
        name, n, PROTO_JSON_HEX, false, NULL                                                       \
    }
#define BOOL(name, n)                                                                              \
    {                                                                                              \
        name, n, PROTO_JSON_BOOL, false, NULL                                                      \
    }
#define INT(name, n)                                                                               \
    {                                                                                              \
        name, n, PROTO_JSON_INT, false, NULL                                                       \
    }
#define ZIGZAG(name, n)                                                                            \
    {                                                                                              \
        name, n, PROTO_JSON_ZIGZAG, false, NULL                                                    \
    }
#define FIXED(name, n)                                                                             \
    {                                                                                              \
        name, n, PROTO_JSON_FIXED64, false, NULL                                                   \
    }
#define DOUBLE(name, n)                                                                            \
    {                                                                                              \
        name, n, PROTO_JSON_DOUBLE, false, NULL                                                    \
    }
#define LIST(name, n, k)                                                                           \
    {                                                                                              \
        name, n, k, true, NULL                                                                     \
    }
#define ONE(name, n, m)                                                                            \
    {                                                                                              \
        name, n, PROTO_JSON_MESSAGE, false, &(m)                                                   \
    }
#define MANY(name, n, m)                                                                           \
    {                                                                                              \
        name, n, PROTO_JSON_MESSAGE, true, &(m)                                                    \
    }
#define FIELDS(...)        ((const struct proto_json_field[]){__VA_ARGS__, {0}})
#define MESSAGE(name, ...) static const struct proto_json_message name = {FIELDS(__VA_ARGS__)}
MESSAGE(exemplar_message, FIXED("timeUnixNano", 2), DOUBLE("asDouble", 3), HEX("spanId", 4),
        HEX("traceId", 5), FIXED("asInt", 6), MANY("filteredAttributes", 7, otlp_pair_message));
MESSAGE(number_message, FIXED("startTimeUnixNano", 2), FIXED("timeUnixNano", 3),
        DOUBLE("asDouble", 4), MANY("exemplars", 5, exemplar_message), FIXED("asInt", 6),
        MANY("attributes", 7, otlp_pair_message), INT("flags", 8));
MESSAGE(histogram_message, FIXED("startTimeUnixNano", 2), FIXED("timeUnixNano", 3),
        FIXED("count", 4), DOUBLE("sum", 5), LIST("bucketCounts", 6, PROTO_JSON_FIXED64),
        LIST("explicitBounds", 7, PROTO_JSON_DOUBLE), MANY("exemplars", 8, exemplar_message),
        MANY("attributes", 9, otlp_pair_message), INT("flags", 10));
MESSAGE(buckets_message, ZIGZAG("offset", 1), LIST("bucketCounts", 2, PROTO_JSON_INT));
MESSAGE(exponential_message, MANY("attributes", 1, otlp_pair_message),
        FIXED("startTimeUnixNano", 2), FIXED("timeUnixNano", 3), FIXED("count", 4),
        DOUBLE("sum", 5), ZIGZAG("scale", 6), FIXED("zeroCount", 7),
        ONE("positive", 8, buckets_message), ONE("negative", 9, buckets_message), INT("flags", 10),
        MANY("exemplars", 11, exemplar_message), DOUBLE("zeroThreshold", 14));
MESSAGE(quantile_message, DOUBLE("quantile", 1), DOUBLE("value", 2));
MESSAGE(summary_message, FIXED("startTimeUnixNano", 2), FIXED("timeUnixNano", 3), FIXED("count", 4),
        DOUBLE("sum", 5), MANY("quantileValues", 6, quantile_message),
        MANY("attributes", 7, otlp_pair_message), INT("flags", 8));

MESSAGE(gauges_message, MANY("dataPoints", 1, number_message));
MESSAGE(sums_message, MANY("dataPoints", 1, number_message), INT("aggregationTemporality", 2),
        BOOL("isMonotonic", 3));
MESSAGE(histograms_message, MANY("dataPoints", 1, histogram_message),
        INT("aggregationTemporality", 2));
MESSAGE(exponentials_message, MANY("dataPoints", 1, exponential_message),
        INT("aggregationTemporality", 2));
MESSAGE(summaries_message, MANY("dataPoints", 1, summary_message));
MESSAGE(metric_message, TEXT("name", 1), TEXT("description", 2), TEXT("unit", 3),
        ONE("gauge", 5, gauges_message), ONE("sum", 7, sums_message),
        ONE("histogram", 9, histograms_message),
        ONE("exponentialHistogram", 10, exponentials_message),
        ONE("summary", 11, summaries_message));

MESSAGE(scope_message, TEXT("name", 1), TEXT("version", 2),
        MANY("attributes", 3, otlp_pair_message));
MESSAGE(resource_message, MANY("attributes", 1, otlp_pair_message));
MESSAGE(scope_metrics_message, ONE("scope", 1, scope_message), MANY("metrics", 2, metric_message),
        TEXT("schemaUrl", 3));
MESSAGE(resource_metrics_message, ONE("resource", 1, resource_message),
        MANY("scopeMetrics", 2, scope_metrics_message));
const struct proto_json_message otlp_metrics_message = {
    FIELDS(MANY("resourceMetrics", 1, resource_metrics_message))};

/* Attributes are many, and most are texts: those need no tree. */
const char *otlp_value_text(struct arena *a, struct proto m, size_t tree_max)
{
    struct proto_field f;
    struct proto first = m;
    const char *text;
    if (!proto_next(&first, &f))
        return m.broken || first.broken ? NULL : "";
    if (f.number == 1 && first.p == first.end)
        return proto_text(a, &f, &text) ? text : NULL;
    if (proto_left(&m) > tree_max)
        return NULL;
    const struct value *v = otlp_value(a, m);
    if (!v || v->kind == VALUE_NULL)
        return v ? "" : NULL;
    return v->kind == VALUE_STRING ? v->text : json_text(a, v, 0);
}
