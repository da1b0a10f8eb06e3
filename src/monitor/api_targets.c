/* api_targets.c - /api/v1/targets, targets/metadata and metadata. */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "monitor/api_int.h"
#include "monitor/pushed.h"

static void print_target(struct buf *b, const struct scrape_state *s)
{
    char when[CLOCK_TEXT_MAX];
    clock_format_rfc3339_ms(s->last_ms, when);
    buf_puts(b, "{\"discoveredLabels\":{},\"labels\":");
    api__labels(b, &s->labels);
    buf_puts(b, ",\"scrapePool\":");
    api__text(b, labels_get(&s->labels, "job"));
    buf_puts(b, ",\"scrapeUrl\":");
    api__text(b, s->url);
    buf_puts(b, ",\"globalUrl\":");
    api__text(b, s->url);
    buf_puts(b, ",\"lastError\":");
    api__text(b, s->error);
    buf_printf(b,
               ",\"lastScrape\":\"%s\",\"lastScrapeDuration\":%g,\"health\":\"%s\","
               "\"scrapeInterval\":\"%gs\",\"scrapeTimeout\":\"%gs\"}",
               when, (double)s->took_ms / 1000,
               !s->last_ms ? "unknown"
               : s->up     ? "up"
                           : "down",
               (double)s->interval_ms / 1000, (double)s->timeout_ms / 1000);
}

static void run_targets(const struct monitor_api *m, const struct api_params *p, struct buf *out)
{
    const char *state = api__param(p, "state");
    struct scrape_state *states = NULL;
    size_t n = 0;
    if (m->scraper && !(state && strcmp(state, "dropped") == 0))
        n = scraper_states(m->scraper, p->q->arena, &states);
    buf_puts(out, "{\"activeTargets\":[");
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_putc(out, ',');
        print_target(out, &states[i]);
    }
    buf_puts(out, "],\"droppedTargets\":[],\"droppedTargetCounts\":{}}");
}

/* ---- metadata ---- */

static void print_note(struct buf *b, const struct metric_note *n)
{
    buf_puts(b, "\"type\":");
    api__text(b, n->type);
    buf_puts(b, ",\"help\":");
    api__text(b, n->help);
    buf_puts(b, ",\"unit\":");
    api__text(b, n->unit);
}

static bool same_note(const struct metric_note *a, const struct metric_note *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->type, b->type) == 0 &&
           strcmp(a->help, b->help) == 0 && strcmp(a->unit, b->unit) == 0;
}

static int by_name(const void *a, const void *b)
{
    const struct metric_note *x = a, *y = b;
    int c = strcmp(x->name, y->name);
    c = c ? c : strcmp(x->type, y->type);
    c = c ? c : strcmp(x->help, y->help);
    return c ? c : strcmp(x->unit, y->unit);
}

/* A count that is asked for; 0 and what is none: no limit. */
static size_t limit_of(const struct api_params *p, const char *name)
{
    const char *text = api__param(p, name);
    long v = text ? strtol(text, NULL, 10) : 0;
    return v > 0 ? (size_t)v : SIZE_MAX;
}

/* What all targets and senders say of each metric, each saying once. */
static void run_metadata(const struct monitor_api *m, const struct api_params *p, struct buf *out)
{
    struct scrape_note *all = NULL;
    const char *metric = api__param(p, "metric");
    size_t n = m->scraper ? scraper_notes(m->scraper, p->q->arena, &all) : 0, count = 0, names = 0;
    size_t limit = limit_of(p, "limit"), each = limit_of(p, "limit_per_metric"), said = 0;
    struct metric_note *sent = NULL;
    size_t n_sent = m->pushed ? pushed_notes(m->pushed, p->q->arena, &sent) : 0;
    struct metric_note *list = ARENA_ARRAY(p->q->arena, struct metric_note, n + n_sent + 1);
    for (size_t i = 0; i < n + n_sent; i++) {
        const struct metric_note *x = i < n ? &all[i].note : &sent[i - n];
        if (!metric || !*metric || strcmp(x->name, metric) == 0)
            list[count++] = *x;
    }
    qsort(list, count, sizeof *list, by_name);
    buf_putc(out, '{');
    for (size_t i = 0; i < count; i++) {
        bool first = i == 0 || strcmp(list[i].name, list[i - 1].name) != 0;
        if (first && names == limit)
            break;
        if (first) {
            buf_puts(out, names++ ? "]," : "");
            api__text(out, list[i].name);
            buf_puts(out, ":[");
            said = 0;
        }
        if ((!first && same_note(&list[i], &list[i - 1])) || said == each)
            continue;
        buf_puts(out, said++ ? ",{" : "{");
        print_note(out, &list[i]);
        buf_putc(out, '}');
    }
    buf_puts(out, names ? "]}" : "}");
}

static int run_targets_metadata(const struct monitor_api *m, const struct api_params *p,
                                struct buf *out, struct err *e)
{
    const char *target = api__param(p, "match_target"), *metric = api__param(p, "metric");
    size_t limit = limit_of(p, "limit"), printed = 0;
    struct scrape_note *all = NULL;
    struct expr *which = NULL;
    size_t n = m->scraper ? scraper_notes(m->scraper, p->q->arena, &all) : 0;
    int r = target && *target ? promql_parse(p->q->arena, target, NULL, &which, e) : 0;
    if (r == 0 && which && which->kind != EXPR_SELECTOR)
        r = err_set(e, ERR_INVALID, "match_target: \"%.100s\" is no series selector", target);
    buf_putc(out, '[');
    for (size_t i = 0; r == 0 && i < n && printed < limit; i++) {
        bool fits = true;
        if (which)
            r = tsdb_matches(which->selector.matchers, which->selector.n_matchers, &all[i].labels,
                             &fits, e);
        if (!fits || (metric && *metric && strcmp(metric, all[i].note.name) != 0))
            continue;
        buf_puts(out, printed++ ? ",{\"target\":" : "{\"target\":");
        api__labels(out, &all[i].labels);
        buf_puts(out, ",\"metric\":");
        api__text(out, all[i].note.name);
        buf_putc(out, ',');
        print_note(out, &all[i].note);
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
    return r;
}

int api__targets(const struct monitor_api *m, const struct api_params *p, const char *path,
                 struct buf *out, struct err *e)
{
    if (strcmp(path, "targets") == 0)
        run_targets(m, p, out);
    else if (strcmp(path, "metadata") == 0)
        run_metadata(m, p, out);
    else if (strcmp(path, "targets/metadata") == 0)
        return run_targets_metadata(m, p, out, e);
    else
        return ERR_NOT_FOUND;
    return 0;
}
