/* api_rules.c - /api/v1/rules, alerts and alertmanagers. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json.h"
#include "monitor/api_int.h"
#include "promql/ast.h"

enum { FILTERS_MAX = 32 };

/* Which rules are asked for; an empty list lets all through. */
struct filter {
    const char *names[FILTERS_MAX], *groups[FILTERS_MAX], *files[FILTERS_MAX];
    size_t n_names, n_groups, n_files;
    struct expr *which[FILTERS_MAX];
    size_t n_which;
    bool alerts, records, no_alerts;
};

static void print_time(struct buf *b, int64_t ms)
{
    char text[CLOCK_TEXT_MAX] = "0001-01-01T00:00:00Z";
    if (ms)
        clock_format_rfc3339_nano(ms * 1000000, text);
    buf_printf(b, "\"%s\"", text);
}

/* FormatFloat(v, 'e', -1, 64): the shortest that reads back. */
static void print_exponent(struct buf *b, double v)
{
    char text[40];
    int digits = 0;
    if (!isfinite(v)) {
        buf_puts(b, isnan(v) ? "\"NaN\"" : v > 0 ? "\"+Inf\"" : "\"-Inf\"");
        return;
    }
    do
        (void)snprintf(text, sizeof text, "%.*e", digits, v);
    while (digits++ < 17 && strtod(text, NULL) != v);
    buf_printf(b, "\"%s\"", text);
}

static void print_alert(struct buf *b, const struct alert *x)
{
    buf_puts(b, "{\"labels\":");
    api__labels(b, &x->labels);
    buf_puts(b, ",\"annotations\":");
    api__labels(b, &x->annotations);
    buf_printf(b, ",\"state\":\"%s\",\"activeAt\":", x->firing ? "firing" : "pending");
    print_time(b, x->active_ms);
    buf_puts(b, ",\"value\":");
    print_exponent(b, x->value);
    buf_putc(b, '}');
}

static void print_alerts(struct buf *b, const struct ruler_rule *r)
{
    for (size_t i = 0; i < r->n_alerts; i++) {
        if (i)
            buf_putc(b, ',');
        print_alert(b, &r->alerts[i]);
    }
}

static const char *state_of(const struct ruler_rule *r)
{
    for (size_t i = 0; i < r->n_alerts; i++)
        if (r->alerts[i].firing)
            return "firing";
    return r->n_alerts ? "pending" : "inactive";
}

static void print_alerting(struct buf *b, const struct ruler_rule *r, bool no_alerts)
{
    buf_printf(b, "\"state\":\"%s\",\"name\":", state_of(r));
    api__text(b, r->rule.alert);
    buf_puts(b, ",\"query\":");
    api__text(b, r->rule.expr);
    buf_printf(b,
               ",\"duration\":%g,\"keepFiringFor\":%g,\"labels\":", (double)r->rule.for_ms / 1000,
               (double)r->rule.keep_firing_ms / 1000);
    api__labels(b, &r->rule.labels);
    buf_puts(b, ",\"annotations\":");
    api__labels(b, &r->rule.annotations);
    buf_puts(b, ",\"alerts\":[");
    if (!no_alerts)
        print_alerts(b, r);
    buf_putc(b, ']');
}

static void print_recording(struct buf *b, const struct ruler_rule *r)
{
    buf_puts(b, "\"name\":");
    api__text(b, r->rule.record);
    buf_puts(b, ",\"query\":");
    api__text(b, r->rule.expr);
    if (r->rule.labels.n) {
        buf_puts(b, ",\"labels\":");
        api__labels(b, &r->rule.labels);
    }
}

static void print_rule(struct buf *b, const struct ruler_rule *r, bool no_alerts)
{
    const struct rule_health *h = &r->health;
    buf_putc(b, '{');
    if (*r->rule.alert)
        print_alerting(b, r, no_alerts);
    else
        print_recording(b, r);
    buf_printf(b, ",\"health\":\"%s\"", !h->at_ms ? "unknown" : *h->error ? "err" : "ok");
    if (*h->error) {
        buf_puts(b, ",\"lastError\":");
        api__text(b, h->error);
    }
    buf_printf(b, ",\"evaluationTime\":%.6f,\"lastEvaluation\":", (double)h->took_us / 1e6);
    print_time(b, h->at_ms);
    buf_printf(b, ",\"type\":\"%s\"}", *r->rule.alert ? "alerting" : "recording");
}

/* ---- filters ---- */

static int read_filter(const struct api_params *p, struct filter *f, struct err *e)
{
    const char *type = api__param(p, "type"), *bare = api__param(p, "exclude_alerts");
    bool all = !type || !*type;
    f->alerts = all || strcmp(type, "alert") == 0;
    f->records = all || strcmp(type, "record") == 0;
    f->no_alerts = bare && strcmp(bare, "true") == 0;
    if (!f->alerts && !f->records)
        return err_set(e, ERR_INVALID, "invalid parameter \"type\": not supported value \"%.60s\"",
                       type);
    f->n_names = api__param_all(p, "rule_name[]", f->names, FILTERS_MAX);
    f->n_groups = api__param_all(p, "rule_group[]", f->groups, FILTERS_MAX);
    f->n_files = api__param_all(p, "file[]", f->files, FILTERS_MAX);
    return api__selectors(p, f->which, &f->n_which, e);
}

