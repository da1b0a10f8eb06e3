#include "codec/number.h"

#include <math.h>
#include <stdbool.h>

#include "base/banned.h"

/* d = 0.D1D2D3... * 10^point, without zeros at the end. */
struct decimal {
    char digits[20];
    int n, point;
    bool negative;
};

/* A double holds any 15 digits, so that the nearest 15 digits, less their zeros, are the
 * shortest wherever they read back; below the normal range fewer may do. */
static void decimal_shortest(double d, bool single, struct decimal *out)
{
    char text[32];
    int digits = fpclassify(d) == FP_SUBNORMAL || single ? 1 : 15;
    for (; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*e", digits - 1, fabs(d));
        if (single ? strtof(text, NULL) == (float)fabs(d) : strtod(text, NULL) == fabs(d))
            break;
    }
    const char *p = text;
    out->negative = signbit(d);
    out->n = 0;
    for (; *p && *p != 'e'; p++)
        if (*p != '.')
            out->digits[out->n++] = *p;
    while (out->n > 1 && out->digits[out->n - 1] == '0')
        out->n--;
    out->point = d == 0 ? 1 : (int)strtol(p + 1, NULL, 10) + 1;
}

static size_t write_plain(const struct decimal *x, char *out)
{
    char *p = out;
    if (x->point <= 0) {
        *p++ = '0';
        *p++ = '.';
        for (int i = x->point; i < 0; i++)
            *p++ = '0';
    }
    for (int i = 0; i < x->n || i < x->point; i++) {
        if (i == x->point && i > 0)
            *p++ = '.';
        *p++ = i < x->n ? x->digits[i] : '0';
    }
    *p = '\0';
    return (size_t)(p - out);
}

static size_t write_exponent(const struct decimal *x, int min_digits, char *out)
{
    char *p = out;
    *p++ = x->digits[0];
    if (x->n > 1)
        *p++ = '.';
    for (int i = 1; i < x->n; i++)
        *p++ = x->digits[i];
    int exponent = x->point - 1;
    p += snprintf(p, 8, "e%c%0*d", exponent < 0 ? '-' : '+', min_digits, abs(exponent));
    return (size_t)(p - out);
}

static size_t write_special(double d, char *out)
{
    const char *text = isnan(d) ? "NaN" : d > 0 ? "+Inf" : "-Inf";
    memcpy(out, text, strlen(text) + 1);
    return strlen(text);
}

size_t number_format_json(double d, char *out)
{
    if (!isfinite(d))
        return write_special(d, out);
    struct decimal x;
    decimal_shortest(d, false, &x);
    size_t sign = x.negative;
    if (sign)
        *out++ = '-';
    if (d != 0 && (fabs(d) < 1e-6 || fabs(d) >= 1e21))
        return sign + write_exponent(&x, fabs(d) < 1 ? 1 : 2, out);
    return sign + write_plain(&x, out);
}

static size_t format_g(double d, bool single, char *out)
{
    if (!isfinite(single ? (float)d : d))
        return write_special(d, out);
    struct decimal x;
    decimal_shortest(single ? (float)d : d, single, &x);
    size_t sign = x.negative;
    if (sign)
        *out++ = '-';
    int exponent = x.point - 1;
    if (exponent < -4 || exponent >= 6)
        return sign + write_exponent(&x, 2, out);
    return sign + write_plain(&x, out);
}

size_t number_format_g(double d, char *out)
{
    return format_g(d, false, out);
}

size_t number_format_g32(double d, char *out)
{
    return format_g(d, true, out);
}

size_t number_format_plain(double d, char *out)
{
    if (!isfinite(d))
        return write_special(d, out);
    struct decimal x;
    decimal_shortest(d, false, &x);
    size_t sign = x.negative;
    if (sign)
        *out++ = '-';
    return sign + write_plain(&x, out);
}
