/* bundle_body.c - whether an entry of Rekor is about this signature. Its kinds differ in what they
 * keep: hashes of what was signed, signatures, and who made them. */
#include <gnutls/crypto.h>
#include <string.h>

#include "codec/base64.h"
#include "codec/json.h"
#include "sign/bundle_int.h"
#include "sign/message_int.h"

static int mismatch(struct err *e, const char *what)
{
    return err_set(e, ERR_DENIED, "the log's entry is about another %s", what);
}

bool bundle__hash(size_t size, struct octets of, unsigned char out[64])
{
    gnutls_digest_algorithm_t how = size == 32   ? GNUTLS_DIG_SHA256
                                    : size == 48 ? GNUTLS_DIG_SHA384
                                                 : GNUTLS_DIG_SHA512;
    return (size == 32 || size == 48 || size == 64) && gnutls_hash_fast(how, of.p, of.n, out) >= 0;
}

static size_t size_of(const char *algorithm)
{
    static const struct {
        const char *name;
        size_t size;
    } names[] = {
        {"sha256",   32},
        {"SHA2_256", 32},
        {"sha384",   48},
        {"SHA2_384", 48},
        {"sha512",   64},
        {"SHA2_512", 64},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i].name, algorithm) == 0)
            return names[i].size;
    return 0;
}

static bool hash_matches(const char *algorithm, struct octets want, struct octets of)
{
    unsigned char hash[64];
    size_t n = size_of(algorithm);
    return n && bundle__hash(n, of, hash) && octets_equal(want, (struct octets){hash, n});
}

bool bundle__hash_is(const char *algorithm, struct octets want, const struct bundle_claim *claim)
{
    if (claim->hash.n)
        return size_of(algorithm) == claim->hash.n && octets_equal(want, claim->hash);
    return hash_matches(algorithm, want, claim->message);
}

/* {"algorithm": "sha256", "value": "<hex>"} */
static int read_hex(const struct value *v, struct arena *a, struct octets *out, struct err *e)
{
    char *bytes;
    const char *text = value_at_str(v, "value", "");
    int r = hex_decode(a, text, strlen(text), &bytes, &out->n, e);
    if (r == 0)
        out->p = (unsigned char *)bytes;
    return r;
}

/* Base64 of PEM: a certificate or a key. */
static bool is_signer_pem(const struct value *v, const struct bundle_claim *claim, struct arena *a)
{
    struct octets pem, der;
    size_t n;
    return message__octets(v, "verifier", a, &pem, NULL) == 0 &&
           pem_read((const char *)pem.p, pem.n, a, &der, 1, &n, NULL) == 0 &&
           octets_equal(der, claim->signer);
}

/* {"x509Certificate": {"rawBytes"}} or {"publicKey": {"rawBytes"}} */
static bool is_signer(const struct value *v, const struct bundle_claim *claim, struct arena *a)
{
    const struct value *one = value_get(v, "x509Certificate");
    struct octets der;
    if (!one)
        one = value_get(v, "publicKey");
    return message__octets(value_get(one, "rawBytes"), "verifier", a, &der, NULL) == 0 &&
           octets_equal(der, claim->signer);
}

static bool is_signature(const struct value *v, const struct bundle_claim *claim, struct arena *a)
{
    struct octets bytes;
    return message__octets(v, "signature", a, &bytes, NULL) == 0 &&
           octets_equal(bytes, claim->signature);
}

static int hashedrekord_1(const struct value *spec, const struct bundle_claim *claim,
                          struct arena *a, struct err *e)
{
    const struct value *hash = value_at(spec, "data.hash");
    struct octets want;
    if (claim->envelope)
        return mismatch(e, "kind of signature");
    if (!is_signature(value_at(spec, "signature.content"), claim, a))
        return mismatch(e, "signature");
    if (!is_signer_pem(value_at(spec, "signature.publicKey.content"), claim, a))
        return mismatch(e, "certificate or key");
    if (read_hex(hash, a, &want, e) < 0 ||
        !bundle__hash_is(value_at_str(hash, "algorithm", ""), want, claim))
        return mismatch(e, "artifact");
    return 0;
}

static int hashedrekord_2(const struct value *spec, const struct bundle_claim *claim,
                          struct arena *a, struct err *e)
{
    const struct value *data = value_at(spec, "hashedRekordV002.data");
    const struct value *signature = value_at(spec, "hashedRekordV002.signature");
    struct octets want;
    if (!is_signature(value_get(signature, "content"), claim, a))
        return mismatch(e, "signature");
    if (!is_signer(value_get(signature, "verifier"), claim, a))
        return mismatch(e, "certificate or key");
    if (message__octets(value_get(data, "digest"), "digest", a, &want, e) < 0 ||
        !bundle__hash_is(value_at_str(data, "algorithm", ""), want, claim))
        return mismatch(e, claim->envelope ? "envelope" : "artifact");
    return 0;
}

