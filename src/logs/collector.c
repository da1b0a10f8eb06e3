#include "logs/collector.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/thread.h"
#include "logs/cri.h"
#include "logs/multiline.h"

enum {
    READ_BYTES = 64 * 1024,
    LINE_BYTES = 300 * 1024,
    SYNC_MS = 1000,
    HOLD_MS = 1000,
    RECORD_BYTES = 256 * 1024
};

/* A record that may go on: it waits for the next line, or for HOLD_MS to pass. */
struct held {
    enum multiline state;
    bool full; /* `text` holds one, if an empty one */
    struct buf text;
    int64_t time_ns; /* of its last line: what a restart must not skip */
    int64_t since_ms;
};

/* One open log file. */
struct tail {
    int fd;
    const struct source *source;
    char *container;
    struct buf rest;       /* a line that has no end yet */
    struct buf partial[2]; /* P lines waiting for their F, of stdout and stderr */
    struct held held[2];
    uint32_t stream[2];
    struct {
        int64_t last_ns;
        unsigned skip; /* lines of exactly that time that are stored already */
    } known[2];
};

/* A followed pod. */
struct source {
    struct arena *arena;
    struct value *labels;
    struct map tails; /* path → struct tail */
};

struct collector {
    struct logdb *db;
    char *dir;
    int notify, wake;
    pthread_t thread;
    bool running;
    pthread_mutex_t lock; /* everything below, and stopping */
    struct map sources;   /* uid → struct source */
    struct map watches;   /* decimal watch descriptor → path, below dir ("" for dir itself) */
    size_t n_held;        /* records that wait for lines of theirs */
    bool stopping;
    char bytes[READ_BYTES]; /* of the file being read; not one a thread: all threads would pay */
};

/* ---- one file ---- */

static int open_streams(struct collector *c, struct tail *t, struct err *e)
{
    static const char *const names[] = {"stdout", "stderr"};
    for (int i = 0; i < 2; i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct value *labels = value_copy(a, t->source->labels);
        (void)value_set_str(a, labels, "container", t->container);
        (void)value_set_str(a, labels, "stream", names[i]);
        int r = logdb_stream(c->db, labels, &t->stream[i], e);
        if (r < 0)
            return r;
        logdb_last(c->db, t->stream[i], &t->known[i].last_ns, &t->known[i].skip);
    }
    return 0;
}

static struct tail *tail_open(struct collector *c, struct source *s, const char *path,
                              const char *container)
{
    struct tail *t = calloc(1, sizeof *t);
    struct err e;
    if (!t || !(t->container = strdup(container)))
        log_die("out of memory");
    t->source = s;
    t->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (t->fd < 0 || open_streams(c, t, &e) < 0) {
        if (t->fd >= 0) {
            log_error("logs", "%s: %s", path, e.msg);
            (void)close(t->fd);
        }
        free(t->container);
        free(t);
        return NULL;
    }
    buf_init(&t->rest, LINE_BYTES);
    buf_init(&t->partial[0], LINE_BYTES);
    buf_init(&t->partial[1], LINE_BYTES);
    buf_init(&t->held[0].text, RECORD_BYTES);
    buf_init(&t->held[1].text, RECORD_BYTES);
    return t;
}

static void tail_free(struct tail *t)
{
    (void)close(t->fd);
    buf_done(&t->rest);
    buf_done(&t->partial[0]);
    buf_done(&t->partial[1]);
    buf_done(&t->held[0].text);
    buf_done(&t->held[1].text);
    free(t->container);
    free(t);
}

static bool stored_before(struct tail *t, int which, int64_t time_ns)
{
    if (time_ns < t->known[which].last_ns)
        return true;
    if (time_ns == t->known[which].last_ns && t->known[which].skip > 0) {
        t->known[which].skip--;
        return true;
    }
    return false;
}

/* A stream whose lines have all had their time is forgotten; the container has more to say. */
static void store(struct collector *c, struct tail *t, int which, int64_t time_ns, const char *text,
                  size_t n)
{
    struct err e;
    int r = logdb_append(c->db, t->stream[which], time_ns, text, n, &e);
    if (r == ERR_GONE && (r = open_streams(c, t, &e)) == 0)
        r = logdb_append(c->db, t->stream[which], time_ns, text, n, &e);
    if (r < 0)
        log_error("logs", "%s", e.msg);
}

