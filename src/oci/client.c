#include <string.h>

#include "base/buf.h"
#include "codec/json.h"
#include "oci/media.h"
#include "oci/remote_int.h"

#define ACCEPT_ALL                                                                                 \
    MEDIA_OCI_INDEX ", " MEDIA_OCI_MANIFEST ", " MEDIA_DOCKER_LIST ", " MEDIA_DOCKER_MANIFEST

enum { BLOB_TRIES = 5, PULLERS = 3 };

struct pull {
    struct image_store *store;
    struct remote *remote;
    const struct reference *ref;
    const struct image_mirror *mirror;
    const struct image_ensure_opts *opts;
    struct arena *arena;
    pthread_mutex_t *telling; /* one line of progress at a time */
};

static void tell(const struct pull *p, const char *line)
{
    if (!p->opts || !p->opts->progress)
        return;
    LOCK_SCOPE(p->telling);
    p->opts->progress(p->opts->progress_arg, line);
}

static const struct image_auth *auth_of(const struct pull *p)
{
    return !p->mirror && p->opts ? p->opts->auth : NULL;
}

/* ---- where ---- */

static bool is_plain(const struct image_store *s, const char *host)
{
    for (size_t i = 0; s->insecure_hosts[i]; i++) {
        if (strcmp(s->insecure_hosts[i], host) == 0)
            return true;
    }
    return remote_is_loopback(host);
}

int store__remote(struct image_store *s, const struct reference *ref,
                  const struct image_mirror *mirror, const char *actions,
                  const struct image_auth *auth, struct remote *out, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const char *host = strcmp(ref->host, "docker.io") == 0 ? "registry-1.docker.io" : ref->host;
    struct http_client_opts http = {.connect_timeout_ms = 10000,
                                    .insecure = mirror && mirror->insecure};
    struct remote_opts o = {
        .host = host, .path = ref->path, .actions = actions, .auth = auth, .http = &http};
    if (mirror) {
        size_t n = strlen(mirror->url);
        while (n > 0 && mirror->url[n - 1] == '/')
            n--;
        const char *scheme = strstr(mirror->url, "://");
        o.host = scheme ? scheme + 3 : mirror->url;
        o.url = arena_printf(a, "%s%.*s", scheme ? "" : "https://", (int)n, mirror->url);
    } else {
        o.url = arena_printf(a, "%s://%s", is_plain(s, host) ? "http" : "https", host);
    }
    return remote_open(&o, out, e);
}

/* ---- blobs ---- */

static int on_data(void *arg, const void *bytes, size_t n)
{
    return blob_write(arg, bytes, n, NULL);
}

/* One request for the bytes that are missing. 1: the server began from the start again. */
static int fetch_part(struct pull *p, const char *digest, struct blob_writer *w, struct err *e)
{
    struct http_answer answer;
    uint64_t have = blob_writer_size(w);
    const struct remote_call call = {
        .method = "GET",
        .path = arena_printf(p->arena, "/blobs/%s", digest),
        .range = have ? arena_printf(p->arena, "bytes=%llu-", (unsigned long long)have) : NULL,
        .on_data = on_data,
        .arg = w,
        .once = true,
    };
    int rc = remote_do(p->remote, &call, &answer, e);
    if (rc < 0)
        return rc;
    if (answer.status / 100 != 2)
        return remote_refused(p->remote, &answer, digest, e);
    return have && answer.status != 206;
}

/* Continues where it was cut off, as long as that brings something. */
static int fetch_once(struct pull *p, const char *digest, struct err *e)
{
    struct blob_writer *w;
    char is[DIGEST_MAX];
    int rc = blob_writer_new(p->store->blobs, &w, e);
    if (rc < 0)
        return rc;
    for (unsigned attempt = 0; attempt < BLOB_TRIES; attempt++) {
        uint64_t had = blob_writer_size(w);
        rc = fetch_part(p, digest, w, e);
        if (rc != ERR_AGAIN || (blob_writer_size(w) == had && attempt > 1))
            break;
    }
    if (rc != 0) {
        blob_cancel(w);
        return rc > 0 ? err_set(e, ERR_AGAIN, "the registry cannot continue a blob") : rc;
    }
    return blob_commit(w, digest, is, e);
}