static bool has(const char *const *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return n == 0;
}

static bool fits(const struct filter *f, const struct ruler_rule *r)
{
    bool found = f->n_which == 0;
    for (size_t i = 0; i < f->n_which && !found; i++) {
        struct err e;
        if (tsdb_matches(f->which[i]->selector.matchers, f->which[i]->selector.n_matchers,
                         &r->rule.labels, &found, &e) < 0)
            found = false;
    }
    const char *name = *r->rule.alert ? r->rule.alert : r->rule.record;
    return found && (*r->rule.alert ? f->alerts : f->records) && has(f->names, f->n_names, name);
}

static void print_group(struct buf *b, const struct ruler_group *g, const struct filter *f,
                        bool first)
{
    size_t start = b->len, n = 0;
    buf_puts(b, first ? "{\"name\":" : ",{\"name\":");
    api__text(b, g->name);
    buf_puts(b, ",\"file\":");
    api__text(b, g->file);
    buf_puts(b, ",\"rules\":[");
    for (size_t i = 0; i < g->n; i++) {
        if (!fits(f, &g->rules[i]))
            continue;
        if (n++)
            buf_putc(b, ',');
        print_rule(b, &g->rules[i], f->no_alerts);
    }
    if (n == 0 && (f->n_names || f->n_which || !f->alerts || !f->records)) {
        buf_cut(b, start);
        return;
    }
    buf_printf(b,
               "],\"interval\":%g,\"limit\":%" PRId64 ",\"evaluationTime\":%.6f,"
               "\"lastEvaluation\":",
               (double)g->interval_ms / 1000, g->limit, (double)g->took_us / 1e6);
    print_time(b, g->at_ms);
    buf_putc(b, '}');
}

/* Groups from the one that group_next_token names, at most group_limit. */
static int run_rules(const struct monitor_api *m, const struct api_params *p, struct buf *out,
                     struct err *e)
{
    struct filter f = {0};
    const struct ruler_group **groups = NULL;
    size_t n = m->ruler ? ruler_groups(m->ruler, p->q->arena, &groups) : 0, printed = 0, i = 0;
    const char *limit = api__param(p, "group_limit"), *from = api__param(p, "group_next_token");
    long most = limit ? strtol(limit, NULL, 10) : 0;
    int r = read_filter(p, &f, e);
    if (r < 0)
        return r;
    if (from && *from)
        while (i < n && strcmp(from, arena_join(p->q->arena, groups[i]->file, ";", groups[i]->name,
                                                NULL)) != 0)
            i++;
    buf_puts(out, "{\"groups\":[");
    for (; i < n && !(most > 0 && printed == (size_t)most); i++) {
        size_t before = out->len;
        if (has(f.groups, f.n_groups, groups[i]->name) && has(f.files, f.n_files, groups[i]->file))
            print_group(out, groups[i], &f, printed == 0);
        printed += out->len != before;
    }
    buf_putc(out, ']');
    if (i < n) {
        buf_puts(out, ",\"groupNextToken\":");
        api__text(out, arena_join(p->q->arena, groups[i]->file, ";", groups[i]->name, NULL));
    }
    buf_putc(out, '}');
    return 0;
}

static void run_alerts(const struct monitor_api *m, struct arena *a, struct buf *out)
{
    const struct ruler_group **groups = NULL;
    size_t n = m->ruler ? ruler_groups(m->ruler, a, &groups) : 0, printed = 0;
    buf_puts(out, "{\"alerts\":[");
    for (size_t g = 0; g < n; g++)
        for (size_t i = 0; i < groups[g]->n; i++) {
            if (groups[g]->rules[i].n_alerts && printed++)
                buf_putc(out, ',');
            print_alerts(out, &groups[g]->rules[i]);
        }
    buf_puts(out, "]}");
}

static void run_alertmanagers(const struct monitor_api *m, struct buf *out)
{
    buf_puts(out, "{\"activeAlertmanagers\":[");
    for (size_t i = 0; m->alertmanagers && m->alertmanagers[i]; i++) {
        buf_puts(out, i ? ",{\"url\":" : "{\"url\":");
        api__text(out, m->alertmanagers[i]);
        buf_putc(out, '}');
    }
    buf_puts(out, "],\"droppedAlertmanagers\":[]}");
}

int api__rules(const struct monitor_api *m, const struct api_params *p, const char *path,
               struct buf *out, struct err *e)
{
    if (strcmp(path, "rules") == 0)
        return run_rules(m, p, out, e);
    if (strcmp(path, "alerts") == 0)
        run_alerts(m, p->q->arena, out);
    else if (strcmp(path, "alertmanagers") == 0)
        run_alertmanagers(m, out);
    else
        return ERR_NOT_FOUND;
    return 0;
}
