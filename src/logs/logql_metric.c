/* logql_metric.c - a metric query: each range over lines is worked out and stands as a metric of
 * its own in what is left, which is PromQL. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "logs/logql_int.h"
#include "promql/ast.h"

enum { CALLS_MAX = 16 };

struct metric {
    struct promql_source source;
    struct range_call calls[CALLS_MAX];
    size_t n;
};

static int take_group(struct parser *p, struct range_call *c, struct err *e)
{
    const char **names = ARENA_ARRAY(p->arena, const char *, ROW_LABELS);
    bool by = logql__word(p, "by"), without = !by && logql__word(p, "without");
    if (!by && !without)
        return 0;
    c->grouped = true;
    c->without = without;
    c->group = names;
    if (!logql__take(p, "("))
        return logql__fail(p, e, "a ( is missing");
    while (!logql__take(p, ")")) {
        if ((c->n_group && !logql__take(p, ",")) || c->n_group == ROW_LABELS)
            return logql__fail(p, e, "a comma or ) is missing");
        names[c->n_group] = logql__name(p);
        if (!names[c->n_group++])
            return logql__fail(p, e, "a label name is missing");
    }
    return 0;
}

/* NAME has been read; "( [param,] log query [5m] offset 1h )" follows, maybe in more brackets. */
static int take_call(struct parser *p, struct range_call *c, struct err *e)
{
    unsigned deep = 0;
    int r = 0;
    if (!logql__take(p, "("))
        return logql__fail(p, e, "a ( is missing");
    if (strcmp(c->function, "quantile_over_time") == 0) {
        char *end;
        logql__skip(p);
        c->parameter = strtod(p->at, &end);
        if (end == p->at)
            return logql__fail(p, e, "a number is missing");
        p->at = end;
        if (!logql__take(p, ","))
            return logql__fail(p, e, "a comma is missing");
    }
    while (logql__take(p, "("))
        deep++;
    r = logql__log(p, &c->log, &c->range_ms, e);
    for (; r == 0 && deep; deep--)
        if (!logql__take(p, ")"))
            return logql__fail(p, e, "a ) is missing");
    if (r == 0 && !c->range_ms && logql__take(p, "[")) {
        r = logql__span(p, &c->range_ms, e);
        if (r == 0 && !logql__take(p, "]"))
            return logql__fail(p, e, "a ] is missing");
    }
    if (r == 0 && !c->range_ms)
        return logql__fail(p, e, "a range such as [5m] is missing");
    if (r == 0 && logql__word(p, "offset"))
        r = logql__span(p, &c->offset_ms, e);
    if (r == 0 && !logql__take(p, ")"))
        return logql__fail(p, e, "a ) is missing");
    return r < 0 ? r : take_group(p, c, e);
}

/* A quoted text of the rest: as it is. */
static void copy_string(struct parser *p, struct buf *b)
{
    char quote = *p->at;
    do {
        if (quote != '`' && *p->at == '\\' && p->at[1])
            buf_putc(b, *p->at++);
        buf_putc(b, *p->at++);
    } while (*p->at && *p->at != quote);
    if (*p->at)
        buf_putc(b, *p->at++);
}

static int rewrite(struct parser *p, struct metric *m, struct buf *out, struct err *e)
{
    int r = 0;
    while (r == 0 && *p->at) {
        size_t n = 0;
        if (*p->at == '"' || *p->at == '\'' || *p->at == '`') {
            copy_string(p, out);
            continue;
        }
        while (isalnum((unsigned char)p->at[n]) || p->at[n] == '_' || p->at[n] == ':')
            n++;
        if (n && logql__is_range(p->at, n)) {
            struct range_call *c = &m->calls[m->n];
            if (m->n == CALLS_MAX)
                return logql__fail(p, e, "too many ranges");
            *c = (struct range_call){.function = arena_strndup(p->arena, p->at, n)};
            p->at += n;
            r = take_call(p, c, e);
            buf_printf(out, "slipway_range_%zu", m->n++);
            continue;
        }
        if (*p->at == '{' || *p->at == '[')
            return logql__fail(p, e, "lines can be counted only by a function such as rate()");
        buf_add(out, p->at, n ? n : 1);
        p->at += n ? n : 1;
    }
    return r;
}

/* The engine asks for a range by its name. */
static int select_range(struct promql_source *s, const struct matcher *ms, size_t n, int64_t min_t,
                        int64_t max_t, size_t max_samples, struct arena *a, struct series_set *out,
                        struct err *e)
{
    struct metric *m = (struct metric *)s;
    size_t i = m->n;
    (void)min_t;
    (void)max_t;
    (void)max_samples;
    for (size_t k = 0; k < n; k++)
        if (strcmp(ms[k].name, "__name__") == 0 &&
            sscanf(ms[k].value, "slipway_range_%zu", &i) != 1)
            i = m->n;
    if (i >= m->n)
        return err_set(e, ERR_INVALID, "log query: there are no metrics but ranges over lines");
    *out = (struct series_set){ARENA_ARRAY(a, struct series, m->calls[i].series.n + 1),
                               m->calls[i].series.n};
    memcpy(out->items, m->calls[i].series.items, out->n * sizeof *out->items);
    return 0;
}

int logql_metric_check(const char *text, struct arena *a, struct err *e)
{
    struct parser p = {.text = text, .at = text, .arena = a};
    struct metric *m = ARENA_NEW(a, struct metric);
    struct parse_opts o = {.end_ms = 1000, .step_ms = 1000};
    AUTO_BUF struct buf rest;
    struct expr *x;
    buf_init(&rest, 1 << 20);
    int r = rewrite(&p, m, &rest, e);
    if (r == 0 && m->n == 0)
        return logql__fail(&p, e, "a function over lines such as rate() is missing");
    for (size_t i = 0; r == 0 && i < m->n; i++)
        r = logql__range_check(&m->calls[i], e);
    return r < 0 ? r : promql_parse(a, buf_text(&rest), &o, &x, e);
}

int logql_metric(const struct logql_scope *s, const char *text, int64_t start_ms, int64_t end_ms,
                 int64_t step_ms, struct arena *a, struct promql_result *out, struct err *e)
{
    struct parser p = {.text = text, .at = text, .arena = a};
    struct metric *m = ARENA_NEW(a, struct metric);
    AUTO_BUF struct buf rest;
    buf_init(&rest, 1 << 20);
    m->source.select = select_range;
    if (step_ms <= 0 || (end_ms - start_ms) / step_ms > 11000)
        return err_set(e, ERR_INVALID, "a query has 1 to 11000 steps");
    int r = rewrite(&p, m, &rest, e);
    for (size_t i = 0; r == 0 && i < m->n; i++)
        r = logql__range(s, &m->calls[i], start_ms, end_ms, step_ms, a, e);
    if (r < 0)
        return r;
    /* A range has a value at each step or none: nothing is looked back for. */
    const struct promql_opts o = {.lookback_ms = 1};
    const char *query = arena_strdup(a, buf_text(&rest));
    if (start_ms == end_ms)
        return promql_instant(&m->source, &o, query, end_ms, a, out, e);
    return promql_range(&m->source, &o, query, start_ms, end_ms, step_ms, a, out, e);
}
