#include <nettle/chacha.h>
#include <nettle/sha2.h>

#include "template/sprig_int.h"

#include "base/banned.h"

/* A stream of ChaCha20 keyed by the seed's digest; the draw's number is the nonce. */
void random__draw(struct go_call *c, void *out, size_t n)
{
    struct random *r = &c->run->random;
    const struct template_host *host = c->run->options.host;
    struct chacha_ctx chacha;
    uint8_t nonce[CHACHA_NONCE_SIZE] = {0};
    if (r->counter == 0) {
        struct sha256_ctx sha;
        sha256_init(&sha);
        if (host && host->seed)
            sha256_update(&sha, host->seed_n, host->seed);
        sha256_digest(&sha, sizeof r->key, r->key);
    }
    r->counter++;
    for (size_t i = 0; i < sizeof nonce; i++)
        nonce[i] = (uint8_t)(r->counter >> (8 * i));
    memset(out, 0, n);
    chacha_set_key(&chacha, r->key);
    chacha_set_nonce(&chacha, nonce);
    chacha_crypt(&chacha, n, out, out);
}

/* 0 <= result < n, each as likely. */
static uint64_t below(struct go_call *c, uint64_t n)
{
    uint64_t v, most = UINT64_MAX - UINT64_MAX % n;
    do
        random__draw(c, &v, sizeof v);
    while (v >= most);
    return v % n;
}

static int draw_text(struct go_call *c, int64_t count, const char *alphabet, size_t n_alphabet,
                     struct go_value *out)
{
    struct buf *b = call__scratch(c);
    unsigned char bytes[256];
    size_t used = sizeof bytes;
    int rc = count > 0 ? call__spend(c, (uint64_t)count) : 0;
    if (rc)
        return rc;
    for (int64_t i = 0; i < count && !b->overflow;) {
        if (used == sizeof bytes) {
            random__draw(c, bytes, sizeof bytes);
            used = 0;
        }
        unsigned char v = bytes[used++];
        if (v >= 256 / n_alphabet * n_alphabet)
            continue; /* so that no letter is likelier */
        buf_putc(b, alphabet[v % n_alphabet]);
        i++;
    }
    return call__finish(c, out);
}

static const char alphanumeric[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

GO_FN(rand_alphanum)
{
    return draw_text(c, args[0].i, alphanumeric, 62, out);
}

GO_FN(rand_alpha)
{
    return draw_text(c, args[0].i, alphanumeric, 52, out);
}

GO_FN(rand_numeric)
{
    return draw_text(c, args[0].i, alphanumeric + 52, 10, out);
}

GO_FN(rand_ascii)
{
    char printable[95];
    for (size_t i = 0; i < sizeof printable; i++)
        printable[i] = (char)(' ' + i);
    return draw_text(c, args[0].i, printable, sizeof printable, out);
}

GO_FN(rand_bytes)
{
    void *bytes = NULL;
    if (args[0].i < 0)
        return go_fail(c, "runtime error: makeslice: len out of range");
    int rc = call__alloc(c, (size_t)args[0].i + 1, &bytes);
    if (rc)
        return rc;
    random__draw(c, bytes, (size_t)args[0].i);
    struct go_value text = go_strn(bytes, (size_t)args[0].i);
    return base__encode64(c, &text, out);
}

GO_FN(rand_int)
{
    if (args[1].i <= args[0].i)
        return go_fail(c, "invalid argument to Intn");
    *out = go_int(
        (int64_t)((uint64_t)args[0].i + below(c, (uint64_t)args[1].i - (uint64_t)args[0].i)));
    return 0;
}

GO_FN(shuffle)
{
    size_t count = unicode_count(args[0].s, args[0].n), at = 0, len;
    void *room = NULL;
    int rc = call__spend(c, count * 32);
    if (rc == 0)
        rc = call__alloc(c, (count + 1) * sizeof(uint32_t), &room);
    if (rc)
        return rc;
    uint32_t *letters = room;
    for (size_t i = 0; i < count; i++, at += len)
        letters[i] = unicode_decode(args[0].s + at, args[0].n - at, &len);
    for (size_t i = count; i-- > 1;) {
        size_t other = below(c, i + 1);
        uint32_t held = letters[i];
        letters[i] = letters[other];
        letters[other] = held;
    }
    struct buf *b = call__scratch(c);
    for (size_t i = 0; i < count; i++)
        unicode_put(b, letters[i]);
    return call__finish(c, out);
}

GO_FN(uuid)
{
    unsigned char u[16];
    random__draw(c, u, sizeof u);
    u[6] = (unsigned char)((u[6] & 0x0f) | 0x40);
    u[8] = (unsigned char)((u[8] & 0x3f) | 0x80);
    struct buf *b = call__scratch(c);
    for (size_t i = 0; i < sizeof u; i++)
        buf_printf(b, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", u[i]);
    return call__finish(c, out);
}

const struct go_func random_functions[] = {
    {"randAlpha",    "i",  rand_alpha   },
    {"randAlphaNum", "i",  rand_alphanum},
    {"randAscii",    "i",  rand_ascii   },
    {"randBytes",    "i",  rand_bytes   },
    {"randInt",      "ii", rand_int     },
    {"randNumeric",  "i",  rand_numeric },
    {"shuffle",      "s",  shuffle      },
    {"uuidv4",       "",   uuid         },
    {NULL,           NULL, NULL         },
};
