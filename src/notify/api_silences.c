/* api_silences.c - silences in the API: listed, set, expired; each on disk before the answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "base/thread.h"
#include "codec/json.h"
#include "notify/notify_int.h"

enum { BODY_MAX = 1 << 20, UUID_MAX = 37 };

static int64_t now_of(const struct notifier *n)
{
    return n->opts.clock->real_ms(n->opts.clock);
}

static int fresh_id(char *out, struct err *e)
{
    unsigned char b[16];
    if (getrandom(b, sizeof b, 0) != sizeof b)
        return err_set(e, ERR_SYSTEM, "no random bytes are to be had");
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    (void)snprintf(out, UUID_MAX,
                   "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
                   b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
                   b[14], b[15]);
    return 0;
}

static const struct alert_silence *find(const struct alert_silence *list, size_t n, const char *id)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].id, id) == 0)
            return &list[i];
    return NULL;
}

/* Those that changed at this moment, to disk. Under the lock. */
static int keep_changed(struct notifier *n, int64_t now_ms, struct arena *a, struct err *e)
{
    struct alert_silence *list;
    size_t count = alert_engine_silences(n->engine, a, &list);
    int r = 0;
    for (size_t i = 0; n->state && r == 0 && i < count; i++)
        if (list[i].updated_ms == now_ms)
            r = state_keep_silence(n->state, &list[i], e);
    (void)pthread_cond_signal(&n->changed);
    return r;
}

/* ---- listing ---- */

static int state_rank(const struct alert_silence *s, int64_t now_ms)
{
    static const int ranks[] = {1, 0, 2}; /* active first, expired last */
    return ranks[alert_silence_state(s, now_ms)];
}

struct ranked {
    const struct alert_silence *s;
    int rank;
};

static int by_rank(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank - y->rank;
    if (x->s->ends_ms != y->s->ends_ms)
        return x->s->ends_ms < y->s->ends_ms ? -1 : 1;
    return strcmp(x->s->id, y->s->id);
}

/* A filter is held against the silence's own matchers: one of the same name, of its value. */
static bool fits(const struct alert_matchers *filters, const struct alert_silence *s)
{
    for (size_t f = 0; f < filters->n; f++) {
        const struct alert_matchers one = {&filters->items[f], 1};
        const char *value = "";
        for (size_t i = 0; i < s->matchers.n; i++)
            if (strcmp(s->matchers.items[i].name, filters->items[f].name) == 0)
                value = s->matchers.items[i].value;
        const struct label l = {filters->items[f].name, value};
        const struct labels labels = {&l, *value != '\0'};
        if (!alert_matches(&one, &labels))
            return false;
    }
    return true;
}

static void get_all(struct notifier *n, struct http_request *q)
{
    struct value *v = value_new_array(q->arena);
    struct alert_silence *list;
    struct alert_matchers filters;
    int64_t now_ms = now_of(n);
    struct err e;
    size_t count;
    if (notifier__filters(q, q->arena, &filters, &e) < 0) {
        notifier__fail(q, 400, e.msg);
        return;
    }
    {
        LOCK_SCOPE(&n->lock);
        count = alert_engine_silences(n->engine, q->arena, &list);
    }
    struct ranked *sorted = ARENA_ARRAY(q->arena, struct ranked, count + 1);
    for (size_t i = 0; i < count; i++)
        sorted[i] = (struct ranked){&list[i], state_rank(&list[i], now_ms)};
    qsort(sorted, count, sizeof *sorted, by_rank);
    for (size_t i = 0; i < count; i++)
        if (fits(&filters, sorted[i].s))
            (void)value_push(q->arena, v, json_silence(sorted[i].s, now_ms, q->arena));
    notifier__send(q, 200, v);
}

static void get_one(struct notifier *n, struct http_request *q, const char *id)
{
    struct alert_silence *list;
    size_t count;
    {
        LOCK_SCOPE(&n->lock);
        count = alert_engine_silences(n->engine, q->arena, &list);
    }
    const struct alert_silence *s = find(list, count, id);
    if (s)
        notifier__send(q, 200, json_silence(s, now_of(n), q->arena));
    else
        notifier__fail(q, 404, arena_printf(q->arena, "silence %.60s not found", id));
}

/* ---- changing ---- */

static int read_body(struct http_request *q, struct alert_silence *out, struct err *e)
{
    struct value *v;
    char *body;
    size_t len;
    int r = http_read_all(q, BODY_MAX, &body, &len, e);
    if (r == 0)
        r = json_parse(q->arena, body, len, JSON_SHALLOW, &v, e);
    return r < 0 ? r : json_read_silence(v, q->arena, out, e);
}

static void post_one(struct notifier *n, struct http_request *q)
{
    struct alert_silence s;
    struct err e;
    char id[UUID_MAX];
    const char *out = "";
    int r = read_body(q, &s, &e);
    if (r == 0)
        r = fresh_id(id, &e);
    if (r == 0) {
        LOCK_SCOPE(&n->lock);
        int64_t now_ms = now_of(n);
        r = alert_engine_silence(n->engine, &s, id, now_ms, &out, &e);
        out = arena_strdup(q->arena, out);
        if (r == 0)
            r = keep_changed(n, now_ms, q->arena, &e);
    }
    if (r < 0) {
        notifier__fail(q,
                       r == ERR_NOT_FOUND                       ? 404
                       : r == ERR_INVALID || r == ERR_TOO_LARGE ? 400
                                                                : 500,
                       e.msg);
        return;
    }
    struct value *v = value_new_object(q->arena);
    (void)value_set_str(q->arena, v, "silenceID", out);
    notifier__send(q, 200, v);
}

static void delete_one(struct notifier *n, struct http_request *q, const char *id)
{
    struct err e;
    int r;
    {
        LOCK_SCOPE(&n->lock);
        int64_t now_ms = now_of(n);
        r = alert_engine_expire(n->engine, id, now_ms, &e);
        if (r == 0)
            r = keep_changed(n, now_ms, q->arena, &e);
    }
    if (r < 0)
        notifier__fail(q, r == ERR_NOT_FOUND ? 404 : 500, e.msg);
    else
        http_send(q, 200, "application/json", "", 0);
}

bool notifier__silences(struct notifier *n, struct http_request *q, const char *path)
{
    bool get = strcmp(q->method, "GET") == 0;
    if (strcmp(path, "silences") == 0 && get)
        get_all(n, q);
    else if (strcmp(path, "silences") == 0 && strcmp(q->method, "POST") == 0)
        post_one(n, q);
    else if (strncmp(path, "silence/", 8) == 0 && get)
        get_one(n, q, path + 8);
    else if (strncmp(path, "silence/", 8) == 0 && strcmp(q->method, "DELETE") == 0)
        delete_one(n, q, path + 8);
    else
        return false;
    return true;
}
