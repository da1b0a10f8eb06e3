#include "template/fmt_int.h"

#include "base/banned.h"

static const char lower_digits[] = "0123456789abcdefx", upper_digits[] = "0123456789ABCDEFX";

bool format__takes(enum go_kind kind, uint32_t verb)
{
    const char *verbs = "";
    switch ((int)kind) {
    case GO_BOOL:
        verbs = "tv";
        break;
    case GO_INT:
    case GO_INT32:
    case GO_INT64:
    case GO_UINT8:
    case GO_UINT32:
    case GO_UINT64:
        verbs = "vdboOxXcqU";
        break;
    case GO_FLOAT64:
    case GO_COMPLEX128:
        verbs = "vbgGxXfFeE";
        break;
    case GO_STRING:
        verbs = "vsxXq";
        break;
    }
    return verb && verb < 0x80 && strchr(verbs, (int)verb);
}

void format__padding(struct format *f, long n)
{
    char *to = n > 0 ? buf_reserve(f->out, (size_t)n) : NULL;
    if (!to)
        return;
    memset(to, f->zero && !f->minus ? '0' : ' ', (size_t)n);
    f->out->len += (size_t)n;
    f->out->data[f->out->len] = '\0';
}

void format__pad(struct format *f, const char *s, size_t n)
{
    long missing = f->has_width ? f->width - (long)unicode_count(s, n) : 0;
    if (!f->minus)
        format__padding(f, missing);
    buf_add(f->out, s, n);
    if (f->minus)
        format__padding(f, missing);
}

static void pad_plain(struct format *f, const char *s, size_t n)
{
    bool zero = f->zero;
    f->zero = false;
    format__pad(f, s, n);
    f->zero = zero;
}

/* %U and %#U */
static void print_unicode(struct format *f, uint64_t u)
{
    struct buf b;
    buf_init(&b, 1 << 21);
    int digits = f->has_precision && f->precision > 4 ? (int)f->precision : 4;
    buf_printf(&b, "U+%0*llX", digits, (unsigned long long)u);
    if (f->sharp && u <= 0x10ffff && unicode_is_print((uint32_t)u)) {
        buf_puts(&b, " '");
        unicode_put(&b, (uint32_t)u);
        buf_putc(&b, '\'');
    }
    pad_plain(f, buf_text(&b), b.len);
    buf_done(&b);
}

static void print_char(struct format *f, uint64_t u, bool quoted)
{
    struct buf b;
    buf_init(&b, 64);
    uint32_t c = u > 0x10ffff || (u >= 0xd800 && u <= 0xdfff) ? 0xfffd : (uint32_t)u;
    if (quoted)
        text__quote_char(&b, c, f->plus);
    else
        unicode_put(&b, c);
    format__pad(f, buf_text(&b), b.len);
    buf_done(&b);
}

/* How many digits at least: a precision, or zeros up to the width. */
static long wanted_digits(const struct format *f, bool negative)
{
    if (f->has_precision)
        return f->precision;
    if (f->zero && !f->minus && f->has_width)
        return f->width - (negative || f->plus || f->space);
    return 0;
}

static void print_number(struct format *f, uint64_t u, unsigned base, bool is_signed, uint32_t verb)
{
    const char *digits = verb == 'X' ? upper_digits : lower_digits;
    bool negative = is_signed && (int64_t)u < 0;
    u = negative ? 0 - u : u;
    if (f->has_precision && f->precision == 0 && u == 0) {
        bool zero = f->zero;
        f->zero = false;
        format__padding(f, f->has_width ? f->width : 0);
        f->zero = zero;
        return;
    }
    long want = wanted_digits(f, negative);
    size_t size = 80 + (size_t)(want > 0 ? want : 0);
    char few[128], *text = size > sizeof few ? malloc(size) : few;
    if (!text)
        return;
    char *end = text + size, *p = end;
    do
        *--p = digits[u % base];
    while (u /= base);
    while (want > end - p)
        *--p = '0';
    if (f->sharp && base == 8 && *p != '0')
        *--p = '0';
    if (f->sharp && (base == 16 || base == 2)) {
        *--p = base == 2 ? 'b' : digits[16];
        *--p = '0';
    }
    if (verb == 'O') {
        *--p = 'o';
        *--p = '0';
    }
    if (negative || f->plus || f->space)
        *--p = negative ? '-' : f->plus ? '+' : ' ';
    pad_plain(f, p, (size_t)(end - p));
    if (text != few)
        free(text);
}

void format__integer(struct format *f, uint64_t u, bool is_signed, uint32_t verb)
{
    bool sharp = f->sharp;
    switch (verb) {
    case 'v':
        f->sharp = f->sharp || (f->sharp_v && !is_signed);
        print_number(f, u, f->sharp_v && !is_signed ? 16 : 10, is_signed, 'v');
        f->sharp = sharp;
        break;
    case 'b':
        print_number(f, u, 2, is_signed, verb);
        break;
    case 'o':
    case 'O':
        print_number(f, u, 8, is_signed, verb);
        break;
    case 'x':
    case 'X':
        print_number(f, u, 16, is_signed, verb);
        break;
    case 'c':
    case 'q':
        print_char(f, u, verb == 'q');
        break;
    case 'U':
        print_unicode(f, u);
        break;
    default:
        print_number(f, u, 10, is_signed, 'd');
        break;
    }
}

/* The bytes of the text that a precision lets through. */
static size_t cut(const struct format *f, const char *s, size_t n)
{
    size_t at = 0, len;
    if (!f->has_precision)
        return n;
    for (long left = f->precision; at < n && left > 0; at += len, left--)
        (void)unicode_decode(s + at, n - at, &len);
    return at;
}

static bool can_backquote(const char *s, size_t n)
{
    for (size_t i = 0, len; i < n; i += len) {
        uint32_t c = unicode_decode(s + i, n - i, &len);
        if ((len == 1 && c >= 0x80) || c == 0xfeff || (c < ' ' && c != '\t') || c == '`' ||
            c == 0x7f)
            return false;
    }
    return true;
}

static void print_quoted(struct format *f, const char *s, size_t n)
{
    n = cut(f, s, n);
    struct buf b;
    buf_init(&b, f->out->max);
    if (f->sharp && can_backquote(s, n)) {
        buf_putc(&b, '`');
        buf_add(&b, s, n);
        buf_putc(&b, '`');
    } else {
        text__quote_with(&b, s, n, f->plus);
    }
    format__pad(f, buf_text(&b), b.len);
    buf_done(&b);
}

static void print_hex(struct format *f, const char *s, size_t n, const char *digits)
{
    if (f->has_precision && (size_t)f->precision < n)
        n = (size_t)f->precision;
    struct buf b;
    buf_init(&b, f->out->max);
    for (size_t i = 0; i < n; i++) {
        if (i && f->space)
            buf_putc(&b, ' ');
        if (f->sharp && (i == 0 || f->space)) {
            buf_putc(&b, '0');
            buf_putc(&b, digits[16]);
        }
        buf_putc(&b, digits[(unsigned char)s[i] >> 4]);
        buf_putc(&b, digits[(unsigned char)s[i] & 15]);
    }
    format__pad(f, buf_text(&b), b.len);
    buf_done(&b);
}

void format__string(struct format *f, const char *s, size_t n, uint32_t verb)
{
    if (verb == 'q' || (verb == 'v' && f->sharp_v))
        print_quoted(f, s, n);
    else if (verb == 'x' || verb == 'X')
        print_hex(f, s, n, verb == 'x' ? lower_digits : upper_digits);
    else
        format__pad(f, s, cut(f, s, n));
}
