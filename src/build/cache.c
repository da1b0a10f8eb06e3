/* Names "c/<key>" in refs.log: a layer that an operation with this key made. */
#include <string.h>

#include "blob/refs.h"
#include "build/build_int.h"
#include "oci/media.h"

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

/* The note is "diff-id milliseconds". */
static bool read_note(const char *note, struct made *out)
{
    const char *space = strchr(note, ' ');
    if (!space || (size_t)(space - note) >= DIGEST_MAX)
        return false;
    (void)snprintf(out->layer.diff_id, DIGEST_MAX, "%.*s", (int)(space - note), note);
    out->ms = strtoll(space + 1, NULL, 10);
    return blob_digest_check(out->layer.diff_id, NULL) == 0;
}

bool cache__get(struct build *b, const char *key, struct made *out)
{
    struct ref r;
    struct made m = {.layer.media_type = MEDIA_OCI_LAYER_GZIP};
    struct blob_store *blobs = image_store_blobs(b->images);
    const char *name = arena_printf(b->arena, "c/%s", key + 7);
    if (b->opts->no_cache || refs_get(image_store_refs(b->images), name, b->arena, &r, NULL) < 0 ||
        !read_note(r.note, &m) || !blob_touch(blobs, r.digest) ||
        !blob_has(blobs, r.digest, &m.layer.size))
        return false;
    (void)snprintf(m.layer.digest, DIGEST_MAX, "%s", r.digest);
    *out = m;
    return true;
}

int cache__put(struct build *b, const char *key, const struct made *m, struct err *e)
{
    return refs_set(image_store_refs(b->images), arena_printf(b->arena, "c/%s", key + 7),
                    m->layer.digest,
                    arena_printf(b->arena, "%s %lld", m->layer.diff_id, (long long)m->ms), e);
}
