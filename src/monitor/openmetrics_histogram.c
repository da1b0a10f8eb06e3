/* openmetrics_histogram.c - whether a histogram's samples add up. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/openmetrics_int.h"

static struct labels without(struct arena *a, const struct labels *l, const char *name)
{
    struct label *all = ARENA_ARRAY(a, struct label, l->n);
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->items[i].name, name) != 0)
            all[n++] = l->items[i];
    return (struct labels){all, n};
}

struct labels om_group(struct arena *a, const struct om_sample *s, const char *family,
                       const char *type)
{
    const char *suffix = s->name + strlen(family);
    bool histogram = strcmp(type, "histogram") == 0 || strcmp(type, "gaugehistogram") == 0;
    if (strcmp(type, "info") == 0) /* nothing tells what belongs together */
        return (struct labels){0};
    if (strcmp(type, "summary") == 0 && !*suffix)
        return without(a, &s->labels, "quantile");
    if (strcmp(type, "stateset") == 0)
        return without(a, &s->labels, family);
    if (histogram && strcmp(suffix, "_bucket") == 0)
        return without(a, &s->labels, "le");
    return s->labels;
}

/* What was seen of one group at one time. */
struct seen {
    double bucket, value, count;
    bool any, counted, sum, gsum, negative_bucket, negative_gsum;
};

static const char *fault(const struct seen *s)
{
    if (!s->any || !isinf(s->bucket))
        return "the +Inf bucket is missing";
    if (s->counted && s->count != s->value)
        return "the count is not that of the +Inf bucket";
    if ((s->sum || s->gsum) != s->counted)
        return "one of sum and count is missing";
    if (s->negative_bucket && s->sum)
        return "there is a sum although there are negative buckets";
    if (!s->negative_bucket && s->negative_gsum)
        return "the sum is negative although no bucket is";
    return NULL;
}

static const char *see(struct seen *x, const struct om_sample *s, const char *suffix)
{
    if (strcmp(suffix, "_bucket") == 0) {
        double le = strtod(labels_get(&s->labels, "le"), NULL);
        if (x->any && le <= x->bucket)
            return "buckets are out of order";
        if (s->v < x->value)
            return "a bucket holds less than the one below it";
        x->negative_bucket |= le < 0;
        x->bucket = le;
        x->value = s->v;
        x->any = true;
    } else if (strcmp(suffix, "_count") == 0 || strcmp(suffix, "_gcount") == 0) {
        x->counted = true;
        x->count = s->v;
    } else if (strcmp(suffix, "_sum") == 0) {
        x->sum = true;
    } else if (strcmp(suffix, "_gsum") == 0) {
        x->gsum = true;
        x->negative_gsum = s->v < 0;
    }
    return NULL;
}

const char *om_histogram_fault(const struct om_sample *s, size_t n, const char *family,
                               struct arena *a)
{
    struct seen x = {0};
    struct labels group = {0};
    bool open = false;
    for (size_t i = 0; i < n; i++) {
        const char *suffix = s[i].name + strlen(family), *why = NULL;
        struct labels g = om_group(a, &s[i], family, "histogram");
        if (!*suffix)
            continue;
        if (open && (labels_compare(&g, &group) != 0 || !om_time_equal(&s[i].t, &s[i - 1].t))) {
            if ((why = fault(&x)))
                return why;
            x = (struct seen){0};
        }
        group = g;
        open = true;
        if ((why = see(&x, &s[i], suffix)))
            return why;
    }
    return open ? fault(&x) : NULL;
}
