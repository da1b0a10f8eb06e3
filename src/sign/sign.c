#include "sign/sign.h"

#include <string.h>

#include "codec/base64.h"
#include "codec/json.h"
#include "oci/media.h"
#include "sign/dsse.h"

#define SIMPLE_SIGNING "application/vnd.dev.cosign.simplesigning.v1+json"
#define DSSE_LAYER     "application/vnd.dsse.envelope.v1+json"
#define SIGNATURE_KEY  "dev.cosignproject.cosign/signature"

enum { DOCUMENT_MAX = 4 << 20 };

/* "slipway.local/REPOSITORY:sha256-HEX.sig" */
static char *tag_of(const char *repository, const char *digest, const char *suffix, struct arena *a)
{
    char *tag = arena_printf(a, IMAGES_LOCAL_HOST "/%s:%s.%s", repository, digest, suffix);
    *strrchr(tag, ':') = '-'; /* the digest's own colon */
    return tag;
}

static struct value *descriptor(struct arena *a, const char *type, const char *digest, size_t size)
{
    struct value *d = value_new_object(a);
    (void)value_set_str(a, d, "mediaType", type);
    (void)value_set_int(a, d, "size", (int64_t)size);
    (void)value_set_str(a, d, "digest", digest);
    return d;
}

/* The layers that the tag has now; an empty array when there is no such tag. */
static struct value *layers_of(struct image_store *s, const char *tag, struct arena *a)
{
    struct image had;
    const struct value *layers = NULL;
    if (image_store_find(s, tag, a, &had, NULL) == 0)
        layers = value_get(had.manifest, "layers");
    return layers ? value_copy(a, layers) : value_new_array(a);
}

/* A configuration that names the layers, so that image tools can read the result. */
static int put_config(struct image_store *s, const struct value *layers, struct arena *a,
                      struct value **out, struct err *e)
{
    struct value *c = value_new_object(a), *ids = value_make_array(a, c, "rootfs.diff_ids");
    (void)value_set_str(a, c, "architecture", "");
    (void)value_set_str(a, c, "os", "");
    (void)value_set_str(a, value_get_mut(c, "rootfs"), "type", "layers");
    (void)value_set(a, c, "config", value_new_object(a));
    VALUE_EACH_ITEM(l, layers)
    (void)value_push_str(a, ids, value_at_str(l, "digest", ""));
    char digest[DIGEST_MAX], *text = json_text(a, c, 0);
    int r = blob_put(image_store_blobs(s), text, strlen(text), digest, e);
    if (r == 0)
        *out = descriptor(a, MEDIA_OCI_CONFIG, digest, strlen(text));
    return r;
}

static int store_layers(struct image_store *s, const char *tag, const struct value *layers,
                        struct arena *a, char out[DIGEST_MAX], struct err *e)
{
    struct value *config, *m = value_new_object(a);
    int r = put_config(s, layers, a, &config, e);
    if (r < 0)
        return r;
    (void)value_set_int(a, m, "schemaVersion", 2);
    (void)value_set_str(a, m, "mediaType", MEDIA_OCI_MANIFEST);
    (void)value_set(a, m, "config", config);
    (void)value_set(a, m, "layers", layers);
    char *text = json_text(a, m, 0);
    r = image_store_put_manifest(s, MEDIA_OCI_MANIFEST, text, strlen(text), tag, out, e);
    if (r == 0)
        r = image_store_tag(s, tag, out, e);
    return r < 0 ? r : image_store_unlease(s, tag, e);
}

/* Adds `layer` unless one with its digest is there, which then gets its annotations. */
static void add_layer(struct arena *a, struct value *layers, const struct value *layer)
{
    const char *digest = value_at_str(layer, "digest", "");
    for (size_t i = 0; i < value_count(layers); i++)
        if (strcmp(value_at_str(&layers->items[i], "digest", ""), digest) == 0) {
            layers->items[i] = *layer;
            return;
        }
    (void)value_push(a, layers, layer);
}

