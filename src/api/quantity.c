#include "api/quantity.h"

#include <stdio.h>
#include <string.h>

#define NANO ((__int128)1000000000)
static const __int128 VALUE_MAX = (__int128)INT64_MAX * 1000000000;
static const __int128 LARGEST = (__int128)INT64_MAX * INT64_MAX; /* what short decimals may say */

struct suffix {
    const char *text;
    enum quantity_format format;
    int base, exponent; /* factor = base^exponent */
};

static const struct suffix SUFFIXES[] = {
    {"",   QUANTITY_DECIMAL, 10, 0 },
    {"n",  QUANTITY_DECIMAL, 10, -9},
    {"u",  QUANTITY_DECIMAL, 10, -6},
    {"m",  QUANTITY_DECIMAL, 10, -3},
    {"k",  QUANTITY_DECIMAL, 10, 3 },
    {"M",  QUANTITY_DECIMAL, 10, 6 },
    {"G",  QUANTITY_DECIMAL, 10, 9 },
    {"T",  QUANTITY_DECIMAL, 10, 12},
    {"P",  QUANTITY_DECIMAL, 10, 15},
    {"E",  QUANTITY_DECIMAL, 10, 18},
    {"Ki", QUANTITY_BINARY,  2,  10},
    {"Mi", QUANTITY_BINARY,  2,  20},
    {"Gi", QUANTITY_BINARY,  2,  30},
    {"Ti", QUANTITY_BINARY,  2,  40},
    {"Pi", QUANTITY_BINARY,  2,  50},
    {"Ei", QUANTITY_BINARY,  2,  60},
};

static int bad_form(struct err *e)
{
    return err_set(e, ERR_INVALID,
                   "quantities must match the regular expression "
                   "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
}

static int bad_suffix(struct err *e)
{
    return err_set(e, ERR_INVALID, "unable to parse quantity's suffix");
}

/* The suffix's meaning: SI, binary, or e/E and an exponent. False: none of them. */
static bool read_suffix(const char *s, enum quantity_format *format, int *base, long *exponent)
{
    for (size_t i = 0; i < sizeof SUFFIXES / sizeof SUFFIXES[0]; i++) {
        if (strcmp(s, SUFFIXES[i].text) != 0)
            continue;
        *format = SUFFIXES[i].format;
        *base = SUFFIXES[i].base;
        *exponent = SUFFIXES[i].exponent;
        return true;
    }
    if ((s[0] != 'e' && s[0] != 'E') || !s[1])
        return false;
    char *end;
    long v = strtol(s + 1, &end, 10);
    if (*end || end == s + 1 || s[1] == ' ')
        return false;
    *format = QUANTITY_EXPONENT;
    *base = 10;
    *exponent = v > 100 ? 100 : v < -100 ? -100 : v;
    return true;
}

/* Digits as value × 10^-scale, at most 36 significant ones; the rest only rounds. */
struct digits {
    __int128 value;
    long scale;
    bool rest; /* something non-zero was dropped */
};

static struct digits read_digits(const char *s, size_t n)
{
    static const __int128 room = (__int128)1 << 116;
    struct digits d = {0};
    bool fraction = false, dropping = false;
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '.') {
            fraction = true;
            continue;
        }
        if (d.value > room)
            dropping = true;
        if (dropping) {
            d.rest |= s[i] != '0';
            d.scale -= !fraction;
            continue;
        }
        d.value = d.value * 10 + (s[i] - '0');
        d.scale += fraction;
    }
    return d;
}

/* d × base^exponent in nano, rounded up, capped. Upstream caps only what leaves 64 bits with
 * a decimal exponent beside them. */
static __int128 to_nano(struct digits d, int base, long exponent)
{
    __int128 max = base == 10 && d.value <= INT64_MAX ? LARGEST : VALUE_MAX;
    long ten = 9 - d.scale + (base == 10 ? exponent : 0);
    __int128 v = d.value;
    if (base == 2) {
        for (long i = 0; i < exponent; i++) {
            if (v > VALUE_MAX * 2 && ten >= 0)
                return VALUE_MAX;
            if (v > (__int128)1 << 125) { /* only with many decimals: round them away */
                d.rest |= v % 10 != 0;
                v /= 10;
                ten++;
            }
            v *= 2;
        }
    }
    for (; ten > 0 && v; ten--) {
        if (v > max / 10)
            return max;
        v *= 10;
    }
    for (; ten < 0; ten++) {
        d.rest |= v % 10 != 0;
        v /= 10;
        if (v == 0 && ten < -60)
            break;
    }
    v += d.rest;
    return v > max ? max : v;
}

