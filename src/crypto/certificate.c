#include "crypto/certificate.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/key_int.h"

enum { CHAIN_MAX = 8, NAME_MAX_BYTES = 4096, EXTENSION_MAX = 64 << 10 };

#define FULCIO_USER_NAME "1.3.6.1.4.1.57264.1.7"

struct certificate {
    gnutls_x509_crt_t handle;
    struct octets der;
    unsigned char bytes[];
};

int certificate_read(struct octets der, struct certificate **out, struct err *e)
{
    AUTO(certificate) struct certificate *c = calloc(1, sizeof *c + der.n);
    if (!c || gnutls_x509_crt_init(&c->handle) < 0)
        log_die("out of memory");
    if (der.n)
        memcpy(c->bytes, der.p, der.n);
    c->der = (struct octets){c->bytes, der.n};
    gnutls_datum_t d = key__datum(c->der);
    int rc = gnutls_x509_crt_import(c->handle, &d, GNUTLS_X509_FMT_DER);
    if (rc < 0)
        return err_set(e, ERR_INVALID, "the certificate cannot be read: %s", gnutls_strerror(rc));
    *out = take_ptr(c);
    return 0;
}

void certificate_free(struct certificate *c)
{
    if (!c)
        return;
    gnutls_x509_crt_deinit(c->handle);
    free(c);
}

struct octets certificate_bytes(const struct certificate *c)
{
    return c->der;
}

int certificate_public_key(const struct certificate *c, struct public_key **out, struct err *e)
{
    AUTO(public_key) struct public_key *k = public_key__new();
    int rc = gnutls_pubkey_import_x509(k->handle, c->handle, 0);
    if (rc < 0)
        return err_set(e, ERR_INVALID, "key of the certificate: %s", gnutls_strerror(rc));
    *out = take_ptr(k);
    return 0;
}

bool certificate_is_self_issued(const struct certificate *c)
{
    return gnutls_x509_crt_check_issuer(c->handle, c->handle) > 0;
}

bool certificate_is_authority(const struct certificate *c)
{
    return gnutls_x509_crt_get_ca_status(c->handle, NULL) > 0;
}

bool certificate_has_purpose(const struct certificate *c, const char *oid)
{
    for (unsigned i = 0;; i++) {
        char text[128];
        size_t n = sizeof text;
        int rc = gnutls_x509_crt_get_key_purpose_oid(c->handle, i, text, &n, NULL);
        if (rc == GNUTLS_E_SHORT_MEMORY_BUFFER)
            continue;
        if (rc < 0)
            return false;
        if (strcmp(text, oid) == 0)
            return true;
    }
}

bool certificate_extension(const struct certificate *c, const char *oid, struct arena *a,
                           struct octets *out)
{
    size_t n = 0;
    int rc = gnutls_x509_crt_get_extension_by_oid(c->handle, oid, 0, NULL, &n, NULL);
    if ((rc < 0 && rc != GNUTLS_E_SHORT_MEMORY_BUFFER) || n > EXTENSION_MAX)
        return false;
    unsigned char *p = arena_alloc(a, n + 1);
    if (gnutls_x509_crt_get_extension_by_oid(c->handle, oid, 0, p, &n, NULL) < 0)
        return false;
    *out = (struct octets){p, n};
    return true;
}

/* The name of kind "other": Fulcio's user name is a UTF8String, all others are "". */
static const char *other_name(const struct certificate *c, unsigned i, const char *bytes, size_t n,
                              struct arena *a)
{
    char oid[128];
    size_t oid_n = sizeof oid;
    struct octets in = {(const unsigned char *)bytes, n}, text;
    if (gnutls_x509_crt_get_subject_alt_othername_oid(c->handle, i, oid, &oid_n) < 0 ||
        strcmp(oid, FULCIO_USER_NAME) != 0 || !der_take(&in, DER_UTF8, &text))
        return "";
    return octets_text(text, a);
}

