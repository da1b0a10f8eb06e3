#include "sign/sign.h"

#include "base/fs.h"
#include "codec/json.h"
#include "oci/bootstrap.h"
#include "sign/dsse.h"
#include "sign/provenance.h"
#include "t.h"

static struct err e;

struct world {
    char dir[64];
    struct arena *arena;
    struct image_store *images;
    struct key *ours, *theirs;
    struct public_key *our_public, *their_public;
    char digest[DIGEST_MAX];
};

static struct public_key *public_of(struct key *k, struct arena *a)
{
    char *pem;
    struct public_key *p = NULL;
    T_RC(key_public_pem(k, a, &pem, &e), &e, "public half");
    T_RC(public_key_load(pem, strlen(pem), &p, &e), &e, "load it");
    return p;
}

static void begin(struct world *w)
{
    (void)snprintf(w->dir, sizeof w->dir, "/tmp/slipway-sign-XXXXXX");
    T_OK(mkdtemp(w->dir), "mkdtemp");
    w->arena = arena_new(0);
    struct image_store_opts o = {.folder = w->dir};
    T_RC(image_store_open(&o, &w->images, &e), &e, "store");
    T_RC(key_generate(&w->ours, &e), &e, "key");
    T_RC(key_generate(&w->theirs, &e), &e, "another");
    w->our_public = public_of(w->ours, w->arena);
    w->their_public = public_of(w->theirs, w->arena);
    /* Anything with a digest can be signed: a manifest without layers will do. */
    struct value *config = value_new_object(w->arena);
    T_RC(image_store_assemble(w->images, w->arena, config, NULL, 0, NULL, "test", w->digest, &e),
         &e, "image");
    T_RC(image_store_tag(w->images, "slipway.local/shop/app:1", w->digest, &e), &e, "tag");
}

static void end(struct world *w)
{
    public_key_free(w->our_public);
    public_key_free(w->their_public);
    key_free(w->ours);
    key_free(w->theirs);
    image_store_free(w->images);
    T_RC(fs_remove_tree(w->dir, &e), &e, "clean up");
    arena_free(w->arena);
}

static int verify(struct world *w, struct public_key *k)
{
    const struct bundle_policy policy = {.key = k, .without_log = true};
    struct sign_local at = sign_local(w->images, "shop/app");
    struct value *found;
    return sign_verify(&at.place, w->digest, &policy, w->arena, &found, &e);
}

static int sign_as(struct world *w, struct key *k, enum sign_form form, const struct value *says)
{
    char out[DIGEST_MAX];
    struct sign_local at = sign_local(w->images, "shop/app");
    const struct sign_request q = {.name = "registry/shop/app",
                                   .digest = w->digest,
                                   .key = k,
                                   .form = form,
                                   .statement = says};
    return sign_image(&at.place, &q, out, &e);
}

static void signs(void)
{
    for (enum sign_form form = SIGN_TAG; form <= SIGN_BUNDLE; form++) {
        struct world w = {0};
        begin(&w);
        T_EQ_INT(verify(&w, w.our_public), ERR_NOT_FOUND, "nobody signed");
        T_RC(sign_as(&w, w.theirs, form, NULL), &e, "they sign");
        T_EQ_INT(verify(&w, w.our_public), ERR_DENIED, "others' only");
        T_RC(sign_as(&w, w.ours, form, NULL), &e, "we sign");
        T_RC(verify(&w, w.our_public), &e, "ours");
        T_RC(verify(&w, w.their_public), &e, "and theirs still");
        w.digest[10] = w.digest[10] == 'a' ? 'b' : 'a';
        T_EQ_INT(verify(&w, w.our_public), ERR_NOT_FOUND, "another image");
        (void)snprintf(w.digest, sizeof w.digest, "sha256:nope");
        T_EQ_INT(sign_as(&w, w.ours, form, NULL), ERR_INVALID, "no digest");
        end(&w);
    }
}

static void looks_at_annotations(enum sign_form form)
{
    struct world w = {0};
    struct value *found = NULL;
    char out[DIGEST_MAX];
    begin(&w);
    struct sign_local at = sign_local(w.images, "shop/app");
    struct value *notes = value_new_object(w.arena);
    (void)value_set_str(w.arena, notes, "stage", "tested");
    const struct sign_request q = {.name = "r/shop/app",
                                   .digest = w.digest,
                                   .key = w.ours,
                                   .form = form,
                                   .annotations = notes};
    T_RC(sign_image(&at.place, &q, out, &e), &e, "sign");
    struct bundle_policy policy = {
        .key = w.our_public, .without_log = true, .annotations = value_copy(w.arena, notes)};
    T_RC(sign_verify(&at.place, w.digest, &policy, w.arena, &found, &e), &e, "as it says");
    T_EQ_STR(value_at_str(found,
                          form == SIGN_BUNDLE ? "[0].payload.subject[0].annotations.stage"
                                              : "[0].payload.optional.stage",
                          ""),
             "tested", "and it is told");
    (void)value_set_str(w.arena, notes, "stage", "not");
    policy.annotations = notes;
    T_EQ_INT(sign_verify(&at.place, w.digest, &policy, w.arena, &found, &e), ERR_DENIED,
             "something else");
    end(&w);
}

static void looks_at_all_annotations(void)
{
    for (enum sign_form form = SIGN_TAG; form <= SIGN_BUNDLE; form++)
        looks_at_annotations(form);
}

