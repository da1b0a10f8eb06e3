/* run.c - a group of rules at one moment after the other. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "rules/run_int.h"

struct rule_runner *rule_runner_new(const struct rules_host *host, const struct rule_group *group)
{
    struct rule_runner *r = calloc(1, sizeof *r);
    if (!r || !(r->states = calloc(group->n + 1, sizeof *r->states)))
        log_die("out of memory");
    r->host = *host;
    r->group = group;
    r->settled = !host->restore;
    for (size_t i = 0; i < group->n; i++) {
        map_init(&r->states[i].written);
        r->states[i].written_arena = arena_new(0);
    }
    return r;
}

void rule_runner_free(struct rule_runner *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->group->n; i++) {
        rule_state__drop_alerts(&r->states[i]);
        free(r->states[i].view);
        map_done(&r->states[i].written);
        arena_free(r->states[i].written_arena);
    }
    free(r->states);
    free(r);
}

const struct rule_group *rule_runner_group(const struct rule_runner *r)
{
    return r->group;
}

/* ---- writing ---- */

/* There is a sample of this time or later. */
static bool is_late(int r)
{
    return r == ERR_CONFLICT || r == ERR_EXISTS;
}

int rule_output__put(struct rule_output *o, const struct labels *l, double v,
                     const struct histogram *h, struct err *e)
{
    uint64_t ref;
    char *key = labels_text(l, o->arena);
    if (map_has(&o->written, key))
        return err_set(e, ERR_INVALID,
                       "vector contains metrics with the same labelset after applying rule labels");
    struct labels *copy = ARENA_NEW(o->arena, struct labels);
    *copy = labels_copy(o->arena, l);
    (void)map_put(&o->written, key, copy);
    int r = tsdb_series(o->r->host.db, l, &ref, e);
    if (r == 0)
        r = h ? tsdb_append_histogram(o->r->host.db, ref, o->at_ms, h, e)
              : tsdb_append(o->r->host.db, ref, o->at_ms, v, e);
    return is_late(r) ? 0 : r;
}

static int end_series(struct rule_output *o, struct err *e)
{
    const struct map_entry *m;
    int r = 0;
    for (size_t i = 0; r == 0 && (m = map_next(&o->state->written, &i));) {
        uint64_t ref;
        if (map_has(&o->written, m->key))
            continue;
        r = tsdb_series(o->r->host.db, m->value, &ref, e);
        if (r == 0)
            r = tsdb_append(o->r->host.db, ref, o->at_ms, stale_marker(), e);
        r = is_late(r) ? 0 : r;
    }
    map_done(&o->state->written);
    arena_free(o->state->written_arena);
    o->state->written = o->written;
    o->state->written_arena = o->arena;
    return r;
}

/* ---- rules ---- */

struct labels rule__with_label(struct arena *a, const struct labels *l, const char *name,
                               const char *value)
{
    struct label *all = ARENA_ARRAY(a, struct label, l->n + 1);
    memcpy(all, l->items, l->n * sizeof *all);
    all[l->n] = (struct label){name, value};
    return labels_make(a, all, l->n + 1); /* the last one of a name counts, an empty one is none */
}

struct labels rule__labels(struct arena *a, const struct rule_group *g, const struct rule *r,
                           struct labels l, const struct rule_expansion *x)
{
    const struct labels *sets[] = {&g->labels, &r->labels};
    for (size_t s = 0; s < ARRAY_LEN(sets); s++)
        for (size_t i = 0; i < sets[s]->n; i++) {
            const struct label *of = &sets[s]->items[i];
            l = rule__with_label(a, &l, of->name,
                                 x ? rule_expand(a, r->alert, of->value, x) : of->value);
        }
    return l;
}

static int record(struct rule_output *o, const struct rule *r, const struct promql_result *result,
                  struct arena *a, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < result->series.n; i++) {
        const struct series *s = &result->series.items[i];
        struct labels l = rule__with_label(a, &s->labels, "__name__", r->record);
        l = rule__labels(a, o->r->group, r, l, NULL);
        rc = rule_output__put(o, &l, s->samples[0].v, s->histograms ? s->histograms[0] : NULL, e);
    }
    return rc;
}

static int ask(struct rule_runner *r, const char *expr, int64_t at_ms, struct arena *a,
               struct promql_result *out, struct err *e)
{
    const struct rules_language *l = r->host.language;
    return l ? l->eval(l->arg, expr, at_ms, a, out, e)
             : promql_instant(r->host.source, r->host.query, expr, at_ms, a, out, e);
}

static int eval_rule(struct rule_runner *r, size_t i, int64_t at_ms, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const struct rule *rule = &r->group->rules[i];
    struct promql_result result = {0};
    struct rule_output o = {r, &r->states[i], arena_new(0), .at_ms = at_ms};
    map_init(&o.written);
    int rc = ask(r, rule->expr, at_ms - r->group->offset_ms, a, &result, e);
    if (rc == 0 && result.type != PROMQL_VECTOR && result.type != PROMQL_SCALAR)
        rc = err_set(e, ERR_INVALID, "rule result is not a vector or scalar");
    if (rc == 0 && r->group->limit && (int64_t)result.series.n > r->group->limit && *rule->record)
        rc = err_set(e, ERR_TOO_LARGE, "exceeded limit of %lld with %zu series",
                     (long long)r->group->limit, result.series.n);
    if (rc == 0)
        rc = *rule->record ? record(&o, rule, &result, a, e) : rule__alert(&o, rule, &result, a, e);
    if (rc == 0)
        return end_series(&o, e);
    map_done(&o.written); /* what was written before goes on, until a rule can say */
    arena_free(o.arena);
    return rc;
}

int rule_runner_eval(struct rule_runner *r, int64_t at_ms, struct err *e)
{
    int first = 0;
    for (size_t i = 0; i < r->group->n; i++) {
        const struct rule *rule = &r->group->rules[i];
        struct rule_health *health = &r->states[i].health;
        struct err why = {0};
        int64_t start = clock_mono_us();
        int rc = eval_rule(r, i, at_ms, &why);
        *health = (struct rule_health){.at_ms = at_ms, .took_us = clock_mono_us() - start};
        (void)snprintf(health->error, sizeof health->error, "%.399s", rc < 0 ? why.msg : "");
        if (rc < 0 && first == 0)
            first = err_set(e, why.code, "rule: %s, err: %s",
                            *rule->alert ? rule->alert : rule->record, why.msg);
    }
    return first;
}

const struct rule_health *rule_runner_health(const struct rule_runner *r, size_t i)
{
    return &r->states[i].health;
}
