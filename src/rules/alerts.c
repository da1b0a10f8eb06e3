/* alerts.c - an alerting rule's alerts, from one moment to the next. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "rules/run_int.h"

/* So long an alert that is over is told again and again. */
enum { TOLD_MS = 15 * 60000 };
static const int64_t NEVER = INT64_MIN / 2;

static void kept_free(struct rule_kept *k)
{
    arena_free(k->arena);
    arena_free(k->notes);
    free(k);
}

void rule_state__drop_alerts(struct rule_state *s)
{
    for (size_t i = 0; i < s->n; i++)
        kept_free(s->alerts[i]);
    free(s->alerts);
    s->alerts = NULL;
    s->n = 0;
}

static struct rule_kept *find(const struct rule_state *s, const char *key)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->alerts[i]->key, key) == 0)
            return s->alerts[i];
    return NULL;
}

static struct rule_kept *add(struct rule_state *s, const char *key, const struct labels *l)
{
    struct rule_kept *k = calloc(1, sizeof *k);
    s->alerts = realloc(s->alerts, (s->n + 1) * sizeof(struct rule_kept *));
    if (!k || !s->alerts)
        log_die("out of memory");
    k->arena = arena_new(0);
    k->key = arena_strdup(k->arena, key);
    k->alert.labels = labels_copy(k->arena, l);
    s->alerts[s->n++] = k;
    return k;
}

static void annotate(struct rule_kept *k, const struct rule *r, const struct rule_expansion *x,
                     struct arena *a)
{
    struct label *all = ARENA_ARRAY(a, struct label, r->annotations.n);
    for (size_t i = 0; i < r->annotations.n; i++)
        all[i] = (struct label){r->annotations.items[i].name,
                                rule_expand(a, r->alert, r->annotations.items[i].value, x)};
    arena_free(k->notes);
    k->notes = arena_new(0);
    k->alert.annotations = labels_make(k->notes, all, r->annotations.n);
}

static int see_alert(struct rule_output *o, const struct rule *r, const struct series *s,
                     struct arena *a, struct err *e)
{
    const struct rule_expansion x = {&o->r->host, o->at_ms, &s->labels, s->samples[0].v, 0};
    struct labels l = rule__with_label(a, &s->labels, "__name__", "");
    l = rule__labels(a, o->r->group, r, l, &x);
    l = rule__with_label(a, &l, "alertname", r->alert);
    char *key = labels_text(&l, a);
    struct rule_kept *k = find(o->state, key);
    if (k && k->seen)
        return err_set(e, ERR_INVALID,
                       "vector contains metrics with the same labelset after applying alert"
                       " labels");
    bool is_new = !k || k->alert.resolved_ms;
    if (!k)
        k = add(o->state, key, &l);
    if (is_new) {
        k->alert.active_ms = o->at_ms;
        k->alert.firing = false;
        k->alert.resolved_ms = 0;
        k->told_ms = NEVER;
    }
    k->seen = true;
    k->absent_ms = 0;
    k->alert.value = s->samples[0].v;
    annotate(k, r, &x, a);
    return 0;
}

/* Whether an alert that its query gives no more goes on firing. */
static bool goes_on(struct rule_kept *k, const struct rule *r, int64_t at_ms)
{
    if (!k->alert.firing || k->alert.resolved_ms || !r->keep_firing_ms)
        return false;
    if (!k->absent_ms)
        k->absent_ms = at_ms;
    return at_ms - k->absent_ms < r->keep_firing_ms;
}

/* Whether one that is over is still worth keeping. */
static bool lingers(struct rule_kept *k, int64_t at_ms)
{
    if (!k->alert.firing)
        return false;
    if (!k->alert.resolved_ms)
        k->alert.resolved_ms = at_ms;
    return at_ms - k->alert.resolved_ms <= TOLD_MS;
}

/* How many are active after it. */
static size_t settle_alerts(struct rule_output *o, const struct rule *r)
{
    struct rule_state *s = o->state;
    size_t n = 0, active = 0;
    for (size_t i = 0; i < s->n; i++) {
        struct rule_kept *k = s->alerts[i];
        bool on = k->seen || goes_on(k, r, o->at_ms);
        if (!on && !lingers(k, o->at_ms)) {
            kept_free(k);
            continue;
        }
        k->seen = false;
        if (on && !k->alert.firing && o->at_ms - k->alert.active_ms >= r->for_ms) {
            k->alert.firing = true;
            k->alert.fired_ms = o->at_ms;
        }
        active += on;
        s->alerts[n++] = k;
    }
    s->n = n;
    return active;
}

static int put_alerts(struct rule_output *o, struct arena *a, struct err *e)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < o->state->n; i++) {
        const struct alert *x = &o->state->alerts[i]->alert;
        if (x->resolved_ms)
            continue;
        struct labels l = rule__with_label(a, &x->labels, "__name__", "ALERTS");
        l = rule__with_label(a, &l, "alertstate", x->firing ? "firing" : "pending");
        r = rule_output__put(o, &l, 1, NULL, e);
        l = rule__with_label(a, &x->labels, "__name__", "ALERTS_FOR_STATE");
        if (r == 0)
            r = rule_output__put(o, &l, floor((double)x->active_ms / 1000), NULL, e);
    }
    return r;
}

int rule__alert(struct rule_output *o, const struct rule *r, const struct promql_result *result,
                struct arena *a, struct err *e)
{
    int64_t limit = o->r->group->limit;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < result->series.n; i++)
        rc = see_alert(o, r, &result->series.items[i], a, e);
    if (rc < 0) {
        for (size_t i = 0; i < o->state->n; i++)
            o->state->alerts[i]->seen = false;
        return rc;
    }
    size_t active = settle_alerts(o, r);
    if (limit && (int64_t)active > limit) {
        rule_state__drop_alerts(o->state);
        return err_set(e, ERR_TOO_LARGE, "exceeded limit of %lld with %zu alerts", (long long)limit,
                       active);
    }
    return o->r->settled ? put_alerts(o, a, e) : 0;
}

const struct alert *rule_runner_alerts(const struct rule_runner *r, size_t i, size_t *out_n)
{
    struct rule_state *s = &r->states[i];
    free(s->view);
    s->view = calloc(s->n + 1, sizeof *s->view);
    if (!s->view)
        log_die("out of memory");
    *out_n = 0;
    for (size_t k = 0; k < s->n; k++)
        if (!s->alerts[k]->alert.resolved_ms)
            s->view[(*out_n)++] = s->alerts[k]->alert;
    return s->view;
}

void rule_runner_tell(struct rule_runner *r, int64_t at_ms, int64_t again_ms,
                      void (*fn)(void *arg, const struct rule *rule, const struct alert *a),
                      void *arg)
{
    for (size_t i = 0; i < r->group->n; i++)
        for (size_t k = 0; k < r->states[i].n; k++) {
            struct rule_kept *x = r->states[i].alerts[k];
            bool news = x->alert.resolved_ms > x->told_ms || x->told_ms + again_ms < at_ms;
            if (!x->alert.firing || !news)
                continue;
            x->told_ms = at_ms;
            fn(arg, &r->group->rules[i], &x->alert);
        }
}
