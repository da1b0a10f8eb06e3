#include "alert/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert/engine_int.h"
#include "base/buf.h"
#include "base/log.h"

enum { KEY_MAX = 2 * ALERT_BYTES_MAX, BACKOFF_MS = 1000, BACKOFF_MAX_MS = 60000, SWEEP_MS = 60000 };

/* ---- alerts ---- */

/* Alertmanager's: FNV-1a over names and values, each ended by 0xff. */
static void fingerprint(const struct labels *l, char *out)
{
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < l->n; i++) {
        const char *const texts[] = {l->items[i].name, l->items[i].value};
        for (size_t k = 0; k < 2; k++) {
            for (const char *s = texts[k]; *s; s++)
                h = (h ^ (unsigned char)*s) * 1099511628211u;
            h = (h ^ 0xff) * 1099511628211u;
        }
    }
    (void)snprintf(out, ALERT_PRINT_MAX, "%016llx", (unsigned long long)h);
}

static void kept_free(struct kept_alert *k)
{
    arena_free(k->arena);
    free(k);
}

static size_t labels_bytes(const struct labels *l)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++)
        n += strlen(l->items[i].name) + strlen(l->items[i].value) + sizeof *l->items;
    return n;
}

/* Whether there is room for it, in the place of an older one. */
static int check_room(struct alert_engine *g, const struct kept_alert *old,
                      const struct alert_told *t, size_t bytes, struct err *e)
{
    size_t others = g->alert_bytes - (old ? old->bytes : 0);
    if (bytes > ALERT_BYTES_MAX)
        return err_set(e, ERR_TOO_LARGE, "alert %s: more than %d KiB", t->print,
                       ALERT_BYTES_MAX >> 10);
    if (!old && map_size(&g->alerts) >= ALERTS_MAX)
        return err_set(e, ERR_TOO_LARGE, "more than %d alerts", ALERTS_MAX);
    if (others + bytes > ALL_ALERTS_BYTES_MAX)
        return err_set(e, ERR_TOO_LARGE, "alerts of more than %d MiB", ALL_ALERTS_BYTES_MAX >> 20);
    return 0;
}

static void fill(struct alert_engine *g, struct kept_alert *k, const struct alert_told *t,
                 size_t bytes, int64_t now_ms)
{
    struct arena *a = arena_new(0);
    k->told = alert_told__copy(a, t);
    arena_free(k->arena);
    k->arena = a;
    k->updated_ms = now_ms;
    g->alert_bytes += bytes - k->bytes;
    k->bytes = bytes;
}

/* What an alert is, when it is told of again while it goes on: it began when it was first told, and
 * a guess at its end gives way to what somebody knows. */
static void merge(const struct kept_alert *old, struct alert_told *t, bool guessed, int64_t now_ms)
{
    bool goes_on = !kept__over(old, now_ms) || t->starts_ms <= old->told.ends_ms;
    if (!goes_on)
        return;
    if (old->told.starts_ms < t->starts_ms)
        t->starts_ms = old->told.starts_ms;
    if (guessed && !old->guessed && old->told.ends_ms > t->ends_ms)
        t->ends_ms = old->told.ends_ms;
}

static int read_post(const struct alert_engine *g, const struct alert_post *p, int64_t now_ms,
                     struct alert_told *t, bool *guessed, struct err *e)
{
    *t = (struct alert_told){.labels = p->labels,
                             .annotations = p->annotations,
                             .starts_ms = p->starts_ms,
                             .ends_ms = p->ends_ms,
                             .generator_url = p->generator_url};
    *guessed = !p->ends_ms;
    if (!t->starts_ms)
        t->starts_ms = p->ends_ms && p->ends_ms < now_ms ? p->ends_ms : now_ms;
    if (!t->ends_ms)
        t->ends_ms = now_ms + g->config->resolve_timeout_ms;
    if (t->labels.n == 0)
        return err_set(e, ERR_INVALID, "at least one label pair required");
    if (t->ends_ms < t->starts_ms)
        return err_set(e, ERR_INVALID, "start time must be before end time");
    fingerprint(&t->labels, t->print);
    return 0;
}

/* ---- groups ---- */

static void group_free(struct alert_group *x)
{
    for (size_t i = 0; i < x->n; i++)
        x->alerts[i]->groups--;
    free(x->alerts);
    arena_free(x->arena);
    free(x);
}

static bool grouped_by(const struct alert_route *r, const char *name)
{
    for (size_t i = 0; i < r->n_group_by; i++)
        if (strcmp(r->group_by[i], name) == 0)
            return true;
    return r->group_all;
}