static int fetch_blob(struct pull *p, const char *digest, struct err *e)
{
    if (blob_touch(p->store->blobs, digest))
        return 0;
    if (!store__begin(p->store, digest))
        return blob_touch(p->store->blobs, digest) ? 0 : fetch_blob(p, digest, e);
    tell(p, arena_printf(p->arena, "pulling %.19s", digest));
    int rc = fetch_once(p, digest, e);
    if (rc == ERR_INVALID || rc == ERR_AGAIN)
        rc = fetch_once(p, digest, e);
    store__end(p->store, digest);
    return rc < 0 ? err_wrap(e, rc, "pull blob %s", digest) : 0;
}

/* ---- several blobs at once ---- */

struct pullers {
    const struct pull *pull;
    const char **digests;
    size_t n, next; /* next: taken with an atomic */
    const char *authorization;
};

struct puller {
    struct pullers *all;
    pthread_t thread;
    bool started;
    int rc;
    struct err e;
};

/* Each puller has a connection and an arena of its own, and the credentials that worked already. */
static int pull_blobs(struct puller *self)
{
    struct pullers *all = self->all;
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    struct remote remote;
    struct pull p = *all->pull;
    int rc = store__remote(p.store, p.ref, p.mirror, "pull", auth_of(&p), &remote, &self->e);
    if (rc < 0)
        return rc;
    remote.authorization = all->authorization;
    p.remote = &remote;
    p.arena = a;
    while (rc == 0) {
        size_t i = __atomic_fetch_add(&all->next, 1, __ATOMIC_SEQ_CST);
        if (i >= all->n)
            break;
        rc = fetch_blob(&p, all->digests[i], &self->e);
    }
    if (rc < 0) /* the others need not begin another */
        __atomic_store_n(&all->next, all->n, __ATOMIC_SEQ_CST);
    remote_close(&remote);
    return rc;
}

static void *puller_main(void *arg)
{
    struct puller *self = arg;
    self->rc = pull_blobs(self);
    return NULL;
}

static int fetch_blobs(struct pull *p, const struct manifest *m, struct err *e)
{
    struct puller pullers[PULLERS] = {0};
    struct descriptor d;
    struct pullers all = {.pull = p, .authorization = p->remote->authorization};
    all.digests = ARENA_ARRAY(p->arena, const char *, value_count(value_get(m->doc, "layers")) + 1);
    for (size_t i = 0; manifest_next(m, &i, &d);)
        all.digests[all.n++] = d.digest;
    for (size_t i = 1; i < PULLERS && i < all.n; i++) {
        pullers[i].all = &all;
        pullers[i].started =
            thread_start(&pullers[i].thread, "pull", 1024, puller_main, &pullers[i], NULL) == 0;
    }
    pullers[0].all = &all;
    pullers[0].rc = pull_blobs(&pullers[0]);
    int rc = 0;
    for (size_t i = 0; i < PULLERS; i++) {
        if (pullers[i].started)
            (void)pthread_join(pullers[i].thread, NULL);
        if (pullers[i].rc < 0 && rc == 0) {
            rc = pullers[i].rc;
            if (e)
                *e = pullers[i].e;
        }
    }
    return rc;
}

/* ---- manifests ---- */

/* Fetches a manifest by tag or digest and stores it. */
static int fetch_manifest(struct pull *p, const char *reference, struct manifest *out,
                          char digest[DIGEST_MAX], struct err *e)
{
    struct http_answer answer;
    struct blob_writer *w;
    bool by_digest = strchr(reference, ':') != NULL;
    const struct remote_call call = {.method = "GET",
                                     .path = arena_printf(p->arena, "/manifests/%s", reference),
                                     .accept = ACCEPT_ALL};
    int rc = remote_do(p->remote, &call, &answer, e);
    if (rc < 0)
        return rc;
    if (answer.status != 200)
        return remote_refused(p->remote, &answer, "manifest", e);
    const char *type = http_answer_header(&answer, "content-type");
    if (type)
        type = arena_strndup(p->arena, type, strcspn(type, "; "));
    if (type && !strstr(type, "+json"))
        type = NULL; /* registries that say text/plain */
    if ((rc = manifest_parse(p->arena, answer.body, answer.body_len, type, out, e)) < 0 ||
        (rc = blob_writer_new(p->store->blobs, &w, e)) < 0)
        return rc;
    if ((rc = blob_write(w, answer.body, answer.body_len, e)) < 0) {
        blob_cancel(w);
        return rc;
    }
    return blob_commit(w, by_digest ? reference : NULL, digest, e);
}

