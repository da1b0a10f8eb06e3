#include "sign/keyfile.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "codec/base64.h"
#include "codec/json.h"
#include "crypto/certificate.h"
#include "crypto/scrypt.h"
#include "crypto/secretbox.h"
#include "sign/message_int.h"

#define LABEL "ENCRYPTED SIGSTORE PRIVATE KEY"

enum { SALT = 32, PEM_LINE = 64 };

/* What cosign writes; others are read. */
static const struct scrypt_cost usual_cost = {65536, 8, 1};

bool keyfile_is_sealed(const char *pem)
{
    return strstr(pem, "-----BEGIN " LABEL "-----") ||
           strstr(pem, "-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----");
}

static int read_cost(const struct value *kdf, struct scrypt_cost *out, struct err *e)
{
    const struct value *p = value_get(kdf, "params");
    int64_t n = value_at_int(p, "N", 0), r = value_at_int(p, "r", 0), c = value_at_int(p, "p", 0);
    if (strcmp(value_at_str(kdf, "name", ""), "scrypt") != 0 || n < 0 || n > UINT32_MAX || r < 0 ||
        r > UINT32_MAX || c < 0 || c > UINT32_MAX)
        return err_set(e, ERR_UNSUPPORTED, "its passphrase is not used by way of scrypt");
    *out = (struct scrypt_cost){(uint32_t)n, (uint32_t)r, (uint32_t)c};
    return 0;
}

static int open_box(const struct value *v, struct octets passphrase, struct arena *a,
                    struct octets *out, struct err *e)
{
    unsigned char key[SECRETBOX_KEY];
    struct scrypt_cost cost;
    struct octets salt, nonce, box;
    if (strcmp(value_at_str(v, "cipher.name", ""), "nacl/secretbox") != 0)
        return err_set(e, ERR_UNSUPPORTED, "it is not sealed by nacl/secretbox");
    int r = read_cost(value_get(v, "kdf"), &cost, e);
    if (r == 0)
        r = message__octets(value_at(v, "kdf.salt"), "salt", a, &salt, e);
    if (r == 0)
        r = message__octets(value_at(v, "cipher.nonce"), "nonce", a, &nonce, e);
    if (r == 0)
        r = message__octets(value_get(v, "ciphertext"), "ciphertext", a, &box, e);
    if (r == 0 && nonce.n != SECRETBOX_NONCE)
        r = err_set(e, ERR_INVALID, "its nonce has %zu bytes, not %d", nonce.n, SECRETBOX_NONCE);
    if (r == 0)
        r = scrypt_derive(cost, passphrase, salt, key, sizeof key, e);
    if (r == 0)
        r = secretbox_open(key, nonce.p, box, a, out, e);
    explicit_bzero(key, sizeof key);
    return r;
}

/* PEM of bytes. */
static char *wrap(const char *label, struct octets bytes, struct arena *a)
{
    struct buf b AUTO_BUF;
    const char *text = base64_encode(a, bytes.p, bytes.n, BASE64_STD);
    buf_init(&b, KEYFILE_MAX);
    buf_printf(&b, "-----BEGIN %s-----\n", label);
    for (size_t n = strlen(text), at = 0; at < n; at += PEM_LINE)
        buf_printf(&b, "%.*s\n", PEM_LINE, text + at);
    buf_printf(&b, "-----END %s-----\n", label);
    return arena_strndup(a, buf_text(&b), b.len);
}

int keyfile_open(const char *pem, size_t n, const char *passphrase, struct key **out, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(KEYFILE_MAX);
    struct octets json, der;
    struct value *v;
    size_t parts;
    if (!keyfile_is_sealed(pem))
        return key_load(pem, n, out, e);
    int r = pem_read(pem, n, a, &json, 1, &parts, e);
    if (r == 0)
        r = json_parse(a, (const char *)json.p, json.n, JSON_STRICT_KEYS | JSON_SHALLOW, &v, e);
    const struct octets word = {(const unsigned char *)passphrase, strlen(passphrase)};
    if (r == 0)
        r = open_box(v, word, a, &der, e);
    if (r < 0)
        return err_wrap(e, r, "sealed key");
    char *plain = wrap("PRIVATE KEY", der, a);
    r = key_load(plain, strlen(plain), out, e);
    explicit_bzero(plain, strlen(plain));
    explicit_bzero((void *)(uintptr_t)der.p, der.n);
    return r;
}

static char *sealed_text(const unsigned char salt[SALT], const unsigned char *nonce,
                         struct octets box, struct arena *a)
{
    struct value *v = value_new_object(a), *kdf = value_make_object(a, v, "kdf");
    struct value *cipher = value_make_object(a, v, "cipher");
    kdf = value_get_mut(v, "kdf");
    (void)value_set_str(a, kdf, "name", "scrypt");
    struct value *params = value_make_object(a, kdf, "params");
    (void)value_set_int(a, params, "N", usual_cost.n);
    (void)value_set_int(a, params, "r", usual_cost.r);
    (void)value_set_int(a, params, "p", usual_cost.p);
    (void)value_set_str(a, kdf, "salt", base64_encode(a, salt, SALT, BASE64_STD));
    (void)value_set_str(a, cipher, "name", "nacl/secretbox");
    (void)value_set_str(a, cipher, "nonce", base64_encode(a, nonce, SECRETBOX_NONCE, BASE64_STD));
    (void)value_set_str(a, v, "ciphertext", base64_encode(a, box.p, box.n, BASE64_STD));
    return json_text(a, v, 0);
}

int keyfile_seal(struct key *k, const char *passphrase, struct arena *a, char **out, struct err *e)
{
    unsigned char drawn[SALT + SECRETBOX_NONCE], key[SECRETBOX_KEY];
    struct octets der;
    size_t parts;
    char *pem;
    int r = key_private_pem(k, a, &pem, e);
    if (r == 0)
        r = pem_read(pem, strlen(pem), a, &der, 1, &parts, e);
    if (r < 0)
        return r;
    if (getrandom(drawn, sizeof drawn, 0) != sizeof drawn)
        return err_sys(e, errno, "draw random bytes");
    const struct octets word = {(const unsigned char *)passphrase, strlen(passphrase)};
    r = scrypt_derive(usual_cost, word, (struct octets){drawn, SALT}, key, sizeof key, e);
    if (r < 0)
        return r;
    const struct octets box = secretbox_seal(key, drawn + SALT, der, a);
    explicit_bzero(key, sizeof key);
    char *text = sealed_text(drawn, drawn + SALT, box, a);
    *out = wrap(LABEL, (struct octets){(unsigned char *)text, strlen(text)}, a);
    return 0;
}
