#include "scan/purl.h"

#include "t.h"

static void canonical(void)
{
    static const struct {
        const char *text, *want; /* NULL: refused */
    } cases[] = {
        {"pkg:npm/@angular/animation@12.3.1",        "pkg:npm/%40angular/animation@12.3.1"  },
        {"pkg://PyPI/Django_package@1",              "pkg:pypi/django-package@1"            },
        {"pkg:maven/g/a@1?type=jar&Classifier=x&e=", "pkg:maven/g/a@1?classifier=x&type=jar"},
        {"pkg:golang/a.b/c@v1#/x/./y/",              "pkg:golang/a.b/c@v1#x/y"              },
        {"pkg:git/host/a/b@1",                       "pkg:git/host/a/b@1"                   },
        {"pkg:deb/Debian/Curl@7%3A1+b",              "pkg:deb/debian/curl@7:1%2Bb"          },
        {"pkg:git//host//a/b",                       "pkg:git/host/a/b"                     },
        {"pkg:npm",                                  NULL                                   },
        {"pkg:npm/@1.0",                             NULL                                   },
        {"pkg:swift/github.com/x/@1",                NULL                                   },
        {"pkg:vcpkg/a/b@1",                          NULL                                   },
        {"pkg:3d/x",                                 NULL                                   },
        {"pkg:npm/a?x=1&X=2",                        NULL                                   },
        {"npm/a",                                    NULL                                   },
    };
    AUTO(arena) struct arena *a = arena_new(0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct purl p;
        int r = purl_parse(cases[i].text, a, &p, NULL);
        T_EQ_STR(r < 0 ? NULL : purl_print(&p, a), cases[i].want, cases[i].text);
    }
}

/* From a package to its URL and back. */
static void of_packages(void)
{
    static const struct {
        const char *os, *version;
        struct package p;
        const char *want;
    } cases[] = {
        {"",          "", {"npm", "@s/a", "1", "@s/a", "", "", false},                     "pkg:npm/%40s/a@1"     },
        {"",          "", {"Maven", "g.h:a", "1", "g.h:a", "", "", false},                 "pkg:maven/g.h/a@1"    },
        {"",          "", {"Go", "a.b/C/d", "v1", "a.b/C/d", "", "", false},               "pkg:golang/a.b/C/d@v1"},
        {"debian",
         "12",            {"Debian:12", "glibc", "2.36-9", "libc6", "", "", false},
         "pkg:deb/debian/libc6@2.36-9?distro=debian-12&upstream=glibc"                                            },
        {"almalinux",
         "8.5",           {"AlmaLinux:8", "openssl", "1:1.1-9", "openssl", "", "", false},
         "pkg:rpm/almalinux/openssl@1.1-9?distro=almalinux-8.5&epoch=1"                                           },
        {"alpine",
         "3.19.1",        {"Alpine:v3.19", "musl", "1-r0", "musl", "", "", false},
         "pkg:apk/alpine/musl@1-r0?distro=alpine-3.19.1"                                                          },
    };
    AUTO(arena) struct arena *a = arena_new(0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct inventory inv = {.os_id = cases[i].os, .os_version = cases[i].version};
        struct purl p;
        struct package back = {0};
        const char *text = purl_of_package(&cases[i].p, &inv, a);
        T_EQ_STR(text, cases[i].want, cases[i].p.name);
        if (!text || purl_parse(text, a, &p, NULL) < 0 || !purl_to_package(&p, a, &back))
            T_FAIL(cases[i].p.name, "no way back");
        T_EQ_STR(back.ecosystem, cases[i].p.ecosystem, cases[i].want);
        T_EQ_STR(back.name, cases[i].p.name, cases[i].want);
        T_EQ_STR(back.version, cases[i].p.version, cases[i].want);
        T_EQ_STR(back.binary, cases[i].p.binary, cases[i].want);
    }
}

T_MAIN(canonical, of_packages)
