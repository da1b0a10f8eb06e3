#include "vcs/match.h"

#include "t.h"

static void matches(void)
{
    static const struct {
        const char *pattern, *path;
        bool want;
    } cases[] = {
        {"a.yaml",                        "a.yaml",                          true },
        {"*.yaml",                        "a.yaml",                          true },
        {"*.yaml",                        "d/a.yaml",                        false},
        {"**/*.yaml",                     "d/e/a.yaml",                      true },
        {"**/*.yaml",                     "a.yaml",                          true },
        {"**",                            "x/y",                             true },
        {"overlays/*/kustomization.yaml", "overlays/dev/kustomization.yaml", true },
        {"overlays/",                     "overlays/dev/x",                  true },
        {"overlays/",                     "overlays",                        false},
        {"{a,b*}.{yml,yaml}",             "bcd.yaml",                        true },
        {"{a,b}.yml",                     "c.yml",                           false},
        {"[a-c]?",                        "b1",                              true },
        {"[!a-c]?",                       "b1",                              false},
        {"a?c",                           "a/c",                             false},
        {"",                              "",                                true },
        {"a**a**a**a**a**a**a**a**b",     "aaaaaaaaaaaaaaaaaaaaaaaaaaaa",    false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        T_EQ_INT(path_match(cases[i].pattern, cases[i].path), cases[i].want, cases[i].pattern);
}

T_MAIN(matches)
