/* view.c - the engine's alerts and groups, for those who look. */
#include <stdlib.h>
#include <string.h>

#include "alert/engine_int.h"

struct lister {
    struct arena *arena;
    const char **items;
    size_t n;
};

static void list_add(struct lister *l, const char *text)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->items[i], text) == 0)
            return;
    l->items = arena_grow(l->arena, l->items, (l->n + 1) * sizeof *l->items,
                          (l->n + 2) * sizeof *l->items);
    l->items[l->n++] = arena_strdup(l->arena, text);
}

static struct alert_seen see(struct alert_engine *g, const struct kept_alert *k, int64_t now_ms,
                             struct arena *a)
{
    struct lister receivers = {a, ARENA_ARRAY(a, const char *, 1), 0};
    struct lister muted = {a, ARENA_ARRAY(a, const char *, 1), 0};
    struct alert_muting m = engine__muting(g, k, now_ms, a);
    const struct alert_route *to[MATCHES_MAX];
    size_t n = engine__routes(g, &k->told.labels, to);
    for (size_t i = 0; i < n; i++) {
        list_add(&receivers, to[i]->receiver->name);
        for (const char **s = engine__time_muting(g, to[i], now_ms, a); *s; s++)
            list_add(&muted, *s);
    }
    return (struct alert_seen){alert_told__copy(a, &k->told),
                               k->updated_ms,
                               receivers.items,
                               m.silences,
                               m.inhibitors,
                               muted.items,
                               k->processed};
}

static int by_print(const void *a, const void *b)
{
    return strcmp(((const struct alert_seen *)a)->alert.print,
                  ((const struct alert_seen *)b)->alert.print);
}

size_t alert_engine_alerts(struct alert_engine *g, int64_t now_ms, struct arena *a,
                           struct alert_seen **out)
{
    const struct map_entry *m;
    size_t n = 0;
    *out = ARENA_ARRAY(a, struct alert_seen, map_size(&g->alerts) + 1);
    for (size_t at = 0; (m = map_next(&g->alerts, &at));)
        if (!kept__over(m->value, now_ms))
            (*out)[n++] = see(g, m->value, now_ms, a);
    qsort(*out, n, sizeof **out, by_print);
    return n;
}

static int by_key(const void *a, const void *b)
{
    const struct alert_group_seen *x = a, *y = b;
    int c = strcmp(x->key, y->key);
    return c ? c : strcmp(x->receiver, y->receiver);
}

size_t alert_engine_groups(struct alert_engine *g, int64_t now_ms, struct arena *a,
                           struct alert_group_seen **out)
{
    const struct map_entry *m;
    size_t n = 0;
    *out = ARENA_ARRAY(a, struct alert_group_seen, map_size(&g->groups) + 1);
    for (size_t at = 0; (m = map_next(&g->groups, &at));) {
        const struct alert_group *x = m->value;
        struct alert_group_seen *s = &(*out)[n];
        *s = (struct alert_group_seen){.key = arena_strdup(a, x->key),
                                       .receiver = arena_strdup(a, x->route->receiver->name),
                                       .labels = labels_copy(a, &x->labels)};
        s->alerts = ARENA_ARRAY(a, struct alert_seen, x->n + 1);
        for (size_t i = 0; i < x->n; i++)
            if (!kept__over(x->alerts[i], now_ms))
                s->alerts[s->n++] = see(g, x->alerts[i], now_ms, a);
        qsort(s->alerts, s->n, sizeof *s->alerts, by_print);
        n += s->n > 0;
    }
    qsort(*out, n, sizeof **out, by_key);
    return n;
}
