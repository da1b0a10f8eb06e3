#include "template/unicode_int.h"

#include "base/own.h"
#include "codec/utf8.h"
#include "template/unicode_table_int.h"

#include "base/banned.h"

static bool in_ranges(const struct range *ranges, size_t n, uint32_t c)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (c > ranges[mid].hi)
            lo = mid + 1;
        else if (c < ranges[mid].lo)
            hi = mid;
        else
            return true;
    }
    return false;
}

bool unicode_is_letter(uint32_t c)
{
    if (c < 0x80)
        return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
    return in_ranges(letters, ARRAY_LEN(letters), c);
}

bool unicode_is_digit(uint32_t c)
{
    if (c < 0x80)
        return c >= '0' && c <= '9';
    return in_ranges(digits, ARRAY_LEN(digits), c);
}

bool unicode_is_number(uint32_t c)
{
    return c < 0x80 ? unicode_is_digit(c) : in_ranges(numbers, ARRAY_LEN(numbers), c);
}

bool unicode_is_punct(uint32_t c)
{
    if (c < 0x80)
        return c && strchr("!\"#%&'()*,-./:;?@[\\]_{}", (int)c);
    return in_ranges(punctuation, ARRAY_LEN(punctuation), c);
}

bool unicode_is_print(uint32_t c)
{
    if (c < 0x80)
        return c >= ' ' && c < 0x7f;
    return in_ranges(printables, ARRAY_LEN(printables), c);
}

bool unicode_is_space(uint32_t c)
{
    return (c >= '\t' && c <= '\r') || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

enum { TO_UPPER, TO_LOWER, TO_TITLE };

static uint32_t map_case(uint32_t c, int to)
{
    size_t lo = 0, hi = ARRAY_LEN(cases);
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        const struct cases *r = &cases[mid];
        if (c > r->hi) {
            lo = mid + 1;
        } else if (c < r->lo) {
            hi = mid;
        } else {
            int32_t delta = to == TO_UPPER ? r->upper : to == TO_LOWER ? r->lower : r->title;
            if (delta != ALTERNATES)
                return (uint32_t)((int32_t)c + delta);
            return r->lo + (((c - r->lo) & ~1u) | (to == TO_LOWER));
        }
    }
    return c;
}

uint32_t unicode_upper(uint32_t c)
{
    if (c < 0x80)
        return c >= 'a' && c <= 'z' ? c - 0x20 : c;
    return map_case(c, TO_UPPER);
}

uint32_t unicode_lower(uint32_t c)
{
    if (c < 0x80)
        return c >= 'A' && c <= 'Z' ? c + 0x20 : c;
    return map_case(c, TO_LOWER);
}

uint32_t unicode_title(uint32_t c)
{
    return c < 0x80 ? unicode_upper(c) : map_case(c, TO_TITLE);
}

bool unicode_is_upper(uint32_t c)
{
    return unicode_is_letter(c) && unicode_lower(c) != c && unicode_upper(c) == c;
}

bool unicode_is_lower(uint32_t c)
{
    return c == 0xdf || (unicode_is_letter(c) && unicode_upper(c) != c && unicode_lower(c) == c);
}

uint32_t unicode_decode(const char *s, size_t n, size_t *len)
{
    size_t valid = utf8_valid(s, n);
    *len = valid ? valid : 1;
    return valid ? utf8_decode(s, valid) : (uint32_t)UTF8_REPLACEMENT;
}

size_t unicode_count(const char *s, size_t n)
{
    size_t count = 0, len;
    for (size_t i = 0; i < n; i += len, count++)
        (void)unicode_decode(s + i, n - i, &len);
    return count;
}

void unicode_put(struct buf *b, uint32_t c)
{
    char text[4];
    bool good = c < 0x110000 && (c < 0xd800 || c > 0xdfff);
    buf_add(b, text, utf8_encode(good ? c : (uint32_t)UTF8_REPLACEMENT, text));
}

void unicode_print_name(struct buf *b, uint32_t c, bool end)
{
    if (end) {
        buf_puts(b, "U+FFFFFFFFFFFFFFFF");
        return;
    }
    buf_printf(b, "U+%04X", c);
    if (unicode_is_print(c)) {
        buf_puts(b, " '");
        unicode_put(b, c);
        buf_putc(b, '\'');
    }
}
