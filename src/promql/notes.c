#include "promql/notes.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "codec/number.h"
#include "promql/eval.h"

enum { MAX_NOTES = 1000 };

struct note {
    const char *text;
    bool warning;
    size_t at;
    unsigned times;
    enum { NOTE_PLAIN, NOTE_MONOTONICITY, NOTE_OVERLAP } kind;
    struct fixed_buckets fixed;
};

struct notes {
    struct arena *arena;
    struct note *items;
    size_t n, cap;
};

struct notes *notes_new(struct arena *a)
{
    struct notes *n = ARENA_NEW(a, struct notes);
    n->arena = a;
    return n;
}

/* NULL: there are too many to keep. A new one has times 0. */
static struct note *note_of(struct notes *n, const char *text)
{
    for (size_t i = 0; i < n->n; i++)
        if (strcmp(n->items[i].text, text) == 0)
            return &n->items[i];
    if (n->n == MAX_NOTES)
        return NULL;
    if (n->n == n->cap) {
        size_t cap = n->cap ? n->cap * 2 : 8;
        n->items =
            arena_grow(n->arena, n->items, n->cap * sizeof *n->items, cap * sizeof *n->items);
        n->cap = cap;
    }
    n->items[n->n] = (struct note){.text = arena_strdup(n->arena, text)};
    return &n->items[n->n++];
}

static struct note *add(struct eval *ev, size_t at, bool warning, const char *fmt, va_list ap)
{
    char text[1024];
    (void)vsnprintf(text, sizeof text, fmt, ap);
    struct note *n = note_of(ev->notes, text);
    if (!n)
        return NULL;
    n->warning = warning;
    n->at = at;
    n->times++;
    return n;
}

void note_warn(struct eval *ev, size_t at, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)add(ev, at, true, fmt, ap);
    va_end(ap);
}

static struct note *info(struct eval *ev, size_t at, bool warning, const char *fmt, ...)
    PRINTF(4, 5);
static struct note *info(struct eval *ev, size_t at, bool warning, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct note *n = add(ev, at, warning, fmt, ap);
    va_end(ap);
    return n;
}

void note_info(struct eval *ev, size_t at, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)add(ev, at, false, fmt, ap);
    va_end(ap);
}

void note_monotonicity(struct eval *ev, size_t at, const char *metric,
                       const struct fixed_buckets *f)
{
    struct note *n = info(ev, at, false,
                          "input to histogram_quantile needed to be fixed for monotonicity (see"
                          " https://prometheus.io/docs/prometheus/latest/querying/functions/"
                          "#histogram_quantile)%s%s%s",
                          *metric ? " for metric name \"" : "", metric, *metric ? "\"" : "");
    if (!n)
        return;
    if (n->kind == NOTE_PLAIN)
        n->fixed = *f;
    n->kind = NOTE_MONOTONICITY;
    n->fixed.min_bucket = fmin(n->fixed.min_bucket, f->min_bucket);
    n->fixed.max_bucket = fmax(n->fixed.max_bucket, f->max_bucket);
    n->fixed.max_diff = fmax(n->fixed.max_diff, f->max_diff);
    n->fixed.min_ms = n->fixed.min_ms < f->min_ms ? n->fixed.min_ms : f->min_ms;
    n->fixed.max_ms = n->fixed.max_ms > f->max_ms ? n->fixed.max_ms : f->max_ms;
}

void note_overlap(struct eval *ev, size_t at, const char *metric)
{
    struct note *n = info(ev, at, true,
                          "sample has start time that overlaps with previous sample timestamp for"
                          " metric \"%s\"",
                          metric);
    if (n)
        n->kind = NOTE_OVERLAP;
}

void note_mixed(struct eval *ev, size_t at, const char *metric)
{
    note_warn(ev, at, "encountered a mix of histograms and floats for metric name \"%s\"", metric);
}

void note_ignored(struct eval *ev, size_t at, const char *metric)
{
    note_info(ev, at,
              "ignored histograms in a range containing both floats and histograms for metric name"
              " \"%s\"",
              metric);
}

void note_schemas(struct eval *ev, size_t at, const char *metric)
{
    note_warn(ev, at,
              "vector contains a mix of histograms with exponential and custom buckets schemas for"
              " metric name \"%s\"",
              metric);
}

void note_not_counter(struct eval *ev, size_t at, const char *metric)
{
    note_warn(ev, at, "this native histogram metric is not a counter: \"%s\"", metric);
}

void note_not_gauge(struct eval *ev, size_t at, const char *metric)
{
    note_warn(ev, at, "this native histogram metric is not a gauge: \"%s\"", metric);
}

void note_reconciled(struct eval *ev, size_t at, const char *doing)
{
    note_info(ev, at, "mismatched custom buckets were reconciled during %s", doing);
}

void note_collision(struct eval *ev, size_t at, const char *doing)
{
    note_warn(ev, at, "conflicting counter resets during histogram %s", doing);
}

void note_quantile(struct eval *ev, size_t at, double q)
{
    char text[NUMBER_TEXT_MAX];
    if (q >= 0 && q <= 1)
        return;
    (void)number_format_g(q, text);
    note_warn(ev, at, "quantile value should be between 0 and 1, got %s", text);
}

/* ---- text ---- */

static const char *place(const char *query, size_t at, struct arena *a)
{
    size_t line = 1, column = 1;
    for (size_t i = 0; i < at && query[i]; i++, column++)
        if (query[i] == '\n') {
            line++;
            column = 0;
        }
    return arena_printf(a, "(%zu:%zu)", line, column);
}

static const char *details(const struct note *n, struct arena *a)
{
    if (n->kind == NOTE_OVERLAP && n->times > 1)
        return arena_printf(a, " (%u occurrences)", n->times);
    if (n->kind != NOTE_MONOTONICITY)
        return "";
    char from[CLOCK_TEXT_MAX], to[CLOCK_TEXT_MAX], low[NUMBER_TEXT_MAX], high[NUMBER_TEXT_MAX];
    clock_format_rfc3339(n->fixed.min_ms, from);
    clock_format_rfc3339(n->fixed.max_ms, to);
    (void)number_format_g(n->fixed.min_bucket, low);
    (void)number_format_g(n->fixed.max_bucket, high);
    return arena_printf(
        a, ", from buckets %s to %s, with a max diff of %.2g, over %u samples from %s to %s", low,
        high, n->fixed.max_diff, n->times, from, to);
}

void notes_print(const struct notes *n, const char *query, struct arena *a,
                 struct promql_result *out)
{
    const char **warnings = ARENA_ARRAY(a, const char *, n->n),
               **infos = ARENA_ARRAY(a, const char *, n->n);
    out->n_warnings = out->n_infos = 0;
    for (size_t i = 0; i < n->n; i++) {
        const struct note *x = &n->items[i];
        const char *text = arena_printf(a, "PromQL %s: %s%s %s", x->warning ? "warning" : "info",
                                        x->text, details(x, a), place(query, x->at, a));
        if (x->warning)
            warnings[out->n_warnings++] = text;
        else
            infos[out->n_infos++] = text;
    }
    out->warnings = warnings;
    out->infos = infos;
}
