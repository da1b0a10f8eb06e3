/* run.c - a group of rules at one moment after the other. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "rules/rules_int.h"

/* An alert as it is kept from one moment to the next. */
struct kept {
    struct arena *arena; /* of its labels and annotations */
    struct alert alert;
    char *key;
    int64_t absent_ms; /* since when its query gives it no more; 0: it does */
    bool seen;
};

struct rule_state {
    struct kept **alerts;
    size_t n;
    struct alert *view; /* of the alerts, for those who ask */
    struct map written; /* key of a series → its labels, of the last eval */
    struct arena *written_arena;
};

struct rule_runner {
    struct rules_host host;
    const struct rule_group *group;
    struct rule_state *states;
};

struct rule_runner *rule_runner_new(const struct rules_host *host, const struct rule_group *group)
{
    struct rule_runner *r = calloc(1, sizeof *r);
    if (!r || !(r->states = calloc(group->n + 1, sizeof *r->states)))
        log_die("out of memory");
    r->host = *host;
    r->group = group;
    for (size_t i = 0; i < group->n; i++) {
        map_init(&r->states[i].written);
        r->states[i].written_arena = arena_new(0);
    }
    return r;
}

static void kept_free(struct kept *k)
{
    arena_free(k->arena);
    free(k);
}

void rule_runner_free(struct rule_runner *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->group->n; i++) {
        for (size_t k = 0; k < r->states[i].n; k++)
            kept_free(r->states[i].alerts[k]);
        free(r->states[i].alerts);
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

/* What one eval writes: series that it does not write again get a stale marker. */
struct output {
    struct rule_runner *r;
    struct rule_state *state;
    struct arena *arena;
    struct map written;
    int64_t at_ms;
};

static int put(struct output *o, const struct labels *l, double v, const struct histogram *h,
               struct err *e)
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
    return r == ERR_CONFLICT ? 0 : r; /* there is a sample of this time or later */
}

static int end_series(struct output *o, struct err *e)
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
        r = r == ERR_CONFLICT ? 0 : r;
    }
    map_done(&o->state->written);
    arena_free(o->state->written_arena);
    o->state->written = o->written;
    o->state->written_arena = o->arena;
    return r;
}

/* ---- rules ---- */

static struct labels with_label(struct arena *a, const struct labels *l, const char *name,
                                const char *value)
{
    struct label *all = ARENA_ARRAY(a, struct label, l->n + 1);
    memcpy(all, l->items, l->n * sizeof *all);
    all[l->n] = (struct label){name, value};
    return labels_make(a, all, l->n + 1); /* the last one of a name counts, an empty one is none */
}

/* The group's labels, then the rule's, expanded for an alert. */
static struct labels rule_labels(struct arena *a, const struct rule_group *g, const struct rule *r,
                                 struct labels l, const struct rule_expansion *x)
{
    const struct labels *sets[] = {&g->labels, &r->labels};
    for (size_t s = 0; s < ARRAY_LEN(sets); s++)
        for (size_t i = 0; i < sets[s]->n; i++) {
            const struct label *of = &sets[s]->items[i];
            l = with_label(a, &l, of->name, x ? rule_expand(a, r->alert, of->value, x) : of->value);
        }
    return l;
}

static int record(struct output *o, const struct rule *r, const struct promql_result *result,
                  struct arena *a, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < result->series.n; i++) {
        const struct series *s = &result->series.items[i];
        struct labels l = with_label(a, &s->labels, "__name__", r->record);
        l = rule_labels(a, o->r->group, r, l, NULL);
        rc = put(o, &l, s->samples[0].v, s->histograms ? s->histograms[0] : NULL, e);
    }
    return rc;
}

static struct kept *find(const struct rule_state *s, const char *key)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->alerts[i]->key, key) == 0)
            return s->alerts[i];
    return NULL;
}

static struct kept *add(struct rule_state *s, const char *key, const struct labels *l,
                        int64_t at_ms)
{
    struct kept *k = calloc(1, sizeof *k);
    s->alerts = realloc(s->alerts, (s->n + 1) * sizeof(struct kept *));
    if (!k || !s->alerts)
        log_die("out of memory");
    k->arena = arena_new(0);
    k->key = arena_strdup(k->arena, key);
    k->alert.labels = labels_copy(k->arena, l);
    k->alert.active_ms = at_ms;
    s->alerts[s->n++] = k;
    return k;
}

static struct labels annotations(struct arena *a, const struct rule *r,
                                 const struct rule_expansion *x)
{
    struct label *all = ARENA_ARRAY(a, struct label, r->annotations.n);
    for (size_t i = 0; i < r->annotations.n; i++)
        all[i] = (struct label){r->annotations.items[i].name,
                                rule_expand(a, r->alert, r->annotations.items[i].value, x)};
    return labels_make(a, all, r->annotations.n);
}

