/* measure.h - one measurement by one provider. */
#pragma once
#include "ctl/analysis/analysis.h"

struct measurement {
    const struct value *value; /* what conditions are asked of; NULL: the provider judged itself */
    const char *shown;         /* for status */
    const char *phase;         /* of providers that judge themselves: "Successful" …, "Running" */
    const char *message;
    struct value *metadata; /* remembered from one look to the next; may be NULL */
};

struct measure_ctx {
    struct controller_ctx *c;
    const struct analysis_opts *opts;
    const struct object *run;
    const struct value *metric;   /* arguments filled in */
    const struct value *metadata; /* of a measurement under way, or NULL */
    size_t index;                 /* of the measurement within the metric */
    int64_t started_ms;           /* the run */
    struct arena *a;
};

/* ERR_UNSUPPORTED names a provider that is not offered. */
int measure(struct measure_ctx *m, struct measurement *out, struct err *e) MUST_CHECK;

/* What Prometheus (`spec` has its address; without one the metrics kept here) answers a query:
 * {"resultType", "result"}. Private to the providers. */
int measure__ask(struct measure_ctx *m, const struct value *spec, const char *query, int64_t at_ms,
                 struct value **out, struct err *e) MUST_CHECK;

/* The values of a Prometheus answer ({"resultType", "result"}): a list for a vector, a number
 * for a scalar. */
int measure_prometheus_value(struct arena *a, const struct value *data, struct value **out,
                             struct err *e) MUST_CHECK;
