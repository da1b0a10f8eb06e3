/* Names "c/<key>" in refs.log: a layer that an operation with this key made. */
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"
#include "blob/refs.h"
#include "build/build_int.h"
#include "oci/media.h"

enum { DAY_MS = 24 * 3600 * 1000 };

void key_init(struct key *k, const char *what)
{
    digest_init(&k->hash, DIGEST_SHA256);
    build__key_add(k, what);
}

void build__key_add_bytes(struct key *k, const void *bytes, size_t n)
{
    uint64_t len = n;
    digest_add(&k->hash, &len, sizeof len);
    digest_add(&k->hash, bytes, n);
}

void build__key_add(struct key *k, const char *text)
{
    uint64_t none = UINT64_MAX;
    if (text)
        build__key_add_bytes(k, text, strlen(text));
    else
        digest_add(&k->hash, &none, sizeof none);
}

void build__key_add_layers(struct key *k, const struct layers *l)
{
    for (size_t i = 0; i < l->n; i++)
        build__key_add(k, l->list[i].diff_id);
    build__key_add(k, NULL);
}

void key_text(struct key *k, char out[DIGEST_MAX])
{
    digest_text(&k->hash, out);
}

/* The note is "diff-id milliseconds day": when it was made and last used. */
struct note {
    char diff_id[DIGEST_MAX];
    long long ms, day;
};

static bool read_note(const char *text, struct note *out)
{
    const char *space = strchr(text, ' ');
    if (!space || (size_t)(space - text) >= DIGEST_MAX)
        return false;
    (void)snprintf(out->diff_id, DIGEST_MAX, "%.*s", (int)(space - text), text);
    return sscanf(space, "%lld %lld", &out->ms, &out->day) == 2 &&
           blob_digest_check(out->diff_id, NULL) == 0;
}

static long long today(void)
{
    return clock_real_ms() / DAY_MS;
}

static int put(struct build *b, const char *name, const char *digest, const struct note *n,
               struct err *e)
{
    const char *text = arena_printf(b->arena, "%s %lld %lld", n->diff_id, n->ms, n->day);
    return refs_set(image_store_refs(b->images), name, digest, text, e);
}

bool cache__get(struct build *b, const char *key, struct made *out)
{
    struct ref r;
    struct note n;
    struct made m = {.layer.media_type = MEDIA_OCI_LAYER_GZIP};
    struct blob_store *blobs = image_store_blobs(b->images);
    const char *name = arena_printf(b->arena, "c/%s", key + 7);
    if (b->opts->no_cache || refs_get(image_store_refs(b->images), name, b->arena, &r, NULL) < 0 ||
        !read_note(r.note, &n) || !blob_touch(blobs, r.digest) ||
        !blob_has(blobs, r.digest, &m.layer.size))
        return false;
    if (n.day != today()) {
        n.day = today();
        int rc = put(b, name, r.digest, &n, NULL); /* else it only counts as older */
        (void)rc;
    }
    (void)snprintf(m.layer.digest, DIGEST_MAX, "%s", r.digest);
    (void)snprintf(m.layer.diff_id, DIGEST_MAX, "%s", n.diff_id);
    m.ms = n.ms;
    *out = m;
    return true;
}

bool cache__claim(struct build *b, const char *key, struct made *out)
{
    struct solve *all = b->solve;
    if (b->opts->no_cache || !all->parallel)
        return cache__get(b, key, out);
    {
        LOCK_SCOPE(&all->lock);
        while (map_has(&all->claims, key))
            (void)pthread_cond_wait(&all->changed, &all->lock);
        (void)map_put(&all->claims, key, b);
        b->claim = arena_strdup(b->arena, key);
    }
    if (!cache__get(b, key, out))
        return false;
    cache__release(b);
    return true;
}

void cache__release(struct build *b)
{
    if (!b->claim)
        return;
    LOCK_SCOPE(&b->solve->lock);
    (void)map_remove(&b->solve->claims, b->claim);
    b->claim = NULL;
    (void)pthread_cond_broadcast(&b->solve->changed);
}

int cache__put(struct build *b, const char *key, const struct made *m, struct err *e)
{
    struct note n = {.ms = m->ms, .day = today()};
    (void)snprintf(n.diff_id, sizeof n.diff_id, "%s", m->layer.diff_id);
    return put(b, arena_printf(b->arena, "c/%s", key + 7), m->layer.digest, &n, e);
}

int build_cache_prune(struct image_store *images, int64_t unused_ms, size_t *out, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct ref *list;
    size_t n = refs_list(image_store_refs(images), "c/", a, &list), gone = 0;
    struct ref_change *c = ARENA_ARRAY(a, struct ref_change, n + 1);
    long long before = (clock_real_ms() - unused_ms) / DAY_MS;
    for (size_t i = 0; i < n; i++) {
        struct note note;
        if (!read_note(list[i].note, &note) || note.day < before || unused_ms <= 0)
            c[gone++].name = list[i].name;
    }
    *out = gone;
    return gone ? refs_change(image_store_refs(images), c, gone, e) : 0;
}
