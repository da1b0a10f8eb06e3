#include "net/tls.h"

#include <arpa/inet.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

struct work {
    gnutls_x509_crt_t cert, ca_cert;
    gnutls_x509_privkey_t key, ca_key;
};

static void work_done(struct work *w)
{
    if (w->cert)
        gnutls_x509_crt_deinit(w->cert);
    if (w->ca_cert)
        gnutls_x509_crt_deinit(w->ca_cert);
    if (w->key)
        gnutls_x509_privkey_deinit(w->key);
    if (w->ca_key)
        gnutls_x509_privkey_deinit(w->ca_key);
}

static int new_key(gnutls_x509_privkey_t *key)
{
    int rc = gnutls_x509_privkey_init(key);
    if (rc < 0)
        return rc;
    return gnutls_x509_privkey_generate(*key, GNUTLS_PK_ECDSA,
                                        GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
}

static int key_text(gnutls_x509_privkey_t key, struct arena *a, const char **out)
{
    gnutls_datum_t d = {0};
    int rc =
        gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &d);
    if (rc < 0)
        return rc;
    *out = arena_strndup(a, (char *)d.data, d.size);
    gnutls_memset(d.data, 0, d.size);
    gnutls_free(d.data);
    return 0;
}

static int cert_text(gnutls_x509_crt_t cert, struct arena *a, const char **out)
{
    gnutls_datum_t d = {0};
    int rc = gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_PEM, &d);
    if (rc < 0)
        return rc;
    *out = arena_strndup(a, (char *)d.data, d.size);
    gnutls_free(d.data);
    return 0;
}

/* Version, serial number, key and validity: what every certificate has. */
static int start_cert(struct work *w, int64_t days)
{
    int rc = new_key(&w->key);
    if (rc >= 0)
        rc = gnutls_x509_crt_init(&w->cert);
    if (rc < 0)
        return rc;
    unsigned char serial[16];
    rc = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof serial);
    serial[0] &= 0x7f;
    time_t now = (time_t)(clock_real_ms() / 1000);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_version(w->cert, 3);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_serial(w->cert, serial, sizeof serial);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_activation_time(w->cert, now - 3600);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_expiration_time(w->cert,
                                                 now + (time_t)(days ? days : 3650) * 86400);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_key(w->cert, w->key);
    unsigned char id[64];
    size_t id_n = sizeof id;
    if (rc >= 0)
        rc = gnutls_x509_crt_get_key_id(w->cert, 0, id, &id_n);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_subject_key_id(w->cert, id, id_n);
    return rc;
}

static int set_name(gnutls_x509_crt_t cert, const char *oid, const char *value)
{
    return gnutls_x509_crt_set_dn_by_oid(cert, oid, 0, value, (unsigned)strlen(value));
}

int tls_make_authority(const char *common_name, struct arena *a, struct tls_pair *out,
                       struct err *e)
{
    __attribute__((cleanup(work_done))) struct work w = {0};
    struct tls_pair made = {0};
    int rc = start_cert(&w, 0);
    if (rc >= 0)
        rc = set_name(w.cert, GNUTLS_OID_X520_COMMON_NAME, common_name);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_basic_constraints(w.cert, 1, -1);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_key_usage(w.cert,
                                           GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_DIGITAL_SIGNATURE);
    if (rc >= 0)
        rc = gnutls_x509_crt_sign2(w.cert, w.cert, w.key, GNUTLS_DIG_SHA256, 0);
    if (rc >= 0)
        rc = cert_text(w.cert, a, &made.cert_pem);
    if (rc >= 0)
        rc = key_text(w.key, a, &made.key_pem);
    if (rc < 0)
        return err_set(e, ERR_SYSTEM, "make authority %s: %s", common_name, gnutls_strerror(rc));
    *out = made;
    return 0;
}

