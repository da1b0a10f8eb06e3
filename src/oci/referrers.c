#include <string.h>

#include "codec/json.h"
#include "oci/media.h"
#include "oci/store_int.h"

/* The descriptor of a manifest as the referrers API lists it; NULL when it is gone. */
static struct value *describe(struct image_store *s, const char *digest, const char *artifact_type,
                              struct arena *a)
{
    struct manifest m;
    char *json;
    size_t n;
    if (blob_read(s->blobs, digest, MANIFEST_MAX_BYTES, a, &json, &n, NULL) < 0 ||
        manifest_parse(a, json, n, NULL, &m, NULL) < 0)
        return NULL;
    if (artifact_type && (!m.artifact_type || strcmp(m.artifact_type, artifact_type) != 0))
        return NULL;
    struct value *d = value_new_object(a);
    (void)value_set_str(a, d, "mediaType", m.media_type);
    (void)value_set_str(a, d, "digest", digest);
    (void)value_set_int(a, d, "size", (int64_t)n);
    if (m.artifact_type)
        (void)value_set_str(a, d, "artifactType", m.artifact_type);
    const struct value *notes = value_get(m.doc, "annotations");
    if (value_is(notes, VALUE_OBJECT))
        (void)value_set(a, d, "annotations", notes);
    return d;
}

struct value *image_store_referrers(struct image_store *s, const char *repository_path,
                                    const char *digest, const char *artifact_type, struct arena *a)
{
    struct ref *refs;
    struct value *index = value_new_object(a);
    (void)value_set_int(a, index, "schemaVersion", 2);
    (void)value_set_str(a, index, "mediaType", MEDIA_OCI_INDEX);
    struct value *list = value_set(a, index, "manifests", value_new_array(a));
    size_t n = refs_list(s->refs, arena_printf(a, "r/%s@%s/", repository_path, digest), a, &refs);
    for (size_t i = 0; i < n; i++) {
        struct value *d = describe(s, refs[i].digest, artifact_type, a);
        if (d)
            (void)value_push(a, list, d);
    }
    return index;
}

int image_store_attach(struct image_store *s, const char *repository_path, const char *media_type,
                       const char *json, size_t n, char out_digest[DIGEST_MAX], struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    char digest[DIGEST_MAX];
    int rc = image_store_put_manifest(s, media_type, json, n, NULL, digest, e);
    if (rc < 0)
        return err_wrap(e, rc, "attach to %s", repository_path);
    rc = image_store_tag(s, arena_printf(a, IMAGES_LOCAL_HOST "/%s@%s", repository_path, digest),
                         digest, e);
    if (rc == 0)
        memcpy(out_digest, digest, DIGEST_MAX);
    return rc;
}
