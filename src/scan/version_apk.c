/* apk: 1.2.3a_alpha1_p2~commit-r3. */
#include <string.h>

#include "scan/version_int.h"

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
    while (version__digit(*v->at))
        v->at++;
    v->stop = v->at;
}

static void apk_next(struct apk *v)
{
    enum apk_token had = v->token;
    if (version__digit(*v->at) && (had == APK_INITIAL || had == APK_SUFFIX)) {
        v->token = had == APK_INITIAL ? APK_DIGIT : APK_SUFFIX_DIGIT;
        if (had == APK_INITIAL)
            v->suffix = 0;
        apk_take_digits(v);
    } else if (*v->at == '.' && had == APK_DIGIT && version__digit(v->at[1])) {
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
    } else if (v->at[0] == '-' && v->at[1] == 'r' && version__digit(v->at[2]) &&
               had != APK_REVISION) {
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
        return c ? version__sign(c) : version__sign((long)na - (long)nb);
    }
    const char *x = a->start, *y = b->start;
    return version__digits(&x, a->stop, &y, b->stop);
}

static int apk_token_compare(const struct apk *a, const struct apk *b)
{
    switch (a->token) {
    case APK_DIGIT:
    case APK_SUFFIX_DIGIT:
    case APK_REVISION:
        return apk_numbers(a, b);
    case APK_LETTER:
        return version__sign(*a->start - *b->start);
    case APK_SUFFIX:
        return version__sign(a->suffix - b->suffix);
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
