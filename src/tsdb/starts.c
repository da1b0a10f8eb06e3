/* starts.c - since when a series' samples count: told seldom, so that only changes are kept. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "tsdb/tsdb_int.h"

void starts__add(struct mem_series *s, int64_t t, int64_t start)
{
    if (s->n_runs == s->cap_runs) {
        s->cap_runs = s->cap_runs ? s->cap_runs * 2 : 2;
        s->runs = realloc(s->runs, s->cap_runs * sizeof *s->runs);
        if (!s->runs)
            log_die("out of memory");
    }
    s->runs[s->n_runs++] = (struct start_run){t, start};
    s->start = start;
}

bool starts__mark(struct mem_series *s, int64_t t)
{
    int64_t before = s->n_runs ? s->runs[s->n_runs - 1].start : 0;
    if (before == s->start)
        return false;
    starts__add(s, t, s->start);
    return true;
}

/* The run that the oldest sample is of stays. */
void starts__retain(struct mem_series *s, int64_t oldest_ms)
{
    uint32_t gone = 0;
    while (gone + 1 < s->n_runs && s->runs[gone + 1].t <= oldest_ms)
        gone++;
    s->n_runs -= gone;
    if (gone)
        memmove(s->runs, s->runs + gone, s->n_runs * sizeof *s->runs);
}

void starts__fill(const struct mem_series *s, struct arena *a, struct series *out)
{
    if (!s->n_runs || !out->n)
        return;
    int64_t *starts = ARENA_ARRAY(a, int64_t, out->n);
    for (size_t i = 0, k = 0; i < out->n; i++) {
        while (k < s->n_runs && s->runs[k].t <= out->samples[i].t)
            k++;
        starts[i] = k ? s->runs[k - 1].start : 0;
    }
    out->starts = starts;
}
