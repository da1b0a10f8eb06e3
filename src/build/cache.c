/* Names "c/<key>" in refs.log: a layer that an operation with this key made. */
#include <string.h>

#include "blob/refs.h"
#include "build/build_int.h"
#include "oci/media.h"

void key_init(struct key *k, const char *what)
{
    digest_init(&k->hash, DIGEST_SHA256);
    key_add(k, what);
}

void key_add_bytes(struct key *k, const void *bytes, size_t n)
{
    uint64_t len = n;
    digest_add(&k->hash, &len, sizeof len);
    digest_add(&k->hash, bytes, n);
}

void key_add(struct key *k, const char *text)
{
    uint64_t none = UINT64_MAX;
    if (text)
        key_add_bytes(k, text, strlen(text));
    else
        digest_add(&k->hash, &none, sizeof none);
}

void key_add_layers(struct key *k, const struct layers *l)
{
    for (size_t i = 0; i < l->n; i++)
        key_add(k, l->list[i].diff_id);
    key_add(k, NULL);
}

void key_text(struct key *k, char out[DIGEST_MAX])
{
    digest_text(&k->hash, out);
}

bool cache__get(struct build *b, const char *key, struct image_layer *out)
{
    struct ref r;
    struct image_layer l = {.media_type = MEDIA_OCI_LAYER_GZIP};
    if (b->opts->no_cache ||
        refs_get(image_store_refs(b->images), arena_printf(b->arena, "c/%s", key + 7), b->arena, &r,
                 NULL) < 0)
        return false;
    if (blob_digest_check(r.note, NULL) < 0 ||
        !blob_touch(image_store_blobs(b->images), r.digest) ||
        !blob_has(image_store_blobs(b->images), r.digest, &l.size))
        return false;
    (void)snprintf(l.digest, sizeof l.digest, "%s", r.digest);
    (void)snprintf(l.diff_id, sizeof l.diff_id, "%s", r.note);
    *out = l;
    return true;
}

int cache__put(struct build *b, const char *key, const struct image_layer *l, struct err *e)
{
    return refs_set(image_store_refs(b->images), arena_printf(b->arena, "c/%s", key + 7), l->digest,
                    l->diff_id, e);
}
