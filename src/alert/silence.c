/* silence.c - silences: pending, active, expired; never removed before their time. */
#include <string.h>

#include "alert/engine_int.h"

enum alert_silence_state alert_silence_state(const struct alert_silence *s, int64_t now_ms)
{
    if (now_ms >= s->ends_ms)
        return SILENCE_EXPIRED;
    return now_ms < s->starts_ms ? SILENCE_PENDING : SILENCE_ACTIVE;
}

static struct alert_silence copy(struct arena *a, const struct alert_silence *s)
{
    struct alert_silence out = *s;
    struct matcher *m = ARENA_ARRAY(a, struct matcher, s->matchers.n + 1);
    for (size_t i = 0; i < s->matchers.n; i++)
        m[i] = (struct matcher){arena_strdup(a, s->matchers.items[i].name), s->matchers.items[i].op,
                                arena_strdup(a, s->matchers.items[i].value)};
    out.matchers.items = m;
    out.id = arena_strdup(a, s->id);
    out.created_by = arena_strdup(a, s->created_by);
    out.comment = arena_strdup(a, s->comment);
    return out;
}

static struct kept_silence *put(struct alert_engine *g, const struct alert_silence *s)
{
    struct arena *a = arena_new(0);
    struct kept_silence *k = ARENA_NEW(a, struct kept_silence);
    *k = (struct kept_silence){a, copy(a, s)};
    struct kept_silence *old = map_put(&g->silences, k->silence.id, k);
    if (old)
        arena_free(old->arena);
    return k;
}

void alert_engine_recall_silence(struct alert_engine *g, const struct alert_silence *s)
{
    (void)put(g, s);
}

static size_t bytes_of(const struct alert_silence *s)
{
    size_t n = strlen(s->created_by) + strlen(s->comment);
    for (size_t i = 0; i < s->matchers.n; i++)
        n += strlen(s->matchers.items[i].name) + strlen(s->matchers.items[i].value);
    return n;
}

static int check(const struct alert_silence *s, int64_t now_ms, struct err *e)
{
    const struct labels none = {0};
    bool all_empty = true;
    if (s->matchers.n == 0)
        return err_set(e, ERR_INVALID, "at least one matcher required");
    for (size_t i = 0; i < s->matchers.n; i++) {
        const struct alert_matchers one = {&s->matchers.items[i], 1};
        if (!*s->matchers.items[i].name)
            return err_set(e, ERR_INVALID, "a matcher has no name");
        all_empty &= alert_matches(&one, &none);
    }
    if (bytes_of(s) > SILENCE_BYTES_MAX)
        return err_set(e, ERR_TOO_LARGE, "a silence of more than %d KiB", SILENCE_BYTES_MAX >> 10);
    if (all_empty)
        return err_set(e, ERR_INVALID, "at least one matcher must not match the empty string");
    if (s->ends_ms <= s->starts_ms)
        return err_set(e, ERR_INVALID, "end time must not be before or equal to start time");
    if (s->ends_ms <= now_ms)
        return err_set(e, ERR_INVALID, "end time can't be in the past");
    return 0;
}

static bool same_matchers(const struct alert_matchers *a, const struct alert_matchers *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (strcmp(a->items[i].name, b->items[i].name) != 0 ||
            strcmp(a->items[i].value, b->items[i].value) != 0 || a->items[i].op != b->items[i].op)
            return false;
    return true;
}

/* Whether it can become the other, or has to end and make room for a new one. */
static bool can_become(const struct alert_silence *from, const struct alert_silence *to,
                       int64_t now_ms)
{
    if (!same_matchers(&from->matchers, &to->matchers))
        return false;
    switch (alert_silence_state(from, now_ms)) {
    case SILENCE_ACTIVE:
        return from->starts_ms == to->starts_ms;
    case SILENCE_PENDING:
        return to->starts_ms >= now_ms;
    case SILENCE_EXPIRED:
        break;
    }
    return false;
}

static void expire(struct kept_silence *k, int64_t now_ms)
{
    if (k->silence.starts_ms > now_ms)
        k->silence.starts_ms = now_ms;
    k->silence.ends_ms = now_ms;
    k->silence.updated_ms = now_ms;
}

int alert_engine_silence(struct alert_engine *g, const struct alert_silence *s,
                         const char *fresh_id, int64_t now_ms, const char **out_id, struct err *e)
{
    if (map_size(&g->silences) >= SILENCES_MAX)
        engine__sweep_silences(g, now_ms);
    struct kept_silence *old = *s->id ? map_get(&g->silences, s->id) : NULL;
    struct alert_silence to = *s;
    int r = check(s, now_ms, e);
    if (r == 0 && *s->id && !old)
        r = err_set(e, ERR_NOT_FOUND, "silence %.60s not found", s->id);
    if (r == 0 && map_size(&g->silences) >= SILENCES_MAX)
        r = err_set(e, ERR_TOO_LARGE, "more than %d silences", SILENCES_MAX);
    if (r < 0)
        return r;
    if (!old || !can_become(&old->silence, s, now_ms)) {
        if (old && alert_silence_state(&old->silence, now_ms) != SILENCE_EXPIRED)
            expire(old, now_ms);
        to.id = fresh_id;
        if (to.starts_ms < now_ms)
            to.starts_ms = now_ms;
    }
    to.updated_ms = now_ms;
    *out_id = put(g, &to)->silence.id;
    return 0;
}

int alert_engine_expire(struct alert_engine *g, const char *id, int64_t now_ms, struct err *e)
{
    struct kept_silence *k = map_get(&g->silences, id);
    if (!k)
        return err_set(e, ERR_NOT_FOUND, "silence %.60s not found", id);
    if (alert_silence_state(&k->silence, now_ms) == SILENCE_EXPIRED)
        return err_set(e, ERR_INVALID, "silence %s already expired", id);
    expire(k, now_ms);
    return 0;
}

size_t alert_engine_silences(const struct alert_engine *g, struct arena *a,
                             struct alert_silence **out)
{
    const struct map_entry *m;
    size_t n = 0;
    *out = ARENA_ARRAY(a, struct alert_silence, map_size(&g->silences) + 1);
    for (size_t at = 0; (m = map_next(&g->silences, &at));)
        (*out)[n++] = copy(a, &((const struct kept_silence *)m->value)->silence);
    return n;
}

void engine__sweep_silences(struct alert_engine *g, int64_t now_ms)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const char **old = ARENA_ARRAY(a, const char *, map_size(&g->silences) + 1);
    const struct map_entry *m;
    size_t n = 0;
    for (size_t at = 0; (m = map_next(&g->silences, &at));)
        if (((const struct kept_silence *)m->value)->silence.ends_ms + KEEP_SILENCE_MS < now_ms)
            old[n++] = arena_strdup(a, m->key);
    for (size_t i = 0; i < n; i++) {
        struct kept_silence *k = map_remove(&g->silences, old[i]);
        arena_free(k->arena);
    }
}
