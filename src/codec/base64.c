#include "codec/base64.h"

#include <stdbool.h>
#include <stdint.h>

static const char std_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static bool is_url(enum base64_form form)
{
    return form == BASE64_URL || form == BASE64_URL_RAW;
}

static bool is_padded(enum base64_form form)
{
    return form == BASE64_STD || form == BASE64_URL;
}

char *base64_encode(struct arena *a, const void *bytes, size_t n, enum base64_form form)
{
    const unsigned char *in = bytes;
    const char *digits = is_url(form) ? url_digits : std_digits;
    char *out = arena_alloc(a, (n + 2) / 3 * 4 + 1), *to = out;
    for (size_t i = 0; i < n; i += 3) {
        size_t have = n - i < 3 ? n - i : 3;
        uint32_t w = (uint32_t)in[i] << 16;
        if (have > 1)
            w |= (uint32_t)in[i + 1] << 8;
        if (have > 2)
            w |= in[i + 2];
        for (size_t k = 0; k <= have; k++)
            *to++ = digits[w >> (18 - 6 * k) & 63];
        for (size_t k = have; k < 3 && is_padded(form); k++)
            *to++ = '=';
    }
    return out;
}

static int digit_value(char c, bool url)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == (url ? '-' : '+'))
        return 62;
    return c == (url ? '_' : '/') ? 63 : -1;
}

/* How the text ends: the digits of the last group that is not whole, and its padding. */
static bool end_is_good(uint32_t bits, size_t held, size_t pads, bool padded)
{
    if (held == 0)
        return pads == 0;
    if (held == 1)
        return false;
    return bits == 0 && pads == (padded ? 4 - held : 0);
}

int base64_decode(struct arena *a, const char *text, size_t n, enum base64_form form, char **out,
                  size_t *out_n, struct err *e)
{
    char *bytes = arena_alloc(a, n / 4 * 3 + 4), *to = bytes;
    uint32_t w = 0;
    size_t held = 0, pads = 0;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (c == '\r' || c == '\n')
            continue;
        int digit = c == '=' ? 0 : digit_value(c, is_url(form));
        if (digit < 0 || (pads && c != '='))
            return err_set(e, ERR_INVALID, "illegal base64 data at input byte %zu", i);
        if (c == '=') {
            pads++;
            continue;
        }
        w = w << 6 | (uint32_t)digit;
        if (++held == 4) {
            *to++ = (char)(w >> 16);
            *to++ = (char)(w >> 8);
            *to++ = (char)w;
            w = 0;
            held = 0;
        }
    }
    uint32_t loose = held == 2 ? w & 15 : held == 3 ? w & 3 : 0;
    if (!end_is_good(loose, held, pads, is_padded(form)))
        return err_set(e, ERR_INVALID, "illegal base64 data at input byte %zu", n);
    if (held >= 2)
        *to++ = (char)(w >> (held == 2 ? 4 : 10));
    if (held == 3)
        *to++ = (char)(w >> 2);
    *to = '\0';
    *out = bytes;
    *out_n = (size_t)(to - bytes);
    return 0;
}

char *hex_encode(struct arena *a, const void *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *in = bytes;
    char *out = arena_alloc(a, 2 * n + 1);
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[in[i] >> 4];
        out[2 * i + 1] = digits[in[i] & 15];
    }
    return out;
}

int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int hex_decode(struct arena *a, const char *text, size_t n, char **out, size_t *out_n,
               struct err *e)
{
    char *bytes = arena_alloc(a, n / 2 + 1);
    if (n % 2)
        return err_set(e, ERR_INVALID, "odd number of hexadecimal digits: %zu", n);
    for (size_t i = 0; i < n; i += 2) {
        int high = hex_value(text[i]), low = hex_value(text[i + 1]);
        if (high < 0 || low < 0)
            return err_set(e, ERR_INVALID, "illegal hexadecimal digit near byte %zu", i);
        bytes[i / 2] = (char)(high << 4 | low);
    }
    *out = bytes;
    *out_n = n / 2;
    return 0;
}
