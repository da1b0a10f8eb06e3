#include "base/own.h"
#include "codec/glob.h"
#include "t.h"

static void matches(void)
{
    static const struct {
        const char *pattern, *path;
        unsigned flags;
        bool want;
    } cases[] = {
        {"*.c",              "a.c",                                                    0,           true },
        {"*.c",              "d/a.c",                                                  0,           false},
        {"*.c",              "d/a.c",                                                  GLOB_FLAT,   true },
        {"**/*.c",           "a.c",                                                    0,           true },
        {"**/*.c",           "x/y/a.c",                                                0,           true },
        {"a/**",             "a/b/c",                                                  0,           true },
        {"a/**",             "a",                                                      0,           false},
        {"**",               "a/b",                                                    0,           true },
        {"a/**/b",           "a/b",                                                    0,           true },
        {"a/**/b",           "a/x/y/b",                                                0,           true },
        {"a/**/b",           "a/x/y/c",                                                0,           false},
        {"a?c",              "abc",                                                    0,           true },
        {"a?c",
         "a\xc3\xa9"
         "c",                                                                          0,           true },
        {"a?c",              "a/c",                                                    0,           false},
        {"[a-c]x",           "bx",                                                     0,           true },
        {"[!a-c]x",          "bx",                                                     0,           false},
        {"[^a-c]x",          "dx",                                                     0,           true },
        {"[]]",              "]",                                                      0,           true },
        {"[a",               "a",                                                      0,           false},
        {"\\*",              "*",                                                      0,           true },
        {"\\*",              "a",                                                      0,           false},
        {"a",                "a/b",                                                    0,           false},
        {"a",                "a/b",                                                    GLOB_PREFIX, true },
        {"A*",               "ab",                                                     GLOB_CASE,   true },
        {"refs/heads/*",     "refs/heads/feature/x",                                   0,           false},
        {"refs/heads/*",     "refs/heads/feature/x",                                   GLOB_FLAT,   true },
        {"*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0,           false},
        {"",                 "",                                                       0,           true },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        T_EQ_INT(glob_match(cases[i].pattern, cases[i].path, cases[i].flags), cases[i].want,
                 cases[i].pattern);
    T_OK(glob_valid("a[b]\\*"), "valid");
    T_OK(!glob_valid("a[b"), "open class");
    T_OK(!glob_valid("a\\"), "open escape");
}

static void ignores(void)
{
    static const char *const patterns[] = {
        "# comment",      "",         "*.md",    "!README.md",
        "/node_modules/", "**/*.tmp", "secret*", "!secret/public"};
    static const struct {
        const char *path;
        bool want;
    } cases[] = {
        {"a.md",                true },
        {"README.md",           false},
        {"node_modules/x/y.js", true },
        {"sub/a.md",            false},
        {"sub/x.tmp",           true },
        {"secret/key",          true },
        {"secret/public",       false},
        {"secret/public/a",     false},
        {"src/a.c",             false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        T_EQ_INT(glob_ignored(patterns, ARRAY_LEN(patterns), cases[i].path), cases[i].want,
                 cases[i].path);
}

T_MAIN(matches, ignores)