static int dsse_1(const struct value *spec, const struct bundle_claim *claim, struct arena *a,
                  struct err *e)
{
    const struct value *hash = value_get(spec, "payloadHash");
    const struct value *signature = value_item(value_get(spec, "signatures"), 0);
    struct octets want;
    if (!claim->envelope || value_count(value_get(spec, "signatures")) != 1)
        return mismatch(e, "kind of signature");
    if (!is_signature(value_get(signature, "signature"), claim, a))
        return mismatch(e, "signature");
    if (!is_signer_pem(value_get(signature, "verifier"), claim, a))
        return mismatch(e, "certificate or key");
    if (read_hex(hash, a, &want, e) < 0 ||
        !hash_matches(value_at_str(hash, "algorithm", ""), want, claim->envelope->payload))
        return mismatch(e, "payload");
    return 0;
}

static int dsse_2(const struct value *spec, const struct bundle_claim *claim, struct arena *a,
                  struct err *e)
{
    const struct value *hash = value_at(spec, "dsseV002.payloadHash");
    const struct value *all = value_at(spec, "dsseV002.signatures"), *one = value_item(all, 0);
    struct octets want;
    if (!claim->envelope || value_count(all) != 1)
        return mismatch(e, "kind of signature");
    if (!is_signature(value_get(one, "content"), claim, a))
        return mismatch(e, "signature");
    if (!is_signer(value_get(one, "verifier"), claim, a))
        return mismatch(e, "certificate or key");
    if (message__octets(value_get(hash, "digest"), "digest", a, &want, e) < 0 ||
        !hash_matches(value_at_str(hash, "algorithm", ""), want, claim->envelope->payload))
        return mismatch(e, "payload");
    return 0;
}

/* Its envelope's signature is base64 of base64. */
static int intoto_2(const struct value *spec, const struct bundle_claim *claim, struct arena *a,
                    struct err *e)
{
    const struct value *content = value_get(spec, "content");
    const struct value *hash = value_get(content, "payloadHash");
    const struct value *all = value_at(content, "envelope.signatures"), *one = value_item(all, 0);
    struct octets text, want;
    if (!claim->envelope || value_count(all) != 1)
        return mismatch(e, "kind of signature");
    if (message__octets(value_get(one, "sig"), "signature", a, &text, e) < 0 ||
        !is_signature(value_new_strn(a, (const char *)text.p, text.n), claim, a))
        return mismatch(e, "signature");
    if (!is_signer_pem(value_get(one, "publicKey"), claim, a))
        return mismatch(e, "certificate or key");
    if (read_hex(hash, a, &want, e) < 0 ||
        !hash_matches(value_at_str(hash, "algorithm", ""), want, claim->envelope->payload))
        return mismatch(e, "payload");
    if (strcmp(value_at_str(content, "envelope.payloadType", ""), claim->envelope->type) != 0)
        return mismatch(e, "type of payload");
    return 0;
}

static const struct {
    const char *kind, *version;
    int (*check)(const struct value *spec, const struct bundle_claim *claim, struct arena *a,
                 struct err *e);
} kinds[] = {
    {"hashedrekord", "0.0.1", hashedrekord_1},
    {"hashedrekord", "0.0.2", hashedrekord_2},
    {"dsse",         "0.0.1", dsse_1        },
    {"dsse",         "0.0.2", dsse_2        },
    {"intoto",       "0.0.2", intoto_2      },
};

int bundle__check_body(const struct bundle_entry *t, const struct bundle_claim *claim,
                       struct arena *a, struct err *e)
{
    struct value *body;
    int r = json_parse(a, (const char *)t->body.p, t->body.n, JSON_STRICT_KEYS | JSON_SHALLOW,
                       &body, e);
    if (r < 0)
        return err_wrap(e, r, "body of the log's entry");
    if (strcmp(value_at_str(body, "kind", ""), t->kind) != 0 ||
        strcmp(value_at_str(body, "apiVersion", ""), t->version) != 0)
        return err_set(e, ERR_DENIED, "the log's entry is of another kind than the bundle says");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].kind, t->kind) == 0 && strcmp(kinds[i].version, t->version) == 0)
            return kinds[i].check(value_get(body, "spec"), claim, a, e);
    return err_set(e, ERR_UNSUPPORTED,
                   "an entry of kind %.40s %.20s does not say which signature it is about", t->kind,
                   t->version);
}
