#include "render/sops/age.h"

#include <ctype.h>
#include <nettle/chacha-poly1305.h>
#include <nettle/curve25519.h>
#include <nettle/hkdf.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <stdbool.h>
#include <string.h>

#include "codec/base64.h"

enum {
    FILE_KEY = 16,
    TAG = CHACHA_POLY1305_DIGEST_SIZE,
    NONCE = CHACHA_POLY1305_NONCE_SIZE,
    CHUNK = 64 * 1024,
    STANZAS_MAX = 1024,
};

#define VERSION "age-encryption.org/v1\n"
#define PEM     "AGE ENCRYPTED FILE-----"

static int broken(struct err *e, const char *what)
{
    return err_set(e, ERR_INVALID, "not an age file: %s", what);
}

/* ---- identities: Bech32 of 32 bytes ---- */

static unsigned polymod(unsigned sum, unsigned value)
{
    static const unsigned generators[] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
                                          0x2a1462b3};
    unsigned top = sum >> 25;
    sum = (sum & 0x1ffffff) << 5 ^ value;
    for (unsigned i = 0; i < 5; i++)
        sum ^= top >> i & 1 ? generators[i] : 0;
    return sum;
}

static int bech32_digit(char c)
{
    static const char digits[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const char *at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;
    return at ? (int)(at - digits) : -1;
}

int age_identity_parse(const char *text, size_t n, struct age_identity *out, struct err *e)
{
    static const char prefix[] = "age-secret-key-";
    enum { PREFIX = sizeof prefix - 1, DIGITS = 52, SUM = 6 };
    if (n != PREFIX + 1 + DIGITS + SUM || strncmp(text, "AGE-SECRET-KEY-1", PREFIX + 1) != 0)
        return err_set(e, ERR_INVALID, "not an age identity: AGE-SECRET-KEY-1… is expected");
    unsigned sum = 1, bits = 0, held = 0;
    size_t bytes = 0;
    for (size_t i = 0; i < PREFIX; i++)
        sum = polymod(sum, (unsigned char)prefix[i] >> 5);
    sum = polymod(sum, 0);
    for (size_t i = 0; i < PREFIX; i++)
        sum = polymod(sum, prefix[i] & 31);
    for (size_t i = 0; i < DIGITS + SUM; i++) {
        int digit = bech32_digit(text[PREFIX + 1 + i]);
        if (digit < 0)
            return err_set(e, ERR_INVALID, "not an age identity: a character is wrong");
        sum = polymod(sum, (unsigned)digit);
        held = held << 5 | (unsigned)digit;
        bits += 5;
        if (i < DIGITS && bits >= 8 && bytes < AGE_KEY) {
            bits -= 8;
            out->secret[bytes++] = (unsigned char)(held >> bits);
        }
    }
    if (sum != 1)
        return err_set(e, ERR_INVALID, "not an age identity: the checksum is wrong");
    curve25519_mul_g(out->recipient, out->secret);
    return 0;
}

/* ---- keys ---- */

static void derive(const void *secret, size_t n, const void *salt, size_t n_salt, const char *info,
                   unsigned char out[32])
{
    struct hmac_sha256_ctx ctx;
    unsigned char prk[SHA256_DIGEST_SIZE];
    hmac_sha256_set_key(&ctx, n_salt, salt);
    hkdf_extract(&ctx, (nettle_hash_update_func *)hmac_sha256_update,
                 (nettle_hash_digest_func *)hmac_sha256_digest, SHA256_DIGEST_SIZE, n, secret, prk);
    hmac_sha256_set_key(&ctx, sizeof prk, prk);
    hkdf_expand(&ctx, (nettle_hash_update_func *)hmac_sha256_update,
                (nettle_hash_digest_func *)hmac_sha256_digest, SHA256_DIGEST_SIZE, strlen(info),
                (const uint8_t *)info, 32, out);
    explicit_bzero(prk, sizeof prk);
    explicit_bzero(&ctx, sizeof ctx);
}

/* `n` is without the tag. */
static bool opens(const unsigned char key[32], const unsigned char nonce[NONCE],
                  const unsigned char *sealed, size_t n, unsigned char *out)
{
    struct chacha_poly1305_ctx ctx;
    unsigned char tag[TAG];
    chacha_poly1305_set_key(&ctx, key);
    chacha_poly1305_set_nonce(&ctx, nonce);
    chacha_poly1305_decrypt(&ctx, n, out, sealed);
    chacha_poly1305_digest(&ctx, sizeof tag, tag);
    explicit_bzero(&ctx, sizeof ctx);
    return memeql_sec(tag, sealed + n, sizeof tag) == 1;
}

static bool unwrap(const struct age_identity *id, const unsigned char share[AGE_KEY],
                   const unsigned char *body, unsigned char file_key[FILE_KEY])
{
    static const unsigned char zero[NONCE], nothing[AGE_KEY];
    unsigned char shared[AGE_KEY], salt[2 * AGE_KEY], key[32];
    curve25519_mul(shared, id->secret, share);
    if (memeql_sec(shared, nothing, sizeof shared))
        return false;
    memcpy(salt, share, AGE_KEY);
    memcpy(salt + AGE_KEY, id->recipient, AGE_KEY);
    derive(shared, sizeof shared, salt, sizeof salt, "age-encryption.org/v1/X25519", key);
    bool ok = opens(key, zero, body, FILE_KEY, file_key);
    explicit_bzero(shared, sizeof shared);
    explicit_bzero(key, sizeof key);
    return ok;
}

/* ---- the header ---- */

struct header {
    const char *at, *end;
    unsigned char file_key[FILE_KEY];
    bool found;
};

/* The line at the cursor, without its end; NULL when there is none. */
static const char *line(struct header *h, size_t *n)
{
    const char *start = h->at, *end = memchr(start, '\n', (size_t)(h->end - start));
    if (!end)
        return NULL;
    *n = (size_t)(end - start);
    h->at = end + 1;
    return start;
}

static bool decode(struct arena *a, const char *text, size_t n, const unsigned char **out,
                   size_t want)
{
    char *bytes;
    size_t got;
    if (base64_decode(a, text, n, BASE64_STD_RAW, &bytes, &got, NULL) < 0 || got != want)
        return false;
    *out = (const unsigned char *)bytes;
    return true;
}

/* "-> X25519 SHARE" and its body: lines of 64 characters, the last one shorter. */
static int stanza(struct header *h, const char *head, size_t n, const struct age_identity *ids,
                  size_t n_ids, struct arena *a, struct err *e)
{
    static const char ours[] = "-> X25519 ";
    const char *body = h->at, *text;
    size_t body_n = 0, len;
    do {
        text = line(h, &len);
        if (!text || len > 64)
            return broken(e, "a recipient's stanza does not end");
        body_n += len;
    } while (len == 64);
    const unsigned char *share, *sealed;
    if (n <= sizeof ours - 1 || strncmp(head, ours, sizeof ours - 1) != 0 || h->found)
        return 0;
    if (!decode(a, head + sizeof ours - 1, n - (sizeof ours - 1), &share, AGE_KEY) ||
        !decode(a, body, body_n, &sealed, FILE_KEY + TAG))
        return broken(e, "an X25519 stanza is malformed");
    for (size_t i = 0; !h->found && i < n_ids; i++)
        h->found = unwrap(&ids[i], share, sealed, h->file_key);
    return 0;
}

static int check_mac(struct header *h, const char *file, const char *last, size_t n,
                     struct arena *a, struct err *e)
{
    const unsigned char *said;
    unsigned char key[32], mac[SHA256_DIGEST_SIZE];
    struct hmac_sha256_ctx ctx;
    if (n < 4 || last[3] != ' ' || !decode(a, last + 4, n - 4, &said, sizeof mac))
        return broken(e, "the header's end is malformed");
    derive(h->file_key, FILE_KEY, NULL, 0, "header", key);
    hmac_sha256_set_key(&ctx, sizeof key, key);
    hmac_sha256_update(&ctx, (size_t)(last + 3 - file), (const uint8_t *)file);
    hmac_sha256_digest(&ctx, sizeof mac, mac);
    explicit_bzero(key, sizeof key);
    return memeql_sec(mac, said, sizeof mac) ? 0 : broken(e, "the header was changed");
}

static int read_header(struct header *h, const char *file, const struct age_identity *ids,
                       size_t n_ids, struct arena *a, struct err *e)
{
    size_t n;
    const char *text;
    if ((size_t)(h->end - h->at) < sizeof VERSION - 1 ||
        memcmp(h->at, VERSION, sizeof VERSION - 1) != 0)
        return broken(e, "it does not begin with "
                         "age-encryption.org/v1");
    h->at += sizeof VERSION - 1;
    for (int i = 0; (text = line(h, &n)); i++) {
        if (n >= 3 && strncmp(text, "---", 3) == 0) {
            if (!h->found)
                return err_set(e, ERR_DENIED, "it is encrypted for others");
            return check_mac(h, file, text, n, a, e);
        }
        int rc = n >= 3 && i < STANZAS_MAX && strncmp(text, "-> ", 3) == 0
                     ? stanza(h, text, n, ids, n_ids, a, e)
                     : broken(e, "a line of the header is malformed");
        if (rc < 0)
            return rc;
    }
    return broken(e, "the header does not end");
}

/* ---- the payload ---- */

static int read_payload(const struct header *h, struct arena *a, char **out, size_t *out_n,
                        struct err *e)
{
    const unsigned char *at = (const unsigned char *)h->at;
    size_t left = (size_t)(h->end - h->at), made = 0;
    unsigned char key[32], nonce[NONCE] = {0};
    if (left < 16 + TAG)
        return broken(e, "it is cut off");
    derive(h->file_key, FILE_KEY, at, 16, "payload", key);
    at += 16;
    left -= 16;
    unsigned char *text = arena_alloc(a, left + 1);
    for (uint64_t i = 0;; i++) {
        size_t n = left > CHUNK + TAG ? CHUNK + TAG : left;
        for (int b = 0; b < 8; b++)
            nonce[10 - b] = (unsigned char)(i >> 8 * b);
        nonce[11] = n == left;
        if (n < TAG || !opens(key, nonce, at, n - TAG, text + made)) {
            explicit_bzero(key, sizeof key);
            return broken(e, "its content was changed or cut off");
        }
        made += n - TAG;
        at += n;
        left -= n;
        if (left == 0)
            break;
    }
    explicit_bzero(key, sizeof key);
    text[made] = '\0';
    *out = (char *)text;
    *out_n = made;
    return 0;
}

/* ---- armour ---- */

static int unarmour(const char **file, size_t *n, struct arena *a, struct err *e)
{
    static const char begin[] = "-----BEGIN " PEM, end[] = "-----END " PEM;
    while (*n && isspace((unsigned char)**file)) {
        (*file)++;
        (*n)--;
    }
    if (*n < sizeof begin || strncmp(*file, begin, sizeof begin - 1) != 0)
        return 0;
    const char *text = *file + sizeof begin - 1;
    const char *last = memmem(text, *n - (sizeof begin - 1), end, sizeof end - 1);
    char *bytes;
    if (!last)
        return broken(e, "its armour does not end");
    int rc = base64_decode(a, text, (size_t)(last - text), BASE64_STD, &bytes, n, e);
    *file = bytes;
    return rc < 0 ? broken(e, "its armour is malformed") : 0;
}

int age_decrypt(const struct age_identity *ids, size_t n_ids, const char *file, size_t n,
                struct arena *a, char **out, size_t *out_n, struct err *e)
{
    int rc = unarmour(&file, &n, a, e);
    if (rc < 0)
        return rc;
    struct header h = {.at = file, .end = file + n};
    rc = read_header(&h, file, ids, n_ids, a, e);
    if (rc == 0)
        rc = read_payload(&h, a, out, out_n, e);
    explicit_bzero(h.file_key, sizeof h.file_key);
    return rc;
}
