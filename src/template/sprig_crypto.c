#include <assert.h>
#include <nettle/aes.h>
#include <nettle/blowfish.h>
#include <nettle/cbc.h>
#include <nettle/hmac.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <zlib.h>

#include "base/own.h"
#include "codec/base64.h"
#include "crypto/scrypt.h"
#include "template/sprig_int.h"

#include "base/banned.h"

/* ---- digests ---- */

static const uint8_t *bytes_of(const struct go_value *s)
{
    return (const uint8_t *)s->s;
}

GO_FN(sha1_sum)
{
    struct sha1_ctx ctx;
    uint8_t digest[SHA1_DIGEST_SIZE];
    sha1_init(&ctx);
    sha1_update(&ctx, args[0].n, bytes_of(&args[0]));
    sha1_digest(&ctx, sizeof digest, digest);
    *out = go_str(hex_encode(c->arena, digest, sizeof digest));
    return 0;
}

GO_FN(sha256_sum)
{
    struct sha256_ctx ctx;
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_init(&ctx);
    sha256_update(&ctx, args[0].n, bytes_of(&args[0]));
    sha256_digest(&ctx, sizeof digest, digest);
    *out = go_str(hex_encode(c->arena, digest, sizeof digest));
    return 0;
}

GO_FN(sha512_sum)
{
    struct sha512_ctx ctx;
    uint8_t digest[SHA512_DIGEST_SIZE];
    sha512_init(&ctx);
    sha512_update(&ctx, args[0].n, bytes_of(&args[0]));
    sha512_digest(&ctx, sizeof digest, digest);
    *out = go_str(hex_encode(c->arena, digest, sizeof digest));
    return 0;
}

GO_FN(adler32_sum)
{
    uLong sum = adler32(adler32(0, NULL, 0), bytes_of(&args[0]), args[0].n);
    *out = go_str(arena_printf(c->arena, "%lu", sum));
    return 0;
}

/* ---- passwords ---- */

enum { BCRYPT_MAX = 72, BCRYPT_COST = 10 };

static char *hash_password(struct go_call *c, const struct go_value *password)
{
    uint8_t hash[BLOWFISH_BCRYPT_HASH_SIZE + 1] = {0}, salt[BLOWFISH_BCRYPT_BINSALT_SIZE];
    static const uint8_t scheme[] = "2a";
    if (password->n > BCRYPT_MAX)
        return arena_printf(c->arena,
                            "failed to encrypt string with bcrypt: bcrypt: password length "
                            "exceeds %d bytes",
                            BCRYPT_MAX);
    random__draw(c, salt, sizeof salt);
    if (!blowfish_bcrypt_hash(hash, password->n, bytes_of(password), sizeof scheme - 1, scheme,
                              BCRYPT_COST, salt))
        return arena_strdup(c->arena, "failed to encrypt string with bcrypt: bcrypt failed");
    return arena_strdup(c->arena, (char *)hash);
}

GO_FN(bcrypt)
{
    int rc = call__spend(c, SLOW_STEPS);
    if (rc)
        return rc;
    *out = go_str(hash_password(c, &args[0]));
    return 0;
}

GO_FN(htpasswd)
{
    int rc = call__spend(c, SLOW_STEPS);
    if (rc)
        return rc;
    const char *name = go_cstr(c->arena, &args[0]);
    if (memchr(args[0].s, ':', args[0].n))
        *out = go_str(arena_printf(c->arena, "invalid username: %s", name));
    else
        *out = go_str(arena_printf(c->arena, "%s:%s", name, hash_password(c, &args[1])));
    return 0;
}

/* Master Password's templates: a letter stands for a set of characters. */
static const struct {
    const char *kind, *templates[22];
} password_kinds[] = {
    {"maximum", {"anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"}},
    {"long",
     {"CvcvnoCvcvCvcv", "CvcvCvcvnoCvcv", "CvcvCvcvCvcvno", "CvccnoCvcvCvcv", "CvccCvcvnoCvcv",
      "CvccCvcvCvcvno", "CvcvnoCvccCvcv", "CvcvCvccnoCvcv", "CvcvCvccCvcvno", "CvcvnoCvcvCvcc",
      "CvcvCvcvnoCvcc", "CvcvCvcvCvccno", "CvccnoCvccCvcv", "CvccCvccnoCvcv", "CvccCvccCvcvno",
      "CvcvnoCvccCvcc", "CvcvCvccnoCvcc", "CvcvCvccCvccno", "CvccnoCvcvCvcc", "CvccCvcvnoCvcc",
      "CvccCvcvCvccno"}                                         },
    {"medium",  {"CvcnoCvc", "CvcCvcno"}                        },
    {"short",   {"Cvcn"}                                        },
    {"basic",   {"aaanaaan", "aannaaan", "aaannaaa"}            },
    {"pin",     {"nnnn"}                                        },
};

static const char *characters(char letter)
{
    switch (letter) {
    case 'V':
        return "AEIOU";
    case 'C':
        return "BCDFGHJKLMNPQRSTVWXYZ";
    case 'v':
        return "aeiou";
    case 'c':
        return "bcdfghjklmnpqrstvwxyz";
    case 'a':
        return "AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";
    case 'n':
        return "0123456789";
    case 'o':
        return "@&%?,=[]_:-+*$#!'^~;()/.";
    default:
        return "AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()";
    }
}

static void put_word32(struct buf *b, uint32_t v)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        buf_putc(b, (char)(v >> shift));
}

