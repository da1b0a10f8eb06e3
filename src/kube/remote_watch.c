/* remote_watch.c - a thread reads the stream, a queue hands over its events.
 *
 * The reader may sit in the HTTP library when the watch is closed; it then owns the watch and
 * frees it when the server ends the stream, at the latest after STREAM_S. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/thread.h"
#include "codec/json.h"
#include "kube/remote_int.h"

enum { EVENT_MAX = 64 << 20, WAITING_MAX = 10000, STREAM_S = 240 };

struct pending {
    struct pending *next;
    struct kube_event event;
};

struct kube_watch {
    struct remote *r;
    struct arena *arena;
    const struct resource *res;
    const char *path;
    const struct kube_list_opts *opts;
    uint64_t rv; /* the reader's: continue from here */
    struct buf line;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct pending *first, **last;
    size_t n;
    int ended; /* an error code once the stream is over */
    struct err why;
    bool closed, woken, reading;
};

static void watch_free(struct kube_watch *w)
{
    for (struct pending *p = w->first, *next; p; p = next) {
        next = p->next;
        object_unref(p->event.object);
        free(p);
    }
    buf_done(&w->line);
    arena_free(w->arena);
    (void)pthread_mutex_destroy(&w->lock);
    (void)pthread_cond_destroy(&w->changed);
    remote__unref(w->r);
    free(w);
}

/* ---- reading ---- */

static void end(struct kube_watch *w, int code, const struct err *e)
{
    w->ended = code;
    w->why = *e;
    (void)pthread_cond_broadcast(&w->changed);
}

static bool type_of(const char *text, enum kube_event_type *out)
{
    static const char *const names[] = {"ADDED", "MODIFIED", "DELETED", "BOOKMARK"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(text, names[i]) == 0) {
            *out = (enum kube_event_type)i;
            return true;
        }
    return false;
}

/* Under the lock. Takes the object over. */
static void enqueue(struct kube_watch *w, struct kube_event ev)
{
    struct pending *p = calloc(1, sizeof *p);
    if (!p)
        log_die("out of memory");
    p->event = ev;
    *w->last = p;
    w->last = &p->next;
    w->n++;
    (void)pthread_cond_broadcast(&w->changed);
}

/* One line of the stream. Non-zero ends it. */
static int take_line(struct kube_watch *w, const char *text, size_t n)
{
    AUTO(arena) struct arena *own = arena_new((size_t)2 * EVENT_MAX);
    struct value *v = NULL;
    struct err e = {0};
    struct kube_event ev = {0};
    if (json_parse(own, text, n, 0, &v, &e) < 0) {
        LOCK_SCOPE(&w->lock);
        end(w, ERR_AGAIN, &e);
        return 1;
    }
    const struct value *o = value_get(v, "object");
    LOCK_SCOPE(&w->lock);
    if (!type_of(value_str(value_get(v, "type"), ""), &ev.type)) {
        bool gone = value_int(value_get(o, "code"), 0) == 410;
        (void)err_set(&e, gone ? ERR_GONE : ERR_AGAIN, "watch of %s: %s", w->res->plural,
                      value_str(value_get(o, "message"), "the server ended it"));
        end(w, e.code, &e);
        return 1;
    }
    struct object *obj = object_new(take_ptr(own), o);
    ev.rv = w->rv = obj->rv;
    if (ev.type == KUBE_BOOKMARK)
        object_unref(obj);
    else
        ev.object = obj;
    enqueue(w, ev);
    return w->closed || w->n > WAITING_MAX;
}

static int on_data(void *arg, const void *bytes, size_t n)
{
    struct kube_watch *w = arg;
    const char *p = bytes;
    while (n > 0) {
        const char *nl = memchr(p, '\n', n);
        size_t len = nl ? (size_t)(nl - p) : n;
        buf_add(&w->line, p, len);
        if (w->line.overflow)
            return 1;
        if (!nl)
            break;
        int stop = w->line.len ? take_line(w, w->line.data, w->line.len) : 0;
        buf_clear(&w->line);
        if (stop)
            return 1;
        p += len + 1;
        n -= len + 1;
    }
    LOCK_SCOPE(&w->lock);
    return w->closed;
}