static char *payload_of(const char *name, const char *digest, struct arena *a)
{
    struct value *p = value_new_object(a);
    struct value *critical = value_make_object(a, p, "critical");
    (void)value_set_str(a, value_make_object(a, critical, "identity"), "docker-reference", name);
    (void)value_set_str(a, value_make_object(a, critical, "image"), "docker-manifest-digest",
                        digest);
    (void)value_set_str(a, critical, "type", "cosign container image signature");
    (void)value_set(a, p, "optional", value_null(a));
    return json_text(a, p, 0);
}

/* A key's own public half, to read back what was just stored. */
static int public_half(struct key *k, struct arena *a, struct public_key **out, struct err *e)
{
    char *pem;
    int r = key_public_pem(k, a, &pem, e);
    return r < 0 ? r : public_key_load(pem, strlen(pem), out, e);
}

int sign_image(struct image_store *s, const char *repository, const char *name, const char *digest,
               struct key *k, char out[DIGEST_MAX], struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(DOCUMENT_MAX);
    AUTO(public_key) struct public_key *check = NULL;
    int r = blob_digest_check(digest, e);
    if (r < 0)
        return r;
    char *payload = payload_of(name, digest, a), *sig, payload_digest[DIGEST_MAX];
    size_t n = strlen(payload), sig_n;
    r = key_sign(k, payload, n, a, &sig, &sig_n, e);
    if (r == 0)
        r = blob_put(image_store_blobs(s), payload, n, payload_digest, e);
    if (r < 0)
        return err_wrap(e, r, "sign %s@%s", name, digest);
    char *tag = tag_of(repository, digest, "sig", a);
    struct value *layers = layers_of(s, tag, a);
    struct value *layer = descriptor(a, SIMPLE_SIGNING, payload_digest, n);
    (void)value_set_str(a, value_make_object(a, layer, "annotations"), SIGNATURE_KEY,
                        base64_encode(a, sig, sig_n, BASE64_STD));
    add_layer(a, layers, layer);
    r = store_layers(s, tag, layers, a, out, e);
    if (r == 0)
        r = public_half(k, a, &check, e);
    if (r == 0)
        r = sign_verify(s, repository, digest, check, e);
    return r < 0 ? err_wrap(e, r, "sign %s@%s", name, digest) : 0;
}

static int read_layer(struct image_store *s, const struct value *layer, struct arena *a, char **out,
                      size_t *n, struct err *e)
{
    return blob_read(image_store_blobs(s), value_at_str(layer, "digest", ""), DOCUMENT_MAX, a, out,
                     n, e);
}

static int verify_layer(struct image_store *s, const struct value *layer, const char *digest,
                        struct public_key *k, struct arena *a, struct err *e)
{
    const char *text = value_str(value_get(value_get(layer, "annotations"), SIGNATURE_KEY), "");
    char *payload, *sig;
    size_t n, sig_n;
    struct value *p;
    int r = read_layer(s, layer, a, &payload, &n, e);
    if (r == 0)
        r = base64_decode(a, text, strlen(text), BASE64_STD, &sig, &sig_n, e);
    if (r == 0)
        r = public_key_verify(k, payload, n, sig, sig_n, e);
    if (r == 0)
        r = json_parse(a, payload, n, 0, &p, e);
    if (r < 0)
        return r;
    const char *named = value_at_str(value_at(p, "critical.image"), "docker-manifest-digest", "");
    if (strcmp(named, digest) != 0)
        return err_set(e, ERR_DENIED, "the signature is over %s, not %s", named, digest);
    return 0;
}