static int set_names(gnutls_x509_crt_t cert, const char *const *names)
{
    for (; names && *names; names++) {
        unsigned char ip[16];
        int rc;
        if (inet_pton(AF_INET, *names, ip) == 1)
            rc = gnutls_x509_crt_set_subject_alt_name(cert, GNUTLS_SAN_IPADDRESS, ip, 4,
                                                      GNUTLS_FSAN_APPEND);
        else if (inet_pton(AF_INET6, *names, ip) == 1)
            rc = gnutls_x509_crt_set_subject_alt_name(cert, GNUTLS_SAN_IPADDRESS, ip, 16,
                                                      GNUTLS_FSAN_APPEND);
        else
            rc = gnutls_x509_crt_set_subject_alt_name(cert, GNUTLS_SAN_DNSNAME, *names,
                                                      (unsigned)strlen(*names), GNUTLS_FSAN_APPEND);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int load_authority(struct work *w, const struct tls_pair *authority)
{
    gnutls_datum_t cert = {(unsigned char *)(uintptr_t)authority->cert_pem,
                           (unsigned)strlen(authority->cert_pem)};
    gnutls_datum_t key = {(unsigned char *)(uintptr_t)authority->key_pem,
                          (unsigned)strlen(authority->key_pem)};
    int rc = gnutls_x509_crt_init(&w->ca_cert);
    if (rc >= 0)
        rc = gnutls_x509_privkey_init(&w->ca_key);
    if (rc >= 0)
        rc = gnutls_x509_crt_import(w->ca_cert, &cert, GNUTLS_X509_FMT_PEM);
    if (rc >= 0)
        rc = gnutls_x509_privkey_import2(w->ca_key, &key, GNUTLS_X509_FMT_PEM, NULL, 0);
    return rc;
}

static int fill_subject(struct work *w, const struct tls_request *r)
{
    int rc = set_name(w->cert, GNUTLS_OID_X520_COMMON_NAME, r->common_name);
    for (const char *const *o = r->organizations; rc >= 0 && o && *o; o++)
        rc = set_name(w->cert, GNUTLS_OID_X520_ORGANIZATION_NAME, *o);
    if (rc >= 0)
        rc = set_names(w->cert, r->names);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_basic_constraints(w->cert, 0, -1);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_key_usage(w->cert, GNUTLS_KEY_DIGITAL_SIGNATURE);
    if (rc >= 0)
        rc = gnutls_x509_crt_set_key_purpose_oid(
            w->cert, r->names ? GNUTLS_KP_TLS_WWW_SERVER : GNUTLS_KP_TLS_WWW_CLIENT, 0);
    return rc;
}

int tls_issue(const struct tls_pair *authority, const struct tls_request *r, struct arena *a,
              struct tls_pair *out, struct err *e)
{
    __attribute__((cleanup(work_done))) struct work w = {0};
    struct tls_pair made = {0};
    int rc = load_authority(&w, authority);
    if (rc >= 0)
        rc = start_cert(&w, r->days);
    if (rc >= 0)
        rc = fill_subject(&w, r);
    unsigned char id[64];
    size_t id_n = sizeof id;
    if (rc >= 0 && gnutls_x509_crt_get_subject_key_id(w.ca_cert, id, &id_n, NULL) >= 0)
        rc = gnutls_x509_crt_set_authority_key_id(w.cert, id, id_n);
    if (rc >= 0)
        rc = gnutls_x509_crt_sign2(w.cert, w.ca_cert, w.ca_key, GNUTLS_DIG_SHA256, 0);
    if (rc >= 0)
        rc = cert_text(w.cert, a, &made.cert_pem);
    if (rc >= 0)
        rc = key_text(w.key, a, &made.key_pem);
    if (rc < 0)
        return err_set(e, ERR_SYSTEM, "issue a certificate for %s: %s", r->common_name,
                       gnutls_strerror(rc));
    *out = made;
    return 0;
}

int tls_make_key(struct arena *a, const char **out_pem, struct err *e)
{
    __attribute__((cleanup(work_done))) struct work w = {0};
    int rc = new_key(&w.key);
    if (rc >= 0)
        rc = key_text(w.key, a, out_pem);
    return rc < 0 ? err_set(e, ERR_SYSTEM, "make a key: %s", gnutls_strerror(rc)) : 0;
}

int tls_check(const struct tls_pair *pair, struct err *e)
{
    gnutls_certificate_credentials_t c;
    int rc = gnutls_certificate_allocate_credentials(&c);
    if (rc < 0)
        return err_set(e, ERR_SYSTEM, "check a certificate: %s", gnutls_strerror(rc));
    gnutls_datum_t cert = {(unsigned char *)(uintptr_t)pair->cert_pem,
                           (unsigned)strlen(pair->cert_pem)};
    gnutls_datum_t key = {(unsigned char *)(uintptr_t)pair->key_pem,
                          (unsigned)strlen(pair->key_pem)};
    rc = gnutls_certificate_set_x509_key_mem2(c, &cert, &key, GNUTLS_X509_FMT_PEM, NULL, 0);
    gnutls_certificate_free_credentials(c);
    if (rc >= 0)
        return 0;
    (void)err_set(e, ERR_INVALID, "not a certificate and its key: %s", gnutls_strerror(rc));
    return err_hint(e, "restore them from a backup; once both are removed, new ones are made");
}