static struct labels group_labels(const struct alert_route *r, const struct labels *l,
                                  struct arena *a)
{
    struct label *out = ARENA_ARRAY(a, struct label, l->n + 1);
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++)
        if (grouped_by(r, l->items[i].name))
            out[n++] = l->items[i];
    return labels_make(a, out, n);
}

/* {a="b", c="d"} */
static char *labels_key(const struct labels *l, struct arena *a)
{
    AUTO_BUF struct buf b;
    buf_init(&b, KEY_MAX);
    buf_putc(&b, '{');
    for (size_t i = 0; i < l->n; i++)
        buf_printf(&b, "%s%s=\"%s\"", i ? ", " : "", l->items[i].name, l->items[i].value);
    buf_putc(&b, '}');
    return arena_strdup(a, buf_text(&b));
}

static struct alert_group *group_of(struct alert_engine *g, const struct alert_route *r,
                                    const struct labels *l, int64_t now_ms)
{
    struct arena *a = arena_new(0);
    struct labels by = group_labels(r, l, a);
    char *key = arena_join(a, r->key, ":", labels_key(&by, a), NULL);
    char *id = arena_printf(a, "%u %s", r->index, key);
    struct alert_group *x = map_get(&g->groups, id);
    if (x || map_size(&g->groups) >= GROUPS_MAX) {
        arena_free(a);
        return x;
    }
    x = calloc(1, sizeof *x);
    if (!x)
        log_die("out of memory");
    *x = (struct alert_group){.id = id, .arena = a, .key = key, .route = r, .labels = by};
    x->due_ms = x->interval_due_ms = now_ms + r->group_wait_ms;
    (void)map_put(&g->groups, id, x);
    return x;
}

static void group_add(struct alert_group *x, struct kept_alert *k, int64_t now_ms)
{
    for (size_t i = 0; i < x->n && k->groups; i++)
        if (x->alerts[i] == k)
            return;
    x->alerts = realloc(x->alerts, (x->n + 1) * sizeof(struct kept_alert *));
    if (!x->alerts)
        log_die("out of memory");
    x->alerts[x->n++] = k;
    k->groups++;
    /* What has been there for long need not wait for others. */
    if (!x->looked && k->told.starts_ms + x->route->group_wait_ms < now_ms)
        x->due_ms = x->interval_due_ms = now_ms;
}

/* The deepest routes that fit; more than one only where a route says continue. */
static void find_routes(const struct alert_route *r, const struct labels *l,
                        const struct alert_route **out, size_t *n)
{
    size_t before = *n;
    if (!alert_matches(&r->matchers, l))
        return;
    for (size_t i = 0; i < r->n; i++) {
        size_t had = *n;
        find_routes(&r->routes[i], l, out, n);
        if (*n > had && !r->routes[i].go_on)
            break;
    }
    if (*n == before && *n < MATCHES_MAX)
        out[(*n)++] = r;
}

size_t engine__routes(const struct alert_engine *g, const struct labels *l,
                      const struct alert_route **out)
{
    size_t n = 0;
    find_routes(&g->config->root, l, out, &n);
    return n;
}

static void route(struct alert_engine *g, struct kept_alert *k, int64_t now_ms)
{
    const struct alert_route *to[MATCHES_MAX];
    size_t n = engine__routes(g, &k->told.labels, to);
    for (size_t i = 0; i < n; i++) {
        struct alert_group *x = group_of(g, to[i], &k->told.labels, now_ms);
        if (x)
            group_add(x, k, now_ms);
    }
}

static void sweep(struct alert_engine *g, int64_t now_ms);

int alert_engine_put(struct alert_engine *g, const struct alert_post *p, int64_t now_ms,
                     struct err *e)
{
    struct alert_told t;
    bool guessed;
    int r = read_post(g, p, now_ms, &t, &guessed, e);
    if (r < 0)
        return r;
    struct kept_alert *k = map_get(&g->alerts, t.print);
    if (!k && t.ends_ms <= now_ms)
        return 0; /* over before anybody heard of it */
    size_t bytes = labels_bytes(&t.labels) + labels_bytes(&t.annotations) +
                   (t.generator_url ? strlen(t.generator_url) : 0);
    r = check_room(g, k, &t, bytes, e);
    if (r < 0 && !k) {
        sweep(g, now_ms); /* those that are over leave theirs */
        r = check_room(g, k, &t, bytes, e);
    }
    if (r < 0)
        return r;
    if (k) {
        merge(k, &t, guessed, now_ms);
    } else {
        k = calloc(1, sizeof *k);
        if (!k)
            log_die("out of memory");
        (void)map_put(&g->alerts, t.print, k);
        g->generation++;
    }
    fill(g, k, &t, bytes, now_ms);
    k->guessed = guessed;
    route(g, k, now_ms);
    return 0;
}

/* ---- looking at a group ---- */

