#include "base/buf.h"
#include "codec/regex.h"
#include "t.h"

static void matches(void)
{
    static const struct {
        const char *pattern, *text;
        unsigned flags;
        int start, end; /* -1: no match; -2: refused */
    } cases[] = {
        {"b+",             "abbc",   0,              1,  3},
        {"^b",             "abbc",   0,              -1, 0},
        {"B",              "abc",    REGEX_CASE,     1,  2},
        {"[\\w-.]+",       "!a-.",   0,              1,  4},
        {"[[:alpha:]-x]+", "1-b",    0,              1,  3},
        {"[a\\d-]+$",      "xa-1",   0,              1,  4},
        {"b",              "abc",    REGEX_ANCHORED, -1, 0},
        {"a|abc",          "abc",    REGEX_ANCHORED, 0,  3},
        {"a|abc",          "abc",    0,              0,  1},
        {"a$",             "a\n",    0,              -1, 0},
        {"a.b",            "a\nb",   0,              -1, 0},
        {"a.b",            "a\nb",   REGEX_DOT_ALL,  0,  3},
        {"\\d{2,3}?x",     "a1234x", 0,              2,  6},
        {"(?i:A)(?P<n>b)", "xab",    0,              1,  3},
        {"[]a]+",          "x]a",    0,              1,  3},
        {"\\Qa+b\\E",      "a+b",    0,              0,  3},
        {"x{,2}",          "x{,2}",  0,              0,  5},
        {"(?=a)",          "a",      0,              -2, 0},
        {"(?<!a)b",        "b",      0,              -2, 0},
        {"(?>a)",          "a",      0,              -2, 0},
        {"(a)\\1",         "aa",     0,              -2, 0},
        {"a++",            "a",      0,              -2, 0},
        {"a**",            "a",      0,              -2, 0},
        {"(?R)",           "a",      0,              -2, 0},
        {"(*ACCEPT)",      "a",      0,              -2, 0},
        {"(",              "a",      0,              -2, 0},
        {"[a",             "a",      0,              -2, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(regex) struct regex *re = NULL;
        struct regex_span span = {0, 0};
        bool hit = false;
        struct err e = {0};
        int rc = regex_compile(cases[i].pattern, strlen(cases[i].pattern), cases[i].flags, &re, &e);
        if (cases[i].start == -2) {
            T_EQ_INT(rc, ERR_INVALID, cases[i].pattern);
            continue;
        }
        T_RC(rc, &e, cases[i].pattern);
        if (rc)
            continue;
        T_RC(regex_match(re, cases[i].text, strlen(cases[i].text), 0, &span, 1, &hit, &e), &e,
             cases[i].pattern);
        T_EQ_INT(hit, cases[i].start >= 0, cases[i].pattern);
        if (hit) {
            T_EQ_INT(span.start, cases[i].start, cases[i].pattern);
            T_EQ_INT(span.end, cases[i].end, cases[i].pattern);
        }
    }
}

static void replaces(void)
{
    static const struct {
        const char *pattern, *text, *with, *want;
        long limit;
    } cases[] = {
        {"[^a-z0-9]+",            "This is $an",  "",           "hisisan",  -1},
        {"(\\w+)@(?P<host>\\w+)", "joe@home",     "${host}.$1", "home.joe", -1},
        {"a",                     "aaa",          "b",          "bba",      2 },
        {"x*",                    "abc",          "-",          "-a-b-c-",  -1},
        {"b",                     "abc",          "$$1$0",      "a$1bc",    -1},
        {"\xc3\xa9",              "caf\xc3\xa9!", "e",          "cafe!",    -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(regex) struct regex *re = NULL;
        AUTO_BUF struct buf b;
        struct err e = {0};
        buf_init(&b, 1000);
        T_RC(regex_compile(cases[i].pattern, strlen(cases[i].pattern), 0, &re, &e), &e,
             cases[i].pattern);
        T_RC(regex_replace(re, cases[i].text, strlen(cases[i].text), cases[i].with, true,
                           cases[i].limit, &b, &e),
             &e, cases[i].pattern);
        T_EQ_STR(buf_text(&b), cases[i].want, cases[i].pattern);
    }
}

static void limits(void)
{
    AUTO(regex) struct regex *re = NULL;
    struct err e = {0};
    bool hit = false;
    static char text[60];
    memset(text, 'a', sizeof text - 2);
    text[sizeof text - 2] = 'd';
    T_RC(regex_compile("(a|aa)+$", 8, 0, &re, &e), &e, "compile");
    T_EQ_INT(regex_match(re, text, sizeof text - 1, 0, NULL, 0, &hit, &e), ERR_TOO_LARGE, "work");
}

T_MAIN(matches, replaces, limits)
