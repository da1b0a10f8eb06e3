/* rate.c - how much a series grew, and how often it changed or began anew. */
#include <math.h>

#include "promql/native.h"
#include "promql/over.h"

/* ---- start times ---- */

static int64_t start_of(const struct window *w, size_t i)
{
    return w->starts ? w->starts[i] : 0;
}

/* Whether sample i says that it counts from after the one before it. A start at the very time of
 * the one before tells a delta, unless that one's own start is not known. */
static bool restarted(const struct window *w, size_t i)
{
    int64_t start = start_of(w, i), before = w->s[i - 1].t;
    if (start == 0 || start >= w->s[i].t || start < before)
        return false;
    int64_t start_before = start_of(w, i - 1);
    return start > before || (start_before != 0 && start_before < before);
}

static void check_overlaps(const struct window *w)
{
    for (size_t i = 1; w->starts && i < w->n; i++) {
        int64_t start = start_of(w, i);
        if (start == 0 || start >= w->s[i - 1].t || start == start_of(w, i - 1))
            continue;
        note_overlap(w->ev, w->arg->at, window_metric(w));
        return;
    }
}

/* ---- growth ---- */

bool window_add(const struct window *w, struct histogram *to, const struct histogram *from,
                double sign)
{
    unsigned bent;
    if (!native_add(w->ev->arena, to, from, sign, &bent)) {
        note_schemas(w->ev, w->arg->at, window_metric(w));
        return false;
    }
    if (bent & NATIVE_RECONCILED)
        note_reconciled(w->ev, w->arg->at, sign < 0 ? "subtraction" : "addition");
    return true;
}

/* What a counter grew by, resets undone; or the plain difference of a gauge. */
static double grown(const struct window *w, bool counter)
{
    double v = w->s[w->n - 1].v - w->s[0].v;
    for (size_t i = 1; counter && i < w->n; i++)
        if (w->s[i].v < w->s[i - 1].v || restarted(w, i))
            v += w->s[i - 1].v;
    return v;
}

static bool reset_at(const struct window *w, size_t i, const struct histogram *before)
{
    return restarted(w, i) || native_is_reset(w->ev->arena, before, w->h[i]);
}

/* Doubts about counters; false, and said, when schemas do not go together. */
static bool histograms_fit(const struct window *w, bool counter, bool custom)
{
    const char *metric = window_metric(w);
    for (size_t i = 0; i < w->n; i++) {
        bool end = i == 0 || i == w->n - 1;
        if (counter && w->h[i]->hint == HISTOGRAM_GAUGE)
            note_not_counter(w->ev, w->arg->at, metric);
        if (i && (counter || end) && histogram_is_custom(w->h[i]) != custom) {
            note_schemas(w->ev, w->arg->at, metric);
            return false;
        }
    }
    return true;
}

/* The coarsest schema of those that are looked at. */
static int32_t coarsest(const struct window *w, bool counter, const struct histogram *first)
{
    int32_t schema = first->schema;
    for (size_t i = 1; i < w->n; i++)
        if ((counter || i == w->n - 1) && w->h[i]->schema < schema)
            schema = w->h[i]->schema;
    return schema;
}

/* The same of histograms; NULL, and said why, when they do not go together. */
static struct histogram *grown_histogram(const struct window *w, bool counter)
{
    const struct histogram *first = w->h[0];
    struct histogram nothing = {.schema = w->h[1]->schema,
                                .bounds = w->h[1]->bounds,
                                .n_bounds = w->h[1]->n_bounds,
                                .zero_threshold = 0};
    if (counter && reset_at(w, 1, first))
        first = &nothing; /* its layout does not matter then */
    if (!histograms_fit(w, counter, histogram_is_custom(first)))
        return NULL;
    struct histogram *h =
        native_at_schema(w->ev->arena, w->h[w->n - 1], coarsest(w, counter, first));
    if (!window_add(w, h, first, -1))
        return NULL;
    for (size_t i = 1; counter && i < w->n; i++) {
        const struct histogram *before = i == 1 ? first : w->h[i - 1];
        if (reset_at(w, i, before) && !window_add(w, h, before, 1))
            return NULL;
    }
    bool gauges = w->h[0]->hint == HISTOGRAM_GAUGE && w->h[w->n - 1]->hint == HISTOGRAM_GAUGE;
    if (!counter && !gauges)
        note_not_gauge(w->ev, w->arg->at, window_metric(w));
    native_settle(h);
    h->hint = HISTOGRAM_GAUGE;
    return h;
}

