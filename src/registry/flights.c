/* flights.c - blobs of repositories that are copies. Each is fetched once, by a thread of its own,
 * into a file that everybody who asks for it meanwhile reads as it grows. Their last byte waits
 * until the digest is right: whoever got all of it got what they asked for. */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "base/log.h"
#include "registry/upstream_int.h"

enum { FLIGHTS_MAX = 256, PIECE = 1 << 16, WAIT_MS = 1000 };

struct flight {
    struct registry *registry;
    struct registry_policy *policy; /* where it comes from */
    struct upstream from;
    char *key, *repository, *digest;
    struct blob_writer *writer; /* the thread's */
    int fd;                     /* of what is there, to be read */
    uint64_t total;
    /* under the registry's lock: */
    uint64_t got;
    enum { FLYING, LANDED, LOST } state;
    unsigned readers; /* and the thread */
};

/* The lock is held. */
static void drop(struct flight *f)
{
    if (--f->readers > 0)
        return;
    (void)close(f->fd);
    registry_policy_free(f->policy);
    free(f->key);
    free(f->repository);
    free(f->digest);
    free(f);
}

static int on_data(void *arg, const void *bytes, size_t n)
{
    struct flight *f = arg;
    struct registry *r = f->registry;
    if (atomic_load(&r->ending) || n > f->total - f->got ||
        blob_write(f->writer, bytes, n, NULL) < 0)
        return -1;
    LOCK_SCOPE(&r->lock);
    f->got += n;
    (void)pthread_cond_broadcast(&r->flown);
    return 0;
}

static int fly_from(struct flight *f, const char *url, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    const char *const urls[] = {url, NULL};
    struct registry_upstream one = *f->from.at;
    const struct upstream from = {&one, f->from.path};
    struct http_answer answer;
    struct remote remote;
    int status;
    const struct remote_call get = {.method = "GET",
                                    .path = arena_printf(a, "/blobs/%s", f->digest),
                                    .on_data = on_data,
                                    .arg = f,
                                    .cancel = &f->registry->ending,
                                    .once = true};
    one.urls = urls;
    int rc = upstream__ask(f->registry, &from, &get, &remote, &answer, &status, e);
    if (rc < 0)
        return rc;
    if (answer.status != 200)
        rc = remote_refused(&remote, &answer, f->digest, e);
    remote_close(&remote);
    return rc;
}

static int fly(struct flight *f, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct registry *r = f->registry;
    char is[DIGEST_MAX];
    int rc = ERR_AGAIN;
    /* Another address only while nothing has come: it would begin anew. */
    for (const char *const *url = f->from.at->urls; *url && rc < 0 && f->got == 0; url++)
        rc = fly_from(f, *url, e);
    if (rc < 0) {
        blob_cancel(f->writer);
        return rc;
    }
    rc = blob_commit(f->writer, f->digest, is, e);
    if (rc == 0)
        rc = refs_set(r->refs, arena_printf(a, "b/%s@%s", f->repository, f->digest), f->digest,
                      NULL, e);
    return rc;
}

static void *flight_main(void *arg)
{
    struct flight *f = arg;
    struct registry *r = f->registry;
    struct err e = {0};
    int rc = fly(f, &e);
    if (rc < 0)
        log_warn("registry", "%s@%s cannot be copied: %s", f->repository, f->digest, e.msg);
    LOCK_SCOPE(&r->lock);
    f->state = rc < 0 ? LOST : LANDED;
    (void)map_remove(&r->flights, f->key);
    (void)pthread_cond_broadcast(&r->flown);
    drop(f);
    return NULL;
}

static int start(struct registry_call *c, const char *key, uint64_t total, struct flight **out,
                 struct err *e)
{
    struct registry *r = c->registry;
    struct flight *f = calloc(1, sizeof *f);
    pthread_t thread;
    if (!f)
        log_die("out of memory");
    *f = (struct flight){.registry = r, .total = total, .readers = 2};
    int rc = map_size(&r->flights) >= FLIGHTS_MAX
                 ? err_set(e, ERR_AGAIN, "more than %d blobs are on their way", FLIGHTS_MAX)
                 : blob_writer_new(r->blobs, &f->writer, e);
    if (rc < 0) {
        free(f);
        return rc;
    }
    f->fd = blob_writer_reader(f->writer);
    if (f->fd < 0) {
        rc = err_sys(e, errno, "open a blob that comes");
        blob_cancel(f->writer);
        free(f);
        return rc;
    }
    f->policy = registry_policy_ref(c->policy);
    f->key = strdup(key);
    f->repository = strdup(c->repository);
    f->digest = strdup(c->reference);
    (void)upstream__of(f->policy, f->repository, &f->from);
    rc = thread_start(&thread, "copy", 512, flight_main, f, e);
    if (rc < 0) {
        blob_cancel(f->writer);
        f->readers = 1;
        drop(f);
        return rc;
    }
    (void)pthread_detach(thread);
    (void)map_put(&r->flights, f->key, f);
    *out = f;
    return 0;
}

