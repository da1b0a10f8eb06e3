#include "blob/digest.h"

void digest_init(struct digest_state *d, enum digest_kind kind)
{
    d->kind = kind;
    if (kind == DIGEST_SHA512)
        sha512_init(&d->sha512);
    else
        sha256_init(&d->sha256);
}

void digest_add(struct digest_state *d, const void *bytes, size_t n)
{
    if (d->kind == DIGEST_SHA512)
        sha512_update(&d->sha512, n, bytes);
    else
        sha256_update(&d->sha256, n, bytes);
}

void digest_text(struct digest_state *d, char out[DIGEST_MAX])
{
    static const char hex[] = "0123456789abcdef";
    uint8_t sum[SHA512_DIGEST_SIZE];
    size_t n;
    if (d->kind == DIGEST_SHA512)
        sha512_digest(&d->sha512, n = SHA512_DIGEST_SIZE, sum);
    else
        sha256_digest(&d->sha256, n = SHA256_DIGEST_SIZE, sum);
    memcpy(out, d->kind == DIGEST_SHA512 ? "sha512:" : "sha256:", 7);
    for (size_t i = 0; i < n; i++) {
        out[7 + 2 * i] = hex[sum[i] >> 4];
        out[8 + 2 * i] = hex[sum[i] & 15];
    }
    out[7 + 2 * n] = '\0';
}

enum digest_kind digest_kind_of(const char *digest)
{
    return strncmp(digest, "sha512:", 7) == 0 ? DIGEST_SHA512 : DIGEST_SHA256;
}

int blob_digest_check(const char *digest, struct err *e)
{
    size_t want = strncmp(digest, "sha256:", 7) == 0   ? 64
                  : strncmp(digest, "sha512:", 7) == 0 ? 128
                                                       : 0;
    if (want == 0)
        return err_set(e, ERR_INVALID, "digest \"%.80s\": algorithm is neither sha256 nor sha512",
                       digest);
    if (strlen(digest + 7) != want || strspn(digest + 7, "0123456789abcdef") != want)
        return err_set(e, ERR_INVALID, "digest \"%.150s\" is not %zu lower-case hex digits", digest,
                       want);
    return 0;
}

void blob_digest_of(const void *bytes, size_t n, char out[DIGEST_MAX])
{
    struct digest_state d;
    digest_init(&d, DIGEST_SHA256);
    digest_add(&d, bytes, n);
    digest_text(&d, out);
}
