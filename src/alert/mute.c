/* mute.c - what holds alerts back: silences, inhibitions and the time of day. */
#include <stdlib.h>
#include <string.h>

#include "alert/engine_int.h"
#include "base/log.h"

static void add(struct arena *a, const char ***list, size_t *n, const char *text)
{
    *list = arena_grow(a, *list, (*n + 1) * sizeof **list, (*n + 2) * sizeof **list);
    (*list)[(*n)++] = text;
}

static const char **silenced_by(struct alert_engine *g, const struct kept_alert *k, int64_t now_ms,
                                struct arena *a)
{
    const char **out = ARENA_ARRAY(a, const char *, 1);
    const struct map_entry *m;
    size_t n = 0;
    for (size_t at = 0; (m = map_next(&g->silences, &at));) {
        const struct alert_silence *s = &((const struct kept_silence *)m->value)->silence;
        if (alert_silence_state(s, now_ms) == SILENCE_ACTIVE &&
            alert_matches(&s->matchers, &k->told.labels))
            add(a, &out, &n, arena_strdup(a, s->id));
    }
    return out;
}

/* ---- inhibition ---- */

void engine__drop_inhibitors(struct alert_engine *g)
{
    for (size_t i = 0; g->inhibitors && i < g->config->n_inhibitions; i++)
        free(g->inhibitors[i].items);
    free(g->inhibitors);
    g->inhibitors = NULL;
}

static const struct inhibitors *inhibitors_of(struct alert_engine *g, size_t rule)
{
    if (!g->inhibitors)
        g->inhibitors = calloc(g->config->n_inhibitions + 1, sizeof *g->inhibitors);
    if (!g->inhibitors)
        log_die("out of memory");
    struct inhibitors *x = &g->inhibitors[rule];
    if (x->items && x->generation == g->generation)
        return x;
    const struct map_entry *m;
    free(x->items);
    *x = (struct inhibitors){.generation = g->generation};
    x->items = calloc(map_size(&g->alerts) + 1, sizeof(struct kept_alert *));
    if (!x->items)
        log_die("out of memory");
    for (size_t at = 0; (m = map_next(&g->alerts, &at));) {
        struct kept_alert *k = m->value;
        if (alert_matches(&g->config->inhibitions[rule].source, &k->told.labels))
            x->items[x->n++] = k;
    }
    return x;
}

static bool equal_labels(const struct alert_inhibition *r, const struct labels *a,
                         const struct labels *b)
{
    for (size_t i = 0; i < r->n_equal; i++)
        if (strcmp(labels_get(a, r->equal[i]), labels_get(b, r->equal[i])) != 0)
            return false;
    return true;
}

static const char **inhibited_by(struct alert_engine *g, const struct kept_alert *k, int64_t now_ms,
                                 struct arena *a)
{
    const char **out = ARENA_ARRAY(a, const char *, 1);
    size_t n = 0;
    for (size_t i = 0; i < g->config->n_inhibitions; i++) {
        const struct alert_inhibition *r = &g->config->inhibitions[i];
        if (!alert_matches(&r->target, &k->told.labels))
            continue;
        /* Alerts that are both source and target do not inhibit each other. */
        bool both = alert_matches(&r->source, &k->told.labels);
        const struct inhibitors *from = inhibitors_of(g, i);
        for (size_t s = 0; s < from->n; s++) {
            const struct kept_alert *x = from->items[s];
            if (x == k || kept__over(x, now_ms) ||
                !equal_labels(r, &x->told.labels, &k->told.labels) ||
                (both && alert_matches(&r->target, &x->told.labels)))
                continue;
            add(a, &out, &n, arena_strdup(a, x->told.print));
            break; /* one of a rule says enough */
        }
    }
    return out;
}

struct alert_muting engine__muting(struct alert_engine *g, const struct kept_alert *k,
                                   int64_t now_ms, struct arena *a)
{
    return (struct alert_muting){silenced_by(g, k, now_ms, a), inhibited_by(g, k, now_ms, a)};
}

/* ---- time ---- */

static bool holds(const struct alert_engine *g, const char *name, int64_t now_ms)
{
    for (size_t i = 0; i < g->config->n_intervals; i++)
        if (strcmp(g->config->intervals[i].name, name) == 0)
            return alert_interval_holds(&g->config->intervals[i], now_ms);
    return false;
}

const char **engine__time_muting(const struct alert_engine *g, const struct alert_route *r,
                                 int64_t now_ms, struct arena *a)
{
    const char **out = ARENA_ARRAY(a, const char *, 1);
    size_t n = 0;
    bool active = r->n_active == 0;
    for (size_t i = 0; i < r->n_mute; i++)
        if (holds(g, r->mute[i], now_ms))
            add(a, &out, &n, arena_strdup(a, r->mute[i]));
    for (size_t i = 0; i < r->n_active && !active; i++)
        active = holds(g, r->active[i], now_ms);
    for (size_t i = 0; i < r->n_active && !active; i++)
        add(a, &out, &n, arena_strdup(a, r->active[i]));
    return out;
}
