#include <string.h>

#include "apiserver/rest_int.h"
#include "apiserver/watching_int.h"
#include "apiserver/web_int.h"
#include "codec/base64.h"
#include "codec/json.h"

enum {
    POLL_MS = 5000,
    BOOKMARK_MS = 60000,
    LAST_MARK_MS = 2000,
    DEFAULT_TIMEOUT_S = 1800,
    BATCH_MAX = 64 * 1024,
    CAST_MAX = 8 * 1024, /* what the casters send, and keep if a connection does not take it */
    FORETOLD_MAX = 4,
};

struct stream {
    struct web *w;
    const struct served *k;
    struct selection sel;
    struct watch *watch;
    struct buf out; /* events not sent yet */
    bool first;     /* a table's first row brings the columns */
    bool started;
    bool broken; /* the client left */
    bool ahead;  /* events are kept in the connection until they are durable */
};

static int flush(struct stream *s)
{
    if (s->out.len > 0 && !s->broken) {
        struct err e = {0};
        s->broken = http_stream_write(s->w->q, s->out.data, s->out.len, &e) < 0;
        buf_clear(&s->out);
    }
    return s->broken ? ERR_CANCELLED : 0;
}

static void put_event(struct stream *s, const char *type, struct value *obj)
{
    buf_printf(&s->out, "{\"type\":\"%s\",\"object\":", type);
    json_print(&s->out, obj, 0);
    buf_puts(&s->out, "}\n");
}

/* An event with its own arena, so that a watch that lives for hours does not grow. */
static void put_entry(struct stream *s, const char *type, const struct entry *n)
{
    if (s->k->plain && s->w->media.as == MEDIA_OBJECT) {
        buf_puts(&s->out, "{\"type\":\"");
        buf_puts(&s->out, type);
        buf_puts(&s->out, "\",\"object\":");
        stored__splice(s->k, n, 0, &s->out);
        buf_puts(&s->out, "}\n");
        return;
    }
    AUTO(arena) struct arena *a = arena_new(SIZE_MAX);
    struct arena *kept = s->w->call.a;
    struct entry copy = *n;
    struct result r = {.entry = &copy};
    s->w->call.a = a;
    s->w->call.now_ms = s->w->call.s->clock->real_ms(s->w->call.s->clock);
    put_event(s, type, encode__as(s->w, s->k, rest__tree(&s->w->call, s->k, &r), s->first));
    s->w->call.a = kept;
    s->first = false;
}

/* An empty object of the kind with a revision. The end of the initial events also says what an
 * empty list looks like. */
static void put_bookmark(struct stream *s, uint64_t rv, bool initial_end)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct value *obj = value_new_object(a), *meta = value_make_object(a, obj, "metadata");
    value_set_str(a, obj, "kind", s->k->res->kind);
    value_set_str(a, obj, "apiVersion", s->k->api_version);
    admit_normalize(&s->k->kind, obj, a);
    meta = value_make_object(a, obj, "metadata");
    value_set(a, meta, "resourceVersion", value_new_strf(a, "%llu", (unsigned long long)rv));
    if (!s->k->kind.crd)
        value_set(a, meta, "creationTimestamp", value_null(a));
    if (initial_end) {
        const char *empty = arena_printf(
            a, "{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":{},\"items\":null}\n",
            s->k->list_kind, s->k->api_version);
        struct value *notes = value_make_object(a, meta, "annotations");
        value_set_str(a, notes, "k8s.io/initial-events-end", "true");
        value_set_str(a, notes, "kubernetes.io/initial-events-list-blueprint",
                      base64_encode(a, empty, strlen(empty), BASE64_STD));
    }
    put_event(s, "BOOKMARK", obj);
}

static void put_expired(struct stream *s, const char *message)
{
    struct value *v;
    struct call *c = &s->w->call;
    refuse(c, ERR_GONE, 410, "Expired", "%s", message);
    v = refusal_status(&c->refusal, c->a);
    put_event(s, "ERROR", v);
}

