#include "crypto/timestamp.h"

#include <gnutls/crypto.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

enum { CONTEXT_0 = 0xa0, GRANTED_WITH_CHANGES = 1, TIME_TEXT_MAX = 32, HASH_MAX = 64 };

#define OID(...)                                                                                   \
    {                                                                                              \
        (const unsigned char[]){__VA_ARGS__}, sizeof((const unsigned char[]){__VA_ARGS__})         \
    }

static const struct octets signed_data = OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02);
static const struct octets tst_info =
    OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04);
static const struct octets attribute_content_type =
    OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03);
static const struct octets attribute_digest =
    OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04);
/* These begin what names a hash or a signature; the byte that follows says which SHA-2 it has. */
static const struct octets hashes = OID(0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02);
static const struct octets with_ecdsa = OID(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03);
static const struct octets with_rsa = OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01);

/* GeneralizedTime as RFC 3161 restricts it: "20260102030405Z", with or without a fraction. */
static bool read_time(struct octets text, int64_t *out_ms)
{
    char t[TIME_TEXT_MAX], rfc[TIME_TEXT_MAX + 8];
    int64_t ns;
    if (text.n < 15 || text.n >= sizeof t || text.p[text.n - 1] != 'Z')
        return false;
    memcpy(t, text.p, text.n);
    t[text.n] = '\0';
    (void)snprintf(rfc, sizeof rfc, "%.4s-%.2s-%.2sT%.2s:%.2s:%s", t, t + 4, t + 6, t + 8, t + 10,
                   t + 12);
    if (clock_parse_rfc3339(rfc, &ns, NULL) < 0)
        return false;
    *out_ms = ns / 1000000;
    return true;
}

/* TSTInfo: version, policy, messageImprint, serialNumber, genTime, … */
static bool read_info(struct octets der, struct timestamp *out)
{
    struct octets info, part, imprint, algorithm;
    return der_take(&der, DER_SEQUENCE, &info) && der_take(&info, DER_INTEGER, &part) &&
           part.n == 1 && part.p[0] == 1 && der_take(&info, DER_OID, &part) &&
           der_take(&info, DER_SEQUENCE, &imprint) &&
           der_take(&imprint, DER_SEQUENCE, &algorithm) &&
           der_take(&algorithm, DER_OID, &out->imprint_algorithm) &&
           der_take(&imprint, DER_OCTETS, &out->imprint) && imprint.n == 0 &&
           der_take(&info, DER_INTEGER, &part) && der_take(&info, DER_TIME, &part) &&
           read_time(part, &out->at_ms);
}

/* SignedData of CMS: version, hashes, content, perhaps certificates and lists, who signed. */
static bool read_token(struct octets token, struct timestamp *out)
{
    struct octets info, type, part, data, content, inner;
    struct der_item item;
    if (!der_take(&token, DER_SEQUENCE, &info) || !der_take(&info, DER_OID, &type) ||
        !octets_equal(type, signed_data) || !der_take(&info, CONTEXT_0, &part) ||
        !der_take(&part, DER_SEQUENCE, &data) || !der_take(&data, DER_INTEGER, &part) ||
        !der_take(&data, DER_SET, &part) || !der_take(&data, DER_SEQUENCE, &content) ||
        !der_take(&content, DER_OID, &type) || !octets_equal(type, tst_info) ||
        !der_take(&content, CONTEXT_0, &inner) || !der_take(&inner, DER_OCTETS, &out->content))
        return false;
    while (der_next(&data, &item))
        if (item.tag == CONTEXT_0)
            out->certificates = item.body;
        else if (item.tag == DER_SET)
            out->signers = item.body;
    return data.n == 0 && read_info(out->content, out);
}

int timestamp_read(struct octets der, struct timestamp *out, struct err *e)
{
    struct octets response, status, number;
    struct der_item token;
    struct timestamp t = {0};
    if (!der_take(&der, DER_SEQUENCE, &response) || der.n ||
        !der_take(&response, DER_SEQUENCE, &status) || !der_take(&status, DER_INTEGER, &number))
        return err_set(e, ERR_INVALID, "this is no time-stamp response");
    if (number.n != 1 || number.p[0] > GRANTED_WITH_CHANGES)
        return err_set(e, ERR_DENIED, "the time-stamp was not granted");
    if (!der_next(&response, &token) || response.n)
        return err_set(e, ERR_INVALID, "the time-stamp response holds no token");
    if (!read_token(token.whole, &t))
        return err_set(e, ERR_INVALID, "the time-stamp holds no TSTInfo that can be read");
    *out = t;
    return 0;
}

/* The hash that `oid`, "PREFIX.N", names where N is `first` for SHA-256 and counts on. */
static gnutls_digest_algorithm_t hash_below(struct octets oid, struct octets prefix, int first)
{
    static const gnutls_digest_algorithm_t sha2[] = {GNUTLS_DIG_SHA256, GNUTLS_DIG_SHA384,
                                                     GNUTLS_DIG_SHA512};
    if (oid.n != prefix.n + 1 || memcmp(oid.p, prefix.p, prefix.n) != 0)
        return GNUTLS_DIG_UNKNOWN;
    int i = oid.p[prefix.n] - first;
    return i >= 0 && i < 3 ? sha2[i] : GNUTLS_DIG_UNKNOWN;
}

