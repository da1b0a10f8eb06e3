#include "sign/bundle.h"

#include "blob/blob.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "crypto/key.h"
#include "t.h"

enum { LOGGED_AT_S = 1700000000, HASH = 32 };

#define MATERIAL "verificationMaterial.tlogEntries[0]."

static struct err e;

/* An instance of Sigstore in small: somebody with a key, and a log with one entry. */
struct world {
    struct arena *a;
    struct key *signer, *log;
    struct public_key *signer_public, *log_public;
    struct trust_root *root;
    struct value *bundle;
};

static struct public_key *public_of(struct key *k, struct arena *a)
{
    char *pem;
    struct public_key *p = NULL;
    T_RC(key_public_pem(k, a, &pem, &e), &e, "public half");
    T_RC(public_key_load(pem, strlen(pem), &p, &e), &e, "load it");
    return p;
}

static char *b64(struct arena *a, const void *p, size_t n)
{
    return base64_encode(a, p, n, BASE64_STD);
}

static struct octets signed_by(struct key *k, const char *text, struct arena *a)
{
    char *sig;
    size_t n;
    T_RC(key_sign(k, text, strlen(text), a, &sig, &n, &e), &e, "sign");
    return (struct octets){(unsigned char *)sig, n};
}

/* The log's identity: SHA-256 of its key. */
static struct octets log_id(struct world *w)
{
    unsigned char *id = arena_alloc(w->a, HASH);
    T_RC(public_key_hash(w->log_public, id, &e), &e, "identity");
    return (struct octets){id, HASH};
}

static void trust(struct world *w)
{
    struct octets der, id = log_id(w);
    T_RC(public_key_der(w->log_public, w->a, &der, &e), &e, "key");
    char *text = arena_printf(
        w->a,
        "{\"mediaType\":\"application/vnd.dev.sigstore.trustedroot+json;version=0.1\","
        "\"tlogs\":[{\"baseUrl\":\"https://log.test\",\"publicKey\":{\"rawBytes\":\"%s\","
        "\"validFor\":{\"start\":\"2020-01-01T00:00:00Z\"}},\"logId\":{\"keyId\":\"%s\"}}]}",
        b64(w->a, der.p, der.n), b64(w->a, id.p, id.n));
    T_RC(trust_root_read(text, strlen(text), w->a, &w->root, &e), &e, "trusted root");
}

/* What Rekor keeps: the hash, the signature, the key. */
static char *entry_body(struct world *w, struct octets artifact, struct octets sig)
{
    char *pem, digest[DIGEST_MAX];
    T_RC(key_public_pem(w->signer, w->a, &pem, &e), &e, "key");
    blob_digest_of(artifact.p, artifact.n, digest);
    return arena_printf(w->a,
                        "{\"apiVersion\":\"0.0.1\",\"kind\":\"hashedrekord\",\"spec\":{\"data\":"
                        "{\"hash\":{\"algorithm\":\"sha256\",\"value\":\"%s\"}},\"signature\":"
                        "{\"content\":\"%s\",\"publicKey\":{\"content\":\"%s\"}}}}",
                        strchr(digest, ':') + 1, b64(w->a, sig.p, sig.n),
                        b64(w->a, pem, strlen(pem)));
}

static char *checkpoint(struct world *w, const char *root)
{
    struct octets id = log_id(w);
    char *note = arena_printf(w->a, "log.test\n1\n%s\n", root);
    struct octets sig = signed_by(w->log, note, w->a);
    unsigned char *bytes = arena_alloc(w->a, sig.n + 4);
    memcpy(bytes, id.p, 4);
    memcpy(bytes + 4, sig.p, sig.n);
    return arena_printf(w->a, "%s\n\xe2\x80\x94 witness.test AAAAAAAA\n\xe2\x80\x94 log.test %s\n",
                        note, b64(w->a, bytes, sig.n + 4));
}

static char *leaf_hash(struct world *w, const char *body)
{
    char digest[DIGEST_MAX], *bytes;
    size_t n = strlen(body);
    char *leaf = arena_alloc(w->a, n + 2);
    memcpy(leaf + 1, body, n);
    blob_digest_of(leaf, n + 1, digest);
    T_RC(hex_decode(w->a, strchr(digest, ':') + 1, 64, &bytes, &n, &e), &e, "hash");
    return b64(w->a, bytes, n);
}

