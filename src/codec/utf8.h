/* utf8.h - one character at a time. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { UTF8_REPLACEMENT = 0xfffd };

/* The length (1 to 4) of the well-formed character at s, or 0: overlong forms, surrogates and
 * what lies past U+10FFFF are not well-formed. */
static inline size_t utf8_valid(const char *s, size_t n)
{
    const unsigned char *u = (const unsigned char *)s;
    if (n == 0)
        return 0;
    if (u[0] < 0x80)
        return 1;
    if (u[0] < 0xc2 || u[0] > 0xf4)
        return 0;
    size_t len = u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
    if (n < len)
        return 0;
    unsigned char low = 0x80, high = 0xbf;
    if (u[0] == 0xe0)
        low = 0xa0;
    else if (u[0] == 0xed)
        high = 0x9f;
    else if (u[0] == 0xf0)
        low = 0x90;
    else if (u[0] == 0xf4)
        high = 0x8f;
    if (u[1] < low || u[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((u[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

/* Writes c, which must be a character, and returns its length. */
static inline size_t utf8_encode(uint32_t c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* Whether the eight bytes from `s` are printable ASCII, and neither a quote nor a backslash. */
static inline bool utf8_plain_word(const char *s)
{
    const uint64_t ones = 0x0101010101010101, high = 0x8080808080808080;
    uint64_t w;
    memcpy(&w, s, sizeof w);
    uint64_t quote = w ^ (ones * '"'), slash = w ^ (ones * '\\');
    uint64_t hit =
        ((quote - ones) & ~quote) | ((slash - ones) & ~slash) | (w - ones * 0x20) | (w + ones) | w;
    return !(hit & high);
}

/* The character at s, which utf8_valid() found `len` bytes long. */
static inline uint32_t utf8_decode(const char *s, size_t len)
{
    const unsigned char *u = (const unsigned char *)s;
    uint32_t c = len == 1 ? u[0] : len == 2 ? u[0] & 0x1fu : len == 3 ? u[0] & 0x0fu : u[0] & 7u;
    for (size_t i = 1; i < len; i++)
        c = c << 6 | (u[i] & 0x3fu);
    return c;
}