static void put_next(struct stream *s, const struct watch_event *ev)
{
    static const char *const names[] = {[WATCHING_ADDED] = "ADDED",
                                        [WATCHING_MODIFIED] = "MODIFIED",
                                        [WATCHING_DELETED] = "DELETED"};
    struct entry view;
    enum watching kind = watching__classify(s->w->call.s, &s->sel, s->k, ev, &view);
    if (kind != WATCHING_NOTHING)
        put_entry(s, names[kind], &view);
}

/* Once a minute, and shortly before the end, so that the client can go on from there. */
static int64_t next_mark(int64_t now, int64_t end_at)
{
    int64_t last = end_at - LAST_MARK_MS;
    if (now < last)
        return now + BOOKMARK_MS < last ? now + BOOKMARK_MS : last;
    return INT64_MAX;
}

/* Collects what there is, up to a little more than `max` bytes. 0: there may be more; else what
 * watch_next() said. */
static int drain(struct stream *s, size_t max)
{
    struct watch_event ev;
    while (s->out.len <= max) {
        int rc = watch_next(s->watch, 0, &ev, NULL);
        if (rc != 0)
            return rc;
        put_next(s, &ev);
        watch_event_done(&ev);
    }
    return 0;
}

/* What needs no decoding can be made of an entry that may never be. */
static bool needs_no_tree(const struct stream *s)
{
    bool by_key = s->sel.all || (s->sel.name && s->sel.fields.n == 1 && s->sel.labels.n == 0);
    return by_key && s->k->plain && s->w->media.as == MEDIA_OBJECT;
}

/* Makes and encrypts what will be sent once the commit in flight is durable. */
static bool make_ready(struct stream *s)
{
    struct watch_event ev[FORETOLD_MAX];
    struct err e = {0};
    size_t n = needs_no_tree(s) ? watch_foretold(s->watch, ev, FORETOLD_MAX, CAST_MAX) : 0;
    for (size_t i = 0; i < n; i++) {
        put_next(s, &ev[i]);
        watch_event_done(&ev[i]);
    }
    s->ahead = n > 0;
    s->broken = http_stream_hold(s->w->q, s->out.data, s->out.len, &e) < 0;
    buf_clear(&s->out);
    return !s->broken;
}

/* Sends what was made ready. 0: done; 1: the client does not take all of it; ERR_TIMEOUT: it is not
 * durable yet; ERR_CANCELLED: it is not true, or the client left. */
static int send_ready(struct stream *s, int64_t timeout_ms)
{
    struct err e = {0};
    int rc = watch_settled(s->watch, timeout_ms, &e);
    if (rc == ERR_TIMEOUT)
        return rc;
    s->ahead = false;
    if (rc < 0)
        http_stream_abort(s->w->q); /* nothing of it may be seen, and later records count on it */
    rc = http_stream_go(s->w->q, &e);
    s->broken = rc < 0;
    return rc;
}

bool web__cast(struct stream *s)
{
    struct err e = {0};
    if (s->ahead) {
        int rc = send_ready(s, 0);
        return rc == 0 || rc == ERR_TIMEOUT;
    }
    if (drain(s, CAST_MAX) != ERR_TIMEOUT || s->out.len > CAST_MAX)
        return false;
    if (s->out.len == 0)
        return make_ready(s);
    int rc = http_stream_try(s->w->q, s->out.data, s->out.len, &e);
    s->broken = rc < 0;
    buf_clear(&s->out);
    return rc == 0;
}

/* Sends until the client leaves or the time is over. Between events the stream is lent to the
 * casters, who send what is small to clients that read; the rest comes back to this thread. */