static int attested(struct world *w, struct public_key *k, const char *type, struct value **out)
{
    const struct bundle_policy policy = {.key = k, .without_log = true};
    struct sign_local at = sign_local(w->images, "shop/app");
    return sign_verify_attestations(&at.place, w->digest, type, &policy, w->arena, out, &e);
}

static void attests(void)
{
    for (enum sign_form form = SIGN_TAG; form <= SIGN_BUNDLE; form++) {
        struct world w = {0};
        struct value *back = NULL;
        begin(&w);
        struct provenance p = {.name = "registry/shop/app",
                               .digest = w.digest,
                               .builder = "https://example/b",
                               .run = "ci/run-1",
                               .pipeline = "shop",
                               .repository_url = "http://git/shop",
                               .commit = "0123456789012345678901234567890123456789",
                               .ref = "refs/heads/main"};
        struct value *statement = provenance_statement(&p, w.arena);
        T_RC(sign_as(&w, w.ours, form, statement), &e, "attest");
        T_RC(attested(&w, w.our_public, SLSA_PROVENANCE_V1, &back), &e, "find");
        T_OK(back && value_equal(value_at(back, "[0].payload"), statement), "the same statement");
        T_OK(attested(&w, w.their_public, SLSA_PROVENANCE_V1, &back) == ERR_DENIED, "not theirs");
        T_EQ_INT(attested(&w, w.our_public, "https://other", &back), ERR_NOT_FOUND, "another type");
        T_EQ_INT(verify(&w, w.our_public), ERR_NOT_FOUND, "it is no signature");
        end(&w);
    }
}

/* Puts the layer where attestations lie. */
static void plant(struct world *w, struct value *layer)
{
    struct sign_local at = sign_local(w->images, "shop/app");
    struct sign_place *p = &at.place;
    struct sign_manifest m;
    char digest[DIGEST_MAX];
    char *tag = arena_printf(w->arena, "%s.sig", w->digest);
    *strchr(tag, ':') = '-';
    T_RC(p->ops->manifest(p, tag, w->arena, &m, &e), &e, "the signature");
    struct value *doc = value_copy(w->arena, m.doc);
    if (layer)
        (void)value_push(w->arena, value_set(w->arena, doc, "layers", value_new_array(w->arena)),
                         layer);
    char *json = json_text(w->arena, doc, 0);
    blob_digest_of(json, strlen(json), digest);
    (void)memcpy(strrchr(tag, '.'), ".att", 4);
    T_RC(p->ops->put_manifest(p, json, strlen(json), tag, digest, &e), &e, "plant");
}

/* Whoever may push may copy a signature; it attests nothing. */
static void signatures_attest_nothing(void)
{
    struct world w = {0};
    struct value *found = NULL, *bundle = NULL;
    char digest[DIGEST_MAX];
    char *manifest;
    size_t n;
    begin(&w);
    struct sign_local at = sign_local(w.images, "shop/app");
    T_RC(sign_as(&w, w.ours, SIGN_TAG, NULL), &e, "sign");
    plant(&w, NULL);
    T_EQ_INT(attested(&w, w.our_public, SLSA_PROVENANCE_V1, &found), ERR_DENIED, "copied");
    T_RC(blob_read(image_store_blobs(w.images), w.digest, 1 << 20, w.arena, &manifest, &n, &e), &e,
         "manifest");
    const struct octets bytes = {(unsigned char *)manifest, n};
    T_RC(sign_make_bundle(w.ours, bytes, NULL, w.arena, &bundle, &e), &e, "a bundle over it");
    char *json = json_text(w.arena, bundle, 0);
    blob_digest_of(json, strlen(json), digest);
    T_RC(at.place.ops->put_blob(&at.place, digest, json, strlen(json), &e), &e, "blob");
    struct value *layer = value_new_object(w.arena);
    (void)value_set_str(w.arena, layer, "mediaType",
                        "application/vnd.dev.sigstore.bundle.v0.3+json");
    (void)value_set_int(w.arena, layer, "size", (int64_t)strlen(json));
    (void)value_set_str(w.arena, layer, "digest", digest);
    plant(&w, layer);
    T_EQ_INT(attested(&w, w.our_public, SLSA_PROVENANCE_V1, &found), ERR_DENIED, "bundled");
    end(&w);
}

static void envelopes_hold(void)
{
    struct world w = {0};
    char *payload;
    size_t n;
    struct value *envelope = NULL;
    begin(&w);
    T_RC(dsse_sign(w.ours, DSSE_IN_TOTO, "{}", 2, w.arena, &envelope, &e), &e, "sign");
    T_RC(dsse_verify(envelope, w.our_public, w.arena, &payload, &n, &e), &e, "verify");
    T_EQ_STR(payload, "{}", "payload");
    (void)value_set_str(w.arena, envelope, "payloadType", "text/plain");
    T_EQ_INT(dsse_verify(envelope, w.our_public, w.arena, &payload, &n, &e), ERR_DENIED,
             "the type is signed, too");
    T_EQ_INT(dsse_verify(value_new_object(w.arena), w.our_public, w.arena, &payload, &n, &e),
             ERR_INVALID, "no envelope");
    end(&w);
}

T_MAIN(signs, looks_at_all_annotations, attests, signatures_attest_nothing, envelopes_hold)
