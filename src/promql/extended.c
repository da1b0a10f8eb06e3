/* extended.c - anchored and smoothed selectors: the value at an end of the range is that of the
 * sample before it, or lies on the line between its neighbours. */
#include "promql/native.h"
#include "promql/over.h"

/* Indexes of the samples at or around the ends of the range. */
struct ends {
    size_t first, last;
    bool smoothed;
};

/* The first of n samples at or after `t`; n - 1 when there is none. */
static size_t at_or_after(const struct sample *s, size_t n, int64_t t)
{
    size_t i = 0;
    while (i + 1 < n && s[i].t < t)
        i++;
    return i;
}

/* False: no sample tells anything about the range. */
static bool find_ends(const struct sample *s, size_t n, int64_t start, int64_t end, bool smoothed,
                      struct ends *out)
{
    if (!n)
        return false;
    size_t after = at_or_after(s, n, start + 1);
    *out =
        (struct ends){after ? after - 1 : 0, smoothed ? at_or_after(s, n, end) : n - 1, smoothed};
    return s[out->last].t > start && !(smoothed && s[out->first].t > end);
}

/* A counter that fell began at zero. */
static double between(const struct sample *a, const struct sample *b, int64_t t, bool counter)
{
    double from = counter && b->v < a->v ? 0 : a->v;
    return from + (b->v - from) * (double)(t - a->t) / (double)(b->t - a->t);
}

static double left_of(const struct sample *s, const struct ends *x, int64_t start, bool counter)
{
    if (x->smoothed && s[x->first].t < start)
        return between(&s[x->first], &s[x->first + 1], start, counter);
    return s[x->first].v;
}

static double right_of(const struct sample *s, const struct ends *x, int64_t end, bool counter)
{
    if (x->smoothed && x->last && s[x->last].t > end)
        return between(&s[x->last - 1], &s[x->last], end, counter);
    return s[x->last].v;
}

static double growth(const struct window *w, const struct ends *x, bool counter)
{
    double left = left_of(w->s, x, w->start, counter), right = right_of(w->s, x, w->end, counter);
    double v = right - left, before = left;
    if (!counter)
        return v;
    for (size_t i = x->first; i <= x->last; i++) {
        if (w->s[i].t <= w->start || w->s[i].t >= w->end)
            continue;
        if (w->s[i].v < before)
            v += before;
        before = w->s[i].v;
    }
    return right < before ? v + before : v;
}

/* ---- histograms ---- */

static struct histogram *between_histograms(const struct window *w, size_t i, int64_t t,
                                            bool counter)
{
    struct arena *a = w->ev->arena;
    int64_t before = w->s[i].t, after = w->s[i + 1].t;
    double share = (double)(t - before) / (double)(after - before);
    if (t == before || t == after)
        return histogram_copy(a, w->h[t == before ? i : i + 1]);
    struct histogram *h = histogram_copy(a, w->h[i + 1]);
    if (counter && native_is_reset(a, w->h[i], h)) {
        native_multiply(h, share);
        return h;
    }
    if (!window_add(w, h, w->h[i], -1))
        return NULL;
    native_multiply(h, share);
    if (!window_add(w, h, w->h[i], 1))
        return NULL;
    native_settle(h);
    return h;
}

static struct histogram *left_histogram(const struct window *w, const struct ends *x, bool counter)
{
    if (x->smoothed && w->s[x->first].t < w->start)
        return between_histograms(w, x->first, w->start, counter);
    return histogram_copy(w->ev->arena, w->h[x->first]);
}

static struct histogram *right_histogram(const struct window *w, const struct ends *x, bool counter)
{
    if (x->smoothed && x->last && w->s[x->last].t > w->end)
        return between_histograms(w, x->last - 1, w->end, counter);
    return histogram_copy(w->ev->arena, w->h[x->last]);
}

static bool histograms_fit(const struct window *w, const struct ends *x, bool counter)
{
    for (size_t i = x->first; i <= x->last; i++) {
        if (histogram_is_custom(w->h[i]) != histogram_is_custom(w->h[x->first])) {
            note_schemas(w->ev, w->arg->at, window_metric(w));
            return false;
        }
        if (counter && w->h[i]->hint == HISTOGRAM_GAUGE)
            note_not_counter(w->ev, w->arg->at, window_metric(w));
    }
    return true;
}

/* Adds what resets between the ends hid. A reset that the left end was interpolated over counts
 * there already. */
static bool undo_resets(const struct window *w, const struct ends *x, const struct histogram *left,
                        const struct histogram *right, struct histogram *to)
{
    struct arena *a = w->ev->arena;
    const struct histogram *before = left;
    size_t i = x->first + 1;
    if (x->smoothed && w->s[x->first].t < w->start && native_is_reset(a, w->h[x->first], w->h[i])) {
        before = w->h[i++];
    }
    if (i > x->last)
        return true;
    for (; i < x->last; i++) {
        if (native_is_reset(a, before, w->h[i]) && !window_add(w, to, before, 1))
            return false;
        before = w->h[i];
    }
    return !native_is_reset(a, before, right) || window_add(w, to, before, 1);
}

