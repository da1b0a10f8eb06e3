#include "codec/base64.h"
#include "template/functions_int.h"

#include "base/banned.h"

static const char alphabet64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char alphabet32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

static int value_in(const char *alphabet, char c)
{
    const char *found = c ? strchr(alphabet, c) : NULL;
    return found ? (int)(found - alphabet) : -1;
}

static bool is_line_end(char c)
{
    return c == '\n' || c == '\r';
}

/* Bits of a group, highest first, as whole bytes. */
static void put_bits(struct buf *b, uint64_t bits, unsigned n)
{
    for (; n >= 8; n -= 8)
        buf_putc(b, (char)(bits >> (n - 8)));
}

/* A group that ends with padding: s[i] is behind the first =. SIZE_MAX: it is good. */
static size_t check_padding64(const char *s, size_t n, size_t i, unsigned have)
{
    if (have < 2)
        return i - 1;
    if (have == 2) {
        while (i < n && is_line_end(s[i]))
            i++;
        if (i == n)
            return n;
        if (s[i] != '=')
            return i - 1;
        i++;
    }
    while (i < n && is_line_end(s[i]))
        i++;
    return i < n ? i : SIZE_MAX;
}

/* As Go reads it; the byte that is wrong, or SIZE_MAX. */
static size_t decode64(const char *s, size_t n, struct buf *b)
{
    uint64_t bits = 0;
    unsigned have = 0;
    size_t i = 0;
    while (i < n) {
        char c = s[i++];
        int v = value_in(alphabet64, c);
        if (v >= 0) {
            bits = bits << 6 | (unsigned)v;
            if (++have == 4) {
                put_bits(b, bits, 24);
                bits = have = 0;
            }
        } else if (c == '=') {
            size_t bad = check_padding64(s, n, i, have);
            if (bad == SIZE_MAX)
                put_bits(b, bits >> (have == 2 ? 4 : 2), have == 2 ? 8 : 16);
            return bad;
        } else if (!is_line_end(c)) {
            return i - 1;
        }
    }
    return have ? n - have : SIZE_MAX;
}

/* The same for base 32; line ends are taken out before. */
static size_t decode32(const char *s, size_t n, struct buf *b)
{
    uint64_t bits = 0;
    unsigned have = 0;
    for (size_t i = 0; i < n; i++) {
        size_t left = n - i - 1;
        if (s[i] == '=' && have >= 2 && left < 8) {
            if (left + have < 7)
                return n;
            for (size_t k = 0; k < 7 - have; k++)
                if (k < left && s[i + 1 + k] != '=')
                    return i + k;
            if (have == 3 || have == 6)
                return i;
            put_bits(b, bits >> (have * 5 % 8), have * 5 / 8 * 8);
            return SIZE_MAX;
        }
        int v = value_in(alphabet32, s[i]);
        if (v < 0)
            return i;
        bits = bits << 5 | (unsigned)v;
        if (++have == 8) {
            put_bits(b, bits, 40);
            bits = have = 0;
        }
    }
    return have ? n - have : SIZE_MAX;
}

/* What cannot be read gives the error as text. */
static int finish(struct go_call *c, struct buf *b, int base, size_t bad, struct go_value *out)
{
    if (bad != SIZE_MAX) {
        buf_clear(b);
        buf_printf(b, "illegal base%d data at input byte %zu", base, bad);
    }
    return call__finish(c, out);
}

int base__encode64(struct go_call *c, const struct go_value *bytes, struct go_value *out)
{
    *out = go_str(base64_encode(c->arena, bytes->s, bytes->n, BASE64_STD));
    return 0;
}

static int to_base64(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)n;
    return base__encode64(c, &args[0], out);
}

static int from_base64(struct go_call *c, const struct go_value *args, size_t n,
                       struct go_value *out)
{
    (void)n;
    struct buf *b = call__scratch(c);
    size_t bad = decode64(args[0].s, args[0].n, b);
    return finish(c, b, 64, bad, out);
}

static int to_base32(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)n;
    struct buf *b = call__scratch(c);
    uint64_t bits = 0;
    unsigned held = 0;
    for (uint32_t i = 0; i < args[0].n; i++) {
        bits = bits << 8 | (unsigned char)args[0].s[i];
        for (held += 8; held >= 5; held -= 5)
            buf_putc(b, alphabet32[bits >> (held - 5) & 31]);
    }
    if (held)
        buf_putc(b, alphabet32[bits << (5 - held) & 31]);
    while (b->len % 8)
        buf_putc(b, '=');
    return call__finish(c, out);
}

static int from_base32(struct go_call *c, const struct go_value *args, size_t n,
                       struct go_value *out)
{
    (void)n;
    char *text = arena_alloc(c->arena, args[0].n + 1u), *to = text;
    for (uint32_t i = 0; i < args[0].n; i++)
        if (!is_line_end(args[0].s[i]))
            *to++ = args[0].s[i];
    struct buf *b = call__scratch(c);
    size_t bad = decode32(text, (size_t)(to - text), b);
    return finish(c, b, 32, bad, out);
}

/* A text that does not decode in full; encryption reads its own with this. */
bool base__decode64(struct buf *b, const char *s, size_t n, size_t *bad)
{
    *bad = decode64(s, n, b);
    return *bad == SIZE_MAX;
}

const struct go_func base_functions[] = {
    {"b32dec", "s",  from_base32},
    {"b32enc", "s",  to_base32  },
    {"b64dec", "s",  from_base64},
    {"b64enc", "s",  to_base64  },
    {NULL,     NULL, NULL       },
};
