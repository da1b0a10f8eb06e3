/* describe.h - series as the tests of rules write them: up{job="a"} 1 1+2x3 _ stale {{count:3}}.
 *
 * Model      A description is labels and a value for each interval. "axn" is a once and n times
 *            more, "a+bxn" counts; "_" leaves one out; "{{…}}" is a native histogram.
 * Guarantees No description makes more than DESCRIBE_MAX values.                             */
#pragma once
#include "tsdb/tsdb.h"

enum { DESCRIBE_MAX = 1000000 };

struct described {
    bool omitted;
    double v;
    const struct histogram *h; /* NULL: a float */
    bool hint_set;             /* the histogram's hint was written down */
};

struct description {
    struct labels labels;
    struct described *values;
    size_t n;
};

/* ERR_INVALID with what is wrong with the text. */
int describe_series(struct arena *a, const char *text, struct description *out,
                    struct err *e) MUST_CHECK;
/* The two halves: what names a series ends where `*rest` begins. */
int describe_labels(struct arena *a, const char *text, struct labels *out, const char **rest,
                    struct err *e) MUST_CHECK;
int describe_values(struct arena *a, const char *text, struct description *out,
                    struct err *e) MUST_CHECK;
/* {{schema:1 count:3 sum:4 buckets:[1 2]}} */
char *describe_histogram(struct arena *a, const struct histogram *h);