static int oldest_first(const void *a, const void *b)
{
    const struct alert_told *x = a, *y = b;
    if (x->starts_ms != y->starts_ms)
        return x->starts_ms < y->starts_ms ? -1 : 1;
    return strcmp(x->print, y->print);
}

/* Its alerts that nothing holds back. */
static struct alert_told *unmuted(struct alert_engine *g, struct alert_group *x, int64_t now_ms,
                                  struct arena *a, size_t *n)
{
    struct alert_told *out = ARENA_ARRAY(a, struct alert_told, x->n + 1);
    bool closed = engine__time_muting(g, x->route, now_ms, a)[0] != NULL;
    *n = 0;
    for (size_t i = 0; i < x->n; i++) {
        struct kept_alert *k = x->alerts[i];
        struct alert_muting m = engine__muting(g, k, now_ms, a);
        k->processed = true;
        if (closed || *m.silences || *m.inhibitors)
            continue;
        out[*n] = alert_told__copy(a, &k->told);
        out[(*n)++].resolved = kept__over(k, now_ms);
    }
    qsort(out, *n, sizeof *out, oldest_first);
    return out;
}

static const char *log_key(const struct alert_group *x, size_t channel, struct arena *a)
{
    static const char *const ways[] = {"webhook", "email", "slack"};
    const struct alert_receiver *r = x->route->receiver;
    return arena_printf(a, "%s:%s/%s/%zu", x->key, r->name, ways[r->channels[channel].way],
                        channel);
}

static void drop_config(void *config)
{
    alert_config_free(config);
}

/* False: there is nothing to say there. */
static bool notice_for(struct alert_engine *g, struct alert_group *x, size_t channel,
                       const struct alert_told *all, size_t n, int64_t now_ms, struct arena *a,
                       struct alert_notice *out)
{
    const struct alert_channel *c = &x->route->receiver->channels[channel];
    const char *key = log_key(x, channel, a);
    if (n == 0 || !engine__is_news(g, key, c, all, n, x->route->repeat_ms, now_ms))
        return false;
    struct alert_told *wanted = ARENA_ARRAY(a, struct alert_told, n);
    *out = (struct alert_notice){.id = arena_strdup(a, x->id),
                                 .log_key = key,
                                 .flush = x->flush,
                                 .config = alert_config_ref(g->config),
                                 .receiver = x->route->receiver,
                                 .channel = c,
                                 .group_key = arena_strdup(a, x->key),
                                 .group_labels = labels_copy(a, &x->labels),
                                 .alerts = wanted,
                                 .all = all,
                                 .n_all = n,
                                 .at_ms = now_ms,
                                 .repeat_ms = x->route->repeat_ms};
    arena_defer(a, drop_config, g->config);
    for (size_t i = 0; i < n; i++)
        if (c->send_resolved || !all[i].resolved)
            wanted[out->n++] = all[i];
    return true;
}

/* Alerts that were over when it looked, and still are, leave the group. */
static void settle(struct alert_engine *g, struct alert_group *x)
{
    size_t n = 0;
    for (size_t i = 0; i < x->n; i++) {
        struct kept_alert *k = x->alerts[i];
        if (kept__over(k, x->looked_ms) && k->updated_ms <= x->looked_ms)
            k->groups--;
        else
            x->alerts[n++] = k;
    }
    x->n = n;
    if (n == 0) {
        (void)map_remove(&g->groups, x->id);
        group_free(x);
    }
}

static void look(struct alert_engine *g, struct alert_group *x, int64_t now_ms, struct arena *a,
                 struct alert_notice **list, size_t *n_list)
{
    size_t n, before = *n_list;
    const struct alert_told *all = unmuted(g, x, now_ms, a, &n);
    x->flush++;
    x->looked = true;
    x->looked_ms = now_ms;
    x->failed = false;
    if (now_ms >= x->interval_due_ms) {
        x->interval_due_ms = now_ms + x->route->group_interval_ms;
        x->backoff_ms = 0;
    }
    x->due_ms = x->interval_due_ms;
    for (size_t i = 0; i < x->route->receiver->n; i++) {
        *list = arena_grow(a, *list, *n_list * sizeof **list, (*n_list + 1) * sizeof **list);
        *n_list += notice_for(g, x, i, all, n, now_ms, a, &(*list)[*n_list]);
    }
    x->waiting = (unsigned)(*n_list - before);
    if (!x->waiting)
        settle(g, x);
}

