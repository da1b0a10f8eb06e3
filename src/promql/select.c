/* select.c - series of selectors, ranges and subqueries. */
#include "promql/eval.h"

enum { MAX_SUBQUERY_STEPS = 1000000 };

int eval__too_many(struct err *e)
{
    return err_set(e, ERR_TOO_LARGE, "query processing would load too many samples into memory");
}

int64_t eval__time(const struct eval *ev, const struct when *w, size_t step)
{
    int64_t t = eval_step(ev, step);
    switch (w->at) {
    case AT_TIME:
        t = w->at_ms;
        break;
    case AT_START:
        t = ev->query_start;
        break;
    case AT_END:
        t = ev->query_end;
        break;
    case AT_NONE:
        break;
    }
    return t - w->offset_ms;
}

const struct when *eval__when(const struct expr *x)
{
    return x->kind == EXPR_SUBQUERY ? &x->subquery.when : &x->selector.when;
}

int64_t eval__range(const struct expr *x)
{
    return x->kind == EXPR_SUBQUERY ? x->subquery.range_ms : x->selector.range_ms;
}

/* What the limit of samples counts: a histogram as many as it has buckets. */
static size_t weight(const struct series *s)
{
    size_t n = s->n;
    for (size_t i = 0; s->histograms && i < s->n; i++)
        if (s->histograms[i])
            n += s->histograms[i]->positive.n + s->histograms[i]->negative.n;
    return n;
}

int eval__fetch(struct eval *ev, const struct expr *x, int64_t before_ms, int64_t after_ms,
                struct series_set *out, struct err *e)
{
    const struct when *w = &x->selector.when;
    int64_t first = eval__time(ev, w, 0), last = eval__time(ev, w, ev->steps - 1);
    int r = ev->source->select(ev->source, x->selector.matchers, x->selector.n_matchers,
                               first - before_ms + 1, last + after_ms, *ev->samples_left, ev->arena,
                               out, e);
    for (size_t i = 0; r == 0 && i < out->n; i++) {
        size_t n = weight(&out->items[i]);
        if (n > *ev->samples_left)
            return eval__too_many(e);
        *ev->samples_left -= n;
        if (!(ev->opts->features & PROMQL_START_TIMES))
            out->items[i].starts = NULL;
        if (x->selector.stats_only)
            stats__strip(ev, &out->items[i]);
    }
    return r;
}

static struct cell taken(const struct series *s, size_t i, enum take take)
{
    switch (take) {
    case TAKE_TIME:
        return (struct cell){(double)s->samples[i].t / 1000, NULL};
    case TAKE_START:
        return (struct cell){s->starts ? (double)s->starts[i] / 1000 : 0, NULL};
    case TAKE_VALUE:
        break;
    }
    return (struct cell){s->samples[i].v, s->histograms ? s->histograms[i] : NULL};
}

static void select_series(struct eval *ev, const struct expr *x, const struct series *s,
                          enum take take, struct table *out)
{
    struct row *row = NULL;
    size_t next = 0;
    for (size_t k = 0; k < ev->steps; k++) {
        int64_t t = eval__time(ev, &x->selector.when, k);
        if (next && s->samples[next - 1].t > t) /* @: the same time again */
            next = 0;
        while (next < s->n && s->samples[next].t <= t)
            next++;
        const struct sample *p = next ? &s->samples[next - 1] : NULL;
        if (!p || p->t <= t - ev->opts->lookback_ms || is_stale(p->v))
            continue;
        if (!row)
            row = table_add(out, ev, s->labels);
        row_set(ev, row, k, taken(s, next - 1, take));
    }
}

int eval__selector(struct eval *ev, const struct expr *x, enum take take, struct table *out,
                   struct err *e)
{
    struct series_set set;
    if (x->selector.smoothed && take == TAKE_VALUE)
        return eval__smoothed(ev, x, out, e);
    int r = eval__fetch(ev, x, ev->opts->lookback_ms, 0, &set, e);
    if (r < 0)
        return r;
    if (set.n > ev->opts->max_samples / ev->steps)
        return eval__too_many(e);
    for (size_t i = 0; i < set.n; i++)
        select_series(ev, x, &set.items[i], take, out);
    return 0;
}