static int fetch_image(struct pull *p, char top[DIGEST_MAX], struct err *e)
{
    struct manifest m;
    char digest[DIGEST_MAX];
    const char *want = p->ref->digest ? p->ref->digest : p->ref->tag;
    const char *platform = p->opts && p->opts->platform ? p->opts->platform : p->store->platform;
    int rc = fetch_manifest(p, want, &m, top, e);
    if (rc == 0 && m.kind == MANIFEST_INDEX) {
        const struct value *child = manifest_choose(&m, platform);
        if (!child)
            return err_set(e, ERR_NOT_FOUND, "there is no image for %s", platform);
        rc = fetch_manifest(p, value_at_str(child, "digest", ""), &m, digest, e);
        if (rc == 0 && m.kind == MANIFEST_INDEX)
            return err_set(e, ERR_UNSUPPORTED, "an index inside an index is not supported");
    }
    return rc < 0 ? rc : fetch_blobs(p, &m, e);
}

static int pull_from(struct image_store *s, const struct reference *r,
                     const struct image_mirror *mirror, const struct image_ensure_opts *o,
                     struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    struct remote remote;
    char digest[DIGEST_MAX];
    pthread_mutex_t telling = PTHREAD_MUTEX_INITIALIZER;
    struct pull p = {.store = s,
                     .remote = &remote,
                     .ref = r,
                     .mirror = mirror,
                     .opts = o,
                     .arena = a,
                     .telling = &telling};
    int rc = store__remote(s, r, mirror, "pull", auth_of(&p), &remote, e);
    if (rc < 0)
        return rc;
    rc = fetch_image(&p, digest, e);
    remote_close(&remote);
    if (rc == 0 && r->tag)
        rc = refs_set(s->refs, store__tag_name(r, a), digest, NULL, e);
    return rc;
}

int client__pull(struct image_store *s, const struct reference *r,
                 const struct image_ensure_opts *o, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    int rc = ERR_NOT_FOUND;
    for (size_t i = 0; i < s->n_mirrors; i++) {
        const struct image_mirror *m = &s->mirrors[i];
        if (strcmp(m->host, "*") != 0 && strcmp(m->host, r->host) != 0)
            continue;
        if (pull_from(s, r, m, o, NULL) == 0)
            return 0;
    }
    rc = pull_from(s, r, NULL, o, e);
    return rc < 0 ? err_wrap(e, rc, "pull %s", reference_familiar(r, a)) : 0;
}

/* ---- ensure ---- */

static bool is_whole(struct image_store *s, const struct image *image)
{
    const struct value *layers = value_get(image->manifest, "layers");
    for (size_t i = 0; i < image->n_layers; i++) {
        if (!blob_has(s->blobs, value_at_str(value_item(layers, i), "digest", ""), NULL) &&
            !layer__ready(s, image->diff_ids[i]))
            return false;
    }
    return true;
}

int image_store_ensure(struct image_store *s, const char *reference,
                       const struct image_ensure_opts *o, struct arena *a, struct image *out,
                       struct err *e)
{
    struct reference r;
    struct image image;
    enum image_policy policy = o ? o->policy : IMAGE_IF_NOT_PRESENT;
    int rc = store__resolve(s, reference, a, &r, e);
    if (rc < 0)
        return rc;
    bool local = strcmp(r.host, IMAGES_LOCAL_HOST) == 0;
    rc = image_store_find(s, reference, a, &image, e);
    bool here = rc == 0 && is_whole(s, &image);
    if (!local && policy != IMAGE_NEVER && (!here || (policy == IMAGE_ALWAYS && !r.digest))) {
        if ((rc = client__pull(s, &r, o, e)) < 0)
            return rc;
        rc = image_store_find(s, reference_print(&r, a), a, &image, e);
    }
    if (rc < 0)
        return rc;
    if ((rc = image_store_unpack(s, &image, a, e)) < 0)
        return rc;
    *out = image;
    return 0;
}
