#include "kube/events.h"

#include <pthread.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/thread.h"

enum {
    WAITING_MAX = 4096,
    SEEN_MAX = 4096,    /* remembered sentences; then forgotten all at once */
    SIMILAR_MAX = 10,   /* different sentences with one reason … */
    SIMILAR_MS = 600000 /* … within this long */
};

/* One occurrence that waits to be written; lives in its arena. */
struct waiting {
    struct waiting *next;
    struct arena *arena;
    const char *ns, *about, *key, *similar_key;
    struct value *event;
};

/* A sentence that stands in the API. */
struct seen {
    char *ns, *name;
    int64_t count;
};

struct similar {
    unsigned n;
    int64_t since_ms;
};

struct recorder {
    struct kube *kube;
    const struct clock *clock;
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct waiting *first, **last;
    size_t n;
    bool has_thread, stop;
    pthread_t thread;
    pthread_mutex_t write_lock; /* guards what follows; held while writing */
    struct map seen, similar;
    uint64_t serial;
};

struct recorder *recorder_new(struct kube *k, const struct clock *clock)
{
    struct recorder *r = calloc(1, sizeof *r);
    if (!r)
        log_die("out of memory");
    r->kube = k;
    r->clock = clock;
    r->last = &r->first;
    (void)pthread_mutex_init(&r->lock, NULL);
    (void)pthread_mutex_init(&r->write_lock, NULL);
    cond_init(&r->work);
    map_init(&r->seen);
    map_init(&r->similar);
    return r;
}

/* ---- writing ---- */

static void forget_all(struct recorder *r)
{
    size_t cursor = 0;
    for (const struct map_entry *m; (m = map_next(&r->seen, &cursor));) {
        struct seen *s = m->value;
        free(s->ns);
        free(s->name);
        free(s);
    }
    cursor = 0;
    for (const struct map_entry *m; (m = map_next(&r->similar, &cursor));)
        free(m->value);
    map_done(&r->seen);
    map_done(&r->similar);
    map_init(&r->seen);
    map_init(&r->similar);
}

static bool too_similar(struct recorder *r, const struct waiting *w)
{
    int64_t now = r->clock->mono_ms(r->clock);
    struct similar *s = map_get(&r->similar, w->similar_key);
    if (!s) {
        s = calloc(1, sizeof *s);
        if (!s)
            log_die("out of memory");
        (void)map_put(&r->similar, w->similar_key, s);
    }
    if (s->n == 0 || now - s->since_ms > SIMILAR_MS)
        *s = (struct similar){0, now};
    return s->n++ >= SIMILAR_MAX;
}

/* Counts one more on the Event that says the same. False: it is gone. */
static bool count_up(struct recorder *r, const struct waiting *w, struct seen *s)
{
    struct value *patch = value_new_object(w->arena);
    (void)value_set_int(w->arena, patch, "count", s->count + 1);
    (void)value_set(w->arena, patch, "lastTimestamp", value_get(w->event, "lastTimestamp"));
    (void)value_set(w->arena, patch, "message", value_get(w->event, "message"));
    struct err e;
    int rc =
        kube_patch(r->kube, &RES_EVENT, s->ns, s->name, NULL, KUBE_PATCH_MERGE, patch, NULL, &e);
    if (rc == 0)
        s->count++;
    else if (rc != ERR_NOT_FOUND)
        log_debug("events", "%s/%s: %s", s->ns, s->name, e.msg);
    return rc != ERR_NOT_FOUND;
}

static void remember(struct recorder *r, const struct waiting *w, const char *key, const char *name)
{
    if (map_size(&r->seen) >= SEEN_MAX)
        forget_all(r);
    struct seen *s = calloc(1, sizeof *s);
    if (!s || !(s->ns = strdup(w->ns)) || !(s->name = strdup(name)))
        log_die("out of memory");
    s->count = 1;
    (void)map_put(&r->seen, key, s);
}

static void forget(struct recorder *r, const char *key)
{
    struct seen *s = map_remove(&r->seen, key);
    if (!s)
        return;
    free(s->ns);
    free(s->name);
    free(s);
}

static void write_one(struct recorder *r, const struct waiting *w)
{
    const char *key = w->key;
    if (!map_has(&r->seen, key) && too_similar(r, w)) {
        key = w->similar_key;
        (void)value_set(w->arena, w->event, "message",
                        value_new_strf(w->arena, "(combined from similar events): %s",
                                       value_at_str(w->event, "message", "")));
    }
    struct seen *s = map_get(&r->seen, key);
    if (s && count_up(r, w, s))
        return;
    forget(r, key);

    const char *name = arena_printf(w->arena, "%.200s.%016llx", w->about,
                                    (unsigned long long)(r->clock->real_ms(r->clock) * 1000000 +
                                                         (int64_t)(r->serial++ % 1000000)));
    (void)value_set_str(w->arena, value_make_object(w->arena, w->event, "metadata"), "name", name);
    struct err e;
    if (kube_create(r->kube, &RES_EVENT, w->ns, w->event, NULL, &e) == 0)
        remember(r, w, key, name);
    else
        log_debug("events", "%s/%s: %s", w->ns, name, e.msg);
}

static struct waiting *take_first(struct recorder *r)
{
    struct waiting *w = r->first;
    if (w) {
        r->first = w->next;
        r->n--;
        if (!r->first)
            r->last = &r->first;
    }
    return w;
}

