#include "template/literal_int.h"

#include <errno.h>

#include "template/unicode_int.h"

#include "base/banned.h"

size_t literal_cut(const char *s, size_t n, size_t count)
{
    size_t at = 0, len;
    for (; at < n && count; at += len, count--)
        (void)unicode_decode(s + at, n - at, &len);
    return at;
}

/* ---- numbers ---- */

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

/* Go's rule: an underscore stands between digits, or behind the base's prefix. */
static bool underscores_fit(const char *s)
{
    s += *s == '+' || *s == '-';
    char before = '^';
    bool hex = false;
    if (s[0] == '0' && s[1] && strchr("xXoObB", s[1])) {
        hex = (s[1] | 0x20) == 'x';
        s += 2;
        before = '0';
    }
    for (; *s; s++) {
        if (digit_of(*s) < 10 || (hex && digit_of(*s) < 16)) {
            before = '0';
        } else if (*s == '_') {
            if (before != '0')
                return false;
            before = '_';
        } else {
            if (before == '_')
                return false;
            before = '!';
        }
    }
    return before != '_';
}

/* Without underscores; NULL when they stand wrongly. */
static char *plain_digits(struct arena *a, const char *s, size_t n)
{
    char *text = arena_strndup(a, s, n);
    if (!strchr(text, '_'))
        return text;
    if (!underscores_fit(text))
        return NULL;
    char *to = text;
    for (const char *from = text; *from; from++)
        if (*from != '_')
            *to++ = *from;
    *to = '\0';
    return text;
}

/* strconv.ParseUint(s, 0, 64), of text without sign. */
static bool parse_unsigned(const char *s, uint64_t *out)
{
    int base = 10;
    if (s[0] == '0' && s[1]) {
        char prefix = (char)(s[1] | 0x20);
        base = prefix == 'x' ? 16 : prefix == 'o' ? 8 : prefix == 'b' ? 2 : 8;
        s += prefix == 'x' || prefix == 'o' || prefix == 'b' ? 2 : 1;
    }
    if (!*s)
        return false;
    uint64_t u = 0;
    for (; *s; s++) {
        int d = digit_of(*s);
        if (d >= base || u > (UINT64_MAX - (uint64_t)d) / (uint64_t)base)
            return false;
        u = u * (uint64_t)base + (uint64_t)d;
    }
    *out = u;
    return true;
}

bool literal_float(const char *s, double *out)
{
    const char *p = s + (*s == '+' || *s == '-');
    if (digit_of(*p) > 9 && *p != '.')
        return false;
    char *end = NULL;
    errno = 0;
    double d = strtod(s, &end);
    bool hex = p[0] == '0' && (p[1] | 0x20) == 'x';
    if (*end || end == s || (hex && !strpbrk(p, "pP")) || (errno == ERANGE && (d > 1 || d < -1)))
        return false;
    *out = d;
    return true;
}

static void parse_integers(const char *s, struct number *out)
{
    bool negative = *s == '-';
    uint64_t u = 0;
    if (!parse_unsigned(s + (*s == '-' || *s == '+'), &u))
        return;
    out->is_uint = *s != '-' && *s != '+';
    out->u = out->is_uint ? u : 0;
    if (u <= (uint64_t)INT64_MAX + negative) {
        out->is_int = true;
        out->i = negative ? (int64_t)(0 - u) : (int64_t)u;
        if (u == 0)
            out->is_uint = true;
    }
}

static void integers_of_float(struct number *out)
{
    if (out->f >= -9.2e18 && out->f <= 9.2e18 && (double)(int64_t)out->f == out->f) {
        out->is_int = true;
        out->i = (int64_t)out->f;
    }
    if (out->f >= 0 && out->f <= 1.8e19 && (double)(uint64_t)out->f == out->f) {
        out->is_uint = true;
        out->u = (uint64_t)out->f;
    }
}

static void simplify_complex(struct number *out)
{
    out->is_complex = true;
    if (out->c.im != 0)
        return;
    out->is_float = true;
    out->f = out->c.re;
    integers_of_float(out);
}