/* ---- extrapolation ---- */

/* Seconds of the samples, and to the ends of the range. */
struct stretch {
    double sampled, to_start, to_end, average;
};

/* A counter is not below zero: it is not stretched to before it was. */
static void stop_at_zero(struct stretch *s, double first, double growth)
{
    if (growth > 0 && first >= 0 && s->sampled * (first / growth) < s->to_start)
        s->to_start = s->sampled * (first / growth);
}

/* To the ends of the range when they are near, by half an interval when not. */
static double factor_of(struct stretch *s)
{
    if (s->to_end >= s->average * 1.1)
        s->to_end = s->average / 2;
    return s->sampled == 0 ? 1 : (s->sampled + s->to_start + s->to_end) / s->sampled;
}

/* The first sample's own start is within the range: there it counted nothing. */
static bool begins_within(const struct window *w)
{
    int64_t start = start_of(w, 0);
    return start != 0 && start > w->start && start < w->s[0].t;
}

struct growth {
    double v;
    struct histogram *h;
};

static bool growth_of(const struct window *w, bool counter, bool from_zero, struct growth *g)
{
    if (w->h && w->n > 1 && !(g->h = grown_histogram(w, counter)))
        return false;
    if (!w->h)
        g->v = grown(w, counter);
    if (!from_zero)
        return true;
    g->v += w->s[0].v;
    if (!w->h)
        return true;
    if (!g->h)
        g->h = histogram_copy(w->ev->arena, w->h[0]);
    else if (!window_add(w, g->h, w->h[0], 1))
        return false;
    native_settle(g->h);
    return true;
}

static bool extrapolated(const struct window *w, bool counter, bool per_second, struct cell *out)
{
    bool from_zero = counter && begins_within(w);
    struct growth g = {0, NULL};
    if (counter)
        check_overlaps(w);
    if (!growth_of(w, counter, from_zero, &g) || (w->n < 2 && !from_zero))
        return false;
    struct stretch s = {.sampled = (double)(w->s[w->n - 1].t - w->s[0].t) / 1000,
                        .to_start = (double)(w->s[0].t - w->start) / 1000,
                        .to_end = (double)(w->end - w->s[w->n - 1].t) / 1000};
    s.average = w->n > 1 ? s.sampled / (double)(w->n - 1) : 0;
    if (from_zero) {
        s.to_start = 0;
        s.sampled = (double)(w->s[w->n - 1].t - start_of(w, 0)) / 1000;
    } else {
        if (s.to_start >= s.average * 1.1)
            s.to_start = s.average / 2;
        if (counter)
            stop_at_zero(&s, g.h ? w->h[0]->count : w->s[0].v, g.h ? g.h->count : g.v);
    }
    double factor = factor_of(&s);
    if (per_second)
        factor /= (double)(w->end - w->start) / 1000;
    if (g.h)
        native_multiply(g.h, factor);
    *out = (struct cell){g.h ? 0 : g.v * factor, g.h};
    return true;
}

static bool growth(const struct window *w, bool counter, bool per_second, struct cell *out)
{
    bool extended =
        w->arg->kind == EXPR_MATRIX && (w->arg->selector.anchored || w->arg->selector.smoothed);
    if (w->n_histograms && w->n_histograms < w->n) {
        note_mixed(w->ev, w->arg->at, window_metric(w));
        return false;
    }
    return extended ? over__extended(w, counter, per_second, out)
                    : extrapolated(w, counter, per_second, out);
}

