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

static void signs(void)
{
    struct world w = {0};
    char first[DIGEST_MAX], second[DIGEST_MAX];
    begin(&w);
    T_EQ_INT(sign_verify(w.images, "shop/app", w.digest, w.our_public, &e), ERR_NOT_FOUND,
             "nobody signed");
    T_RC(sign_image(w.images, "shop/app", "registry/shop/app", w.digest, w.theirs, first, &e), &e,
         "they sign");
    T_EQ_INT(sign_verify(w.images, "shop/app", w.digest, w.our_public, &e), ERR_DENIED,
             "others' only");
    T_RC(sign_image(w.images, "shop/app", "registry/shop/app", w.digest, w.ours, second, &e), &e,
         "we sign");
    T_RC(sign_verify(w.images, "shop/app", w.digest, w.our_public, &e), &e, "ours");
    T_EQ_INT(sign_image(w.images, "shop/app", "x", "sha256:nope", w.ours, first, &e), ERR_INVALID,
             "no digest");
    end(&w);
}

static void attests(void)
{
    struct world w = {0};
    char out[DIGEST_MAX];
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
    T_RC(sign_attest(w.images, "shop/app", w.digest, statement, w.ours, out, &e), &e, "attest");
    T_RC(sign_find_attestation(w.images, "shop/app", w.digest, SLSA_PROVENANCE_V1, w.our_public,
                               w.arena, &back, &e),
         &e, "find");
    T_OK(back && value_equal(back, statement), "the same statement");
    T_EQ_INT(sign_find_attestation(w.images, "shop/app", w.digest, SLSA_PROVENANCE_V1,
                                   w.their_public, w.arena, &back, &e),
             ERR_NOT_FOUND, "not theirs");
    T_EQ_INT(sign_find_attestation(w.images, "shop/app", w.digest, "https://other", w.our_public,
                                   w.arena, &back, &e),
             ERR_NOT_FOUND, "another type");
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

T_MAIN(signs, attests, envelopes_hold)