static void take_record(struct collector *c, struct tail *t, int which, int64_t time_ns,
                        const char *text, size_t n)
{
    if (!stored_before(t, which, time_ns))
        store(c, t, which, time_ns, text, n);
}

static void let_go(struct collector *c, struct tail *t, int which)
{
    struct held *h = &t->held[which];
    if (!h->full)
        return;
    take_record(c, t, which, h->time_ns, buf_text(&h->text), h->text.len);
    buf_clear(&h->text);
    h->full = false;
    c->n_held--;
}

/* Joins the lines of a stack trace. */
static void take_text(struct collector *c, struct tail *t, int which, const struct cri_line *l)
{
    struct held *h = &t->held[which];
    bool more = multiline_next(&h->state, l->text, l->n);
    if (!more || h->text.len + 1 + l->n > RECORD_BYTES)
        let_go(c, t, which);
    if (h->state == MULTILINE_NONE || l->n > RECORD_BYTES) {
        take_record(c, t, which, l->time_ns, l->text, l->n);
        return;
    }
    if (h->full)
        buf_putc(&h->text, '\n');
    else
        c->n_held++;
    h->full = true;
    buf_add(&h->text, l->text, l->n);
    h->time_ns = l->time_ns;
    h->since_ms = clock_mono_ms();
}

static void take_line(struct collector *c, struct tail *t, const char *text, size_t n)
{
    struct cri_line l;
    if (!cri_parse(text, n, &l))
        return; /* not written by a runtime: nothing of a container is lost */
    int which = l.stderr_stream;
    struct buf *p = &t->partial[which];
    if (l.partial || p->len) {
        buf_add(p, l.text, l.n);
        if (l.partial)
            return;
        l.text = buf_text(p);
        l.n = p->len;
    }
    take_text(c, t, which, &l);
    buf_clear(p);
}

static void take_bytes(struct collector *c, struct tail *t, const char *p, size_t n)
{
    for (const char *end; (end = memchr(p, '\n', n)); n -= (size_t)(end + 1 - p), p = end + 1) {
        if (t->rest.len == 0) {
            take_line(c, t, p, (size_t)(end - p));
            continue;
        }
        buf_add(&t->rest, p, (size_t)(end - p));
        take_line(c, t, buf_text(&t->rest), t->rest.len);
        buf_clear(&t->rest);
    }
    buf_add(&t->rest, p, n);
}

static void tail_read(struct collector *c, struct tail *t)
{
    for (ssize_t n; (n = read(t->fd, c->bytes, sizeof c->bytes)) > 0;)
        take_bytes(c, t, c->bytes, (size_t)n);
}

/* Of all records that wait, those that have waited for long enough. */
static void let_go_old(struct collector *c)
{
    size_t at = 0;
    int64_t now = clock_mono_ms();
    if (!c->n_held)
        return;
    for (const struct map_entry *s; (s = map_next(&c->sources, &at));) {
        const struct source *source = s->value;
        size_t below = 0;
        for (const struct map_entry *m; (m = map_next(&source->tails, &below));) {
            struct tail *t = m->value;
            for (int i = 0; i < 2; i++)
                if (t->held[i].full && now - t->held[i].since_ms >= HOLD_MS)
                    let_go(c, t, i);
        }
    }
}

/* ---- the tree: DIR, DIR/UID, DIR/UID/CONTAINER ---- */

static void watch(struct collector *c, const char *below)
{
    char path[1024], key[16];
    (void)snprintf(path, sizeof path, "%s%s%s", c->dir, *below ? "/" : "", below);
    int wd = inotify_add_watch(c->notify, path, IN_CREATE | IN_MOVED_TO | IN_MODIFY | IN_ONLYDIR);
    if (wd < 0)
        return; /* gone already */
    (void)snprintf(key, sizeof key, "%d", wd);
    free(map_put(&c->watches, key, strdup(below)));
}

