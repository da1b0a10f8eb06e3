#include "scan/version.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static int sign(long v)
{
    return v < 0 ? -1 : v > 0;
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Compares runs of digits of any length, leading zeros aside, and moves past them. */
static int compare_digits(const char **a, const char *a_end, const char **b, const char *b_end)
{
    while (*a < a_end && **a == '0')
        ++*a;
    while (*b < b_end && **b == '0')
        ++*b;
    int first = 0;
    while (*a < a_end && digit(**a) && *b < b_end && digit(**b)) {
        if (!first)
            first = **a - **b;
        ++*a;
        ++*b;
    }
    if (*a < a_end && digit(**a))
        return 1;
    if (*b < b_end && digit(**b))
        return -1;
    return sign(first);
}

/* ---- dpkg: [epoch:]upstream[-revision], a tilde before anything, letters before the rest ---- */

static int dpkg_weight(const char *p, const char *end)
{
    if (p >= end || digit(*p))
        return 0;
    if (isalpha((unsigned char)*p))
        return *p;
    return *p == '~' ? -1 : *p + 256;
}

static int dpkg_part(const char *a, const char *a_end, const char *b, const char *b_end)
{
    while (a < a_end || b < b_end) {
        while ((a < a_end && !digit(*a)) || (b < b_end && !digit(*b))) {
            int wa = dpkg_weight(a, a_end), wb = dpkg_weight(b, b_end);
            if (wa != wb)
                return sign(wa - wb);
            a += a < a_end;
            b += b < b_end;
        }
        int c = compare_digits(&a, a_end, &b, b_end);
        if (c)
            return c;
    }
    return 0;
}

struct dpkg {
    const char *epoch, *epoch_end, *upstream, *upstream_end, *revision, *end;
};

static struct dpkg dpkg_split(const char *v)
{
    struct dpkg d = {v, v, v, NULL, NULL, v + strlen(v)};
    const char *colon = strchr(v, ':'), *dash = strrchr(v, '-');
    if (colon) {
        d.epoch_end = colon;
        d.upstream = colon + 1;
    }
    bool revised = dash && dash >= d.upstream;
    d.upstream_end = revised ? dash : d.end;
    d.revision = revised ? dash + 1 : d.end;
    return d;
}

int version_compare_dpkg(const char *a, const char *b)
{
    struct dpkg x = dpkg_split(a), y = dpkg_split(b);
    int c = compare_digits(&x.epoch, x.epoch_end, &y.epoch, y.epoch_end);
    if (!c)
        c = dpkg_part(x.upstream, x.upstream_end, y.upstream, y.upstream_end);
    return c ? c : dpkg_part(x.revision, x.end, y.revision, y.end);
}

/* ---- apk: 1.2.3a_alpha1_p2-r3 ---- */

enum apk_token {
    APK_INITIAL,
    APK_DIGIT,
    APK_LETTER,
    APK_SUFFIX,
    APK_SUFFIX_DIGIT,
    APK_REVISION,
    APK_END
};

struct apk {
    const char *at;
    enum apk_token token;
    const char *start, *stop; /* of the token's text */
    int suffix;
};

static const char *const apk_suffixes[] = {"alpha", "beta", "pre", "rc", "",
                                           "cvs",   "svn",  "git", "hg", "p"};

static bool apk_take_suffix(struct apk *v)
{
    int best = -1;
    size_t best_n = 0;
    for (int i = 0; i < 10; i++) {
        size_t n = strlen(apk_suffixes[i]);
        if (n > best_n && strncmp(v->at, apk_suffixes[i], n) == 0) {
            best = i;
            best_n = n;
        }
    }
    if (best < 0)
        return false;
    v->suffix = best - 4; /* before 0: older than without */
    v->at += best_n;
    return true;
}

static void apk_take_digits(struct apk *v)
{
    v->start = v->at;
    while (digit(*v->at))
        v->at++;
    v->stop = v->at;
}

static void apk_next(struct apk *v)
{
    enum apk_token had = v->token;
    if (digit(*v->at) && (had == APK_INITIAL || had == APK_SUFFIX)) {
        v->token = had == APK_INITIAL ? APK_DIGIT : APK_SUFFIX_DIGIT;
        if (had == APK_INITIAL)
            v->suffix = 0;
        apk_take_digits(v);
    } else if (*v->at == '.' && had == APK_DIGIT && digit(v->at[1])) {
        v->at++;
        v->suffix = 1; /* not the first number */
        apk_take_digits(v);
    } else if (*v->at >= 'a' && *v->at <= 'z' && had == APK_DIGIT) {
        v->token = APK_LETTER;
        v->start = v->at++;
        v->stop = v->at;
    } else if (*v->at == '_' && had != APK_REVISION) {
        v->at++;
        v->token = apk_take_suffix(v) ? APK_SUFFIX : APK_END;
    } else if (v->at[0] == '-' && v->at[1] == 'r' && digit(v->at[2]) && had != APK_REVISION) {
        v->at += 2;
        v->token = APK_REVISION;
        apk_take_digits(v);
    } else {
        v->token = APK_END;
    }
}

static int apk_numbers(const struct apk *a, const struct apk *b)
{
    /* Later numbers with a leading zero are read like a fraction. */
    if (a->token == APK_DIGIT && a->suffix == 1 && (*a->start == '0' || *b->start == '0')) {
        size_t na = (size_t)(a->stop - a->start), nb = (size_t)(b->stop - b->start);
        int c = memcmp(a->start, b->start, na < nb ? na : nb);
        return c ? sign(c) : sign((long)na - (long)nb);
    }
    const char *x = a->start, *y = b->start;
    return compare_digits(&x, a->stop, &y, b->stop);
}

static int apk_token_compare(const struct apk *a, const struct apk *b)
{
    switch (a->token) {
    case APK_DIGIT:
    case APK_SUFFIX_DIGIT:
    case APK_REVISION:
        return apk_numbers(a, b);
    case APK_LETTER:
        return sign(*a->start - *b->start);
    case APK_SUFFIX:
        return sign(a->suffix - b->suffix);
    case APK_INITIAL:
    case APK_END:
        break;
    }
    return 0;
}

int version_compare_apk(const char *a, const char *b)
{
    struct apk x = {.at = a}, y = {.at = b};
    do {
        apk_next(&x);
        apk_next(&y);
        if (x.token != y.token)
            break;
        int c = apk_token_compare(&x, &y);
        if (c)
            return c;
    } while (x.token != APK_END);
    if (x.token == y.token)
        return 0;
    /* The one that goes on is newer, unless it goes on with _alpha and the like. */
    if (x.token == APK_SUFFIX && x.suffix < 0)
        return -1;
    if (y.token == APK_SUFFIX && y.suffix < 0)
        return 1;
    return x.token > y.token ? -1 : 1;
}

/* ---- semantic versions, leniently: any number of numbers, "v" in front ---- */

static int compare_identifiers(const char *a, size_t na, const char *b, size_t nb)
{
    bool numeric_a = na && strspn(a, "0123456789") >= na,
         numeric_b = nb && strspn(b, "0123456789") >= nb;
    if (numeric_a && numeric_b)
        return compare_digits(&a, a + na, &b, b + nb);
    if (numeric_a != numeric_b)
        return numeric_a ? -1 : 1;
    int c = memcmp(a, b, na < nb ? na : nb);
    return c ? sign(c) : sign((long)na - (long)nb);
}

static int compare_prereleases(const char *a, const char *b)
{
    for (;;) {
        size_t na = strcspn(a, ".+"), nb = strcspn(b, ".+");
        int c = compare_identifiers(a, na, b, nb);
        if (c)
            return c;
        a += na;
        b += nb;
        bool more_a = *a == '.', more_b = *b == '.';
        if (!more_a || !more_b)
            return more_a - more_b;
        a++;
        b++;
    }
}

int version_compare_semver(const char *a, const char *b)
{
    a += *a == 'v';
    b += *b == 'v';
    while (digit(*a) || digit(*b)) {
        const char *a_end = a + strspn(a, "0123456789"), *b_end = b + strspn(b, "0123456789");
        int c = compare_digits(&a, a_end, &b, b_end);
        if (c)
            return c;
        a = a_end + (*a_end == '.');
        b = b_end + (*b_end == '.');
    }
    bool pre_a = *a == '-', pre_b = *b == '-';
    if (pre_a && pre_b)
        return compare_prereleases(a + 1, b + 1);
    return pre_b - pre_a;
}

int version_compare(const char *ecosystem, const char *a, const char *b, int *out, struct err *e)
{
    static const struct {
        const char *ecosystem;
        int (*compare)(const char *, const char *);
    } orders[] = {
        {"Debian",    version_compare_dpkg  },
        {"Ubuntu",    version_compare_dpkg  },
        {"Alpine",    version_compare_apk   },
        {"npm",       version_compare_semver},
        {"Go",        version_compare_semver},
        {"crates.io", version_compare_semver},
    };
    size_t n = strcspn(ecosystem, ":");
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++)
        if (strlen(orders[i].ecosystem) == n && strncmp(orders[i].ecosystem, ecosystem, n) == 0) {
            *out = orders[i].compare(a, b);
            return 0;
        }
    return err_set(e, ERR_UNSUPPORTED, "the order of %s versions is not known here", ecosystem);
}