/* "1+2i": the sign that splits it is the last one not behind an exponent. */
static bool parse_complex(char *s, struct number *out)
{
    size_t n = strlen(s), at = n - 1;
    while (at > 0 && !((s[at] == '+' || s[at] == '-') && !strchr("eEpP", s[at - 1])))
        at--;
    s[n - 1] = '\0';
    if (!literal_float(s + at, &out->c.im))
        return false;
    s[at] = '\0';
    if (at > 0 && !literal_float(s, &out->c.re))
        return false;
    simplify_complex(out);
    return true;
}

static const char *bad_number(struct arena *a, const char *what, const char *s, size_t n)
{
    return arena_printf(a, "%s: \"%.*s\"", what, (int)n, s);
}

static const char *char_constant(struct arena *a, const char *s, size_t n, struct number *out)
{
    uint32_t c = 0;
    size_t used = text__unquote_char(s + 1, n - 1, '\'', &c);
    if (!used)
        return "invalid syntax";
    if (used + 2 != n)
        return arena_printf(a, "malformed character constant: %.*s", (int)n, s);
    *out = (struct number){.is_int = true, .is_uint = true, .is_float = true};
    out->i = c;
    out->u = c;
    out->f = c;
    return NULL;
}

const char *literal_number(struct arena *a, const char *s, size_t n, enum token_kind kind,
                           struct number *out)
{
    *out = (struct number){0};
    if (kind == TOKEN_CHAR_CONSTANT)
        return char_constant(a, s, n, out);
    char *text = plain_digits(a, s, n);
    if (!text)
        return bad_number(a, "illegal number syntax", s, n);
    if (kind == TOKEN_COMPLEX)
        return parse_complex(text, out) ? NULL : "expected complex";
    if (n && text[strlen(text) - 1] == 'i' && parse_complex(text, out))
        return NULL;
    parse_integers(text, out);
    if (out->is_int) {
        out->is_float = true;
        out->f = (double)out->i;
    } else if (out->is_uint) {
        out->is_float = true;
        out->f = (double)out->u;
    } else if (literal_float(text, &out->f)) {
        if (!strpbrk(text, ".eEpP"))
            return bad_number(a, "integer overflow", s, n);
        out->is_float = true;
        integers_of_float(out);
    } else {
        return bad_number(a, "illegal number syntax", s, n);
    }
    return NULL;
}

struct go_value literal_constant(const char *s, size_t n, const struct number *number)
{
    bool hex =
        n > 2 && s[0] == '0' && (s[1] | 0x20) == 'x' && !memchr(s, 'p', n) && !memchr(s, 'P', n);
    bool has_point = false;
    for (size_t i = 0; i < n; i++)
        has_point = has_point || strchr(".eEpP", s[i]);
    if (number->is_complex)
        return (struct go_value){.type = &go_complex128_type, .complex = &number->c};
    if (number->is_float && !hex && s[0] != '\'' && has_point)
        return go_float(number->f);
    return number->is_int ? go_int(number->i) : (struct go_value){0};
}

/* ---- strings ---- */

static bool hex_digits(const char *s, size_t n, size_t count, uint32_t *out)
{
    uint32_t v = 0;
    if (n < count)
        return false;
    for (size_t i = 0; i < count; i++) {
        int d = digit_of(s[i]);
        if (d > 15)
            return false;
        v = v << 4 | (uint32_t)d;
    }
    *out = v;
    return true;
}

/* After the backslash; the bytes used, 0: malformed. *byte: it stands for one byte. */
static size_t unescape(const char *s, size_t n, char quote, uint32_t *out, bool *byte)
{
    static const char names[] = "abfnrtv\\", values[] = "\a\b\f\n\r\t\v\\";
    *byte = false;
    if (n == 0)
        return 0;
    const char *name = s[0] ? strchr(names, s[0]) : NULL;
    if (name) {
        *out = (uint32_t)values[name - names];
        return 1;
    }
    if ((s[0] == '"' || s[0] == '\'') && s[0] == quote) {
        *out = (uint32_t)s[0];
        return 1;
    }
    size_t digits = s[0] == 'x' ? 2 : s[0] == 'u' ? 4 : s[0] == 'U' ? 8 : 0;
    if (digits) {
        *byte = digits == 2;
        bool good = hex_digits(s + 1, n - 1, digits, out) && *out <= 0x10ffff &&
                    !(*out >= 0xd800 && *out <= 0xdfff && !*byte);
        return good ? digits + 1 : 0;
    }
    uint32_t v = 0;
    for (size_t i = 0; i < 3; i++) {
        if (i >= n || s[i] < '0' || s[i] > '7')
            return 0;
        v = v * 8 + (uint32_t)(s[i] - '0');
    }
    *byte = true;
    *out = v;
    return v > 255 ? 0 : 3;
}

