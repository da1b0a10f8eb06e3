/* log.c - what was told to whom, so that it is not told twice. */
#include <stdlib.h>
#include <string.h>

#include "alert/engine_int.h"
#include "base/log.h"

struct alert_told alert_told__copy(struct arena *a, const struct alert_told *t)
{
    struct alert_told out = *t;
    out.labels = labels_copy(a, &t->labels);
    out.annotations = labels_copy(a, &t->annotations);
    out.generator_url = arena_strdup(a, t->generator_url ? t->generator_url : "");
    return out;
}

static bool holds(const struct alert_told *list, size_t n, const char *print)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].print, print) == 0)
            return true;
    return false;
}

bool engine__is_news(const struct alert_engine *g, const char *log_key,
                     const struct alert_channel *c, const struct alert_told *all, size_t n,
                     int64_t repeat_ms, int64_t now_ms)
{
    const struct kept_entry *k = map_get(&g->log, log_key);
    size_t firing = 0, new_firing = 0, new_resolved = 0;
    for (size_t i = 0; i < n; i++) {
        firing += !all[i].resolved;
        if (!k)
            continue;
        if (all[i].resolved)
            new_resolved += !holds(k->entry.resolved, k->entry.n_resolved, all[i].print);
        else
            new_firing += !holds(k->entry.firing, k->entry.n_firing, all[i].print);
    }
    if (!k)
        return firing > 0; /* nobody heard of those that are over */
    if (new_firing > 0)
        return true;
    if (firing == 0)
        return k->entry.n_firing > 0;
    if (c->send_resolved && new_resolved > 0)
        return true;
    return k->entry.at_ms + repeat_ms <= now_ms;
}

static void entry_free(struct kept_entry *k)
{
    if (k)
        arena_free(k->arena);
}

static struct kept_entry *put(struct alert_engine *g, const struct alert_log_entry *e)
{
    struct arena *a = arena_new(0);
    struct kept_entry *k = ARENA_NEW(a, struct kept_entry);
    struct alert_told *firing = ARENA_ARRAY(a, struct alert_told, e->n_firing + 1);
    struct alert_told *resolved = ARENA_ARRAY(a, struct alert_told, e->n_resolved + 1);
    for (size_t i = 0; i < e->n_firing; i++)
        firing[i] = alert_told__copy(a, &e->firing[i]);
    for (size_t i = 0; i < e->n_resolved; i++)
        memcpy(resolved[i].print, e->resolved[i].print, sizeof resolved[i].print);
    *k = (struct kept_entry){a, *e};
    k->entry.key = arena_strdup(a, e->key);
    k->entry.firing = firing;
    k->entry.resolved = resolved;
    entry_free(map_put(&g->log, e->key, k));
    return k;
}

const struct alert_log_entry *engine__note(struct alert_engine *g, const struct alert_notice *n)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct alert_told *firing = ARENA_ARRAY(a, struct alert_told, n->n_all + 1);
    struct alert_told *resolved = ARENA_ARRAY(a, struct alert_told, n->n_all + 1);
    struct alert_log_entry e = {.key = n->log_key,
                                .at_ms = n->at_ms,
                                .expires_ms = n->at_ms + 2 * n->repeat_ms,
                                .firing = firing,
                                .resolved = resolved};
    for (size_t i = 0; i < n->n_all; i++)
        if (n->all[i].resolved)
            resolved[e.n_resolved++] = n->all[i];
        else
            firing[e.n_firing++] = n->all[i];
    return &put(g, &e)->entry;
}

void alert_engine_recall(struct alert_engine *g, const struct alert_log_entry *entry,
                         int64_t now_ms)
{
    struct err e;
    if (entry->expires_ms <= now_ms)
        return;
    (void)put(g, entry);
    for (size_t i = 0; i < entry->n_firing; i++) {
        const struct alert_told *t = &entry->firing[i];
        const struct alert_post p = {t->labels, t->annotations, t->starts_ms, 0, t->generator_url};
        if (!map_has(&g->alerts, t->print) && alert_engine_put(g, &p, now_ms, &e) < 0)
            log_debug("alerts", "%s", e.msg);
    }
}

void engine__sweep_log(struct alert_engine *g, int64_t now_ms)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const char **old = ARENA_ARRAY(a, const char *, map_size(&g->log) + 1);
    const struct map_entry *m;
    size_t n = 0;
    for (size_t at = 0; (m = map_next(&g->log, &at));)
        if (((const struct kept_entry *)m->value)->entry.expires_ms <= now_ms)
            old[n++] = arena_strdup(a, m->key);
    for (size_t i = 0; i < n; i++)
        entry_free(map_remove(&g->log, old[i]));
}
