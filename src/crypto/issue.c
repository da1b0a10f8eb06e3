#include "crypto/issue.h"

#include <arpa/inet.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <string.h>

#include "base/log.h"
#include "crypto/rsa_int.h"

static int fail(int rc, struct err *e, const char *what)
{
    return err_set(e, ERR_INVALID, "%s: %s", what, gnutls_strerror(rc));
}

static void free_key(gnutls_x509_privkey_t *k)
{
    if (*k)
        gnutls_x509_privkey_deinit(*k);
}

static void free_cert(gnutls_x509_crt_t *c)
{
    if (*c)
        gnutls_x509_crt_deinit(*c);
}

#define AUTO_KEY  __attribute__((cleanup(free_key)))
#define AUTO_CERT __attribute__((cleanup(free_cert)))

static char *take_text(struct arena *a, gnutls_datum_t *d)
{
    char *text = arena_strndup(a, (char *)d->data, d->size);
    gnutls_memset(d->data, 0, d->size);
    gnutls_free(d->data);
    return text;
}

/* ---- keys ---- */

/* PEM of DER bytes. */
static int wrap_pem(const char *label, unsigned char *der, size_t n, struct arena *a, char **out,
                    struct err *e)
{
    gnutls_datum_t in = {der, (unsigned)n}, text = {0};
    int rc = gnutls_pem_base64_encode2(label, &in, &text);
    if (rc < 0)
        return fail(rc, e, "write a key");
    *out = take_text(a, &text);
    return 0;
}

static int ecdsa_key(const unsigned char *seed, struct arena *a, char **out, struct err *e)
{
    /* ECPrivateKey, RFC 5915: version 1, the scalar, prime256v1, the point. */
    static const unsigned char head[] = {0x30, 0x77, 0x02, 0x01, 0x01, 0x04, 0x20};
    static const unsigned char middle[] = {0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d,
                                           0x03, 0x01, 0x07, 0xa1, 0x44, 0x03, 0x42, 0x00, 0x04};
    unsigned char der[sizeof head + 32 + sizeof middle + 64], *scalar = der + sizeof head;
    memcpy(der, head, sizeof head);
    memcpy(scalar, seed, 32);
    memcpy(scalar + 32, middle, sizeof middle);
    unsigned char *point = scalar + 32 + sizeof middle;
    issue_p256_point(scalar, point, point + 32);
    int rc = wrap_pem("EC PRIVATE KEY", der, sizeof der, a, out, e);
    gnutls_memset(der, 0, sizeof der);
    return rc;
}

static int ed25519_key(const unsigned char *seed, struct arena *a, char **out, struct err *e)
{
    /* PKCS#8, RFC 8410. */
    static const unsigned char head[] = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                                         0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};
    unsigned char der[sizeof head + 32];
    memcpy(der, head, sizeof head);
    memcpy(der + sizeof head, seed, 32);
    int rc = wrap_pem("PRIVATE KEY", der, sizeof der, a, out, e);
    gnutls_memset(der, 0, sizeof der);
    return rc;
}

/* FIPS 186-4's way from a seed to primes. */
static int dsa_key(const unsigned char *seed, struct arena *a, char **out, struct err *e)
{
    AUTO_KEY gnutls_x509_privkey_t k = NULL;
    unsigned char own[33] = {1}; /* its first bit is set, so that none is lost */
    memcpy(own + 1, seed, 32);
    gnutls_keygen_data_st data = {GNUTLS_KEYGEN_SEED, own, sizeof own};
    gnutls_datum_t text = {0};
    int rc = gnutls_x509_privkey_init(&k);
    if (rc >= 0)
        rc = gnutls_x509_privkey_generate2(k, GNUTLS_PK_DSA, GNUTLS_SUBGROUP_TO_BITS(2048, 256),
                                           GNUTLS_PRIVKEY_FLAG_PROVABLE, &data, 1);
    if (rc >= 0)
        rc = gnutls_x509_privkey_export2(k, GNUTLS_X509_FMT_PEM, &text);
    if (rc < 0)
        return fail(rc, e, "generate a key");
    *out = take_text(a, &text);
    return 0;
}

