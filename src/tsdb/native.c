/* native.c - a series' native histograms: kept encoded, each by itself. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "tsdb/tsdb_int.h"

static const struct chunk *last_chunk(const struct mem_series *s)
{
    return s->n_chunks ? &s->chunks[s->n_chunks - 1] : NULL;
}

enum append native__append(struct mem_series *s, int64_t t, const void *bytes, size_t n)
{
    enum append place = head__place(s, t);
    const struct native *last = s->n_natives ? &s->natives[s->n_natives - 1] : NULL;
    /* The first byte is the hint, which depends on what stands before. */
    if (place == APPEND_TWICE && last && last->t == t && last->n == n &&
        memcmp(last->bytes + 1, (const char *)bytes + 1, n - 1) == 0)
        return APPEND_SAME;
    if (place != APPEND_TAKEN)
        return place;
    if (s->n_natives == s->cap_natives) {
        s->cap_natives = s->cap_natives ? s->cap_natives * 2 : 8;
        s->natives = realloc(s->natives, s->cap_natives * sizeof *s->natives);
        if (!s->natives)
            log_die("out of memory");
    }
    uint8_t *copy = malloc(n);
    if (!copy)
        log_die("out of memory");
    memcpy(copy, bytes, n);
    s->natives[s->n_natives++] = (struct native){t, (uint32_t)n, copy};
    return APPEND_TAKEN;
}

const struct histogram *native__newest(const struct mem_series *s, struct arena *a)
{
    const struct chunk *floats = last_chunk(s);
    const struct native *last = s->n_natives ? &s->natives[s->n_natives - 1] : NULL;
    struct histogram *h;
    if (!last || (floats && floats->n && floats->last_t > last->t))
        return NULL;
    return histogram_decode(a, last->bytes, last->n, &h) ? h : NULL;
}

size_t native__retain(struct mem_series *s, int64_t oldest_ms)
{
    size_t gone = 0;
    while (gone < s->n_natives && s->natives[gone].t < oldest_ms)
        free(s->natives[gone++].bytes);
    s->n_natives -= gone;
    if (gone)
        memmove(s->natives, s->natives + gone, s->n_natives * sizeof *s->natives);
    return gone;
}

/* The first one from `t` on. */
static size_t find(const struct mem_series *s, int64_t t)
{
    size_t lo = 0, hi = s->n_natives;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (s->natives[mid].t < t)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

void native__merge(const struct mem_series *s, int64_t min_t, int64_t max_t, struct arena *a,
                   struct series *out)
{
    size_t from = find(s, min_t), to = max_t == INT64_MAX ? s->n_natives : find(s, max_t + 1);
    if (to <= from)
        return;
    size_t room = out->n + (to - from), n = 0, k = 0;
    struct sample *samples = ARENA_ARRAY(a, struct sample, room);
    const struct histogram **all = ARENA_ARRAY(a, const struct histogram *, room);
    for (size_t i = from; i < to; i++) {
        struct histogram *h;
        while (k < out->n && out->samples[k].t < s->natives[i].t)
            samples[n++] = out->samples[k++];
        if (!histogram_decode(a, s->natives[i].bytes, s->natives[i].n, &h))
            continue;
        all[n] = h;
        samples[n++] = (struct sample){s->natives[i].t, 0};
    }
    while (k < out->n)
        samples[n++] = out->samples[k++];
    out->samples = samples;
    out->histograms = all;
    out->n = n;
}
