/* openmetrics_int.h - what the files of the OpenMetrics parser share. */
#pragma once
#include "monitor/exposition.h"

enum { OM_LABELS_MAX = 128 };

struct om_time {
    bool set;
    double seconds; /* whole ones */
    int64_t nanos;
};

struct om_sample {
    const char *name;
    struct labels labels; /* without the name */
    double v;
    struct om_time t;
    bool exemplar;
};

/* One line without its end; NULL, or what is wrong with it. */
const char *om_sample_read(struct arena *a, const char *line, size_t n, struct om_sample *out);
bool om_name_ok(const char *s, size_t n);

static inline int om_time_compare(const struct om_time *a, const struct om_time *b)
{
    if (a->seconds != b->seconds)
        return a->seconds < b->seconds ? -1 : 1;
    return (a->nanos > b->nanos) - (a->nanos < b->nanos);
}
static inline bool om_time_equal(const struct om_time *a, const struct om_time *b)
{
    return a->set == b->set && (!a->set || om_time_compare(a, b) == 0);
}

/* A histogram's samples of one family, in their order; NULL, or what is wrong. */
const char *om_histogram_fault(const struct om_sample *s, size_t n, const char *family,
                               struct arena *a);
/* Labels that samples which belong together share. */
struct labels om_group(struct arena *a, const struct om_sample *s, const char *family,
                       const char *type);