static int rsa_key(unsigned bits, const unsigned char *seed, struct arena *a, char **out,
                   struct err *e)
{
    AUTO_KEY gnutls_x509_privkey_t k = NULL;
    struct rsa_numbers r;
    gnutls_datum_t text = {0};
    rsa__draw(bits, seed, &r);
    const gnutls_datum_t modulus = {r.modulus.bytes, (unsigned)r.modulus.n},
                         exponent = {r.exponent.bytes, (unsigned)r.exponent.n},
                         d = {r.d.bytes, (unsigned)r.d.n}, p = {r.p.bytes, (unsigned)r.p.n},
                         q = {r.q.bytes, (unsigned)r.q.n};
    int rc = gnutls_x509_privkey_init(&k);
    if (rc >= 0)
        rc = gnutls_x509_privkey_import_rsa_raw2(k, &modulus, &exponent, &d, &p, &q, NULL, NULL,
                                                 NULL);
    if (rc >= 0)
        rc = gnutls_x509_privkey_export2(k, GNUTLS_X509_FMT_PEM, &text);
    gnutls_memset(&r, 0, sizeof r);
    if (rc < 0)
        return fail(rc, e, "generate a key");
    *out = take_text(a, &text);
    return 0;
}

int issue_key(enum issue_kind kind, const unsigned char seed[ISSUE_SEED], struct arena *a,
              char **out, struct err *e)
{
    switch (kind) {
    case ISSUE_ECDSA_P256:
        return ecdsa_key(seed, a, out, e);
    case ISSUE_ED25519:
        return ed25519_key(seed, a, out, e);
    case ISSUE_DSA_2048:
        return dsa_key(seed, a, out, e);
    case ISSUE_RSA_2048:
    case ISSUE_RSA_4096:
        break;
    }
    return rsa_key(kind == ISSUE_RSA_2048 ? 2048 : 4096, seed, a, out, e);
}

static int load_key(const char *pem, gnutls_x509_privkey_t *out, struct err *e)
{
    gnutls_datum_t d = {(unsigned char *)(uintptr_t)pem, (unsigned)strlen(pem)};
    int rc = gnutls_x509_privkey_init(out);
    if (rc >= 0)
        rc = gnutls_x509_privkey_import2(*out, &d, GNUTLS_X509_FMT_PEM, NULL, 0);
    return rc < 0 ? fail(rc, e, "read a private key") : 0;
}

int issue_check_key(const char *pem, struct arena *a, char **out, struct err *e)
{
    AUTO_KEY gnutls_x509_privkey_t k = NULL;
    gnutls_datum_t text = {0};
    int rc = load_key(pem, &k, e);
    if (rc)
        return rc;
    bool pkcs8 = gnutls_x509_privkey_get_pk_algorithm(k) == GNUTLS_PK_EDDSA_ED25519;
    rc = pkcs8 ? gnutls_x509_privkey_export2_pkcs8(k, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN,
                                                   &text)
               : gnutls_x509_privkey_export2(k, GNUTLS_X509_FMT_PEM, &text);
    if (rc < 0)
        return fail(rc, e, "write a key");
    *out = take_text(a, &text);
    return 0;
}

/* ---- certificates ---- */

static int load_certificate(const char *pem, gnutls_x509_crt_t *out, struct err *e)
{
    gnutls_datum_t d = {(unsigned char *)(uintptr_t)pem, (unsigned)strlen(pem)};
    int rc = gnutls_x509_crt_init(out);
    if (rc >= 0)
        rc = gnutls_x509_crt_import(*out, &d, GNUTLS_X509_FMT_PEM);
    return rc < 0 ? fail(rc, e, "read a certificate") : 0;
}

int issue_check_certificate(const char *pem, struct err *e)
{
    AUTO_CERT gnutls_x509_crt_t c = NULL;
    return load_certificate(pem, &c, e);
}

static int set_names(gnutls_x509_crt_t c, const struct issue_request *r)
{
    int rc = 0;
    for (size_t i = 0; i < r->n_dns && rc >= 0; i++)
        rc = gnutls_x509_crt_set_subject_alt_name(c, GNUTLS_SAN_DNSNAME, r->dns[i],
                                                  (unsigned)strlen(r->dns[i]), GNUTLS_FSAN_APPEND);
    for (size_t i = 0; i < r->n_ips && rc >= 0; i++) {
        unsigned char ip[16];
        bool v4 = inet_pton(AF_INET, r->ips[i], ip) == 1;
        if (!v4 && inet_pton(AF_INET6, r->ips[i], ip) != 1)
            return GNUTLS_E_INVALID_REQUEST;
        rc = gnutls_x509_crt_set_subject_alt_name(c, GNUTLS_SAN_IPADDRESS, ip, v4 ? 4 : 16,
                                                  GNUTLS_FSAN_APPEND);
    }
    return rc;
}

