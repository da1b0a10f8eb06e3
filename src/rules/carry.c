/* carry.c - alerts that outlive a restart, or a change of the file that their rule stands in. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "rules/run_int.h"

enum { OUTAGE_MS = 3600000, GRACE_MS = 600000 };

/* ---- over a restart ---- */

/* The last that was written of an alert: when it began, and when that was. False: nothing. */
static bool last_state(struct rule_runner *r, const struct alert *x, int64_t at_ms,
                       int64_t *out_active_ms, int64_t *out_down_ms)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct matcher *m = ARENA_ARRAY(a, struct matcher, x->labels.n + 1);
    struct series_set set;
    struct err e;
    m[0] = (struct matcher){"__name__", MATCH_EQ, "ALERTS_FOR_STATE"};
    for (size_t i = 0; i < x->labels.n; i++)
        m[i + 1] = (struct matcher){x->labels.items[i].name, MATCH_EQ, x->labels.items[i].value};
    if (r->host.source->select(r->host.source, m, x->labels.n + 1, at_ms - OUTAGE_MS, at_ms,
                               10000000, a, &set, &e) < 0)
        return false;
    for (size_t i = 0; i < set.n; i++) {
        const struct series *s = &set.items[i];
        /* Matchers leave other labels open: the name makes one more. */
        if (s->labels.n != x->labels.n + 1 || !s->n || is_stale(s->samples[s->n - 1].v))
            continue;
        *out_active_ms = (int64_t)s->samples[s->n - 1].v * 1000;
        *out_down_ms = s->samples[s->n - 1].t;
        return true;
    }
    return false;
}

static void restore(struct rule_runner *r, const struct rule *rule, struct alert *x, int64_t at_ms)
{
    int64_t active_ms, down_ms;
    if (!last_state(r, x, at_ms, &active_ms, &down_ms))
        return;
    int64_t left_ms = rule->for_ms - (down_ms - active_ms);
    if (left_ms <= 0)
        x->active_ms = active_ms; /* it fired before */
    else if (left_ms < GRACE_MS)
        x->active_ms = at_ms + GRACE_MS - rule->for_ms;
    else
        x->active_ms = active_ms + (at_ms - down_ms); /* the time that nobody looked is not its */
}

void rule_runner_restore(struct rule_runner *r, int64_t at_ms)
{
    if (r->settled)
        return;
    for (size_t i = 0; i < r->group->n; i++) {
        const struct rule *rule = &r->group->rules[i];
        /* One that waits for less is pending again, and soon fires again. */
        for (size_t k = 0; *rule->alert && rule->for_ms >= GRACE_MS && k < r->states[i].n; k++)
            restore(r, rule, &r->states[i].alerts[k]->alert, at_ms);
    }
    r->settled = true;
}

/* ---- over a change ---- */

static bool same_rule(const struct rule *a, const struct rule *b)
{
    return strcmp(a->alert, b->alert) == 0 && strcmp(a->record, b->record) == 0 &&
           labels_compare(&a->labels, &b->labels) == 0;
}

static void end_written(struct rule_runner *r, struct rule_state *s, int64_t at_ms)
{
    const struct map_entry *m;
    struct err e;
    for (size_t i = 0; (m = map_next(&s->written, &i));) {
        uint64_t ref;
        if (tsdb_series(r->host.db, m->value, &ref, &e) < 0 ||
            tsdb_append(r->host.db, ref, at_ms, stale_marker(), &e) < 0)
            log_debug("rules", "%s: %s", m->key, e.msg);
    }
}

static void swap(struct rule_state *a, struct rule_state *b)
{
    struct rule_state t = *a;
    *a = *b;
    *b = t;
}

void rule_runner_replace(struct rule_runner *old, struct rule_runner *by, int64_t at_ms)
{
    bool *taken = calloc(old->group->n + 1, sizeof *taken);
    if (!taken)
        log_die("out of memory");
    for (size_t i = 0; by && i < by->group->n; i++)
        for (size_t k = 0; k < old->group->n; k++)
            if (!taken[k] && same_rule(&by->group->rules[i], &old->group->rules[k])) {
                taken[k] = true;
                swap(&by->states[i], &old->states[k]);
                break;
            }
    for (size_t k = 0; k < old->group->n; k++)
        if (!taken[k])
            end_written(old, &old->states[k], at_ms);
    if (by)
        by->settled = old->settled;
    free(taken);
}
