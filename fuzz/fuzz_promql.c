/* Any text is a query or is refused with a sentence, and gives the same answer twice. */
#include "fuzz.h"

#include "promql/promql.h"

enum { SAMPLES = 20, TEXT_MAX = 4096 };

/* Every third sample is a histogram, of one kind or the other. */
static const struct histogram *const *some_histograms(struct arena *a, size_t n)
{
    static const double bounds[] = {1, 2};
    const struct histogram **all = ARENA_ARRAY(a, const struct histogram *, n);
    for (size_t i = 0; i < n; i += 3) {
        struct histogram *h = ARENA_NEW(a, struct histogram);
        struct histogram_bucket *b = ARENA_ARRAY(a, struct histogram_bucket, 2);
        bool custom = i / 3 % 2;
        b[0].count = 1;
        b[1].index = 2;
        b[1].count = 3;
        h->positive = (struct histogram_side){b, 2};
        h->schema = custom ? HISTOGRAM_CUSTOM : 1;
        h->count = custom ? 4 : 5;
        h->sum = 9;
        h->zero_count = !custom;
        h->zero_threshold = custom ? 0 : 0.1;
        h->bounds = custom ? bounds : NULL;
        h->n_bounds = custom ? 2 : 0;
        all[i] = h;
    }
    return all;
}

static int answer(struct promql_source *s, const struct matcher *m, size_t n, int64_t min_t,
                  int64_t max_t, size_t max_samples, struct arena *a, struct series_set *out,
                  struct err *e)
{
    static const struct label names[2][2] = {
        {{"__name__", "x"}, {"le", "1"}   },
        {{"__name__", "x"}, {"le", "+Inf"}},
    };
    (void)s;
    (void)m;
    (void)n;
    (void)e;
    struct series *all = ARENA_ARRAY(a, struct series, 2);
    for (size_t i = 0; i < 2 && max_samples >= 2 * SAMPLES; i++) {
        struct sample *v = ARENA_ARRAY(a, struct sample, SAMPLES);
        all[i].labels = labels_make(a, names[i], 2);
        all[i].samples = v;
        for (int64_t k = 0; k < SAMPLES; k++)
            if (k * 15000 >= min_t && k * 15000 <= max_t)
                v[all[i].n++] = (struct sample){k * 15000, (double)(k * (int64_t)(i + 1))};
        if (i == 0)
            all[i].histograms = some_histograms(a, all[i].n);
    }
    *out = (struct series_set){all, 2};
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct promql_source source = {answer};
    const struct promql_opts o = {.max_samples = 2000, .features = ~0u};
    struct promql_result first = {0}, second = {0};
    struct err e = {0};
    if (size > TEXT_MAX)
        return 0;
    const char *query = arena_strndup(a, (const char *)data, size);
    int rc = promql_instant(&source, &o, query, 120000, a, &first, &e);
    MUST(rc == 0 || e.msg[0]);
    MUST(promql_instant(&source, &o, query, 120000, a, &second, &e) == rc);
    MUST(rc || first.series.n == second.series.n);
    for (size_t i = 0; rc == 0 && i < first.series.n; i++) {
        const struct series *x = &first.series.items[i], *y = &second.series.items[i];
        MUST(x->n == y->n && labels_compare(&x->labels, &y->labels) == 0);
    }
    return 0;
}