static int set_usage(gnutls_x509_crt_t c, bool is_ca)
{
    unsigned usage = GNUTLS_KEY_KEY_ENCIPHERMENT | GNUTLS_KEY_DIGITAL_SIGNATURE;
    int rc = gnutls_x509_crt_set_key_usage(c, usage | (is_ca ? GNUTLS_KEY_KEY_CERT_SIGN : 0));
    if (rc >= 0)
        rc = gnutls_x509_crt_set_key_purpose_oid(c, GNUTLS_KP_TLS_WWW_SERVER, 0);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_key_purpose_oid(c, GNUTLS_KP_TLS_WWW_CLIENT, 0);
    return rc < 0 ? rc : gnutls_x509_crt_set_basic_constraints(c, is_ca, -1);
}

static int set_ids(gnutls_x509_crt_t c, gnutls_x509_crt_t signer, bool is_ca)
{
    unsigned char id[64];
    size_t n = sizeof id;
    unsigned critical;
    int rc = gnutls_x509_crt_get_key_id(c, 0, id, &n);
    if (rc >= 0 && is_ca)
        rc = gnutls_x509_crt_set_subject_key_id(c, id, n);
    n = sizeof id;
    if (rc >= 0 && signer != c &&
        gnutls_x509_crt_get_subject_key_id(signer, id, &n, &critical) >= 0)
        rc = gnutls_x509_crt_set_authority_key_id(c, id, n);
    return rc;
}

static int fill(gnutls_x509_crt_t c, const struct issue_request *r, gnutls_x509_privkey_t key)
{
    unsigned char serial[ISSUE_SERIAL + 1] = {0};
    memcpy(serial + 1, r->serial, ISSUE_SERIAL);
    int rc = gnutls_x509_crt_set_version(c, 3);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_serial(c, serial, sizeof serial);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_activation_time(c, r->not_before);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_expiration_time(c, r->not_after);
    if (rc >= 0 && *r->common_name)
        rc = gnutls_x509_crt_set_dn_by_oid(c, GNUTLS_OID_X520_COMMON_NAME, 0, r->common_name,
                                           (unsigned)strlen(r->common_name));
    if (rc >= 0)
        rc = gnutls_x509_crt_set_key(c, key);
    if (rc >= 0)
        rc = set_names(c, r);
    return rc < 0 ? rc : set_usage(c, r->is_ca);
}

/* A key that may sign, without a draw of its own. */
static int sign(gnutls_x509_crt_t c, gnutls_x509_crt_t signer, gnutls_x509_privkey_t key)
{
    gnutls_privkey_t signing = NULL;
    int rc = gnutls_privkey_init(&signing);
    if (rc >= 0)
        rc = gnutls_privkey_import_x509(signing, key, GNUTLS_PRIVKEY_IMPORT_COPY);
    bool eddsa = gnutls_x509_privkey_get_pk_algorithm(key) == GNUTLS_PK_EDDSA_ED25519;
    if (rc >= 0)
        rc = gnutls_x509_crt_privkey_sign(c, signer, signing,
                                          eddsa ? GNUTLS_DIG_SHA512 : GNUTLS_DIG_SHA256,
                                          eddsa ? 0 : GNUTLS_PRIVKEY_FLAG_REPRODUCIBLE);
    if (signing)
        gnutls_privkey_deinit(signing);
    return rc;
}

int issue_certificate(const struct issue_request *r, const char *key, const struct issue_signer *by,
                      struct arena *a, char **out, struct err *e)
{
    AUTO_KEY gnutls_x509_privkey_t own = NULL;
    AUTO_KEY gnutls_x509_privkey_t signing = NULL;
    AUTO_CERT gnutls_x509_crt_t c = NULL;
    AUTO_CERT gnutls_x509_crt_t parent = NULL;
    gnutls_datum_t text = {0};
    int rc = load_key(key, &own, e);
    if (rc == 0 && by)
        rc = load_certificate(by->certificate, &parent, e);
    if (rc == 0 && by)
        rc = load_key(by->key, &signing, e);
    if (rc)
        return rc;
    rc = gnutls_x509_crt_init(&c);
    if (rc >= 0)
        rc = fill(c, r, own);
    if (rc >= 0)
        rc = set_ids(c, parent ? parent : c, r->is_ca);
    if (rc >= 0)
        rc = sign(c, parent ? parent : c, signing ? signing : own);
    if (rc >= 0)
        rc = gnutls_x509_crt_export2(c, GNUTLS_X509_FMT_PEM, &text);
    if (rc < 0)
        return fail(rc, e, "issue a certificate");
    *out = take_text(a, &text);
    return 0;
}