static void log_it(struct world *w, const char *body)
{
    struct octets id = log_id(w);
    char *body64 = b64(w->a, body, strlen(body)), *root = leaf_hash(w, body);
    char *promise = arena_printf(w->a,
                                 "{\"body\":\"%s\",\"integratedTime\":%d,\"logID\":\"%s\","
                                 "\"logIndex\":0}",
                                 body64, LOGGED_AT_S, hex_encode(w->a, id.p, id.n));
    struct octets set = signed_by(w->log, promise, w->a);
    struct value *list = value_make_array(w->a, w->bundle, "verificationMaterial.tlogEntries");
    struct value *t = value_push(w->a, list, value_new_object(w->a));
    (void)value_set_str(w->a, t, "logIndex", "0");
    (void)value_set_str(w->a, value_make_object(w->a, t, "logId"), "keyId", b64(w->a, id.p, id.n));
    struct value *kind = value_make_object(w->a, t, "kindVersion");
    (void)value_set_str(w->a, kind, "kind", "hashedrekord");
    (void)value_set_str(w->a, kind, "version", "0.0.1");
    (void)value_set(w->a, t, "integratedTime", value_new_strf(w->a, "%d", LOGGED_AT_S));
    (void)value_set_str(w->a, value_make_object(w->a, t, "inclusionPromise"),
                        "signedEntryTimestamp", b64(w->a, set.p, set.n));
    struct value *proof = value_make_object(w->a, t, "inclusionProof");
    (void)value_set_str(w->a, proof, "logIndex", "0");
    (void)value_set_str(w->a, proof, "rootHash", root);
    (void)value_set_str(w->a, proof, "treeSize", "1");
    (void)value_set_str(w->a, value_make_object(w->a, proof, "checkpoint"), "envelope",
                        checkpoint(w, root));
    (void)value_set_str(w->a, t, "canonicalizedBody", body64);
}

static const struct octets artifact = {(const unsigned char *)"an artifact", 11};

static void begin(struct world *w)
{
    *w = (struct world){.a = arena_new(0)};
    T_RC(key_generate(&w->signer, &e), &e, "key");
    T_RC(key_generate(&w->log, &e), &e, "the log's");
    w->signer_public = public_of(w->signer, w->a);
    w->log_public = public_of(w->log, w->a);
    trust(w);
    w->bundle = value_new_object(w->a);
    (void)value_set_str(w->a, w->bundle, "mediaType",
                        "application/vnd.dev.sigstore.bundle.v0.3+json");
    (void)value_set_str(w->a, value_make_object(w->a, w->bundle, "verificationMaterial.publicKey"),
                        "hint", "whose");
    struct octets sig = signed_by(w->signer, (const char *)artifact.p, w->a);
    log_it(w, entry_body(w, artifact, sig));
    (void)value_set_str(w->a, value_make_object(w->a, w->bundle, "messageSignature"), "signature",
                        b64(w->a, sig.p, sig.n));
}

static void end(struct world *w)
{
    public_key_free(w->signer_public);
    public_key_free(w->log_public);
    key_free(w->signer);
    key_free(w->log);
    arena_free(w->a);
}

static int judge(struct world *w, const struct bundle_policy *p, struct bundle_verdict *v)
{
    struct bundle *b;
    const struct bundle_artifact what = {.bytes = artifact};
    char *text = json_text(w->a, w->bundle, 0);
    int r = bundle_read(text, strlen(text), w->a, &b, &e);
    return r < 0 ? r : bundle_verify(b, &what, p, w->a, v, &e);
}

