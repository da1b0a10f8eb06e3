#include "oci/reference.h"
#include "t.h"

#define D "@sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

static void parses(void)
{
    static const struct {
        const char *text, *want, *familiar;
    } cases[] = {
        {"busybox",                 "docker.io/library/busybox:latest", "busybox:latest"         },
        {"busybox:1.36",            "docker.io/library/busybox:1.36",   "busybox:1.36"           },
        {"a/b",                     "docker.io/a/b:latest",             "a/b:latest"             },
        {"docker.io/busybox",       "docker.io/library/busybox:latest", "busybox:latest"         },
        {"index.docker.io/x/y:z",   "docker.io/x/y:z",                  "x/y:z"                  },
        {"localhost/a",             "localhost/a:latest",               "localhost/a:latest"     },
        {"localhost:5000/a/b:v1",   "localhost:5000/a/b:v1",            "localhost:5000/a/b:v1"  },
        {"127.0.0.1:5000/a",        "127.0.0.1:5000/a:latest",          "127.0.0.1:5000/a:latest"},
        {"[::1]:5000/a:1",          "[::1]:5000/a:1",                   "[::1]:5000/a:1"         },
        {"gcr.io/p/a__b-c.d:T_1.x", "gcr.io/p/a__b-c.d:T_1.x",          "gcr.io/p/a__b-c.d:T_1.x"},
        {"a" D,                     "docker.io/library/a" D,            "a" D                    },
        {"q.io/a:t" D,              "q.io/a:t" D,                       "q.io/a:t" D             },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err e = {0};
        struct reference r = {0};
        AUTO(arena) struct arena *a = arena_new(1 << 16);
        T_RC(reference_parse(cases[i].text, a, &r, &e), &e, cases[i].text);
        if (!r.host)
            continue;
        T_EQ_STR(reference_print(&r, a), cases[i].want, cases[i].text);
        T_EQ_STR(reference_familiar(&r, a), cases[i].familiar, cases[i].text);
    }
}

static void refuses(void)
{
    static const char *const bad[] = {
        "",   ":tag",        "Busybox",        "a b",         "a//b",        "/a",
        "a/", "a:",          "a:.x",           "a@sha256:12", "a___b",       "-a",
        "a-", "x.io/../etc", "x.io/a:b/c:d:e", "ho st.io/a",  "x.io:port/a", "a@" D,
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct reference r;
        AUTO(arena) struct arena *a = arena_new(1 << 16);
        T_EQ_INT(reference_parse(bad[i], a, &r, NULL), ERR_INVALID, bad[i]);
    }
}

T_MAIN(parses, refuses)