static int pump(struct stream *s, const struct list_opts *o)
{
    int64_t timeout = o->timeout_s > 0 ? o->timeout_s : DEFAULT_TIMEOUT_S;
    int64_t end_at = clock_mono_ms() + timeout * 1000;
    int64_t mark_at = next_mark(clock_mono_ms(), end_at), look_at = clock_mono_ms() + POLL_MS;
    struct err e = {0};
    for (;;) {
        int64_t now = clock_mono_ms();
        if (now >= end_at)
            return 0;
        if (now >= look_at) { /* by the clock: others' events may leave no pause to do it in */
            if (http_client_gone(s->w->q))
                return 0;
            look_at = now + POLL_MS;
        }
        int rc = drain(s, BATCH_MAX);
        if (rc == ERR_GONE) {
            put_expired(s, "The resourceVersion for the provided watch is too old.");
            return flush(s);
        }
        if (rc != 0 && rc != ERR_TIMEOUT)
            return 0; /* the server stops */
        if (o->bookmarks && now >= mark_at) {
            put_bookmark(s, watch_progress(s->watch), false);
            mark_at = next_mark(now, end_at);
        }
        if (flush(s) < 0)
            return 0;
        int64_t until = end_at < look_at ? end_at : look_at;
        if (o->bookmarks && mark_at < until)
            until = mark_at;
        if (rc == ERR_TIMEOUT)
            watch_rest(s->watch, s->w->call.s->casters.set, s, until - now);
        if (s->ahead && send_ready(s, -1) < 0)
            return 0;
        if (http_stream_rest(s->w->q, &e) < 0)
            return 0;
    }
}

/* Where the watched keys begin. Who asks for one object is not woken by all others of its kind. */
static const char *watched_key(const struct stream *s, const char *ns)
{
    bool one = !s->k->res->namespaced || (ns && *ns);
    return stored__key(s->k, ns, one ? s->sel.name : NULL, s->w->call.a);
}

/* The state now as ADDED events. */
static int put_state(struct stream *s, const char *key, uint64_t *out_rv)
{
    struct call *c = &s->w->call;
    struct entry_list l = {0};
    struct err e = {0};
    if (store_list(c->s->store, key, NULL, 0, 0, &l, &e) < 0)
        return refuse_err(c, &e);
    for (size_t i = 0; i < l.n; i++)
        if (list__matches(c->s, &s->sel, s->k, l.items[i]))
            put_entry(s, "ADDED", l.items[i]);
    *out_rv = l.rev;
    entry_list_done(&l);
    return 0;
}

static int begin(struct stream *s)
{
    struct err e = {0};
    web_warnings(s->w);
    s->w->status = 200;
    s->started = true;
    return http_stream_begin(s->w->q, 200, "application/json", &e);
}

int web_watch(struct web *w, const struct served *k, const char *ns, const struct list_opts *o)
{
    struct call *c = &w->call;
    struct stream s = {.w = w, .k = k, .first = true};
    uint64_t since = 0;
    struct err e = {0};
    int rc = list__check_opts(c, o, true);
    if (rc == 0)
        rc = list__selection(c, k, o, &s.sel);
    if (rc == 0 && o->rv && *o->rv)
        rc = list__revision(c, o->rv, &since);
    if (rc < 0)
        return rc;
    buf_init(&s.out, SIZE_MAX / 2);
    const char *key = watched_key(&s, ns);
    bool state = o->send_initial == 1 || (o->send_initial < 0 && since == 0);
    if (state)
        rc = put_state(&s, key, &since);
    else if (since == 0)
        since = store_revision(c->s->store);
    if (rc == 0 && since < c->s->first_watch)
        rc = ERR_GONE;
    else if (rc == 0)
        rc = watch_open(c->s->store, key, since, &s.watch, &e);
    if (rc == ERR_GONE) {
        if (begin(&s) == 0) {
            put_expired(&s, arena_printf(c->a, "too old resource version: %llu (%llu)",
                                         (unsigned long long)since,
                                         (unsigned long long)c->s->first_watch));
            (void)flush(&s);
        }
    } else if (rc == 0) {
        struct live_watch live;
        live_watch_add(c->s, &live, s.watch);
        if (o->send_initial == 1 && o->bookmarks)
            put_bookmark(&s, since, true);
        if (begin(&s) == 0 && flush(&s) == 0)
            (void)pump(&s, o);
        live_watch_remove(c->s, &live);
        watch_close(s.watch);
    } else if (!c->refusal.code) {
        rc = refuse_err(c, &e);
    }
    buf_done(&s.out);
    return s.started ? 0 : rc;
}
