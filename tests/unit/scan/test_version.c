#include "scan/version.h"

#include "base/own.h"
#include "t.h"

static void orders(void)
{
    static const struct {
        const char *ecosystem, *a, *b;
        int want;
    } cases[] = {
        {"Debian:12",    "1.0-1",      "1.0-2",       -1},
        {"Debian:12",    "1:1.0",      "2.0",         1 },
        {"Debian:12",    "1.0~rc1",    "1.0",         -1},
        {"Debian:12",    "1.0",        "1.0-0",       0 },
        {"Debian:12",    "1.10",       "1.9",         1 },
        {"Debian:12",    "1.0+b1",     "1.0",         1 },
        {"Debian:12",    "007",        "7",           0 },
        {"Alpine:v3.19", "1.2.3-r0",   "1.2.3-r1",    -1},
        {"Alpine:v3.19", "1.2_alpha1", "1.2",         -1},
        {"Alpine:v3.19", "1.2_p1",     "1.2",         1 },
        {"Alpine:v3.19", "1.2a",       "1.2",         1 },
        {"Alpine:v3.19", "1.10",       "1.9",         1 },
        {"npm",          "1.2.3",      "1.2.10",      -1},
        {"npm",          "1.0.0-rc.1", "1.0.0",       -1},
        {"npm",          "1.0.0-rc.2", "1.0.0-rc.10", -1},
        {"npm",          "1.0.0-1",    "1.0.0-alpha", -1},
        {"npm",          "1.0.0+a",    "1.0.0+b",     0 },
        {"Go",           "v1.2.3",     "1.2.3",       0 },
        {"crates.io",    "0.9",        "0.9.0",       0 },
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

T_MAIN(orders)