int sign_verify(struct image_store *s, const char *repository, const char *digest,
                struct public_key *k, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(DOCUMENT_MAX);
    int r = blob_digest_check(digest, e);
    if (r < 0)
        return r;
    struct value *layers = layers_of(s, tag_of(repository, digest, "sig", a), a);
    if (value_count(layers) == 0)
        return err_set(e, ERR_NOT_FOUND, "%s@%s has no signature", repository, digest);
    VALUE_EACH_ITEM(l, layers)
    if (verify_layer(s, l, digest, k, a, e) == 0)
        return 0;
    return err_set(e, ERR_DENIED, "no signature of %s@%s is by the trusted key", repository,
                   digest);
}

int sign_attest(struct image_store *s, const char *repository, const char *digest,
                const struct value *statement, struct key *k, char out[DIGEST_MAX], struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(DOCUMENT_MAX);
    AUTO(public_key) struct public_key *check = NULL;
    int r = blob_digest_check(digest, e);
    if (r < 0)
        return r;
    char *payload = json_text(a, statement, 0), envelope_digest[DIGEST_MAX];
    struct value *envelope, *back;
    r = dsse_sign(k, DSSE_IN_TOTO, payload, strlen(payload), a, &envelope, e);
    if (r < 0)
        return r;
    char *text = json_text(a, envelope, 0);
    r = blob_put(image_store_blobs(s), text, strlen(text), envelope_digest, e);
    if (r < 0)
        return r;
    const char *type = value_at_str(statement, "predicateType", "");
    char *tag = tag_of(repository, digest, "att", a);
    struct value *layers = layers_of(s, tag, a);
    struct value *layer = descriptor(a, DSSE_LAYER, envelope_digest, strlen(text));
    struct value *notes = value_make_object(a, layer, "annotations");
    (void)value_set_str(a, notes, SIGNATURE_KEY, "");
    (void)value_set_str(a, notes, "predicateType", type);
    add_layer(a, layers, layer);
    r = store_layers(s, tag, layers, a, out, e);
    if (r == 0)
        r = public_half(k, a, &check, e);
    if (r == 0)
        r = sign_find_attestation(s, repository, digest, type, check, a, &back, e);
    return r < 0 ? err_wrap(e, r, "attest %s@%s", repository, digest) : 0;
}

static bool has_subject(const struct value *statement, const char *digest)
{
    const char *hex = strchr(digest, ':') + 1;
    VALUE_EACH_ITEM(subject, value_get(statement, "subject"))
    if (strcmp(value_at_str(subject, "digest.sha256", ""), hex) == 0)
        return true;
    return false;
}

static int open_attestation(struct image_store *s, const struct value *layer,
                            const char *predicate_type, struct public_key *k, struct arena *a,
                            struct value **out, struct err *e)
{
    char *text, *payload;
    size_t n, payload_n;
    struct value *envelope, *statement;
    int r = read_layer(s, layer, a, &text, &n, e);
    if (r == 0)
        r = json_parse(a, text, n, 0, &envelope, e);
    if (r == 0)
        r = dsse_verify(envelope, k, a, &payload, &payload_n, e);
    if (r == 0)
        r = json_parse(a, payload, payload_n, 0, &statement, e);
    if (r < 0)
        return r;
    if (strcmp(value_at_str(statement, "predicateType", ""), predicate_type) != 0)
        return ERR_NOT_FOUND;
    *out = statement;
    return 0;
}

int sign_find_attestation(struct image_store *s, const char *repository, const char *digest,
                          const char *predicate_type, struct public_key *k, struct arena *a,
                          struct value **out, struct err *e)
{
    int r = blob_digest_check(digest, e);
    if (r < 0)
        return r;
    struct value *layers = layers_of(s, tag_of(repository, digest, "att", a), a), *found = NULL,
                 *st;
    VALUE_EACH_ITEM(l, layers)
    if (open_attestation(s, l, predicate_type, k, a, &st, e) == 0 && has_subject(st, digest))
        found = st;
    if (!found)
        return err_set(e, ERR_NOT_FOUND, "%s@%s has no attestation %s by the trusted key",
                       repository, digest, predicate_type);
    *out = found;
    return 0;
}
