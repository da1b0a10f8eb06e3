/* apk: 1.2.3a_alpha1_p2~commit-r3. */
#include <string.h>

#include "scan/version_int.h"

/* In the order they may follow each other; the one that ends later is the older one. */
enum apk_token {
    APK_INITIAL,
    APK_DIGIT,
    APK_LETTER,
    APK_SUFFIX,
    APK_SUFFIX_DIGIT,
    APK_COMMIT,
    APK_REVISION,
    APK_END,
    APK_DOT, /* without a number: refused by apk, but seen in records */
    APK_INVALID
};

struct apk {
    const char *at;
    enum apk_token token;
    const char *start, *stop; /* of the token's text */
    int suffix;               /* before 0: older than without */
    bool fraction;            /* a number behind a dot */
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
    v->suffix = best - 4;
    v->at += best_n;
    return true;
}

static bool apk_take(struct apk *v, enum apk_token token, const char *members)
{
    v->token = token;
    v->start = v->at;
    v->at += strspn(v->at, members);
    v->stop = v->at;
    return v->stop > v->start;
}

static const char digits[] = "0123456789";

/* What follows a number: ".2", a letter, the digits of "p1". */
static bool apk_next_number(struct apk *v)
{
    enum apk_token had = v->token;
    bool numeric = had == APK_DIGIT || had == APK_DOT;
    if (had == APK_INITIAL || (had == APK_LETTER && version__digit(*v->at))) {
        v->fraction = false;
        (void)apk_take(v, APK_DIGIT, digits);
    } else if (numeric && *v->at == '.') {
        v->at++;
        v->fraction = true;
        if (!apk_take(v, APK_DIGIT, digits))
            v->token = APK_DOT;
    } else if (numeric && *v->at >= 'a' && *v->at <= 'z') {
        v->token = APK_LETTER;
        v->start = v->at++;
        v->stop = v->at;
    } else {
        return false;
    }
    return true;
}

static void apk_next(struct apk *v)
{
    enum apk_token had = v->token == APK_DOT ? APK_DIGIT : v->token;
    bool taken = true;
    if (apk_next_number(v))
        return;
    if (had == APK_SUFFIX && version__digit(*v->at)) {
        taken = apk_take(v, APK_SUFFIX_DIGIT, digits);
    } else if (*v->at == '_' && had <= APK_SUFFIX_DIGIT) {
        v->at++;
        v->token = APK_SUFFIX;
        taken = apk_take_suffix(v);
    } else if (*v->at == '~' && had < APK_COMMIT) {
        v->at++;
        taken = apk_take(v, APK_COMMIT, "0123456789abcdef");
    } else if (v->at[0] == '-' && v->at[1] == 'r' && had < APK_REVISION) {
        v->at += 2;
        taken = apk_take(v, APK_REVISION, digits);
    } else {
        taken = *v->at == '\0';
        v->token = APK_END;
    }
    if (!taken)
        v->token = APK_INVALID;
}

static int apk_numbers(const struct apk *a, const struct apk *b, bool fraction)
{
    /* Later numbers with a leading zero are read like a fraction. */
    if (fraction && (*a->start == '0' || *b->start == '0')) {
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
        return apk_numbers(a, b, a->fraction);
    case APK_SUFFIX_DIGIT:
    case APK_REVISION:
        return apk_numbers(a, b, false);
    case APK_LETTER:
        return version__sign(*a->start - *b->start);
    case APK_SUFFIX:
        return version__sign(a->suffix - b->suffix);
    case APK_COMMIT:
        return version__text(a->start, (size_t)(a->stop - a->start), b->start,
                             (size_t)(b->stop - b->start));
    case APK_INITIAL:
    case APK_END:
    case APK_DOT:
    case APK_INVALID:
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
    } while (x.token != APK_END && x.token != APK_INVALID);
    if (x.token == y.token)
        return 0;
    /* The one that goes on is newer, unless it goes on with _alpha and the like. */
    if (x.token == APK_SUFFIX && x.suffix < 0)
        return -1;
    if (y.token == APK_SUFFIX && y.suffix < 0)
        return 1;
    return x.token > y.token ? -1 : 1;
}