static void read_file(struct collector *c, struct source *s, const char *container,
                      const char *path)
{
    struct tail *t = map_get(&s->tails, path);
    if (!t && (t = tail_open(c, s, path, container)))
        (void)map_put(&s->tails, path, t);
    if (t)
        tail_read(c, t);
}

/* Calls fn for every entry of a folder below the root that is not hidden. */
static void each_entry(struct collector *c, const char *below,
                       void (*fn)(struct collector *, const char *, void *), void *arg)
{
    char path[1024], entry[1024];
    (void)snprintf(path, sizeof path, "%s%s%s", c->dir, *below ? "/" : "", below);
    DIR *d = opendir(path);
    for (const struct dirent *f; d && (f = readdir(d));) {
        if (f->d_name[0] == '.')
            continue;
        if ((size_t)snprintf(entry, sizeof entry, "%s%s%s", below, *below ? "/" : "", f->d_name) <
            sizeof entry)
            fn(c, entry, arg);
    }
    if (d)
        (void)closedir(d);
}

static void found_file(struct collector *c, const char *below, void *source)
{
    char path[1024], container[256];
    const char *slash = strchr(below, '/'), *last = strrchr(below, '/');
    size_t n = strlen(below);
    if (n < 4 || strcmp(below + n - 4, ".log") != 0 || slash == last)
        return;
    (void)snprintf(container, sizeof container, "%.*s", (int)(last - slash - 1), slash + 1);
    (void)snprintf(path, sizeof path, "%s/%s", c->dir, below);
    read_file(c, source, container, path);
}

static void found_container(struct collector *c, const char *below, void *source)
{
    watch(c, below);
    each_entry(c, below, found_file, source);
}

static void found_pod(struct collector *c, const char *uid, void *arg)
{
    (void)arg;
    struct source *s = map_get(&c->sources, uid);
    if (!s)
        return; /* follow() will come */
    watch(c, uid);
    each_entry(c, uid, found_container, s);
}

static struct source *source_of(struct collector *c, const char *below)
{
    char uid[128];
    (void)snprintf(uid, sizeof uid, "%.*s", (int)strcspn(below, "/"), below);
    return map_get(&c->sources, uid);
}

/* Something is new or longer: `name` in the folder `below`. */
static void changed(struct collector *c, const char *below, const char *name)
{
    char entry[1024];
    if ((size_t)snprintf(entry, sizeof entry, "%s%s%s", below, *below ? "/" : "", name) >=
        sizeof entry)
        return;
    struct source *s = *below ? source_of(c, below) : NULL;
    if (!*below)
        found_pod(c, entry, NULL);
    else if (s && !strchr(below, '/'))
        found_container(c, entry, s);
    else if (s)
        found_file(c, entry, s);
}

static void read_events(struct collector *c)
{
    _Alignas(struct inotify_event) char bytes[16 * 1024];
    ssize_t n = read(c->notify, bytes, sizeof bytes);
    for (char *p = bytes; n > 0 && p < bytes + n;) {
        const struct inotify_event *ev = (const void *)p;
        char key[16];
        (void)snprintf(key, sizeof key, "%d", ev->wd);
        if (ev->mask & IN_Q_OVERFLOW)
            each_entry(c, "", found_pod, NULL);
        else if (ev->mask & IN_IGNORED)
            free(map_remove(&c->watches, key));
        else if (ev->len && map_has(&c->watches, key))
            changed(c, map_get(&c->watches, key), ev->name);
        p += sizeof *ev + ev->len;
    }
}

static void sync_db(struct collector *c)
{
    struct err e;
    if (logdb_sync(c->db, &e) < 0)
        log_error("logs", "%s", e.msg);
}