static int see_alert(struct output *o, const struct rule *r, const struct series *s,
                     struct arena *a, struct err *e)
{
    const struct rule_expansion x = {&o->r->host, o->at_ms, &s->labels, s->samples[0].v};
    struct labels l = with_label(a, &s->labels, "__name__", "");
    l = rule_labels(a, o->r->group, r, l, &x);
    l = with_label(a, &l, "alertname", r->alert);
    char *key = labels_text(&l, a);
    struct kept *k = find(o->state, key);
    if (k && k->seen)
        return err_set(e, ERR_INVALID,
                       "vector contains metrics with the same labelset after applying alert"
                       " labels");
    if (!k)
        k = add(o->state, key, &l, o->at_ms);
    k->seen = true;
    k->absent_ms = 0;
    k->alert.value = s->samples[0].v;
    struct labels of = annotations(a, r, &x);
    k->alert.annotations = labels_copy(k->arena, &of);
    return 0;
}

/* Whether an alert that its query gives no more goes on firing. */
static bool goes_on(struct kept *k, const struct rule *r, int64_t at_ms)
{
    if (!k->alert.firing || !r->keep_firing_ms)
        return false;
    if (!k->absent_ms)
        k->absent_ms = at_ms;
    return at_ms - k->absent_ms < r->keep_firing_ms;
}

static void settle_alerts(struct output *o, const struct rule *r)
{
    struct rule_state *s = o->state;
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        struct kept *k = s->alerts[i];
        if (!k->seen && !goes_on(k, r, o->at_ms)) {
            kept_free(k);
            continue;
        }
        k->seen = false;
        k->alert.firing |= o->at_ms - k->alert.active_ms >= r->for_ms;
        s->alerts[n++] = k;
    }
    s->n = n;
}

static int put_alerts(struct output *o, struct arena *a, struct err *e)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < o->state->n; i++) {
        const struct alert *x = &o->state->alerts[i]->alert;
        struct labels l = with_label(a, &x->labels, "__name__", "ALERTS");
        l = with_label(a, &l, "alertstate", x->firing ? "firing" : "pending");
        r = put(o, &l, 1, NULL, e);
        l = with_label(a, &x->labels, "__name__", "ALERTS_FOR_STATE");
        if (r == 0)
            r = put(o, &l, floor((double)x->active_ms / 1000), NULL, e);
    }
    return r;
}

static int alert(struct output *o, const struct rule *r, const struct promql_result *result,
                 struct arena *a, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < result->series.n; i++)
        rc = see_alert(o, r, &result->series.items[i], a, e);
    settle_alerts(o, r);
    if (rc == 0 && o->r->group->limit && (int64_t)o->state->n > o->r->group->limit)
        rc = err_set(e, ERR_TOO_LARGE, "exceeded limit of %lld with %zu alerts",
                     (long long)o->r->group->limit, o->state->n);
    return rc < 0 ? rc : put_alerts(o, a, e);
}

static int eval_rule(struct rule_runner *r, size_t i, int64_t at_ms, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const struct rule *rule = &r->group->rules[i];
    struct promql_result result = {0};
    struct output o = {r, &r->states[i], arena_new(0), .at_ms = at_ms};
    map_init(&o.written);
    int rc = promql_instant(r->host.source, r->host.query, rule->expr, at_ms - r->group->offset_ms,
                            a, &result, e);
    if (rc == 0 && result.type != PROMQL_VECTOR && result.type != PROMQL_SCALAR)
        rc = err_set(e, ERR_INVALID, "rule result is not a vector or scalar");
    if (rc == 0 && r->group->limit && (int64_t)result.series.n > r->group->limit && *rule->record)
        rc = err_set(e, ERR_TOO_LARGE, "exceeded limit of %lld with %zu series",
                     (long long)r->group->limit, result.series.n);
    if (rc == 0)
        rc = *rule->record ? record(&o, rule, &result, a, e) : alert(&o, rule, &result, a, e);
    struct err after;
    int ended = end_series(&o, &after);
    if (rc == 0 && ended < 0) {
        *e = after;
        rc = ended;
    }
    return rc;
}

int rule_runner_eval(struct rule_runner *r, int64_t at_ms, struct err *e)
{
    int first = 0;
    for (size_t i = 0; i < r->group->n; i++) {
        const struct rule *rule = &r->group->rules[i];
        struct err why;
        int rc = eval_rule(r, i, at_ms, &why);
        if (rc < 0 && first == 0)
            first = err_set(e, why.code, "rule: %s, err: %s",
                            *rule->alert ? rule->alert : rule->record, why.msg);
    }
    return first;
}

const struct alert *rule_runner_alerts(const struct rule_runner *r, size_t i, size_t *out_n)
{
    struct rule_state *s = &r->states[i];
    free(s->view);
    s->view = calloc(s->n + 1, sizeof *s->view);
    if (!s->view)
        log_die("out of memory");
    for (size_t k = 0; k < s->n; k++)
        s->view[k] = s->alerts[k]->alert;
    *out_n = s->n;
    return s->view;
}