/* Waits for more than `at` bytes; how many there are to send now, 0: no more will come. */
static uint64_t await(struct flight *f, uint64_t at)
{
    struct registry *r = f->registry;
    LOCK_SCOPE(&r->lock);
    for (;;) {
        uint64_t ready = f->got < f->total || f->state == LANDED ? f->got : f->total - 1;
        if (f->state == LOST || (f->state == LANDED && at == f->got)) /* got: less than was said */
            return 0;
        if (ready > at)
            return ready - at;
        (void)cond_wait_ms(&r->flown, &r->lock, WAIT_MS);
    }
}

static void send(struct registry_call *c, struct flight *f)
{
    char *piece = arena_alloc(c->arena, PIECE);
    uint64_t at = 0;
    answer__set(c, "Docker-Content-Digest", "%s", c->reference);
    http_send_begin(c->q, 200, "application/octet-stream", f->total);
    if (strcmp(c->q->method, "HEAD") == 0)
        return; /* nor is it waited for */
    for (uint64_t n; (n = await(f, at)) > 0; at += n) {
        ssize_t got = pread(f->fd, piece, n < PIECE ? n : PIECE, (off_t)at);
        if (got <= 0 || http_send_piece(c->q, piece, (size_t)got, NULL) < 0)
            return;
        n = (uint64_t)got;
    }
}

/* Is it there, and how large? True: it is not, and that was answered. */
static bool look(struct registry_call *c, const struct upstream *u, uint64_t *total)
{
    struct http_answer answer;
    struct remote remote;
    struct err e = {0};
    int status;
    const struct remote_call head = {
        .method = "HEAD", .path = arena_printf(c->arena, "/blobs/%s", c->reference), .once = true};
    int rc = upstream__ask(c->registry, u, &head, &remote, &answer, &status, &e);
    if (rc < 0 || status != 200) {
        if (rc == 0)
            remote_close(&remote);
        upstream__refuse(c, u, status, "BLOB_UNKNOWN", &e);
        return true;
    }
    const char *length = http_answer_header(&answer, "content-length");
    long long n = length ? strtoll(length, NULL, 10) : -1;
    uint64_t max = c->registry->opts.max_blob_bytes;
    remote_close(&remote);
    *total = (uint64_t)n;
    if (n > 0 && (!max || *total <= max))
        return false;
    answer__error(c, 502, "UNAVAILABLE", "the upstream does not say how large it is, or too large");
    return true;
}

static struct flight *join(struct registry *r, const char *key)
{
    LOCK_SCOPE(&r->lock);
    struct flight *f = map_get(&r->flights, key);
    if (f)
        f->readers++;
    return f;
}

/* *out stays NULL when it has landed meanwhile: its name is set before its flight ends. */
static int join_or_start(struct registry_call *c, const char *key, uint64_t total,
                         struct flight **out, struct err *e)
{
    struct registry *r = c->registry;
    LOCK_SCOPE(&r->lock);
    *out = map_get(&r->flights, key);
    if (*out)
        (*out)->readers++;
    if (*out || refs_has(r->refs, key))
        return 0;
    return start(c, key, total, out, e);
}

/* A part is asked for: once all of it is here it is cut as any other. */
static bool finish(struct registry_call *c, struct flight *f)
{
    uint64_t at = 0;
    for (uint64_t n; (n = await(f, at)) > 0;)
        at += n;
    if (at == f->total)
        return false;
    answer__error(c, 503, "UNAVAILABLE", "the blob cannot be copied");
    return true;
}

bool upstream__blob(struct registry_call *c, const struct upstream *u)
{
    struct registry *r = c->registry;
    struct err e = {0};
    uint64_t total = 0;
    const char *name = name_blob(c, c->repository, c->reference);
    bool known = blob_has(r->blobs, c->reference, NULL);
    if (known && refs_has(r->refs, name)) {
        answer__set(c, "Cache-Status", "slipway; hit");
        return false;
    }
    struct flight *f = join(r, name);
    if (!f && look(c, u, &total))
        return true;
    answer__set(c, "Cache-Status", "slipway; fwd=miss; stored%s", f ? "; collapsed" : "");
    if (!f && known && blob_touch(r->blobs, c->reference)) { /* and the upstream has it, too */
        if (refs_set(r->refs, name, c->reference, NULL, &e) == 0)
            return false;
        answer__err(c, &e, "UNAVAILABLE");
        return true;
    }
    if (!f && strcmp(c->q->method, "HEAD") == 0) {
        answer__set(c, "Docker-Content-Digest", "%s", c->reference);
        http_send_begin(c->q, 200, "application/octet-stream", total);
        return true;
    }
    if (!f && join_or_start(c, name, total, &f, &e) < 0) {
        answer__err(c, &e, "UNAVAILABLE");
        return true;
    }
    if (!f)
        return false;
    bool answered = true;
    if (http_header(c->q, "Range"))
        answered = finish(c, f);
    else
        send(c, f);
    LOCK_SCOPE(&r->lock);
    drop(f);
    return answered;
}

void flights__free(struct registry *r)
{
    atomic_store(&r->ending, true);
    LOCK_SCOPE(&r->lock);
    while (map_size(&r->flights) > 0)
        (void)cond_wait_ms(&r->flown, &r->lock, WAIT_MS);
}