static void holds(void)
{
    struct world w;
    struct bundle_verdict v = {0};
    begin(&w);
    struct bundle_policy p = {.root = w.root, .key = w.signer_public};
    T_RC(judge(&w, &p, &v), &e, "as it was made");
    T_OK(v.at_ms == LOGGED_AT_S * 1000LL, "the log's time");
    p.key = w.log_public;
    T_EQ_INT(judge(&w, &p, &v), ERR_DENIED, "another key");
    p.key = NULL;
    T_EQ_INT(judge(&w, &p, &v), ERR_DENIED, "no key and no certificate");
    p = (struct bundle_policy){.key = w.signer_public, .without_log = true};
    T_RC(judge(&w, &p, &v), &e, "without a trusted root");
    T_OK(v.at_ms == INT64_MIN, "nobody's time");
    p.without_log = false;
    T_EQ_INT(judge(&w, &p, &v), ERR_INVALID, "a log that nobody can check");
    end(&w);
}

/* One thing is changed, and the reason names it. */
static void refuses(void)
{
    static const struct {
        const char *path, *text, *says;
    } cases[] = {
        {"mediaType",                                      "application/vnd.dev.sigstore.bundle+json;version=0.4", "no version"                },
        {"messageSignature.signature",                     "AAAA",                                                 "is not this key's"         },
        {MATERIAL "logIndex",                              "-1",                                                   "negative"                  },
        {MATERIAL "logIndex",                              "1",                                                    "promise"                   },
        {MATERIAL "integratedTime",                        "1700000001",                                           "promise"                   },
        {MATERIAL "logId.keyId",                           "AAAA",                                                 "no log of the trusted root"},
        {MATERIAL "kindVersion.version",                   "0.0.2",                                                "another kind"              },
        {MATERIAL "canonicalizedBody",                     "e30=",                                                 "promise"                   },
        {MATERIAL "inclusionPromise.signedEntryTimestamp", "AAAA",                                                 "promise"                   },
        {MATERIAL "inclusionProof.rootHash",               "AAAA",                                                 "another tree"              },
        {MATERIAL "inclusionProof.treeSize",               "2",                                                    "another tree"              },
        {MATERIAL "inclusionProof.logIndex",               "1",                                                    "does not lead"             },
        {MATERIAL "inclusionProof.checkpoint.envelope",    "log.test\n",                                           "lacks its origin"          },
        {MATERIAL "inclusionProof.checkpoint.envelope",    "a\nb\nc\n\n",                                          "no size"                   },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world w;
        struct bundle_verdict v;
        begin(&w);
        struct bundle_policy p = {.root = w.root, .key = w.signer_public};
        struct value *at = value_at_mut(w.bundle, cases[i].path);
        T_OK(at != NULL, cases[i].path);
        *at = *value_new_str(w.a, cases[i].text);
        T_OK(judge(&w, &p, &v) < 0, cases[i].path);
        T_OK(strstr(e.msg, cases[i].says) != NULL, e.msg);
        end(&w);
    }
}

static void knows_its_fields(void)
{
    struct world w;
    struct bundle_verdict v;
    begin(&w);
    const struct bundle_policy p = {.root = w.root, .key = w.signer_public};
    struct value *material = value_at_mut(w.bundle, "verificationMaterial");
    (void)value_set(w.a, material, "certificate", value_null(w.a));
    T_RC(judge(&w, &p, &v), &e, "null is absent");
    (void)value_set_str(w.a, material, "surprise", "x");
    T_EQ_INT(judge(&w, &p, &v), ERR_INVALID, "a field that nobody knows");
    (void)value_remove(material, "surprise");
    struct value *list = value_at_mut(w.bundle, "verificationMaterial.tlogEntries");
    (void)value_push(w.a, list, value_copy(w.a, value_item(list, 0)));
    T_EQ_INT(judge(&w, &p, &v), ERR_INVALID, "an entry that stands twice");
    value_remove_at(list, 1);
    value_remove_at(list, 0);
    T_EQ_INT(judge(&w, &p, &v), ERR_DENIED, "no entry at all");
    end(&w);
}

static void has_a_public_root(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct trust_root *root = NULL;
    T_RC(trust_root_public(a, &root, &e), &e, "it is read");
    T_OK(root->n_logs && root->n_certificate_logs && root->n_authorities && root->n_timestampers,
         "and has everybody");
    T_EQ_INT(trust_root_read("{}", 2, a, &root, &e), ERR_INVALID, "no trusted root");
}

T_MAIN(holds, refuses, knows_its_fields, has_a_public_root)