/* The site's seed: an HMAC with a key that scrypt makes of the master password. */
static void derive_seed(struct go_call *c, const struct go_value *args, uint8_t seed[32])
{
    static const char scope[] = "com.lyndir.masterpassword";
    uint8_t key[64];
    struct buf *b = call__scratch(c);
    buf_puts(b, scope);
    put_word32(b, args[3].n);
    buf_add(b, args[3].s, args[3].n);
    const struct octets password = {bytes_of(&args[2]), args[2].n};
    const struct octets salt = {(const unsigned char *)buf_text(b), b->len};
    int rc =
        scrypt_derive((struct scrypt_cost){32768, 8, 2}, password, salt, key, sizeof key, NULL);
    assert(rc == 0);
    (void)rc;
    buf_cut(b, sizeof scope - 1);
    put_word32(b, args[4].n);
    buf_add(b, args[4].s, args[4].n);
    put_word32(b, (uint32_t)args[0].u);
    struct hmac_sha256_ctx mac;
    hmac_sha256_set_key(&mac, sizeof key, key);
    hmac_sha256_update(&mac, b->len, (const uint8_t *)b->data);
    hmac_sha256_digest(&mac, 32, seed);
}

GO_FN(derive_password)
{
    int rc = call__spend(c, SLOW_STEPS);
    if (rc)
        return rc;
    const char *kind = go_cstr(c->arena, &args[1]), *const *templates = NULL;
    for (size_t i = 0; i < ARRAY_LEN(password_kinds); i++)
        if (strcmp(password_kinds[i].kind, kind) == 0)
            templates = password_kinds[i].templates;
    if (!templates) {
        *out = go_str(arena_printf(c->arena, "cannot find password template %s", kind));
        return 0;
    }
    uint8_t seed[32];
    size_t count = 0;
    derive_seed(c, args, seed);
    while (templates[count])
        count++;
    const char *shape = templates[seed[0] % count];
    struct buf *b = call__scratch(c);
    for (size_t i = 0; shape[i]; i++) {
        const char *set = characters(shape[i]);
        buf_putc(b, set[seed[i + 1] % strlen(set)]);
    }
    return call__finish(c, out);
}

/* ---- AES-256-CBC with a password for a key ---- */

static void password_key(const struct go_value *password, uint8_t key[AES256_KEY_SIZE])
{
    memset(key, 0, AES256_KEY_SIZE);
    memcpy(key, password->s, password->n < AES256_KEY_SIZE ? password->n : AES256_KEY_SIZE);
}

GO_FN(encrypt_aes)
{
    uint8_t key[AES256_KEY_SIZE], iv[AES_BLOCK_SIZE];
    struct aes256_ctx aes;
    *out = go_str("");
    if (args[1].n == 0)
        return 0;
    size_t pad = AES_BLOCK_SIZE - args[1].n % AES_BLOCK_SIZE, n_content = args[1].n + pad;
    uint8_t *all = arena_alloc(c->arena, AES_BLOCK_SIZE + n_content);
    uint8_t *content = all + AES_BLOCK_SIZE;
    memcpy(content, args[1].s, args[1].n);
    memset(content + args[1].n, (int)pad, pad);
    random__draw(c, all, AES_BLOCK_SIZE);
    memcpy(iv, all, sizeof iv);
    password_key(&args[0], key);
    aes256_set_encrypt_key(&aes, key);
    cbc_encrypt(&aes, (nettle_cipher_func *)aes256_encrypt, AES_BLOCK_SIZE, iv, n_content, content,
                content);
    struct go_value text = go_strn((char *)all, AES_BLOCK_SIZE + n_content);
    return base__encode64(c, &text, out);
}

GO_FN(decrypt_aes)
{
    uint8_t key[AES256_KEY_SIZE];
    struct aes256_ctx aes;
    size_t bad = 0;
    *out = go_str("");
    if (args[1].n == 0)
        return 0;
    struct buf *b = call__scratch(c);
    if (!base__decode64(b, args[1].s, args[1].n, &bad))
        return go_fail(c, "illegal base64 data at input byte %zu", bad);
    if (b->len < AES_BLOCK_SIZE)
        return go_fail(c, "runtime error: slice bounds out of range [:%d] with capacity %zu",
                       AES_BLOCK_SIZE, b->len);
    size_t size = b->len - AES_BLOCK_SIZE;
    if (size % AES_BLOCK_SIZE)
        return go_fail(c, "crypto/cipher: input not full blocks");
    if (size == 0)
        return go_fail(c, "runtime error: index out of range [-1]");
    char *text = arena_alloc(c->arena, size);
    password_key(&args[0], key);
    aes256_set_decrypt_key(&aes, key);
    cbc_decrypt(&aes, (nettle_cipher_func *)aes256_decrypt, AES_BLOCK_SIZE, (uint8_t *)b->data,
                size, (uint8_t *)text, (uint8_t *)b->data + AES_BLOCK_SIZE);
    size_t pad = (unsigned char)text[size - 1];
    if (pad > size)
        return go_fail(c, "runtime error: slice bounds out of range [:%lld]",
                       (long long)size - (long long)pad);
    *out = go_strn(text, size - pad);
    return 0;
}

const struct go_func crypto_functions[] = {
    {"adler32sum",     "s",     adler32_sum    },
    {"bcrypt",         "s",     bcrypt         },
    {"decryptAES",     "ss",    decrypt_aes    },
    {"derivePassword", "ussss", derive_password},
    {"encryptAES",     "ss",    encrypt_aes    },
    {"htpasswd",       "ss",    htpasswd       },
    {"sha1sum",        "s",     sha1_sum       },
    {"sha256sum",      "s",     sha256_sum     },
    {"sha512sum",      "s",     sha512_sum     },
    {NULL,             NULL,    NULL           },
};
