#include "codec/number.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/banned.h"
#include "base/own.h"

/* d = 0.D1D2D3... * 10^point, without zeros at the end. */
struct decimal {
    char digits[20];
    int n, point;
    bool negative;
};

/* 10^0 … 10^27, exact with 64 bits. */
static const long double tens[] = {1e0L,  1e1L,  1e2L,  1e3L,  1e4L,  1e5L,  1e6L,
                                   1e7L,  1e8L,  1e9L,  1e10L, 1e11L, 1e12L, 1e13L,
                                   1e14L, 1e15L, 1e16L, 1e17L, 1e18L, 1e19L, 1e20L,
                                   1e21L, 1e22L, 1e23L, 1e24L, 1e25L, 1e26L, 1e27L};

/* Whether the double nearest to `whole` / `ten` is d. The quotient is right to 64 bits; one about
 * the middle between two doubles is not decided: false, with *unsure set. */
static bool reads_back(uint64_t whole, long double ten, double d, bool *unsure)
{
    long double quotient = (long double)whole / ten;
    uint64_t bits;
    memcpy(&bits, &quotient, sizeof bits);
    unsigned beyond = bits & 0x7ff; /* of a double's 53 */
    *unsure = beyond >= 0x3ff && beyond <= 0x401;
    return !*unsure && (double)quotient == d;
}

static void set_digits(uint64_t whole, int scale, struct decimal *out)
{
    char text[24];
    int n = 0;
    while (whole % 10 == 0) {
        whole /= 10;
        scale--;
    }
    for (; whole; whole /= 10)
        text[n++] = (char)('0' + whole % 10);
    out->n = n;
    out->point = n - scale;
    for (int i = 0; i < n; i++)
        out->digits[i] = text[n - 1 - i];
}

/* The same digits as decimal_shortest() finds, by arithmetic of 64 bits, for doubles of everyday
 * size. False: it cannot tell. */
static bool decimal_fast(double d, struct decimal *out)
{
    double size = fabs(d);
    if (LDBL_MANT_DIG != 64 || !(size >= 1e-9 && size < 1e15))
        return false;
    out->negative = signbit(d);
    int above = size >= 1 ? 0 : -10; /* 10^above <= size */
    while ((above + 1 <= 0 ? 1 / tens[-(above + 1)] : tens[above + 1]) <= size)
        above++;
    for (int digits = 15; digits <= 17; digits++) {
        int scale = digits - 1 - above;
        if (scale >= (int)ARRAY_LEN(tens))
            return false;
        bool unsure;
        long double scaled = size * tens[scale], whole = floorl(scaled), rest = scaled - whole;
        if (rest > 0.49L && rest < 0.51L)
            return false; /* rounding the product may have moved it */
        uint64_t n = (uint64_t)whole + (rest > 0.5L);
        if (reads_back(n, tens[scale], size, &unsure)) {
            set_digits(n, scale, out);
            return true;
        }
        if (unsure)
            return false;
    }
    return false;
}

/* A double holds any 15 digits, so that the nearest 15 digits, less their zeros, are the
 * shortest wherever they read back; below the normal range fewer may do. */
static void decimal_shortest(double d, bool single, struct decimal *out)
{
    char text[32];
    if (!single && decimal_fast(d, out))
        return;
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
