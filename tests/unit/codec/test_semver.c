#include "base/own.h"
#include "codec/semver.h"
#include "t.h"

static void orders(void)
{
    static const char *const rising[] = {
        "0.1",        "v1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta",
        "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",
        "1",          "1.0.1+b",      "1.2",           "1.10.0",
        "2.0.0"};
    AUTO(arena) struct arena *a = arena_new(0);
    struct err e = {0};
    for (size_t i = 0; i + 1 < ARRAY_LEN(rising); i++) {
        struct semver x, y;
        T_RC(semver_parse(a, rising[i], &x, &e), &e, rising[i]);
        T_RC(semver_parse(a, rising[i + 1], &y, &e), &e, rising[i + 1]);
        T_EQ_INT(semver_cmp(&x, &y), -1, rising[i]);
        T_EQ_INT(semver_cmp(&y, &x), 1, rising[i]);
    }
    static const char *const bad[] = {"",       "a",        "1.",     "1.2.3.4",
                                      "1.2.3-", "1.2.3-01", "1.2.3+", "v"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct semver x;
        T_EQ_INT(semver_parse(a, bad[i], &x, &e), ERR_INVALID, bad[i]);
    }
    struct semver v;
    T_EQ_INT(semver_parse_strict(a, "v1.2.3", &v, &e), ERR_INVALID, "strict");
    T_EQ_INT(semver_parse_strict(a, "1.2", &v, &e), ERR_INVALID, "strict");
    T_RC(semver_parse_strict(a, "1.2.3-rc.1+b5", &v, &e), &e, "strict");
    T_EQ_STR(semver_text(a, &v), "1.2.3-rc.1+b5", "text");
}

static void ranges(void)
{
    static const struct {
        const char *range, *version;
        bool want;
    } cases[] = {
        {"^1.2",                  "1.9.0",      true },
        {"^1.2",                  "2.0.0",      false},
        {"^0.2.3",                "0.2.9",      true },
        {"^0.2.3",                "0.3.0",      false},
        {"^0.0.3",                "0.0.4",      false},
        {"~1.2.3",                "1.2.9",      true },
        {"~1.2.3",                "1.3.0",      false},
        {"~1",                    "1.9.0",      true },
        {"1.x",                   "1.5.0",      true },
        {"*",                     "3.0.0",      true },
        {"*",                     "3.0.0-rc.1", false},
        {">=1.0, <2.0",           "1.5.0",      true },
        {">=1.0 <2.0",            "2.0.0",      false},
        {"1.2 - 1.4",             "1.4.5",      true },
        {"1.2 - 1.4.5",           "1.4.6",      false},
        {"<1 || >3",              "4.0.0",      true },
        {"<1 || >3",              "2.0.0",      false},
        {">=1.0.0-0",             "1.5.0-beta", true },
        {">=1.0.0",               "1.5.0-beta", false},
        {"!=1.2.x",               "1.2.5",      false},
        {"!=1.2.x",               "1.3.0",      true },
        {">1.2",                  "1.2.9",      false},
        {">1.2",                  "1.3.0",      true },
        {"<=1.2",                 "1.2.9",      true },
        {"1.2.3",                 "1.2.3+meta", true },
        {">= 1.19.0-0",           "1.32.1",     true },
        {"^2.0.0 || ^3.0.0-beta", "3.1.0",      true },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct semver_range *r = NULL;
        struct semver v;
        struct err e = {0};
        T_RC(semver_range_parse(a, cases[i].range, &r, &e), &e, cases[i].range);
        T_RC(semver_parse(a, cases[i].version, &v, &e), &e, cases[i].version);
        if (r)
            T_EQ_INT(semver_range_has(r, &v), cases[i].want, cases[i].range);
    }
    static const char *const bad[] = {"", "a", ">", "1.2.3 foo", ">=1.0,", "||", "1.2.3.4"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct semver_range *r = NULL;
        T_EQ_INT(semver_range_parse(a, bad[i], &r, NULL), ERR_INVALID, bad[i]);
    }
}

T_MAIN(orders, ranges)