int quantity_parse(const char *text, struct quantity *out, struct err *e)
{
    const char *p = text;
    bool negative = *p == '-';
    if (*p == '-' || *p == '+')
        p++;
    size_t n = strspn(p, "0123456789");
    size_t digits = n;
    if (p[n] == '.') {
        size_t f = strspn(p + n + 1, "0123456789");
        digits += f;
        n += f + 1;
    }
    const char *suffix = p + n;
    size_t letters = strspn(suffix, "eEinumkKMGTP");
    size_t sign = strspn(suffix + letters, "+-") ? 1 : 0;
    if (!*text || digits == 0 ||
        suffix[letters + sign + strspn(suffix + letters + sign, "0123456789")])
        return bad_form(e);
    struct quantity q = {0};
    int base;
    long exponent;
    if (!read_suffix(suffix, &q.format, &base, &exponent))
        return bad_suffix(e);
    q.nano = to_nano(read_digits(p, n), base, exponent);
    if (q.format == QUANTITY_BINARY && q.nano > 0 && q.nano < NANO)
        q.format = QUANTITY_DECIMAL; /* no binary suffix fits a part of one */
    if (negative)
        q.nano = -q.nano;
    *out = q;
    return 0;
}

static size_t print_int(__int128 v, char *out)
{
    char tmp[48];
    size_t n = 0, len = 0;
    do {
        tmp[n++] = (char)('0' + (int)(v % 10));
        v /= 10;
    } while (v);
    while (n)
        out[len++] = tmp[--n];
    out[len] = '\0';
    return len;
}

/* Binary suffixes only for whole values of at least 1024. */
static bool print_binary(__int128 v, char *out)
{
    static const char *const names[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
    size_t i = 0;
    if (v % NANO || (v / NANO < 1024 && v / NANO > -1024))
        return false;
    for (v /= NANO; i < 6 && v % 1024 == 0; i++)
        v /= 1024;
    size_t n = print_int(v, out);
    (void)snprintf(out + n, QUANTITY_TEXT_MAX / 2, "%s", names[i]);
    return true;
}

void quantity_print(const struct quantity *q, char *out)
{
    static const char *const si[] = {"n", "u", "m", "", "k", "M", "G", "T", "P", "E"};
    __int128 v = q->nano;
    if (v == 0) {
        memcpy(out, "0", 2);
        return;
    }
    if (v < 0) {
        *out++ = '-';
        v = -v;
    }
    if (q->format == QUANTITY_BINARY && print_binary(v, out))
        return;
    size_t i = 0;
    for (; i < 9 && v % 1000 == 0; i++)
        v /= 1000;
    size_t n = print_int(v, out);
    if (q->format != QUANTITY_EXPONENT)
        (void)snprintf(out + n, QUANTITY_TEXT_MAX / 2, "%s", si[i]);
    else if (i != 3)
        (void)snprintf(out + n, QUANTITY_TEXT_MAX / 2, "e%d", (int)i * 3 - 9);
}

int quantity_cmp(const struct quantity *a, const struct quantity *b)
{
    return a->nano < b->nano ? -1 : a->nano > b->nano;
}

static __int128 capped(__int128 v)
{
    return v > VALUE_MAX ? VALUE_MAX : v < -VALUE_MAX ? -VALUE_MAX : v;
}

void quantity_add(struct quantity *a, const struct quantity *b)
{
    if (a->nano == 0)
        a->format = b->format;
    a->nano = capped(a->nano + b->nano);
}

void quantity_sub(struct quantity *a, const struct quantity *b)
{
    if (a->nano == 0)
        a->format = b->format;
    a->nano = capped(a->nano - b->nano);
}

static int64_t scaled_up(__int128 nano, __int128 unit)
{
    __int128 v = nano / unit;
    if (nano % unit)
        v += nano > 0 ? 1 : -1;
    return v > INT64_MAX ? INT64_MAX : v < INT64_MIN ? INT64_MIN : (int64_t)v;
}

int64_t quantity_value(const struct quantity *q)
{
    return scaled_up(q->nano, NANO);
}

int64_t quantity_milli_value(const struct quantity *q)
{
    return scaled_up(q->nano, NANO / 1000);
}

struct quantity quantity_from_int(int64_t v, enum quantity_format f)
{
    return (struct quantity){(__int128)v * NANO, f};
}

struct quantity quantity_from_milli(int64_t v, enum quantity_format f)
{
    return (struct quantity){(__int128)v * (NANO / 1000), f};
}
