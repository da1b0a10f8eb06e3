/* place_local.c - a repository of this machine's image store. */
#include <stdio.h>
#include <string.h>

#include "codec/json.h"
#include "oci/media.h"
#include "sign/place.h"

static struct sign_local *self(struct sign_place *p)
{
    return (struct sign_local *)p; /* its first member */
}

static const char *name_of(struct sign_place *p, const char *reference, struct arena *a)
{
    bool digest = blob_digest_check(reference, NULL) == 0;
    return arena_printf(a, IMAGES_LOCAL_HOST "/%s%c%s", self(p)->repository, digest ? '@' : ':',
                        reference);
}

static int get_manifest(struct sign_place *p, const char *reference, struct arena *a,
                        struct sign_manifest *out, struct err *e)
{
    struct image_store *s = self(p)->images;
    const char *digest;
    struct value *doc;
    char *text;
    size_t n;
    int r = image_store_digest(s, name_of(p, reference, a), a, &digest, e);
    if (r == 0)
        r = blob_read(image_store_blobs(s), digest, SIGN_DOCUMENT_MAX, a, &text, &n, e);
    if (r == 0)
        r = json_parse(a, text, n, 0, &doc, e);
    if (r < 0)
        return r;
    bool index = value_get(doc, "manifests") != NULL;
    out->doc = doc;
    out->media_type = value_at_str(doc, "mediaType", index ? MEDIA_OCI_INDEX : MEDIA_OCI_MANIFEST);
    (void)snprintf(out->digest, DIGEST_MAX, "%s", digest);
    out->size = n;
    return 0;
}

static int get_blob(struct sign_place *p, const char *digest, struct arena *a, char **out,
                    size_t *n, struct err *e)
{
    return blob_read(image_store_blobs(self(p)->images), digest, SIGN_DOCUMENT_MAX, a, out, n, e);
}

static int put_blob(struct sign_place *p, const char *digest, const char *bytes, size_t n,
                    struct err *e)
{
    char is[DIGEST_MAX];
    (void)digest;
    return blob_put(image_store_blobs(self(p)->images), bytes, n, is, e);
}

static int put_manifest(struct sign_place *p, const char *json, size_t n, const char *tag,
                        const char *digest, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    char is[DIGEST_MAX];
    struct image_store *s = self(p)->images;
    if (!tag)
        return image_store_attach(s, self(p)->repository, MEDIA_OCI_MANIFEST, json, n, is, e);
    const char *name = name_of(p, tag, a);
    int r = image_store_put_manifest(s, MEDIA_OCI_MANIFEST, json, n, name, is, e);
    if (r == 0)
        r = image_store_tag(s, name, digest, e);
    return r < 0 ? r : image_store_unlease(s, name, e);
}

static int referrers(struct sign_place *p, const char *digest, struct arena *a,
                     const struct value **out, struct err *e)
{
    (void)e;
    const struct value *index =
        image_store_referrers(self(p)->images, self(p)->repository, digest, NULL, a);
    *out = value_get(index, "manifests");
    return 0;
}

struct sign_local sign_local(struct image_store *images, const char *repository)
{
    static const struct sign_place_ops ops = {get_manifest, get_blob, put_blob, put_manifest,
                                              referrers};
    return (struct sign_local){{&ops}, images, repository};
}
