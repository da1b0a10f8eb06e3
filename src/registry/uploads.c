/* An upload is a blob writer between requests. One request at a time has it; one that nobody came
 * back to for a day is dropped, and a restart drops all: clients start over. */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "registry/registry_int.h"

enum { UPLOAD_IDLE_MS = 24 * 3600 * 1000, UPLOADS_MAX = 4096 };

struct upload {
    char id[33];
    char *repository;
    struct blob_writer *writer;
    int64_t used_ms;
    bool busy;
};

static void upload_free(struct upload *u)
{
    if (!u)
        return;
    blob_cancel(u->writer);
    free(u->repository);
    free(u);
}

void uploads__free(struct registry *r)
{
    size_t cursor = 0;
    for (const struct map_entry *m; (m = map_next(&r->uploads, &cursor));)
        upload_free(m->value);
}

static void drop_idle(struct registry *r)
{
    size_t cursor = 0;
    int64_t now = clock_mono_ms();
    for (const struct map_entry *m; (m = map_next(&r->uploads, &cursor));) {
        struct upload *u = m->value;
        if (u->busy || now - u->used_ms < UPLOAD_IDLE_MS)
            continue;
        (void)map_remove(&r->uploads, u->id);
        upload_free(u);
    }
}

static int open_upload(struct registry_call *c, struct upload **out, struct err *e)
{
    struct registry *r = c->registry;
    unsigned char noise[16];
    if (getrandom(noise, sizeof noise, 0) != sizeof noise)
        return err_sys(e, errno, "get random bytes");
    struct upload *u = calloc(1, sizeof *u);
    for (size_t i = 0; i < sizeof noise; i++)
        (void)snprintf(u->id + 2 * i, 3, "%02x", noise[i]);
    int rc = blob_writer_new(r->blobs, &u->writer, e);
    if (rc < 0) {
        free(u);
        return rc;
    }
    u->repository = strdup(c->repository);
    u->used_ms = clock_mono_ms();
    u->busy = true;
    LOCK_SCOPE(&r->lock);
    drop_idle(r);
    if (map_size(&r->uploads) >= UPLOADS_MAX) {
        upload_free(u);
        return err_set(e, ERR_AGAIN, "more than %d uploads are open", UPLOADS_MAX);
    }
    (void)map_put(&r->uploads, u->id, u);
    *out = u;
    return 0;
}

/* NULL, and answered, when there is none or somebody else has it. */
static struct upload *take_upload(struct registry_call *c)
{
    struct registry *r = c->registry;
    {
        LOCK_SCOPE(&r->lock);
        struct upload *u = map_get(&r->uploads, c->reference);
        if (u && strcmp(u->repository, c->repository) == 0 && !u->busy) {
            u->busy = true;
            return u;
        }
    }
    answer__error(c, 404, "BLOB_UPLOAD_UNKNOWN", "no such upload in this repository");
    return NULL;
}

static void put_back(struct registry *r, struct upload *u)
{
    LOCK_SCOPE(&r->lock);
    u->busy = false;
    u->used_ms = clock_mono_ms();
}

static void end_upload(struct registry *r, struct upload *u)
{
    {
        LOCK_SCOPE(&r->lock);
        (void)map_remove(&r->uploads, u->id);
    }
    upload_free(u);
}

/* Where the upload stands: Range is inclusive, and "0-0" while there is nothing. */
static void set_state(struct registry_call *c, const struct upload *u)
{
    uint64_t size = blob_writer_size(u->writer);
    answer__set(c, "Location", "/v2/%s/blobs/uploads/%s", c->repository, u->id);
    answer__set(c, "Range", "0-%llu", (unsigned long long)(size ? size - 1 : 0));
    answer__set(c, "Docker-Upload-UUID", "%s", u->id);
}

static int read_body(struct registry_call *c, struct upload *u, struct err *e)
{
    enum { CHUNK = 1 << 17 };
    char *chunk = arena_alloc(c->arena, CHUNK);
    uint64_t max = c->registry->opts.max_blob_bytes, size = blob_writer_size(u->writer);
    int64_t length = c->q->content_length;
    const char *digest = http_query(c->q, "digest");
    int fits = tagging__fits(c, digest, size + (length > 0 ? (uint64_t)length : 0), e);
    if (fits < 0)
        return fits;
    for (;;) {
        long got = http_read(c->q, chunk, CHUNK, e);
        if (got <= 0)
            return (int)got;
        if (max && blob_writer_size(u->writer) + (uint64_t)got > max)
            return err_set(e, ERR_TOO_LARGE, "blob is larger than %llu bytes",
                           (unsigned long long)max);
        int rc = blob_write(u->writer, chunk, (size_t)got, e);
        if (rc == 0 && length < 0) /* nobody said how much would come */
            rc = tagging__fits(c, digest, blob_writer_size(u->writer), e);
        if (rc < 0)
            return rc;
    }
}

/* A chunk must follow what is there; without Content-Range it does by definition. */
static bool chunk_follows(struct registry_call *c, const struct upload *u)
{
    const char *range = http_header(c->q, "Content-Range");
    unsigned long long from, to;
    char end;
    if (!range)
        return true;
    if (strncmp(range, "bytes ", 6) == 0)
        range += 6;
    if (sscanf(range, "%llu-%llu%c", &from, &to, &end) < 2 || to < from)
        return false;
    if (c->q->content_length >= 0 && to - from + 1 != (uint64_t)c->q->content_length)
        return false;
    return from == blob_writer_size(u->writer);
}