static struct histogram *histogram_growth(const struct window *w, const struct ends *x,
                                          bool counter)
{
    if (!histograms_fit(w, x, counter))
        return NULL;
    struct histogram *left = left_histogram(w, x, counter);
    struct histogram *right = left ? right_histogram(w, x, counter) : NULL;
    if (!right)
        return NULL;
    if (!counter && (left->hint != HISTOGRAM_GAUGE || right->hint != HISTOGRAM_GAUGE))
        note_not_gauge(w->ev, w->arg->at, window_metric(w));
    struct histogram *h = histogram_copy(w->ev->arena, right);
    if (!window_add(w, h, left, -1) || (counter && !undo_resets(w, x, left, right, h)))
        return NULL;
    native_settle(h);
    h->hint = HISTOGRAM_GAUGE;
    return h;
}

bool over__extended(const struct window *w, bool counter, bool per_second, struct cell *out)
{
    struct ends x;
    double seconds = per_second ? (double)(w->end - w->start) / 1000 : 1;
    if (!find_ends(w->s, w->n, w->start, w->end, w->arg->selector.smoothed, &x))
        return false;
    if (!w->h) {
        *out = (struct cell){growth(w, &x, counter) / seconds, NULL};
        return true;
    }
    struct histogram *h = histogram_growth(w, &x, counter);
    if (!h)
        return false;
    native_divide(h, seconds);
    *out = (struct cell){0, h};
    return true;
}

/* ---- smoothed instants ---- */

/* Of the samples around `now`, one kind only; the last one where none comes after. */
static bool smooth(const struct window *w, struct cell *out)
{
    size_t i = 0;
    while (i < w->n && w->s[i].t < w->now)
        i++;
    if (i < w->n && w->s[i].t == w->now) {
        *out = (struct cell){w->s[i].v, window_histogram(w, i)};
        return true;
    }
    if (i == 0)
        return false;
    if (!w->h) {
        *out = (struct cell){
            i < w->n ? between(&w->s[i - 1], &w->s[i], w->now, false) : w->s[i - 1].v, NULL};
        return true;
    }
    const struct histogram *a = w->h[i - 1], *b = i < w->n ? w->h[i] : NULL;
    struct histogram *h;
    if (b && histogram_is_custom(a) != histogram_is_custom(b)) {
        note_schemas(w->ev, w->arg->at, window_metric(w));
        return false;
    }
    if (b) {
        bool counter = a->hint != HISTOGRAM_GAUGE || b->hint != HISTOGRAM_GAUGE;
        h = between_histograms(w, i - 1, w->now, counter);
    } else { /* the hint is of two samples, not of the value */
        h = histogram_copy(w->ev->arena, a);
        h->hint = HISTOGRAM_UNKNOWN;
    }
    *out = (struct cell){0, h};
    return h != NULL;
}

static void smooth_series(struct eval *ev, const struct expr *x, const struct series *s,
                          struct table *out)
{
    struct row *row = NULL;
    for (size_t k = 0; k < ev->steps; k++) {
        int64_t t = eval__time(ev, &x->selector.when, k), look = ev->opts->lookback_ms;
        size_t lo = 0, hi, n_histograms = 0;
        while (lo < s->n && s->samples[lo].t <= t - look)
            lo++;
        for (hi = lo; hi < s->n && s->samples[hi].t <= t + look; hi++)
            n_histograms += s->histograms && s->histograms[hi];
        struct window w = {.s = s->samples + lo,
                           .h = n_histograms ? s->histograms + lo : NULL,
                           .n = hi - lo,
                           .now = t,
                           .ev = ev,
                           .arg = x,
                           .labels = &s->labels};
        struct cell c;
        if (n_histograms && n_histograms < w.n) {
            note_mixed(ev, x->at, window_metric(&w));
            continue;
        }
        if (!smooth(&w, &c))
            continue;
        if (!row)
            row = table_add(out, ev, s->labels);
        row_set(ev, row, k, c);
    }
}

int eval__smoothed(struct eval *ev, const struct expr *x, struct table *out, struct err *e)
{
    struct expr around = *x; /* a look-back before, and one after, stale markers left out */
    struct matrix m;
    around.kind = EXPR_MATRIX;
    around.selector.range_ms = 0;
    int r = eval__matrix(ev, &around, &m, e);
    for (size_t i = 0; r == 0 && i < m.n; i++)
        smooth_series(ev, x, &m.items[i], out);
    return r;
}

/* ---- a matrix alone ---- */

static void extend(struct eval *ev, struct series *s, int64_t start, int64_t end, bool smoothed)
{
    struct ends x;
    if (!find_ends(s->samples, s->n, start, end, smoothed, &x)) {
        s->n = 0;
        return;
    }
    struct sample *all = ARENA_ARRAY(ev->arena, struct sample, s->n + 2);
    size_t n = 0;
    all[n++] = (struct sample){start, left_of(s->samples, &x, start, false)};
    for (size_t i = x.first; i <= x.last; i++)
        if (s->samples[i].t > start && s->samples[i].t < end)
            all[n++] = s->samples[i];
    all[n++] = (struct sample){end, right_of(s->samples, &x, end, false)};
    s->samples = all;
    s->n = n;
}

int eval__extend(struct eval *ev, const struct expr *x, struct matrix *m, struct err *e)
{
    int64_t end = eval__time(ev, &x->selector.when, 0);
    for (size_t i = 0; i < m->n; i++) {
        for (size_t k = 0; m->items[i].histograms && k < m->items[i].n; k++)
            if (m->items[i].histograms[k])
                return err_set(e, ERR_INVALID, "%s modifier is not supported with histograms",
                               x->selector.smoothed ? "smoothed" : "anchored");
        extend(ev, &m->items[i], end - x->selector.range_ms, end, x->selector.smoothed);
    }
    return 0;
}
