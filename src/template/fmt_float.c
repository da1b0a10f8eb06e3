#include "template/fmt_int.h"

#include <math.h>

#include "codec/number.h"

#include "base/banned.h"

/* strconv's 'b': the mantissa as an integer and a power of two. */
static void print_binary(double v, char *out, size_t size)
{
    int exponent = 0;
    double mantissa = frexp(fabs(v), &exponent);
    uint64_t m = (uint64_t)ldexp(mantissa, 53);
    exponent -= 53;
    if (v == 0 || exponent < -1074) {
        m = v == 0 ? 0 : (uint64_t)ldexp(fabs(v), 1074);
        exponent = -1074;
    }
    (void)snprintf(out, size, "%s%llup%+d", signbit(v) ? "-" : "", (unsigned long long)m, exponent);
}

/* strconv's 'x': 0x1.8p+01; C writes the exponent with one digit. */
static void print_hex(double v, int precision, bool upper, char *out, size_t size)
{
    char text[64];
    if (fpclassify(v) == FP_SUBNORMAL) { /* Go normalises what C leaves 0x0.… */
        int exponent = 0;
        double m = frexp(v, &exponent) * 2;
        (void)snprintf(text, sizeof text, "%.*a", precision < 0 ? 13 : precision, m);
        char *p = strchr(text, 'p');
        while (precision < 0 && p[-1] == '0')
            p--;
        p -= p[-1] == '.';
        (void)snprintf(p, sizeof text - (size_t)(p - text), "p%+d", exponent - 1);
    } else {
        if (precision < 0)
            (void)snprintf(text, sizeof text, "%a", v);
        else
            (void)snprintf(text, sizeof text, "%.*a", precision, v);
    }
    char *p = strchr(text, 'p');
    long exponent = strtol(p + 1, NULL, 10);
    *p = '\0';
    (void)snprintf(out, size, "%sp%c%02ld", text, exponent < 0 ? '-' : '+', labs(exponent));
    if (upper)
        for (char *c = out; *c; c++)
            if (*c >= 'a' && *c <= 'z')
                *c = (char)(*c - 0x20);
}

/* strconv.AppendFloat() with the sign always there; `precision` -1 is the shortest. */
static size_t number_text(double v, uint32_t verb, int precision, char *out, size_t size)
{
    *out++ = '+';
    if (!isfinite(v))
        (void)number_format_g(v, out);
    else if (verb == 'b')
        print_binary(v, out, size - 1);
    else if (verb == 'x' || verb == 'X')
        print_hex(v, precision, verb == 'X', out, size - 1);
    else if (precision < 0)
        (void)number_format_g(v, out);
    else if (verb == 'f')
        (void)snprintf(out, size - 1, "%.*f", precision, v);
    else if (verb == 'e' || verb == 'E')
        (void)snprintf(out, size - 1, verb == 'e' ? "%.*e" : "%.*E", precision, v);
    else
        (void)snprintf(out, size - 1, "%.*g", precision, v);
    if (verb == 'G')
        for (char *c = out; *c; c++)
            *c = *c == 'e' ? 'E' : *c;
    return strlen(out) + 1;
}

/* The # flag: a decimal point, and the zeros that %g cuts off. Returns the new length. */
static size_t keep_point(uint32_t verb, int precision, char *num, size_t n)
{
    int digits = 0;
    if (verb == 'g' || verb == 'G' || verb == 'x')
        digits = precision < 0 ? 6 : precision;
    char tail[16] = "";
    size_t i = 1;
    bool point = false, nonzero = false, hex = verb == 'x' || verb == 'X';
    for (; i < n; i++) {
        char c = num[i];
        if ((c == 'p' || c == 'P') || (!hex && (c == 'e' || c == 'E'))) {
            memcpy(tail, num + i, n - i);
            tail[n - i] = '\0';
            n = i;
            break;
        }
        point = point || c == '.';
        nonzero = nonzero || (c != '0' && c != '.');
        digits -= nonzero && c != '.';
    }
    if (!point) {
        digits -= n == 2 && num[1] == '0';
        num[n++] = '.';
    }
    while (digits-- > 0)
        num[n++] = '0';
    memcpy(num + n, tail, strlen(tail));
    return n + strlen(tail);
}

void format__float(struct format *f, double v, uint32_t verb, int precision)
{
    if (f->has_precision)
        precision = f->precision;
    size_t size = 400 + (size_t)(precision < 0 ? 0 : precision) * 2;
    char few[512], *text = size > sizeof few ? malloc(size) : few;
    if (!text)
        return;
    char *num = text;
    size_t n = number_text(v, verb, precision, text, size);
    if (num[1] == '-' || num[1] == '+') {
        num++;
        n--;
    }
    if (f->space && num[0] == '+' && !f->plus)
        num[0] = ' ';
    bool zero = f->zero;
    if (num[1] == 'I' || num[1] == 'N') {
        bool bare = (num[1] == 'N' && !f->space && !f->plus) ||
                    (num[1] == 'I' && num[0] == '+' && !f->plus);
        f->zero = false;
        format__pad(f, num + bare, n - bare);
        f->zero = zero;
    } else {
        if (f->sharp && verb != 'b')
            n = keep_point(verb, precision, num, n);
        bool sign = f->plus || num[0] != '+';
        if (sign && zero && !f->minus && f->has_width && (size_t)f->width > n) {
            buf_putc(f->out, num[0]);
            format__padding(f, f->width - (long)n);
            buf_add(f->out, num + 1, n - 1);
        } else {
            format__pad(f, num + !sign, n - !sign);
        }
    }
    if (text != few)
        free(text);
}