static void refuse_chunk(struct registry_call *c, struct upload *u)
{
    set_state(c, u);
    put_back(c->registry, u);
    answer__error(c, 416, "BLOB_UPLOAD_INVALID", "the chunk does not follow what has arrived");
}

static void created(struct registry_call *c, const char *digest)
{
    answer__set(c, "Location", "/v2/%s/blobs/%s", c->repository, digest);
    answer__set(c, "Docker-Content-Digest", "%s", digest);
    answer__empty(c, 201);
}

/* The upload's last request: its body, then the digest decides. */
static void finish(struct registry_call *c, struct upload *u)
{
    struct registry *r = c->registry;
    struct err e = {0};
    char digest[DIGEST_MAX];
    const char *expected = http_query(c->q, "digest");
    int rc = expected ? blob_digest_check(expected, &e)
                      : err_set(&e, ERR_INVALID, "the digest parameter is missing");
    if (rc < 0) {
        put_back(r, u);
        answer__error(c, 400, "DIGEST_INVALID", e.msg);
        return;
    }
    rc = read_body(c, u, &e);
    if (rc == 0) {
        struct blob_writer *w = u->writer;
        u->writer = NULL;
        rc = blob_commit(w, expected, digest, &e);
    }
    uint64_t size = 0;
    end_upload(r, u);
    if (rc == 0 && blob_has(r->blobs, digest, &size))
        rc = tagging__take(c, digest, size, &e);
    if (rc == 0)
        rc = refs_set(r->refs, name_blob(c, c->repository, digest), digest, NULL, &e);
    if (rc < 0)
        answer__err(c, &e, "DIGEST_INVALID");
    else
        created(c, digest);
}

/* Does a repository that the caller may pull from have the blob? */
static bool may_mount(struct registry_call *c, const char *digest, const char *from)
{
    struct ref *list;
    struct refs *refs = c->registry->refs;
    if (from)
        return reference_path_ok(from) && refs_has(refs, name_blob(c, from, digest)) &&
               access__allowed(c, REGISTRY_PULL, from);
    size_t n = refs_list(refs, "b/", c->arena, &list);
    for (size_t i = 0; i < n; i++) {
        const char *at = strchr(list[i].name, '@');
        if (!at || strcmp(at + 1, digest) != 0)
            continue;
        const char *name = list[i].name + 2;
        if (access__allowed(c, REGISTRY_PULL, arena_strndup(c->arena, name, (size_t)(at - name))))
            return true;
    }
    return false;
}

/* True: answered. */
static bool mount(struct registry_call *c)
{
    const char *digest = http_query(c->q, "mount");
    struct registry *r = c->registry;
    struct err e = {0};
    uint64_t size;
    if (!digest || blob_digest_check(digest, NULL) < 0 ||
        !may_mount(c, digest, http_query(c->q, "from")) || !blob_touch(r->blobs, digest) ||
        !blob_has(r->blobs, digest, &size))
        return false;
    if (tagging__take(c, digest, size, &e) < 0) {
        answer__err(c, &e, "DENIED");
        return true;
    }
    if (refs_set(r->refs, name_blob(c, c->repository, digest), digest, NULL, NULL) < 0)
        return false;
    created(c, digest);
    return true;
}

static void begin(struct registry_call *c)
{
    struct err e = {0};
    struct upload *u;
    if (mount(c))
        return;
    if (tagging__fits(c, http_query(c->q, "digest"), 1, &e) < 0 || open_upload(c, &u, &e) < 0) {
        answer__err(c, &e, "BLOB_UPLOAD_INVALID");
        return;
    }
    if (http_query(c->q, "digest")) {
        const char *digest = http_query(c->q, "digest");
        if (blob_digest_check(digest, &e) < 0) {
            end_upload(c->registry, u);
            answer__error(c, 400, "DIGEST_INVALID", e.msg);
            return;
        }
        finish(c, u);
        return;
    }
    set_state(c, u);
    put_back(c->registry, u);
    answer__empty(c, 202);
}

static void add_chunk(struct registry_call *c, struct upload *u)
{
    struct err e = {0};
    if (!chunk_follows(c, u)) {
        refuse_chunk(c, u);
        return;
    }
    int rc = read_body(c, u, &e);
    if (rc < 0) {
        end_upload(c->registry, u);
        answer__err(c, &e, "BLOB_UPLOAD_INVALID");
        return;
    }
    set_state(c, u);
    put_back(c->registry, u);
    answer__empty(c, 202);
}

static void continue_upload(struct registry_call *c)
{
    const char *m = c->q->method;
    struct upload *u = take_upload(c);
    if (!u)
        return;
    if (strcmp(m, "PATCH") == 0) {
        add_chunk(c, u);
    } else if (strcmp(m, "PUT") == 0 && !chunk_follows(c, u)) {
        refuse_chunk(c, u);
    } else if (strcmp(m, "PUT") == 0) {
        finish(c, u);
    } else if (strcmp(m, "GET") == 0 || strcmp(m, "HEAD") == 0) {
        set_state(c, u);
        put_back(c->registry, u);
        answer__empty(c, 204);
    } else if (strcmp(m, "DELETE") == 0) {
        end_upload(c->registry, u);
        answer__empty(c, 204);
    } else {
        put_back(c->registry, u);
        answer__error(c, 405, "UNSUPPORTED", "an upload knows PATCH, PUT, GET and DELETE");
    }
}

void uploads__handle(struct registry_call *c)
{
    if (c->kind == ASK_UPLOAD)
        continue_upload(c);
    else if (strcmp(c->q->method, "POST") == 0)
        begin(c);
    else
        answer__error(c, 405, "UNSUPPORTED", "uploads begin with POST");
}