static bool hash_as(gnutls_digest_algorithm_t how, struct octets of, unsigned char out[HASH_MAX],
                    struct octets *got)
{
    *got = (struct octets){out, gnutls_hash_get_len(how)};
    return how != GNUTLS_DIG_UNKNOWN && gnutls_hash_fast(how, of.p, of.n, out) >= 0;
}

struct signer {
    struct octets digest_algorithm, algorithm, signature;
    struct der_item attributes;
};

/* version, who, hash, [0] signed attributes, algorithm, signature */
static bool read_signer(struct octets signers, struct signer *out)
{
    struct octets info, part;
    struct der_item who;
    return der_take(&signers, DER_SEQUENCE, &info) && signers.n == 0 &&
           der_take(&info, DER_INTEGER, &part) && der_next(&info, &who) &&
           der_take(&info, DER_SEQUENCE, &part) &&
           der_take(&part, DER_OID, &out->digest_algorithm) && der_next(&info, &out->attributes) &&
           out->attributes.tag == CONTEXT_0 && der_take(&info, DER_SEQUENCE, &part) &&
           der_take(&part, DER_OID, &out->algorithm) &&
           der_take(&info, DER_OCTETS, &out->signature);
}

/* The one value of an attribute. */
static bool find_attribute(struct octets attributes, struct octets oid, struct der_item *out)
{
    struct octets attribute, name, values;
    while (der_take(&attributes, DER_SEQUENCE, &attribute))
        if (der_take(&attribute, DER_OID, &name) && octets_equal(name, oid))
            return der_take(&attribute, DER_SET, &values) && der_next(&values, out) &&
                   values.n == 0;
    return false;
}

/* The attributes name the content's type and hash. */
static bool is_about_content(const struct timestamp *t, const struct signer *s)
{
    unsigned char bytes[HASH_MAX];
    struct octets hash;
    struct der_item type, digest;
    return find_attribute(s->attributes.body, attribute_content_type, &type) &&
           type.tag == DER_OID && octets_equal(type.body, tst_info) &&
           find_attribute(s->attributes.body, attribute_digest, &digest) &&
           digest.tag == DER_OCTETS &&
           hash_as(hash_below(s->digest_algorithm, hashes, 1), t->content, bytes, &hash) &&
           octets_equal(digest.body, hash);
}

/* What is signed is the attributes as a SET, not as the [0] they travel as. */
static int check_signer(const struct signer *s, struct public_key *key, struct err *e)
{
    unsigned char bytes[HASH_MAX];
    struct octets hash;
    struct buf text AUTO_BUF;
    gnutls_digest_algorithm_t how = hash_below(s->algorithm, with_ecdsa, 2);
    if (how == GNUTLS_DIG_UNKNOWN)
        how = hash_below(s->algorithm, with_rsa, 11);
    if (how == GNUTLS_DIG_UNKNOWN)
        how = hash_below(s->digest_algorithm, hashes, 1); /* rsaEncryption names none */
    buf_init(&text, s->attributes.whole.n + 8);
    der_put(&text, DER_SET, s->attributes.body.p, s->attributes.body.n);
    if (!hash_as(how, (struct octets){(const unsigned char *)buf_text(&text), text.len}, bytes,
                 &hash))
        return err_set(e, ERR_UNSUPPORTED,
                       "the time-stamp is signed with a hash that is not SHA-2");
    return public_key_verify_hash(key, hash, s->signature, e);
}

int timestamp_verify(const struct timestamp *t, struct octets data,
                     const struct certificate *signer, struct err *e)
{
    AUTO(public_key) struct public_key *key = NULL;
    unsigned char bytes[HASH_MAX];
    struct octets hash;
    struct signer s = {0};
    if (!hash_as(hash_below(t->imprint_algorithm, hashes, 1), data, bytes, &hash))
        return err_set(e, ERR_UNSUPPORTED, "the time-stamp is over a hash that is not SHA-2");
    if (!octets_equal(hash, t->imprint))
        return err_set(e, ERR_DENIED, "the time-stamp is about other bytes");
    if (!read_signer(t->signers, &s) || !is_about_content(t, &s))
        return err_set(e, ERR_DENIED, "the time-stamp's signature is not about its content");
    int r = certificate_public_key(signer, &key, e);
    if (r == 0)
        r = check_signer(&s, key, e);
    return r < 0 ? err_wrap(e, r, "time-stamp") : 0;
}

void timestamp_certificates(const struct timestamp *t, struct certificate **out, size_t *n)
{
    struct octets rest = t->certificates;
    struct der_item item;
    *n = 0;
    while (*n < TIMESTAMP_CERTIFICATES_MAX && der_next(&rest, &item))
        *n += item.tag == DER_SEQUENCE && certificate_read(item.whole, &out[*n], NULL) == 0;
}
