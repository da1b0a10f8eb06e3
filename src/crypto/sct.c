/* sct.c - RFC 6962's promises inside a certificate. What the log signed is the certificate as it
 * was before the promise went in, so the extension is taken out and the outer lengths made anew. */
#include <gnutls/crypto.h>
#include <string.h>

#include "crypto/certificate.h"
#include "crypto/key_int.h"

enum { SCTS_MAX = 16, LOG_ID = 32, TBS_MAX = 64 << 10 };

#define SCT_LIST "1.3.6.1.4.1.11129.2.4.2"

static const unsigned char sct_list_oid[] = {0x2b, 0x06, 0x01, 0x04, 0x01,
                                             0xd6, 0x79, 0x02, 0x04, 0x02};

static bool take(struct octets *in, size_t n, struct octets *out)
{
    if (in->n < n)
        return false;
    *out = (struct octets){in->p, n};
    in->p += n;
    in->n -= n;
    return true;
}

/* A run with its length in two bytes before it. */
static bool take_counted(struct octets *in, struct octets *out)
{
    struct octets n;
    return take(in, 2, &n) && take(in, (size_t)(n.p[0] << 8 | n.p[1]), out);
}

static bool read_sct(struct octets in, struct sct *out)
{
    struct octets version, time, algorithm;
    if (!take(&in, 1, &version) || version.p[0] != 0 || !take(&in, LOG_ID, &out->log) ||
        !take(&in, 8, &time) || !take_counted(&in, &out->extensions) || !take(&in, 2, &algorithm) ||
        !take_counted(&in, &out->signature) || in.n)
        return false;
    uint64_t ms = 0;
    for (size_t i = 0; i < 8; i++)
        ms = ms << 8 | time.p[i];
    out->at_ms = ms > INT64_MAX ? INT64_MAX : (int64_t)ms;
    return true;
}

int certificate_scts(const struct certificate *c, struct arena *a, struct sct **out, size_t *n,
                     struct err *e)
{
    struct octets extension, list, all, one;
    if (!certificate_extension(c, SCT_LIST, a, &extension))
        return err_set(e, ERR_NOT_FOUND,
                       "the certificate holds no promise of a transparency log (SCT)");
    struct sct *found = ARENA_ARRAY(a, struct sct, SCTS_MAX);
    size_t count = 0;
    if (!der_take(&extension, DER_OCTETS, &list) || !take_counted(&list, &all) || list.n)
        return err_set(e, ERR_INVALID, "the certificate's list of SCTs cannot be read");
    while (all.n) {
        if (count == SCTS_MAX || !take_counted(&all, &one))
            return err_set(e, ERR_INVALID, "the certificate's list of SCTs cannot be read");
        count += read_sct(one, &found[count]); /* of another version: not for us */
    }
    *out = found;
    *n = count;
    return 0;
}

static bool is_sct_list(struct octets extension)
{
    struct octets oid;
    return der_take(&extension, DER_OID, &oid) &&
           octets_equal(oid, (struct octets){sct_list_oid, sizeof sct_list_oid});
}

/* [3] { SEQUENCE of extensions } without the list. */
static bool put_extensions(struct buf *to, struct octets explicit)
{
    struct buf kept AUTO_BUF, wrapped AUTO_BUF;
    struct octets list;
    struct der_item item;
    buf_init(&kept, TBS_MAX);
    buf_init(&wrapped, TBS_MAX);
    if (!der_take(&explicit, DER_SEQUENCE, &list) || explicit.n)
        return false;
    while (der_next(&list, &item))
        if (item.tag == DER_SEQUENCE && !is_sct_list(item.body))
            buf_add(&kept, item.whole.p, item.whole.n);
    der_put(&wrapped, DER_SEQUENCE, buf_text(&kept), kept.len);
    der_put(to, 0xa3, buf_text(&wrapped), wrapped.len);
    return list.n == 0;
}

/* The TBSCertificate that the log saw. */
static bool put_precertificate(struct buf *to, struct octets certificate)
{
    struct buf fields AUTO_BUF;
    struct octets outer, tbs;
    struct der_item item;
    buf_init(&fields, TBS_MAX);
    if (!der_take(&certificate, DER_SEQUENCE, &outer) || !der_take(&outer, DER_SEQUENCE, &tbs))
        return false;
    while (der_next(&tbs, &item))
        if (item.tag != 0xa3)
            buf_add(&fields, item.whole.p, item.whole.n);
        else if (!put_extensions(&fields, item.body))
            return false;
    der_put(to, DER_SEQUENCE, buf_text(&fields), fields.len);
    return tbs.n == 0;
}

static void put_number(struct buf *to, uint64_t v, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--)
        buf_putc(to, (char)(v >> (8 * i) & 0xff));
}

int certificate_check_sct(const struct certificate *c, const struct certificate *issuer,
                          const struct sct *s, struct public_key *log, struct err *e)
{
    struct buf signed_ AUTO_BUF, tbs AUTO_BUF;
    AUTO(public_key) struct public_key *issuer_key = NULL;
    unsigned char issuer_hash[32];
    buf_init(&signed_, 2 * TBS_MAX);
    buf_init(&tbs, TBS_MAX);
    if (!put_precertificate(&tbs, certificate_bytes(c)))
        return err_set(e, ERR_INVALID, "the certificate cannot be taken apart");
    int r = certificate_public_key(issuer, &issuer_key, e);
    if (r == 0)
        r = public_key_hash(issuer_key, issuer_hash, e);
    if (r < 0)
        return r;
    put_number(&signed_, 0, 1); /* version 1 */
    put_number(&signed_, 0, 1); /* signature_type certificate_timestamp */
    put_number(&signed_, (uint64_t)s->at_ms, 8);
    put_number(&signed_, 1, 2); /* precert_entry */
    buf_add(&signed_, issuer_hash, sizeof issuer_hash);
    put_number(&signed_, tbs.len, 3);
    buf_add(&signed_, buf_text(&tbs), tbs.len);
    put_number(&signed_, s->extensions.n, 2);
    buf_add(&signed_, s->extensions.p, s->extensions.n);
    if (buf_check(&signed_, e) < 0 || buf_check(&tbs, e) < 0)
        return err_set(e, ERR_TOO_LARGE, "the certificate is larger than %d bytes", TBS_MAX);
    return public_key_verify(log, buf_text(&signed_), signed_.len, s->signature.p, s->signature.n,
                             e);
}
