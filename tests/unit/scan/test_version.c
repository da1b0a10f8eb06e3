#include "scan/version.h"

#include "base/arena.h"
#include "base/own.h"
#include "codec/yaml.h"
#include "scan/scan.h"
#include "t.h"

static void orders(void)
{
    static const struct {
        const char *ecosystem, *a, *b;
        int want;
    } cases[] = {
        {"Debian:12",                               "1.0-1",                "1.0-2",                -1},
        {"Debian:12",                               "1:1.0",                "2.0",                  1 },
        {"Debian:12",                               "1.0~rc1",              "1.0",                  -1},
        {"Debian:12",                               "1.0",                  "1.0-0",                0 },
        {"Debian:12",                               "1.10",                 "1.9",                  1 },
        {"Debian:12",                               "1.0+b1",               "1.0",                  1 },
        {"Debian:12",                               "007",                  "7",                    0 },
        {"Alpine:v3.19",                            "1.2.3-r0",             "1.2.3-r1",             -1},
        {"Alpine:v3.19",                            "1.2_alpha1",           "1.2",                  -1},
        {"Alpine:v3.19",                            "1.2_p1",               "1.2",                  1 },
        {"Alpine:v3.19",                            "1.2a",                 "1.2",                  1 },
        {"Alpine:v3.19",                            "1.10",                 "1.9",                  1 },
        {"npm",                                     "1.2.3",                "1.2.10",               -1},
        {"npm",                                     "1.0.0-rc.1",           "1.0.0",                -1},
        {"npm",                                     "1.0.0-rc.2",           "1.0.0-rc.10",          -1},
        {"npm",                                     "1.0.0-1",              "1.0.0-alpha",          -1},
        {"npm",                                     "1.0.0+a",              "1.0.0+b",              0 },
        {"Go",                                      "v1.2.3",               "1.2.3",                0 },
        {"crates.io",                               "0.9",                  "0.9.0",                0 },
        {"Debian:12",                               "1:0foo",               "0foo",                 1 },
        {"Debian:12",                               "1~",                   "1",                    -1},
        {"Alpine:v3.19",                            "6.0.3p1-r3",           "6.0.3p1-r4",           -1},
        {"Alpine:v3.19",                            "1.0~1234-r1",          "1.0~2345-r0",          -1},
        {"Alpine:v3.19",                            "8.2.0015",             "8.2.002",              -1},
        {"Alpine:v3.19",                            "0.1.0_alpha_pre2",     "0.1.0_alpha",          -1},
        {"Alpine:v3.19",                            "0...1...0",            "0...1...1",            -1},
        {"Alpine:v3.19",                            "1",                    "1-ruff",               1 },
        {"npm",                                     "1.1.3.4",              "1.1.3.5",              0 },
        {"npm",                                     " = v1.2.3",            "1.2.3",                0 },
        {"npm",                                     "99999999999999999991", "99999999999999999999", -1},
        {"NuGet",                                   "1.0.0.1",              "1.0.0",                1 },
        {"NuGet",                                   "1.0.0-BETA",           "1.0.0-beta",           0 },
        {"NuGet",                                   "1.0",                  "1.0.0.0",              0 },
        {"Pub",                                     "1.2.3+1",              "1.2.3+a",              -1},
        {"Pub",                                     "1.0.0-pre+build",      "1.0.0",                -1},
        {"Hackage",                                 "1.0.0",                "1.0",                  1 },
        {"Hackage",                                 "1.10",                 "1.9",                  1 },
        {"CRAN",                                    "0.01.0",               "0.1-0",                0 },
        {"CRAN",                                    "1.0-0",                "1.0-1",                -1},
        {"PyPI",                                    "1.0.dev1",             "1.0a1.dev1",           -1},
        {"PyPI",                                    "1.0a1",                "1.0-c1",               -1},
        {"PyPI",                                    "1.0rc1",               "1.0",                  -1},
        {"PyPI",                                    "1.0",                  "1.0.post1.dev2",       -1},
        {"PyPI",                                    "1.0-1",                "1.0.post1",            0 },
        {"PyPI",                                    "1.0",                  "1.0.0",                0 },
        {"PyPI",                                    "1!0.1",                "2.0",                  1 },
        {"PyPI",                                    "1.0+local.a",          "1.0+local.1",          -1},
        {"PyPI",                                    "v1.0.Preview_3",       "1.0rc3",               0 },
        {"PyPI",                                    "1.0rev_.dev.",         "1.0.post0.dev0",       0 },
        {"PyPI",                                    "9-charmander",         "0.1",                  -1},
        {"PyPI",                                    "0.9-fearow",           "0.9-horsea",           -1},
        {"Maven",                                   "1.0",                  "1-ga",                 0 },
        {"Maven",                                   "1-alpha2",             "1-a2",                 0 },
        {"Maven",                                   "1-rc",                 "1-SNAPSHOT",           -1},
        {"Maven",                                   "1-SNAPSHOT",           "1",                    -1},
        {"Maven",                                   "1",                    "1-sp",                 -1},
        {"Maven",                                   "1-sp",                 "1-abc",                -1},
        {"Maven",                                   "2.0-1",                "2.0.1",                -1},
        {"Maven",                                   "2.0.1-xyz",            "2.0.1-123",            -1},
        {"Maven",                                   "1.0.0-foo.0.0",        "1-foo",                0 },
        {"Maven",                                   "1.M1",                 "1.0.0.M1",             0 },
        {"Maven",                                   "1.0.RC1",              "1-rc-1",               0 },
        {"RubyGems",                                "1.0.a2",               "1.0.a.2",              0 },
        {"RubyGems",                                "1.beta",               "1",                    -1},
        {"RubyGems",                                "1.0.0",                "1",                    0 },
        {"RubyGems",                                "1.0-1",                "1.0.pre.1",            0 },
        {"RubyGems",                                "1.0.a10",              "1.0.a9",               1 },
        {"Packagist",                               "1.0-dev",              "1.0a1",                -1},
        {"Packagist",                               "1.0RC1",               "1.0",                  -1},
        {"Packagist",                               "1.0",                  "1.0pl1",               -1},
        {"Packagist",                               "1.0",                  "1.0.0",                -1},
        {"Packagist",                               "1.2.3.#",              "1.2.3.1",              0 },
        {"Packagist:https://packages.drupal.org/8", "v8.1.0",               "8.2.0",                -1},
        {"AlmaLinux:9",                             "1.0~rc1",              "1.0",                  -1},
        {"AlmaLinux:9",                             "1.0^git1",             "1.0",                  1 },
        {"AlmaLinux:9",                             "1.0^git1",             "1.0.1",                -1},
        {"AlmaLinux:9",                             "1:1.0-1",              "2.0-1",                1 },
        {"Rocky Linux:9",                           "0:1.0-1.el9",          "1.0-1.el9",            0 },
        {"Red Hat",                                 "5.5p1",                "5.5p10",               -1},
        {"SUSE:Linux Enterprise Server 15",         "1.0a",                 "1.01",                 -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char name[128];
        int there = 9, back = 9;
        (void)snprintf(name, sizeof name, "%s: %s and %s", cases[i].ecosystem, cases[i].a,
                       cases[i].b);
        T_EQ_INT(version_compare(cases[i].ecosystem, cases[i].a, cases[i].b, &there, NULL), 0,
                 name);
        T_EQ_INT(version_compare(cases[i].ecosystem, cases[i].b, cases[i].a, &back, NULL), 0, name);
        T_EQ_INT(there, cases[i].want, name);
        T_EQ_INT(back, -cases[i].want, name);
    }
    int c;
    T_EQ_INT(version_compare("COBOL", "1", "2", &c, NULL), ERR_UNSUPPORTED, "an unknown ecosystem");
}

static void ranges(void)
{
    static const struct {
        const char *version, *events;
        bool want;
    } cases[] = {
        {"1.0",   "[{introduced: '0'}, {fixed: '2.0'}]",                                      true },
        {"2.0",   "[{introduced: '0'}, {fixed: '2.0'}]",                                      false},
        {"3.1",   "[{introduced: '0'}, {fixed: '2.0'}, {introduced: '3.0'}, {fixed: '4.0'}]", true },
        {"2.5",   "[{introduced: '0'}, {fixed: '2.0'}, {introduced: '3.0'}, {fixed: '4.0'}]", false},
        {"2.5",   "[{fixed: '4.0'}, {introduced: '3.0'}, {fixed: '2.0'}, {introduced: '0'}]", false},
        {"3.1",   "[{fixed: '4.0'}, {introduced: '3.0'}, {fixed: '2.0'}, {introduced: '0'}]", true },
        {"2.0",   "[{introduced: '1.0'}, {last_affected: '2.0'}]",                            true },
        {"2.0.1", "[{introduced: '1.0'}, {last_affected: '2.0'}]",                            false},
        {"0.0a1", "[{introduced: '0'}]",                                                      true },
        {"0.9",   "[{introduced: '1.0'}]",                                                    false},
    };
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct value *range;
        struct err e;
        const char *text = arena_printf(a, "{type: ECOSYSTEM, events: %s}", cases[i].events);
        struct package p = {.ecosystem = "PyPI", .name = "x", .version = cases[i].version};
        T_RC(yaml_parse(a, text, strlen(text), 0, &range, &e), &e, text);
        T_EQ_INT(scan_range_affects(&p, range), cases[i].want, text);
    }
}

T_MAIN(orders, ranges)
