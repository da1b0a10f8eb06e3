/* store.c - putting signatures into a repository. */
#include <stdio.h>
#include <string.h>

#include "codec/json.h"
#include "crypto/key.h"
#include "oci/media.h"
#include "sign/message_int.h"
#include "sign/sign_int.h"

char *sign__tag(const char *digest, const char *suffix, struct arena *a)
{
    char *tag = arena_printf(a, "%s.%s", digest, suffix);
    *strchr(tag, ':') = '-';
    return tag;
}

char *sign_payload(const char *name, const char *digest, const struct value *annotations,
                    struct arena *a)
{
    struct value *p = value_new_object(a);
    struct value *critical = value_make_object(a, p, "critical");
    (void)value_set_str(a, value_make_object(a, critical, "identity"), "docker-reference", name);
    (void)value_set_str(a, value_make_object(a, critical, "image"), "docker-manifest-digest",
                        digest);
    (void)value_set_str(a, critical, "type", "cosign container image signature");
    (void)value_set(a, p, "optional", annotations ? annotations : value_null(a));
    return json_text(a, p, 0);
}

static struct value *descriptor(struct arena *a, const char *type, const char *digest, size_t size)
{
    struct value *d = value_new_object(a);
    (void)value_set_str(a, d, "mediaType", type);
    (void)value_set_int(a, d, "size", (int64_t)size);
    (void)value_set_str(a, d, "digest", digest);
    return d;
}

/* A configuration that names the layers, so that image tools can read the result. */
static char *config_of(const struct value *layers, struct arena *a)
{
    struct value *c = value_new_object(a), *ids = value_make_array(a, c, "rootfs.diff_ids");
    (void)value_set_str(a, c, "architecture", "");
    (void)value_set_str(a, c, "os", "");
    (void)value_set_str(a, value_get_mut(c, "rootfs"), "type", "layers");
    (void)value_set(a, c, "config", value_new_object(a));
    VALUE_EACH_ITEM (l, layers)
        (void)value_push_str(a, ids, value_at_str(l, "digest", ""));
    return json_text(a, c, 0);
}

/* The key's own earlier signature over the same: signing again replaces it, others' stay. */
static bool is_same(const struct value *had, const struct value *layer, const char *bytes,
                    struct public_key *own, struct arena *a)
{
    struct octets sig;
    if (strcmp(value_at_str(had, "digest", ""), value_at_str(layer, "digest", "")) != 0)
        return false;
    const struct value *text = value_get(value_get(had, "annotations"), SIGNATURE_KEY);
    return value_count(text) == 0 ||
           (message__octets(text, "signature", a, &sig, NULL) == 0 &&
            public_key_verify(own, bytes, strlen(bytes), sig.p, sig.n, NULL) == 0);
}

static int add_layer(struct value *layers, const struct value *layer, const char *bytes,
                     struct key *k, struct arena *a, struct err *e)
{
    AUTO(public_key) struct public_key *own = NULL;
    int r = key_public_half(k, &own, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < value_count(layers); i++)
        if (is_same(&layers->items[i], layer, bytes, own, a)) {
            layers->items[i] = *layer;
            return 0;
        }
    (void)value_push(a, layers, layer);
    return 0;
}

/* The layers that the tag has now. */
static int layers_of(struct sign_place *p, const char *tag, struct arena *a, struct value **out,
                     struct err *e)
{
    struct sign_manifest had;
    int r = p->ops->manifest(p, tag, a, &had, e);
    if (r < 0 && r != ERR_NOT_FOUND)
        return r;
    const struct value *layers = r == 0 ? value_get(had.doc, "layers") : NULL;
    *out = layers ? value_copy(a, layers) : value_new_array(a);
    return 0;
}

static int put(struct sign_place *p, const char *type, const char *bytes, struct arena *a,
               struct value **out, struct err *e)
{
    char digest[DIGEST_MAX];
    blob_digest_of(bytes, strlen(bytes), digest);
    *out = descriptor(a, type, digest, strlen(bytes));
    return p->ops->put_blob(p, digest, bytes, strlen(bytes), e);
}

static struct value *manifest_of(const struct value *config, const struct value *layers,
                                 struct arena *a)
{
    struct value *m = value_new_object(a);
    (void)value_set_int(a, m, "schemaVersion", 2);
    (void)value_set_str(a, m, "mediaType", MEDIA_OCI_MANIFEST);
    (void)value_set(a, m, "config", config);
    (void)value_set(a, m, "layers", layers);
    return m;
}

static int put_manifest(struct sign_place *p, const struct value *m, const char *tag,
                        struct arena *a, char out[DIGEST_MAX], struct err *e)
{
    char *text = json_text(a, m, 0), digest[DIGEST_MAX];
    blob_digest_of(text, strlen(text), digest);
    int r = p->ops->put_manifest(p, text, strlen(text), tag, digest, e);
    if (r == 0)
        (void)snprintf(out, DIGEST_MAX, "%s", digest);
    return r;
}

/* A manifest of its own with a subject. */
static int refer(struct sign_place *p, const struct sign_request *q, const struct sign_layer *l,
                 const struct value *layer, struct arena *a, char out[DIGEST_MAX], struct err *e)
{
    struct sign_manifest image;
    struct value *config, *layers = value_new_array(a);
    bool bundle = q->form == SIGN_BUNDLE;
    const char *artifact =
        bundle ? BUNDLE_LAYER : arena_printf(a, COSIGN_ARTIFACT "%s.v1+json", l->suffix);
    int r = p->ops->manifest(p, q->digest, a, &image, e);
    (void)value_push(a, layers, layer);
    if (r == 0)
        r = put(p, bundle ? MEDIA_OCI_EMPTY : artifact, bundle ? "{}" : config_of(layers, a), a,
                &config, e);
    if (r < 0)
        return r;
    struct value *m = manifest_of(config, layers, a);
    (void)value_set_str(a, m, "artifactType", artifact);
    (void)value_set(a, m, "subject", descriptor(a, image.media_type, q->digest, image.size));
    if (l->annotations && bundle)
        (void)value_set(a, m, "annotations", l->annotations);
    return put_manifest(p, m, NULL, a, out, e);
}

int sign__store(struct sign_place *p, const struct sign_request *q, const struct sign_layer *l,
                struct arena *a, char out[DIGEST_MAX], struct err *e)
{
    struct value *layer, *layers, *config;
    int r = put(p, l->type, l->bytes, a, &layer, e);
    if (r < 0)
        return r;
    if (l->annotations && q->form != SIGN_BUNDLE)
        (void)value_set(a, layer, "annotations", l->annotations);
    if (q->form != SIGN_TAG)
        return refer(p, q, l, layer, a, out, e);
    const char *tag = sign__tag(q->digest, l->suffix, a);
    r = layers_of(p, tag, a, &layers, e);
    if (r < 0)
        return r;
    r = add_layer(layers, layer, l->bytes, q->key, a, e);
    if (r == 0)
        r = put(p, MEDIA_OCI_CONFIG, config_of(layers, a), a, &config, e);
    return r < 0 ? r : put_manifest(p, manifest_of(config, layers, a), tag, a, out, e);
}