void recorder_flush(struct recorder *r)
{
    LOCK_SCOPE(&r->write_lock);
    for (;;) {
        struct waiting *w;
        {
            LOCK_SCOPE(&r->lock);
            w = take_first(r);
        }
        if (!w)
            return;
        write_one(r, w);
        arena_free(w->arena);
    }
}

static void *recorder_main(void *arg)
{
    struct recorder *r = arg;
    for (;;) {
        recorder_flush(r);
        LOCK_SCOPE(&r->lock);
        if (!r->first && r->stop)
            return NULL;
        if (!r->first)
            (void)pthread_cond_wait(&r->work, &r->lock);
    }
}

int recorder_start(struct recorder *r, struct err *e)
{
    int rc = thread_start(&r->thread, "events", 512, recorder_main, r, e);
    r->has_thread = rc == 0;
    return rc;
}

void recorder_free(struct recorder *r)
{
    if (!r)
        return;
    {
        LOCK_SCOPE(&r->lock);
        r->stop = true;
        (void)pthread_cond_signal(&r->work);
    }
    if (r->has_thread)
        (void)pthread_join(r->thread, NULL);
    recorder_flush(r);
    forget_all(r);
    map_done(&r->seen);
    map_done(&r->similar);
    (void)pthread_mutex_destroy(&r->lock);
    (void)pthread_mutex_destroy(&r->write_lock);
    (void)pthread_cond_destroy(&r->work);
    free(r);
}

/* ---- recording ---- */

static void about(struct arena *a, struct value *event, const struct resource *res,
                  const struct object *o, const char *field)
{
    struct value *v = value_make_object(a, event, "involvedObject");
    (void)value_set_str(a, v, "kind", res->kind);
    if (*o->ns)
        (void)value_set_str(a, v, "namespace", o->ns);
    (void)value_set_str(a, v, "name", o->name);
    (void)value_set_str(a, v, "uid", o->uid);
    (void)value_set_str(a, v, "apiVersion", resource_api_version(res, a));
    if (o->rv)
        (void)value_set(a, v, "resourceVersion",
                        value_new_strf(a, "%llu", (unsigned long long)o->rv));
    if (field)
        (void)value_set_str(a, v, "fieldPath", field);
}

static struct value *event_new(struct recorder *r, struct arena *a, const struct resource *res,
                               const struct object *o, const struct event_note *note)
{
    char now[CLOCK_TEXT_MAX];
    clock_format_rfc3339(r->clock->real_ms(r->clock), now);
    struct value *v = value_new_object(a);
    (void)value_set_str(a, v, "apiVersion", "v1");
    (void)value_set_str(a, v, "kind", "Event");
    (void)value_set_str(a, value_make_object(a, v, "metadata"), "namespace",
                        *o->ns ? o->ns : "default");
    about(a, v, res, o, note->field);
    (void)value_set_str(a, v, "reason", note->reason);
    (void)value_set(a, v, "message", value_new_strf(a, "%.1024s", note->message));
    (void)value_set_str(a, value_make_object(a, v, "source"), "component", note->source);
    (void)value_set_str(a, v, "firstTimestamp", now);
    (void)value_set_str(a, v, "lastTimestamp", now);
    (void)value_set_int(a, v, "count", 1);
    (void)value_set_str(a, v, "type", note->warning ? "Warning" : "Normal");
    (void)value_set(a, v, "eventTime", value_null(a));
    (void)value_set_str(a, v, "reportingComponent", note->source);
    (void)value_set_str(a, v, "reportingInstance", "");
    return v;
}

void recorder_add(struct recorder *r, const struct resource *res, const struct object *o,
                  const struct event_note *note)
{
    struct arena *a = arena_new(0);
    struct waiting *w = ARENA_NEW(a, struct waiting);
    w->arena = a;
    w->ns = arena_strdup(a, *o->ns ? o->ns : "default");
    w->about = arena_strdup(a, o->name);
    w->similar_key = arena_printf(a, "%s\n%s\n%s\n%s\n%s\n%d\n%s", note->source, res->kind, o->ns,
                                  o->name, o->uid, note->warning, note->reason);
    w->key = arena_printf(a, "%s\n%s\n%s", w->similar_key, note->field ? note->field : "",
                          note->message);
    w->event = event_new(r, a, res, o, note);

    LOCK_SCOPE(&r->lock);
    if (r->n >= WAITING_MAX) {
        arena_free(a);
        return;
    }
    *r->last = w;
    r->last = &w->next;
    r->n++;
    (void)pthread_cond_signal(&r->work);
}

static void record(struct controller_ctx *c, const struct resource *res, const struct object *o,
                   struct event_note note, va_list ap)
{
    if (!c->recorder)
        return;
    AUTO(arena) struct arena *a = arena_new(0);
    note.source = c->controller->name;
    note.message = arena_vprintf(a, note.message, ap);
    recorder_add(c->recorder, res, o, &note);
}

void event_normal(struct controller_ctx *c, const struct resource *res, const struct object *o,
                  const char *reason, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    record(c, res, o, (struct event_note){.reason = reason, .message = fmt}, ap);
    va_end(ap);
}

void event_warning(struct controller_ctx *c, const struct resource *res, const struct object *o,
                   const char *reason, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    record(c, res, o, (struct event_note){.warning = true, .reason = reason, .message = fmt}, ap);
    va_end(ap);
}