/* Alerts that are over and that no group has to tell of. */
static void sweep(struct alert_engine *g, int64_t now_ms)
{
    AUTO(arena) struct arena *a = arena_new(0);
    if (now_ms - g->swept_ms < SWEEP_MS)
        return;
    g->swept_ms = now_ms;
    const char **old = ARENA_ARRAY(a, const char *, map_size(&g->alerts) + 1);
    const struct map_entry *m;
    size_t n = 0;
    for (size_t at = 0; (m = map_next(&g->alerts, &at));) {
        const struct kept_alert *k = m->value;
        if (kept__over(k, now_ms) && !k->groups)
            old[n++] = arena_strdup(a, m->key);
    }
    for (size_t i = 0; i < n; i++) {
        struct kept_alert *k = map_remove(&g->alerts, old[i]);
        g->alert_bytes -= k->bytes;
        kept_free(k);
    }
    g->generation += n > 0;
    engine__sweep_log(g, now_ms);
    engine__sweep_silences(g, now_ms);
}

size_t alert_engine_run(struct alert_engine *g, int64_t now_ms, struct arena *a,
                        const struct alert_notice **out)
{
    struct alert_group **due = ARENA_ARRAY(a, struct alert_group *, map_size(&g->groups) + 1);
    struct alert_notice *list = NULL;
    const struct map_entry *m;
    size_t n_due = 0, n = 0;
    for (size_t at = 0; (m = map_next(&g->groups, &at));) {
        struct alert_group *x = m->value;
        if (!x->waiting && x->due_ms <= now_ms)
            due[n_due++] = x;
    }
    for (size_t i = 0; i < n_due; i++)
        look(g, due[i], now_ms, a, &list, &n);
    sweep(g, now_ms);
    *out = list;
    return n;
}

int64_t alert_engine_due_ms(const struct alert_engine *g)
{
    const struct map_entry *m;
    int64_t due = INT64_MAX;
    for (size_t at = 0; (m = map_next(&g->groups, &at));) {
        const struct alert_group *x = m->value;
        if (!x->waiting && x->due_ms < due)
            due = x->due_ms;
    }
    return due;
}

const struct alert_log_entry *alert_engine_done(struct alert_engine *g,
                                                const struct alert_notice *n,
                                                enum alert_outcome how, int64_t now_ms)
{
    const struct alert_log_entry *entry = how == ALERT_DELIVERED ? engine__note(g, n) : NULL;
    struct alert_group *x = map_get(&g->groups, n->id);
    if (!x || x->flush != n->flush || !x->waiting || n->config != g->config)
        return entry; /* the group is another's by now */
    x->failed |= how != ALERT_DELIVERED;
    if (how == ALERT_RETRY) {
        x->backoff_ms = x->backoff_ms ? x->backoff_ms : BACKOFF_MS;
        if (now_ms + x->backoff_ms < x->due_ms)
            x->due_ms = now_ms + x->backoff_ms;
    }
    if (--x->waiting)
        return entry;
    if (x->failed)
        x->backoff_ms = 2 * x->backoff_ms < BACKOFF_MAX_MS ? 2 * x->backoff_ms : BACKOFF_MAX_MS;
    else
        settle(g, x);
    return entry;
}

/* ---- life ---- */

struct alert_engine *alert_engine_new(struct alert_config *c)
{
    struct alert_engine *g = calloc(1, sizeof *g);
    if (!g)
        log_die("out of memory");
    g->config = alert_config_ref(c);
    map_init(&g->alerts);
    map_init(&g->groups);
    map_init(&g->silences);
    map_init(&g->log);
    return g;
}

static void drop_groups(struct alert_engine *g)
{
    const struct map_entry *m;
    for (size_t at = 0; (m = map_next(&g->groups, &at));)
        group_free(m->value);
    map_done(&g->groups);
    map_init(&g->groups);
}

void alert_engine_configure(struct alert_engine *g, struct alert_config *c, int64_t now_ms)
{
    const struct map_entry *m;
    drop_groups(g);
    engine__drop_inhibitors(g);
    (void)alert_config_ref(c);
    alert_config_free(g->config);
    g->config = c;
    for (size_t at = 0; (m = map_next(&g->alerts, &at));)
        route(g, m->value, now_ms);
}

struct alert_config *alert_engine_config(const struct alert_engine *g)
{
    return g->config;
}

void alert_engine_free(struct alert_engine *g)
{
    const struct map_entry *m;
    if (!g)
        return;
    drop_groups(g);
    engine__drop_inhibitors(g);
    for (size_t at = 0; (m = map_next(&g->alerts, &at));)
        kept_free(m->value);
    for (size_t at = 0; (m = map_next(&g->silences, &at));)
        arena_free(((struct kept_silence *)m->value)->arena);
    for (size_t at = 0; (m = map_next(&g->log, &at));)
        arena_free(((struct kept_entry *)m->value)->arena);
    map_done(&g->alerts);
    map_done(&g->groups);
    map_done(&g->silences);
    map_done(&g->log);
    alert_config_free(g->config);
    free(g);
}
