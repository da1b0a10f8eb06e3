#include "codec/json.h"
#include "oci/media.h"
#include "oci/store_int.h"

static void set_rootfs(struct arena *a, struct value *config, const struct image_layer *layers,
                       size_t n)
{
    struct value *rootfs = value_new_object(a), *ids = value_new_array(a);
    (void)value_set_str(a, rootfs, "type", "layers");
    for (size_t i = 0; i < n; i++)
        (void)value_push_str(a, ids, layers[i].diff_id);
    (void)value_set(a, rootfs, "diff_ids", ids);
    (void)value_set(a, config, "rootfs", rootfs);
}

static struct value *descriptor(struct arena *a, const char *media_type, const char *digest,
                                uint64_t size)
{
    struct value *d = value_new_object(a);
    (void)value_set_str(a, d, "mediaType", media_type);
    (void)value_set_str(a, d, "digest", digest);
    (void)value_set_int(a, d, "size", (int64_t)size);
    return d;
}

int image_store_assemble(struct image_store *s, struct arena *a, struct value *config,
                         const struct image_layer *layers, size_t n_layers,
                         const struct value *annotations, const char *lease,
                         char out_digest[DIGEST_MAX], struct err *e)
{
    char config_digest[DIGEST_MAX];
    set_rootfs(a, config, layers, n_layers);
    const char *text = json_text(a, config, JSON_NO_HTML);
    int rc = blob_put(s->blobs, text, strlen(text), config_digest, e);
    if (rc < 0)
        return err_wrap(e, rc, "store image configuration");
    struct value *m = value_new_object(a), *list = value_new_array(a);
    (void)value_set_int(a, m, "schemaVersion", 2);
    (void)value_set_str(a, m, "mediaType", MEDIA_OCI_MANIFEST);
    (void)value_set(a, m, "config", descriptor(a, MEDIA_OCI_CONFIG, config_digest, strlen(text)));
    for (size_t i = 0; i < n_layers; i++)
        (void)value_push(a, list,
                         descriptor(a, layers[i].media_type, layers[i].digest, layers[i].size));
    (void)value_set(a, m, "layers", list);
    if (value_count(annotations) > 0)
        (void)value_set(a, m, "annotations", annotations);
    text = json_text(a, m, JSON_NO_HTML);
    return image_store_put_manifest(s, MEDIA_OCI_MANIFEST, text, strlen(text), lease, out_digest,
                                    e);
}
