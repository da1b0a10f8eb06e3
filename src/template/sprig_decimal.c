#include "template/sprig_int.h"

#include <math.h>

#include "codec/number.h"

#include "base/banned.h"

/* Sprig counts fractions as decimals: 0.1 + 0.2 is 0.3. value = mantissa * 10^exponent, of up to 38
 * digits; what is past them cannot be seen in the float64 that comes out. */
struct decimal {
    __int128 mantissa;
    int exponent;
};

enum { DIVISION_DIGITS = 16 };
static const __int128 mantissa_max = ((__int128)1 << 126);

/* The shortest digits of a float. */
static struct decimal decimal_of(double d)
{
    char text[NUMBER_TEXT_MAX];
    struct decimal x = {0, 0};
    (void)number_format_json(d, text);
    bool fraction = false;
    char *p = text + (*text == '-');
    for (; *p && *p != 'e'; p++) {
        if (*p == '.') {
            fraction = true;
            continue;
        }
        x.mantissa = x.mantissa * 10 + (*p - '0');
        x.exponent -= fraction;
    }
    if (*p == 'e')
        x.exponent += (int)strtol(p + 1, NULL, 10);
    x.mantissa = *text == '-' ? -x.mantissa : x.mantissa;
    return x;
}

static __int128 magnitude(__int128 x)
{
    return x < 0 ? -x : x;
}

static double double_of(struct decimal x)
{
    char digits[64], *p = digits + sizeof digits;
    __int128 m = magnitude(x.mantissa);
    *--p = '\0';
    do
        *--p = (char)('0' + (int)(m % 10));
    while (m /= 10);
    char text[96];
    (void)snprintf(text, sizeof text, "%s%se%d", x.mantissa < 0 ? "-" : "", p, x.exponent);
    return strtod(text, NULL);
}

static struct decimal shorter(struct decimal x)
{
    __int128 rest = x.mantissa % 10;
    x.mantissa = x.mantissa / 10 + (rest >= 5) - (rest <= -5);
    x.exponent++;
    return x;
}

/* Gives both the smaller exponent, as far as digits allow. */
static void align(struct decimal *a, struct decimal *b)
{
    struct decimal *high = a->exponent > b->exponent ? a : b, *low = high == a ? b : a;
    while (high->exponent > low->exponent && magnitude(high->mantissa) < mantissa_max / 10) {
        high->mantissa *= 10;
        high->exponent--;
    }
    while (high->exponent > low->exponent)
        *low = shorter(*low);
}

static struct decimal plus(struct decimal a, struct decimal b)
{
    align(&a, &b);
    return (struct decimal){a.mantissa + b.mantissa, a.exponent};
}

static struct decimal times(struct decimal a, struct decimal b)
{
    __int128 product;
    while (__builtin_mul_overflow(a.mantissa, b.mantissa, &product) ||
           magnitude(product) > mantissa_max) {
        struct decimal *longer = magnitude(a.mantissa) > magnitude(b.mantissa) ? &a : &b;
        *longer = shorter(*longer);
    }
    return (struct decimal){product, a.exponent + b.exponent};
}

/* Rounded to 16 places, halves away from zero. */
static struct decimal over(struct decimal a, struct decimal b)
{
    int exponent = a.exponent - b.exponent;
    while (exponent > -DIVISION_DIGITS && magnitude(a.mantissa) < mantissa_max / 10) {
        a.mantissa *= 10;
        exponent--;
    }
    __int128 quotient = a.mantissa / b.mantissa, rest = a.mantissa % b.mantissa;
    if (exponent <= -DIVISION_DIGITS && magnitude(rest) * 2 >= magnitude(b.mantissa) &&
        exponent == -DIVISION_DIGITS)
        quotient += (a.mantissa < 0) == (b.mantissa < 0) ? 1 : -1;
    struct decimal x = {quotient, exponent};
    while (x.exponent < -DIVISION_DIGITS)
        x = shorter(x);
    return x;
}

static int check(struct go_call *c, double d)
{
    return isfinite(d) ? 0
                       : go_fail(c, "Cannot create a Decimal from %s",
                                 isnan(d) ? "NaN"
                                 : d > 0  ? "+Inf"
                                          : "-Inf");
}

static int fold(struct go_call *c, double first, const struct go_value *args, size_t n,
                struct decimal (*combine)(struct decimal, struct decimal), struct go_value *out)
{
    int rc = check(c, first);
    struct decimal x = decimal_of(rc ? 0 : first);
    for (size_t i = 0; i < n && rc == 0; i++) {
        double d = cast__float(&args[i]);
        rc = check(c, d);
        if (rc == 0 && combine == over && d == 0)
            rc = go_fail(c, "decimal division by 0");
        if (rc == 0)
            x = combine(x, decimal_of(d));
    }
    *out = go_float(rc ? 0 : double_of(x));
    return rc;
}

static struct decimal minus(struct decimal a, struct decimal b)
{
    b.mantissa = -b.mantissa;
    return plus(a, b);
}

GO_FN(addf)
{
    return fold(c, 0, args, n, plus, out);
}

GO_FN(add1f)
{
    struct go_value one = go_int(1);
    return fold(c, cast__float(&args[0]), &one, 1, plus, out);
}

GO_FN(subf)
{
    return fold(c, cast__float(&args[0]), args + 1, n - 1, minus, out);
}

GO_FN(mulf)
{
    return fold(c, cast__float(&args[0]), args + 1, n - 1, times, out);
}

GO_FN(divf)
{
    return fold(c, cast__float(&args[0]), args + 1, n - 1, over, out);
}

const struct go_func decimal_functions[] = {
    {"add1f", "a",     add1f},
    {"addf",  "a...",  addf },
    {"divf",  "aa...", divf },
    {"mulf",  "aa...", mulf },
    {"subf",  "aa...", subf },
    {NULL,    NULL,    NULL },
};
