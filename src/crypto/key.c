#include "crypto/key.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdint.h>
#include <string.h>

#include "base/log.h"
#include "crypto/key_int.h"

static int fail(int rc, struct err *e, const char *what)
{
    return err_set(e, ERR_INVALID, "%s: %s", what, gnutls_strerror(rc));
}

struct key *key__new(void)
{
    struct key *k = calloc(1, sizeof *k);
    if (!k || gnutls_x509_privkey_init(&k->x509) < 0 || gnutls_privkey_init(&k->handle) < 0)
        log_die("out of memory");
    return k;
}

void key_free(struct key *k)
{
    if (!k)
        return;
    gnutls_privkey_deinit(k->handle);
    gnutls_x509_privkey_deinit(k->x509);
    if (k->uri)
        explicit_bzero(k->uri, strlen(k->uri));
    free(k->uri);
    free(k);
}

int key_generate(struct key **out, struct err *e)
{
    AUTO(key) struct key *k = key__new();
    unsigned bits = GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1);
    int rc = gnutls_x509_privkey_generate(k->x509, GNUTLS_PK_ECDSA, bits, 0);
    if (rc >= 0)
        rc = gnutls_privkey_import_x509(k->handle, k->x509, GNUTLS_PRIVKEY_IMPORT_COPY);
    if (rc < 0)
        return fail(rc, e, "generate a key");
    *out = take_ptr(k);
    return 0;
}

