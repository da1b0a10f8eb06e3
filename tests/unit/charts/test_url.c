#include "charts/url.h"

#include "base/own.h"
#include "t.h"

static void resolves(void)
{
    static const struct {
        const char *base, *ref, *want;
    } cases[] = {
        {"https://a.example",              "x-1.tgz",                "https://a.example/x-1.tgz"           },
        {"https://a.example/charts",       "x-1.tgz",                "https://a.example/charts/x-1.tgz"    },
        {"https://a.example/charts/",      "sub/x-1.tgz",            "https://a.example/charts/sub/x-1.tgz"},
        {"https://a.example/charts",       "../x.tgz",               "https://a.example/x.tgz"             },
        {"https://a.example/charts",       "/x.tgz",                 "https://a.example/x.tgz"             },
        {"https://a.example/charts?t=1",   "x.tgz",                  "https://a.example/charts/x.tgz?t=1"  },
        {"https://u:p@a.example/charts",   "x.tgz",                  "https://u:p@a.example/charts/x.tgz"  },
        {"https://a.example/charts",       "http://b.example/x.tgz", "http://b.example/x.tgz"              },
        {"https://a.example/charts",       "//b.example/x.tgz",      "https://b.example/x.tgz"             },
        {"https://a.example/charts?t=1",   "//b.example/x.tgz",      "https://b.example/x.tgz"             },
        {"https://a.example/charts",       "oci://b.example/x:1",    "oci://b.example/x:1"                 },
        {"https://a.example/charts/../up", "x.tgz",                  "https://a.example/up/x.tgz"          },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        const char *got = "";
        T_EQ_INT(url_resolve(cases[i].base, cases[i].ref, a, &got, NULL), 0, cases[i].ref);
        T_EQ_STR(got, cases[i].want, cases[i].base);
    }
}

static void compares(void)
{
    static const struct {
        const char *a, *b;
        bool equal, same_host;
    } cases[] = {
        {"https://a.example/x",          "https://a.example/x/", true,  true },
        {"https://A.example/x",          "HTTPS://a.example/x",  true,  true },
        {"https://a.example",            "https://a.example/",   true,  true },
        {"https://a.example/x/../y",     "https://a.example/y",  true,  true },
        {"https://a.example/x",          "https://a.example/X",  false, true },
        {"https://a.example:443/x",      "https://a.example/x",  false, false},
        {"https://a.example/x",          "http://a.example/x",   false, false},
        {"https://u:p@a.example/x",      "https://a.example/x",  true,  true },
        {"https://a.example/x?t=1",      "https://a.example/x",  false, true },
        {"https://a.example@b.example/", "https://a.example/",   false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        T_EQ_INT(url_equal(cases[i].a, cases[i].b), cases[i].equal, cases[i].a);
        T_EQ_INT(url_same_host(cases[i].a, cases[i].b), cases[i].same_host, cases[i].a);
    }
}

static void parts(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct url u;
    T_EQ_STR(url_file("https://a.example/x/y-1.0.tgz?z#f", a), "y-1.0.tgz", "file");
    T_EQ_STR(url_file("oci://a.example/x/y:1", a), "y:1", "file of a registry");
    T_EQ_STR(url_public("https://me:secret@a.example/x", a), "https://a.example/x", "public");
    T_EQ_STR(url_join("https://a.example/", "/x", a), "https://a.example/x", "join");
    T_EQ_STR(url_join("", "x", a), "x", "join with nothing");
    T_EQ_INT(url_parse("http://a b/", a, &u, NULL), ERR_INVALID, "blank in a host");
    T_EQ_INT(url_parse("http://a/\n", a, &u, NULL), ERR_INVALID, "line end");
    T_EQ_INT(url_parse(":x", a, &u, NULL), ERR_INVALID, "no scheme");
    T_EQ_INT(url_parse("repo/chart", a, &u, NULL), 0, "relative");
    T_EQ_STR(u.scheme, "", "relative");
}

T_MAIN(resolves, compares, parts)