size_t text__unquote_char(const char *s, size_t n, char quote, uint32_t *out)
{
    size_t len;
    bool byte;
    if (n == 0 || s[0] == quote)
        return 0;
    if (s[0] == '\\') {
        len = unescape(s + 1, n - 1, quote, out, &byte);
        return len ? len + 1 : 0;
    }
    *out = unicode_decode(s, n, &len);
    return len;
}

static const char *unquote_raw(struct arena *a, const char *s, size_t n, size_t *out_n)
{
    *out_n = n;
    if (!memchr(s, '\r', n))
        return s;
    char *out = arena_room(a, n + 1), *to = out;
    for (size_t i = 0; i < n; i++)
        if (s[i] != '\r')
            *to++ = s[i];
    *to = '\0';
    *out_n = (size_t)(to - out);
    return out;
}

const char *text__unquote(struct arena *a, const char *s, size_t n, size_t *out_n)
{
    if (n < 2 || s[0] != s[n - 1])
        return NULL;
    char quote = s[0];
    s++;
    n -= 2;
    if (quote == '`')
        return unquote_raw(a, s, n, out_n);
    if (!memchr(s, '\\', n)) {
        *out_n = n;
        return s;
    }
    struct buf b;
    buf_init(&b, n * 4 + 16);
    for (size_t i = 0; i < n;) {
        if (s[i] != '\\') {
            buf_putc(&b, s[i++]);
            continue;
        }
        uint32_t c = 0;
        bool byte = false;
        size_t used = unescape(s + i + 1, n - i - 1, quote, &c, &byte);
        if (!used) {
            buf_done(&b);
            return NULL;
        }
        if (byte)
            buf_putc(&b, (char)c);
        else
            unicode_put(&b, c);
        i += used + 1;
    }
    *out_n = b.len;
    const char *out = arena_strndup(a, buf_text(&b), b.len);
    buf_done(&b);
    return out;
}

/* A character as it stands in quotes. */
static void quote_char(struct buf *b, uint32_t c, char quote, bool ascii)
{
    static const char names[] = "abfnrtv", values[] = "\a\b\f\n\r\t\v";
    const char *value = c && c < 0x80 ? strchr(values, (int)c) : NULL;
    if (c == (uint32_t)quote || c == '\\') {
        buf_putc(b, '\\');
        buf_putc(b, (char)c);
    } else if (c < 0x80 ? unicode_is_print(c) : unicode_is_print(c) && !ascii) {
        unicode_put(b, c);
    } else if (value) {
        buf_putc(b, '\\');
        buf_putc(b, names[value - values]);
    } else if (c < ' ' || c == 0x7f) {
        buf_printf(b, "\\x%02x", c);
    } else if (c < 0x10000) {
        buf_printf(b, "\\u%04x", c);
    } else {
        buf_printf(b, "\\U%08x", c);
    }
}

void text__quote_char(struct buf *b, uint32_t c, bool ascii)
{
    buf_putc(b, '\'');
    quote_char(b, c, '\'', ascii);
    buf_putc(b, '\'');
}

void text__quote_with(struct buf *b, const char *s, size_t n, bool ascii)
{
    buf_putc(b, '"');
    for (size_t i = 0, len; i < n; i += len) {
        uint32_t c = unicode_decode(s + i, n - i, &len);
        if (len == 1 && c >= 0x80)
            buf_printf(b, "\\x%02x", (unsigned char)s[i]);
        else
            quote_char(b, c, '"', ascii);
    }
    buf_putc(b, '"');
}

void text__quote(struct buf *b, const char *s, size_t n)
{
    text__quote_with(b, s, n, false);
}
