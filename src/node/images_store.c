#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/thread.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "node/image_port.h"
#include "oci/images.h"

/* The image store as the node's source of images. A holder keeps what it was given from being
 * collected. */
struct stored {
    struct image_source source; /* first */
    struct image_store *store;
    pthread_mutex_t lock;
    struct map holders; /* holder → digest */
};

static struct stored *self(struct image_source *s)
{
    return container_of(s, struct stored, source);
}

static void hold(struct image_source *src, const char *digest, const char *holder)
{
    struct stored *s = self(src);
    LOCK_SCOPE(&s->lock);
    if (map_has(&s->holders, holder))
        return;
    image_store_hold(s->store, digest);
    (void)map_put(&s->holders, holder, strdup(digest));
}

static void drop(struct image_source *src, const char *holder)
{
    struct stored *s = self(src);
    LOCK_SCOPE(&s->lock);
    char *digest = map_remove(&s->holders, holder);
    if (digest)
        image_store_release(s->store, digest);
    free(digest);
}

/* ---- credentials ---- */

/* "https://index.docker.io/v1/" and "docker.io" mean the same host. */
static bool same_host(const char *key, const char *host)
{
    if (strncmp(key, "https://", 8) == 0)
        key += 8;
    else if (strncmp(key, "http://", 7) == 0)
        key += 7;
    size_t n = strcspn(key, "/");
    if (n == 15 && strncmp(key, "index.docker.io", 15) == 0)
        return strcmp(host, "docker.io") == 0;
    return strlen(host) == n && strncmp(key, host, n) == 0;
}

static const char *host_of(const char *ref, struct arena *a)
{
    const char *slash = strchr(ref, '/');
    char *first = slash ? arena_strndup(a, ref, (size_t)(slash - ref)) : NULL;
    bool is_host = first && (strpbrk(first, ".:") || strcmp(first, "localhost") == 0);
    return is_host ? first : "docker.io";
}

static bool read_entry(const struct value *entry, struct arena *a, struct image_auth *out)
{
    out->token = value_at_str(entry, "identitytoken", value_at_str(entry, "registrytoken", NULL));
    out->user = value_at_str(entry, "username", NULL);
    out->password = value_at_str(entry, "password", NULL);
    const struct value *auth = value_get(entry, "auth");
    char *plain;
    size_t n;
    if (!out->user && value_count(auth) &&
        base64_decode(a, value_str(auth, ""), value_count(auth), BASE64_STD, &plain, &n, NULL) ==
            0) {
        char *colon = strchr(plain, ':');
        if (colon) {
            *colon = '\0';
            out->user = plain;
            out->password = colon + 1;
        }
    }
    return out->user || out->token;
}

bool image_login_find(const char *const *auths, const char *host, struct arena *a,
                      struct image_auth *out)
{
    for (const char *const *t = auths; t && *t; t++) {
        struct value *doc;
        if (json_parse(a, *t, strlen(*t), 0, &doc, NULL) < 0)
            continue;
        const struct value *list = value_get(doc, "auths");
        VALUE_EACH_MEMBER (m, list ? list : doc)
            if (same_host(m->key, host) && read_entry(&m->value, a, out))
                return true;
    }
    return false;
}

/* ---- ensure ---- */

static const char *const *texts(const struct value *list, struct arena *a)
{
    size_t n = value_is(list, VALUE_ARRAY) ? value_count(list) : 0;
    const char **out = ARENA_ARRAY(a, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        out[i] = value_str(value_item(list, i), "");
    return out;
}

/* "docker.io/library/busybox:1" + digest → "docker.io/library/busybox@sha256:…" */
static const char *by_digest(const char *ref, const char *digest, struct arena *a)
{
    size_t n = strcspn(ref, "@");
    const char *slash = memrchr(ref, '/', n);
    const char *colon = memchr(slash ? slash : ref, ':', n - (size_t)((slash ? slash : ref) - ref));
    return arena_printf(a, "%.*s@%s", (int)(colon ? (size_t)(colon - ref) : n), ref, digest);
}

static int ensure(struct image_source *src, const struct pod_image_query *q, struct arena *a,
                  struct pod_image *out, struct err *e)
{
    static const enum image_policy policies[] = {IMAGE_IF_NOT_PRESENT, IMAGE_ALWAYS, IMAGE_NEVER};
    struct stored *s = self(src);
    struct image_auth auth = {0};
    struct image_ensure_opts o = {.policy = policies[q->policy]};
    struct image got, before;
    if (image_login_find(q->auths, host_of(q->ref, a), a, &auth))
        o.auth = &auth;
    bool had = image_store_find(s->store, q->ref, a, &before, NULL) == 0;
    int rc = image_store_ensure(s->store, q->ref, &o, a, &got, e);
    if (rc < 0)
        return rc;
    hold(src, got.digest, q->holder);
    const struct value *config = value_get(got.config, "config");
    *out = (struct pod_image){
        .ref = got.reference,
        .id = got.config_digest,
        .digest = by_digest(got.reference, got.index_digest ? got.index_digest : got.digest, a),
        .layers = got.layer_dirs,
        .n_layers = got.n_layers,
        .bytes = got.size,
        .pulled = !had,
        .entrypoint = texts(value_get(config, "Entrypoint"), a),
        .cmd = texts(value_get(config, "Cmd"), a),
        .env = texts(value_get(config, "Env"), a),
        .user = value_at_str(config, "User", ""),
        .workdir = value_at_str(config, "WorkingDir", ""),
        .stop_signal = value_at_str(config, "StopSignal", ""),
    };
    out->hold = got.digest;
    return 0;
}

struct image_source *image_source_store(struct image_store *store)
{
    static const struct image_ops ops = {"store", ensure, hold, drop};
    struct stored *s = calloc(1, sizeof *s);
    if (!s)
        log_die("out of memory for an image source");
    s->source.ops = &ops;
    s->store = store;
    (void)pthread_mutex_init(&s->lock, NULL);
    map_init(&s->holders);
    return &s->source;
}

void image_source_store_free(struct image_source *src)
{
    if (!src)
        return;
    struct stored *s = self(src);
    const struct map_entry *m;
    for (size_t i = 0; (m = map_next(&s->holders, &i));)
        free(m->value);
    map_done(&s->holders);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}