const char *certificate_name(const struct certificate *c, unsigned i, struct arena *a)
{
    char text[NAME_MAX_BYTES];
    size_t n = sizeof text;
    int kind = gnutls_x509_crt_get_subject_alt_name(c->handle, i, text, &n, NULL);
    if (kind == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
        return NULL;
    if (kind < 0)
        return kind == GNUTLS_E_SHORT_MEMORY_BUFFER ? "" : NULL;
    if (kind == GNUTLS_SAN_OTHERNAME)
        return other_name(c, i, text, n, a);
    bool plain =
        kind == GNUTLS_SAN_RFC822NAME || kind == GNUTLS_SAN_URI || kind == GNUTLS_SAN_DNSNAME;
    return plain ? octets_text((struct octets){(const unsigned char *)text, n}, a) : "";
}

static bool was_valid(gnutls_x509_crt_t c, int64_t at_ms)
{
    int64_t from = (int64_t)gnutls_x509_crt_get_activation_time(c);
    int64_t until = (int64_t)gnutls_x509_crt_get_expiration_time(c);
    return from >= 0 && until >= 0 && at_ms >= from * 1000 && at_ms < (until + 1) * 1000;
}

static int check_times(gnutls_x509_crt_t *all, size_t n, int64_t at_ms, struct err *e)
{
    for (size_t i = 0; i < n; i++)
        if (!was_valid(all[i], at_ms)) {
            char text[CLOCK_TEXT_MAX];
            clock_format_rfc3339(at_ms, text);
            return err_set(e, ERR_DENIED, "%s was not valid at %s",
                           i ? "a certificate of the authority" : "the certificate", text);
        }
    return 0;
}

int certificate_verify(const struct certificate *leaf, struct certificate *const *chain, size_t n,
                       int64_t at_ms, struct err *e)
{
    gnutls_x509_crt_t all[CHAIN_MAX + 1] = {leaf->handle};
    unsigned status = 0;
    if (n == 0 || n > CHAIN_MAX)
        return err_set(e, ERR_INVALID, "a chain of %zu authorities; 1 to %d are meant", n,
                       CHAIN_MAX);
    for (size_t i = 0; i < n; i++)
        all[i + 1] = chain[i]->handle;
    int rc = gnutls_x509_crt_list_verify(
        all, (int)n, &all[n], 1, NULL, 0,
        GNUTLS_VERIFY_DISABLE_TIME_CHECKS | GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS, &status);
    if (rc < 0)
        return err_set(e, ERR_DENIED, "the certificate's chain: %s", gnutls_strerror(rc));
    if (status)
        return err_set(e, ERR_DENIED, "the certificate was not issued by this authority");
    return check_times(all, n + 1, at_ms, e);
}

int pem_read(const char *text, size_t n_text, struct arena *a, struct octets *out, size_t max,
             size_t *n, struct err *e)
{
    size_t found = 0;
    const char *end = text + n_text, *at = text;
    while ((at = memmem(at, (size_t)(end - at), "-----BEGIN ", 11))) {
        gnutls_datum_t d = {(unsigned char *)(uintptr_t)at, (unsigned)(end - at)}, der = {0};
        int rc = found < max ? gnutls_pem_base64_decode2(NULL, &d, &der) : GNUTLS_E_PARSING_ERROR;
        if (rc < 0)
            return err_set(e, ERR_INVALID, "this is not PEM of at most %zu parts: %s", max,
                           gnutls_strerror(rc));
        out[found++] = (struct octets){arena_dup(a, der.data, der.size), der.size};
        gnutls_free(der.data);
        const char *close = memmem(at, (size_t)(end - at), "-----END ", 9);
        at = close ? close : end;
    }
    if (found == 0)
        return err_set(e, ERR_INVALID, "this is not PEM: no line begins with -----BEGIN");
    *n = found;
    return 0;
}