int key_load(const char *pem, size_t n, struct key **out, struct err *e)
{
    AUTO(key) struct key *k = key__new();
    gnutls_datum_t d = {(unsigned char *)(uintptr_t)pem, (unsigned)n};
    int rc = gnutls_x509_privkey_import2(k->x509, &d, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (rc >= 0)
        rc = gnutls_privkey_import_x509(k->handle, k->x509, GNUTLS_PRIVKEY_IMPORT_COPY);
    if (rc < 0)
        return fail(rc, e, "read private key");
    *out = take_ptr(k);
    return 0;
}

static char *keep(struct arena *a, gnutls_datum_t *d)
{
    char *text = arena_strndup(a, (char *)d->data, d->size);
    gnutls_memset(d->data, 0, d->size);
    gnutls_free(d->data);
    return text;
}

int key_private_pem(struct key *k, struct arena *a, char **out, struct err *e)
{
    gnutls_datum_t d = {0};
    int rc = gnutls_x509_privkey_export2_pkcs8(k->x509, GNUTLS_X509_FMT_PEM, NULL,
                                               GNUTLS_PKCS_PLAIN, &d);
    if (rc < 0)
        return fail(rc, e, "write private key");
    *out = keep(a, &d);
    return 0;
}

static int public_of(struct key *k, gnutls_pubkey_t *out)
{
    int rc = gnutls_pubkey_init(out);
    if (rc < 0)
        return rc;
    rc = gnutls_pubkey_import_privkey(*out, k->handle, 0, 0);
    if (rc < 0)
        gnutls_pubkey_deinit(*out);
    return rc;
}

int key_public_pem(struct key *k, struct arena *a, char **out, struct err *e)
{
    gnutls_pubkey_t p;
    gnutls_datum_t d = {0};
    int rc = public_of(k, &p);
    if (rc >= 0) {
        rc = gnutls_pubkey_export2(p, GNUTLS_X509_FMT_PEM, &d);
        gnutls_pubkey_deinit(p);
    }
    if (rc < 0)
        return fail(rc, e, "write public key");
    *out = keep(a, &d);
    return 0;
}

/* The hash that goes with the key: what cosign and Go's crypto take for it. */
static gnutls_digest_algorithm_t hash_for(int algorithm, unsigned bits)
{
    if (algorithm == GNUTLS_PK_EDDSA_ED25519)
        return GNUTLS_DIG_SHA512;
    if (algorithm == GNUTLS_PK_ECDSA && bits > 384)
        return GNUTLS_DIG_SHA512;
    return algorithm == GNUTLS_PK_ECDSA && bits > 256 ? GNUTLS_DIG_SHA384 : GNUTLS_DIG_SHA256;
}

int key_sign(struct key *k, const void *message, size_t n, struct arena *a, char **out,
             size_t *out_n, struct err *e)
{
    unsigned bits = 0;
    int algorithm = gnutls_privkey_get_pk_algorithm(k->handle, &bits);
    gnutls_datum_t data = {(unsigned char *)(uintptr_t)message, (unsigned)n}, sig = {0};
    int rc = gnutls_privkey_sign_data(k->handle, hash_for(algorithm, bits), 0, &data, &sig);
    if (rc < 0)
        return fail(rc, e, "sign");
    *out_n = sig.size;
    *out = keep(a, &sig);
    return 0;
}

static int import_public(gnutls_pubkey_t to, const gnutls_datum_t *d)
{
    int rc = gnutls_pubkey_import(to, d, GNUTLS_X509_FMT_PEM);
    if (rc >= 0)
        return rc;
    gnutls_x509_crt_t cert;
    if (gnutls_x509_crt_init(&cert) < 0)
        return rc;
    if (gnutls_x509_crt_import(cert, d, GNUTLS_X509_FMT_PEM) >= 0)
        rc = gnutls_pubkey_import_x509(to, cert, 0);
    gnutls_x509_crt_deinit(cert);
    return rc;
}

struct public_key *public_key__new(void)
{
    struct public_key *k = calloc(1, sizeof *k);
    if (!k || gnutls_pubkey_init(&k->handle) < 0)
        log_die("out of memory");
    return k;
}

int public_key_load(const char *pem, size_t n, struct public_key **out, struct err *e)
{
    AUTO(public_key) struct public_key *k = public_key__new();
    gnutls_datum_t d = {(unsigned char *)(uintptr_t)pem, (unsigned)n};
    int rc = import_public(k->handle, &d);
    if (rc < 0)
        return fail(rc, e, "read public key");
    *out = take_ptr(k);
    return 0;
}

int key_public_half(struct key *k, struct public_key **out, struct err *e)
{
    AUTO(public_key) struct public_key *p = public_key__new();
    int rc = gnutls_pubkey_import_privkey(p->handle, k->handle, 0, 0);
    if (rc < 0)
        return fail(rc, e, "take the public half");
    *out = take_ptr(p);
    return 0;
}

/* RSAPublicKey: a modulus and an exponent, without saying that it is RSA. */
static int import_pkcs1(gnutls_pubkey_t to, struct octets der)
{
    struct octets list, m, x;
    if (!der_take(&der, DER_SEQUENCE, &list) || !der_take(&list, DER_INTEGER, &m) ||
        !der_take(&list, DER_INTEGER, &x))
        return GNUTLS_E_ASN1_DER_ERROR;
    gnutls_datum_t modulus = key__datum(m), exponent = key__datum(x);
    return gnutls_pubkey_import_rsa_raw(to, &modulus, &exponent);
}

int public_key_read(struct octets der, struct public_key **out, struct err *e)
{
    AUTO(public_key) struct public_key *k = public_key__new();
    gnutls_datum_t d = key__datum(der);
    int rc = gnutls_pubkey_import(k->handle, &d, GNUTLS_X509_FMT_DER);
    if (rc < 0 && import_pkcs1(k->handle, der) < 0)
        return fail(rc, e, "read public key");
    *out = take_ptr(k);
    return 0;
}

void public_key_free(struct public_key *k)
{
    if (!k)
        return;
    gnutls_pubkey_deinit(k->handle);
    free(k);
}

static int verdict(int rc, struct err *e)
{
    if (rc < 0)
        return err_set(e, ERR_DENIED, "the signature is not this key's: %s", gnutls_strerror(rc));
    return 0;
}

int public_key_verify(struct public_key *k, const void *message, size_t n, const void *signature,
                      size_t signature_n, struct err *e)
{
    unsigned bits = 0;
    int algorithm = gnutls_pubkey_get_pk_algorithm(k->handle, &bits);
    gnutls_digest_algorithm_t hash = hash_for(algorithm, bits);
    gnutls_datum_t data = {(unsigned char *)(uintptr_t)message, (unsigned)n};
    gnutls_datum_t sig = {(unsigned char *)(uintptr_t)signature, (unsigned)signature_n};
    gnutls_sign_algorithm_t sign = gnutls_pk_to_sign((gnutls_pk_algorithm_t)algorithm, hash);
    int rc = gnutls_pubkey_verify_data2(k->handle, sign, 0, &data, &sig);
    /* cosign takes SHA-256 with every key. */
    if (rc < 0 && algorithm == GNUTLS_PK_ECDSA && hash != GNUTLS_DIG_SHA256)
        rc = gnutls_pubkey_verify_data2(k->handle, GNUTLS_SIGN_ECDSA_SHA256, 0, &data, &sig);
    return verdict(rc, e);
}

/* By its length; SHA-2 is all that is in use. */
static gnutls_digest_algorithm_t hash_of_size(size_t n)
{
    return n == 32   ? GNUTLS_DIG_SHA256
           : n == 48 ? GNUTLS_DIG_SHA384
           : n == 64 ? GNUTLS_DIG_SHA512
                     : GNUTLS_DIG_UNKNOWN;
}

int public_key_verify_hash(struct public_key *k, struct octets hash, struct octets signature,
                           struct err *e)
{
    int algorithm = gnutls_pubkey_get_pk_algorithm(k->handle, NULL);
    gnutls_digest_algorithm_t how = hash_of_size(hash.n);
    if (algorithm == GNUTLS_PK_EDDSA_ED25519 || how == GNUTLS_DIG_UNKNOWN)
        return err_set(e, ERR_UNSUPPORTED,
                       "an Ed25519 signature is checked over the bytes, not over their digest");
    gnutls_datum_t data = key__datum(hash), sig = key__datum(signature);
    gnutls_sign_algorithm_t sign = gnutls_pk_to_sign((gnutls_pk_algorithm_t)algorithm, how);
    return verdict(gnutls_pubkey_verify_hash2(k->handle, sign, 0, &data, &sig), e);
}

int public_key_der(struct public_key *k, struct arena *a, struct octets *out, struct err *e)
{
    gnutls_datum_t d = {0};
    int rc = gnutls_pubkey_export2(k->handle, GNUTLS_X509_FMT_DER, &d);
    if (rc < 0)
        return fail(rc, e, "write public key");
    *out = (struct octets){(unsigned char *)keep(a, &d), d.size};
    return 0;
}

int public_key_hash(struct public_key *k, unsigned char out[32], struct err *e)
{
    gnutls_datum_t d = {0};
    int rc = gnutls_pubkey_export2(k->handle, GNUTLS_X509_FMT_DER, &d);
    if (rc >= 0)
        rc = gnutls_hash_fast(GNUTLS_DIG_SHA256, d.data, d.size, out);
    gnutls_free(d.data);
    return rc < 0 ? fail(rc, e, "name a public key") : 0;
}

int public_key_id(struct public_key *k, struct arena *a, char **out, struct err *e)
{
    unsigned char hash[32];
    int r = public_key_hash(k, hash, e);
    if (r < 0)
        return r;
    char text[17];
    for (int i = 0; i < 8; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", hash[i]);
    *out = arena_strdup(a, text);
    return 0;
}