/* ---- ranges ---- */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* What a subquery shows of a counter's resets is not to be believed: it may skip samples and show
 * others twice. */
static const struct histogram *unhinted(struct arena *a, const struct histogram *h)
{
    if (!h || (h->hint != HISTOGRAM_RESET && h->hint != HISTOGRAM_NOT_RESET))
        return h;
    struct histogram *c = arena_dup(a, h, sizeof *h);
    c->hint = HISTOGRAM_UNKNOWN;
    return c;
}

struct series eval__series(const struct eval *ev, const struct row *row, bool hints)
{
    struct sample *s = ARENA_ARRAY(ev->arena, struct sample, ev->steps);
    const struct histogram **h =
        row->h ? ARENA_ARRAY(ev->arena, const struct histogram *, ev->steps) : NULL;
    size_t n = 0;
    for (size_t k = 0; k < ev->steps; k++) {
        if (!row->has[k])
            continue;
        if (h)
            h[n] = hints ? row->h[k] : unhinted(ev->arena, row->h[k]);
        s[n++] = (struct sample){eval_step(ev, k), row->v[k]};
    }
    return (struct series){.labels = row->labels, .samples = s, .n = n, .histograms = h};
}

/* Works the inner expression out at multiples of the step within the range. */
static int subquery(struct eval *ev, const struct expr *x, struct matrix *out, struct err *e)
{
    const struct when *w = &x->subquery.when;
    int64_t step = x->subquery.step_ms ? x->subquery.step_ms : ev->opts->subquery_step_ms;
    int64_t from = eval__time(ev, w, 0) - x->subquery.range_ms;
    struct eval inner = *ev;
    struct table t = {0};
    inner.start = (floor_div(from, step) + 1) * step;
    inner.end = eval__time(ev, w, ev->steps - 1);
    inner.step = step;
    *out = (struct matrix){0};
    if (inner.end < inner.start)
        return 0;
    inner.steps = (size_t)((inner.end - inner.start) / step) + 1;
    if (inner.steps > *ev->samples_left || inner.steps > MAX_SUBQUERY_STEPS)
        return eval__too_many(e);
    int r = eval__expr(&inner, x->subquery.inner, &t, e);
    if (r < 0)
        return r;
    struct series *items = ARENA_ARRAY(ev->arena, struct series, t.n + 1);
    bool *nameless = ARENA_ARRAY(ev->arena, bool, t.n + 1);
    for (size_t i = 0; i < t.n; i++) {
        items[i] = eval__series(&inner, &t.rows[i], false);
        nameless[i] = t.rows[i].nameless;
        size_t n = weight(&items[i]);
        if (n > *ev->samples_left)
            return eval__too_many(e);
        *ev->samples_left -= n;
    }
    *out = (struct matrix){items, t.n, nameless};
    return 0;
}

static void drop_stale(struct series *s, struct arena *a)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        n += is_stale(s->samples[i].v);
    if (n == 0)
        return;
    struct sample *kept = ARENA_ARRAY(a, struct sample, s->n);
    const struct histogram **h =
        s->histograms ? ARENA_ARRAY(a, const struct histogram *, s->n) : NULL;
    int64_t *starts = s->starts ? ARENA_ARRAY(a, int64_t, s->n) : NULL;
    n = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (is_stale(s->samples[i].v))
            continue;
        if (h)
            h[n] = s->histograms[i];
        if (starts)
            starts[n] = s->starts[i];
        kept[n++] = s->samples[i];
    }
    *s = (struct series){
        .labels = s->labels, .samples = kept, .n = n, .histograms = h, .starts = starts};
}

int eval__matrix(struct eval *ev, const struct expr *x, struct matrix *out, struct err *e)
{
    struct series_set set;
    if (x->kind == EXPR_SUBQUERY)
        return subquery(ev, x, out, e);
    int64_t look = ev->opts->lookback_ms;
    bool before = x->selector.anchored || x->selector.smoothed;
    int r = eval__fetch(ev, x, x->selector.range_ms + (before ? look : 0),
                        x->selector.smoothed ? look : 0, &set, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < set.n; i++)
        drop_stale(&set.items[i], ev->arena);
    *out = (struct matrix){set.items, set.n, NULL};
    return 0;
}