static int stream_once(struct kube_watch *w, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new((size_t)1 << 24);
    const char *const pairs[][2] = {
        {"watch",                     "true"        },
        {"allowWatchBookmarks",       "true"        },
        {"resourceVersion",           arena_printf(a, "%llu", (unsigned long long)w->rv)},
        {"timeoutSeconds", arena_printf(a,               "%d", STREAM_S)},
        {"labelSelector",             w->opts ? w->opts->labels : NULL        },
        {"fieldSelector",                           w->opts ? w->opts->fields : NULL                          },
        {NULL,                           NULL                  }
    };
    const char *headers[] = {"Accept: application/json", NULL};
    struct http_call call = {
        .method = "GET",
        .url = arena_printf(a, "%s%s%s", w->r->server, w->path, remote__query(a, pairs)),
        .headers = headers,
        .on_data = on_data,
        .arg = w};
    struct http_answer ans;
    buf_clear(&w->line);
    int rc = http_do(w->r->http, &call, a, &ans, e);
    if (rc == 0 && (ans.status < 200 || ans.status > 299))
        rc = remote__refusal(&ans, w->path, a, e);
    return rc;
}

static bool is_over(struct kube_watch *w)
{
    LOCK_SCOPE(&w->lock);
    return w->closed || w->ended;
}

/* Streams end by themselves every few minutes and are taken up where they were. */
static void *reader_main(void *arg)
{
    struct kube_watch *w = arg;
    while (!is_over(w)) {
        struct err e = {0};
        int rc = stream_once(w, &e);
        LOCK_SCOPE(&w->lock);
        if (rc < 0 && !w->ended && !w->closed)
            end(w, rc, &e);
        if (w->n > WAITING_MAX && !w->ended) {
            (void)err_set(&e, ERR_GONE, "watch of %s: the reader fell behind", w->res->plural);
            end(w, ERR_GONE, &e);
        }
    }
    bool closed;
    {
        LOCK_SCOPE(&w->lock);
        w->reading = false;
        closed = w->closed;
    }
    if (closed)
        watch_free(w);
    return NULL;
}

/* ---- the port ---- */

int remote__watch_open(struct kube *k, const struct resource *r, const char *ns,
                       const struct kube_list_opts *opts, uint64_t since, struct kube_watch **out,
                       struct err *e)
{
    struct kube_watch *w = calloc(1, sizeof *w);
    if (!w)
        log_die("out of memory");
    w->r = container_of(k, struct remote, kube);
    (void)atomic_fetch_add(&w->r->refs, 1);
    w->arena = arena_new(0);
    w->res = r;
    w->path = resource_path(r, ns, NULL, NULL, w->arena);
    if (opts) {
        struct kube_list_opts *o = ARENA_NEW(w->arena, struct kube_list_opts);
        o->labels = opts->labels ? arena_strdup(w->arena, opts->labels) : NULL;
        o->fields = opts->fields ? arena_strdup(w->arena, opts->fields) : NULL;
        w->opts = o;
    }
    w->rv = since;
    w->last = &w->first;
    buf_init(&w->line, EVENT_MAX);
    (void)pthread_mutex_init(&w->lock, NULL);
    cond_init(&w->changed);
    w->reading = true;
    pthread_t t;
    int rc = thread_start(&t, "kube-watch", 512, reader_main, w, e);
    if (rc < 0) {
        watch_free(w);
        return rc;
    }
    (void)pthread_detach(t);
    *out = w;
    return 0;
}

int remote__watch_next(struct kube_watch *w, int64_t timeout_ms, struct kube_event *out,
                       struct err *e)
{
    LOCK_SCOPE(&w->lock);
    while (!w->first && !w->ended && !w->woken)
        if (timeout_ms == 0 || !cond_wait_ms(&w->changed, &w->lock, timeout_ms))
            return err_set(e, ERR_TIMEOUT, "watch of %s: nothing came", w->res->plural);
    if (w->woken)
        return err_set(e, ERR_CANCELLED, "watch of %s was ended", w->res->plural);
    struct pending *p = w->first;
    if (!p) {
        if (e)
            *e = w->why;
        return w->ended;
    }
    w->first = p->next;
    if (!w->first)
        w->last = &w->first;
    w->n--;
    *out = p->event;
    free(p);
    return 0;
}

void remote__watch_wake(struct kube_watch *w)
{
    LOCK_SCOPE(&w->lock);
    w->woken = true;
    (void)pthread_cond_broadcast(&w->changed);
}

void remote__watch_close(struct kube_watch *w)
{
    bool reading;
    {
        LOCK_SCOPE(&w->lock);
        w->closed = true;
        reading = w->reading;
    }
    if (!reading)
        watch_free(w);
}