bool over_rate(const struct window *w, struct cell *out)
{
    return growth(w, true, true, out);
}

bool over_increase(const struct window *w, struct cell *out)
{
    return growth(w, true, false, out);
}

bool over_delta(const struct window *w, struct cell *out)
{
    return growth(w, false, false, out);
}

/* ---- of the last two samples ---- */

static bool last_histograms(const struct window *w, bool rate, double seconds, struct cell *out)
{
    size_t i = w->n - 1;
    const struct histogram *a = w->h[i - 1], *b = w->h[i];
    bool gauges = a->hint == HISTOGRAM_GAUGE && b->hint == HISTOGRAM_GAUGE;
    if (rate && (a->hint == HISTOGRAM_GAUGE || b->hint == HISTOGRAM_GAUGE))
        note_not_counter(w->ev, w->arg->at, window_metric(w));
    if (!rate && !gauges)
        note_not_gauge(w->ev, w->arg->at, window_metric(w));
    struct histogram *h = histogram_copy(w->ev->arena, b);
    if (!(rate && reset_at(w, i, a)) && !window_add(w, h, a, -1))
        return false;
    native_settle(h);
    h->hint = HISTOGRAM_GAUGE;
    if (rate)
        native_divide(h, seconds);
    *out = (struct cell){0, h};
    return true;
}

static bool last_two(const struct window *w, bool rate, struct cell *out)
{
    if (w->n < 2)
        return false;
    size_t i = w->n - 1;
    const struct sample *a = &w->s[i - 1], *b = &w->s[i];
    double seconds = (double)(b->t - a->t) / 1000;
    bool first = window_histogram(w, i - 1) != NULL, second = window_histogram(w, i) != NULL;
    if (b->t == a->t)
        return false;
    if (first != second) {
        note_mixed(w->ev, w->arg->at, window_metric(w));
        return false;
    }
    if (first)
        return last_histograms(w, rate, seconds, out);
    double v = rate && (b->v < a->v || restarted(w, i)) ? b->v : b->v - a->v;
    *out = (struct cell){rate ? v / seconds : v, NULL};
    return true;
}

bool over_irate(const struct window *w, struct cell *out)
{
    return last_two(w, true, out);
}

bool over_idelta(const struct window *w, struct cell *out)
{
    return last_two(w, false, out);
}

/* ---- counting ---- */

size_t window_first(const struct window *w)
{
    size_t within = 0;
    while (within < w->n && w->s[within].t <= w->start)
        within++;
    return within == w->n ? w->n : within ? within - 1 : 0;
}

static bool changed(const struct window *w, size_t i)
{
    const struct histogram *a = window_histogram(w, i - 1), *b = window_histogram(w, i);
    if (a && b)
        return !histogram_equal(a, b);
    return a || b || (w->s[i].v != w->s[i - 1].v && !(isnan(w->s[i].v) && isnan(w->s[i - 1].v)));
}

static bool began_anew(const struct window *w, size_t i)
{
    const struct histogram *a = window_histogram(w, i - 1), *b = window_histogram(w, i);
    if (a && b)
        return reset_at(w, i, a);
    return a || b || w->s[i].v < w->s[i - 1].v || restarted(w, i);
}

static bool count(const struct window *w, bool (*is)(const struct window *, size_t),
                  struct cell *out)
{
    size_t first = window_first(w);
    if (first == w->n)
        return false;
    *out = (struct cell){0, NULL};
    for (size_t i = first + 1; i < w->n; i++)
        out->v += is(w, i);
    return true;
}

bool over_changes(const struct window *w, struct cell *out)
{
    return count(w, changed, out);
}

bool over_resets(const struct window *w, struct cell *out)
{
    return count(w, began_anew, out);
}