static void *collect(void *arg)
{
    struct collector *c = arg;
    struct pollfd fds[] = {
        {c->notify, POLLIN, 0},
        {c->wake,   POLLIN, 0}
    };
    int64_t synced = clock_mono_ms();
    bool dirty = false, stopping = false, waits = false;
    while (!stopping) {
        /* Quiet until there is something: only what is unsynced sets a time. */
        (void)poll(fds, 2, dirty || waits ? SYNC_MS : -1);
        {
            LOCK_SCOPE(&c->lock);
            if (fds[0].revents) {
                read_events(c);
                dirty = true;
            }
            dirty |= c->n_held > 0;
            let_go_old(c);
            waits = c->n_held > 0;
            stopping = c->stopping;
            if (stopping)
                each_entry(c, "", found_pod, NULL);
        }
        if (clock_mono_ms() - synced >= SYNC_MS) {
            sync_db(c);
            synced = clock_mono_ms();
            dirty = false;
        }
    }
    return NULL;
}

int collector_start(struct logdb *db, const char *dir, struct collector **out, struct err *e)
{
    AUTO(collector) struct collector *c = calloc(1, sizeof *c);
    if (!c || !(c->dir = strdup(dir)))
        log_die("out of memory");
    c->db = db;
    map_init(&c->sources);
    map_init(&c->watches);
    (void)pthread_mutex_init(&c->lock, NULL);
    c->notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    c->wake = eventfd(0, EFD_CLOEXEC);
    if (c->notify < 0 || c->wake < 0)
        return err_sys(e, errno, "watch %s", dir);
    watch(c, "");
    if (map_size(&c->watches) == 0)
        return err_sys(e, errno, "watch %s", dir);
    int r = thread_start(&c->thread, "logs", 512, collect, c, e);
    if (r < 0)
        return r;
    c->running = true;
    *out = take_ptr(c);
    return 0;
}

static void source_free(struct collector *c, struct source *s)
{
    size_t at = 0;
    for (const struct map_entry *m; (m = map_next(&s->tails, &at));) {
        let_go(c, m->value, 0);
        let_go(c, m->value, 1);
        tail_free(m->value);
    }
    map_done(&s->tails);
    arena_free(s->arena);
    free(s);
}

void collector_free(struct collector *c)
{
    if (!c)
        return;
    if (c->running) {
        (void)pthread_mutex_lock(&c->lock);
        c->stopping = true;
        (void)pthread_mutex_unlock(&c->lock);
        (void)eventfd_write(c->wake, 1);
        (void)pthread_join(c->thread, NULL);
    }
    size_t at = 0;
    for (const struct map_entry *m; (m = map_next(&c->sources, &at));)
        source_free(c, m->value);
    if (c->running)
        sync_db(c);
    at = 0;
    for (const struct map_entry *m; (m = map_next(&c->watches, &at));)
        free(m->value);
    map_done(&c->sources);
    map_done(&c->watches);
    if (c->notify >= 0)
        (void)close(c->notify);
    if (c->wake >= 0)
        (void)close(c->wake);
    (void)pthread_mutex_destroy(&c->lock);
    free(c->dir);
    free(c);
}

/* Reads what a pod has written last, deleted or not, and closes its files. */
static void forget(struct collector *c, const char *ns, const char *pod)
{
    size_t at = 0, below = 0;
    const struct map_entry *x;
    while ((x = map_next(&c->sources, &at))) {
        const struct value *labels = ((const struct source *)x->value)->labels;
        if (strcmp(value_at_str(labels, "pod", ""), pod) == 0 &&
            strcmp(value_at_str(labels, "namespace", ""), ns) == 0)
            break;
    }
    if (!x)
        return;
    struct source *s = map_remove(&c->sources, x->key);
    for (const struct map_entry *m; (m = map_next(&s->tails, &below));)
        tail_read(c, m->value);
    source_free(c, s);
}

void collector_follow(struct collector *c, const char *uid, const struct value *labels)
{
    LOCK_SCOPE(&c->lock);
    if (map_has(&c->sources, uid))
        return;
    forget(c, value_at_str(labels, "namespace", ""), value_at_str(labels, "pod", ""));
    struct source *s = calloc(1, sizeof *s);
    if (!s)
        log_die("out of memory");
    s->arena = arena_new(0);
    s->labels = value_copy(s->arena, labels);
    map_init(&s->tails);
    (void)map_put(&c->sources, uid, s);
    found_pod(c, uid, NULL);
}

void collector_forget(struct collector *c, const char *ns, const char *pod)
{
    LOCK_SCOPE(&c->lock);
    forget(c, ns, pod);
}
