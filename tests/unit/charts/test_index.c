#include "base/own.h"
#include "charts/index.h"
#include "t.h"

static const char text[] = "apiVersion: v1\n"
                           "entries:\n"
                           "  web:\n"
                           "  - {name: web, version: 1.2.0, urls: [web-1.2.0.tgz], digest: d2}\n"
                           "  - {name: web, version: 2.0.0-rc.1, urls: [web-rc.tgz]}\n"
                           "  - {name: web, version: v1.10.0, urls: [a.tgz, b.tgz]}\n"
                           "  - {name: web, version: not a version}\n"
                           "  -\n"
                           "  - {version: 9.0.0}\n"
                           "  - {name: web, version: 1.2.0+b1}\n"
                           "  none: []\n";

static void finds(void)
{
    static const struct {
        const char *name, *version, *want;
        int rc;
        const char *why;
    } cases[] = {
        {"web",  "",          "v1.10.0",    0,             ""                                      },
        {"web",  "1.2.0",     "1.2.0",      0,             ""                                      },
        {"web",  "1.2.0+b1",  "1.2.0+b1",   0,             ""                                      },
        {"web",  "~1.2",      "1.2.0",      0,             ""                                      },
        {"web",  "^1",        "v1.10.0",    0,             ""                                      },
        {"web",  ">=2.0.0-0", "2.0.0-rc.1", 0,             ""                                      },
        {"web",  ">=2.0.0",   "",           ERR_NOT_FOUND, "no chart version found for web->=2.0.0"},
        {"web",  "x y z",     "",           ERR_INVALID,   NULL                                    },
        {"none", "",          "",           ERR_NOT_FOUND, "no chart version found"                },
        {"gone", "",          "",           ERR_NOT_FOUND, "no chart name found"                   },
    };
    AUTO(arena) struct arena *a = arena_new(0);
    struct charts_index ix;
    struct err e = {0};
    T_RC(charts_index_parse(text, sizeof text - 1, "x", a, &ix, &e), &e, "parse");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct charts_entry got = {.version = ""};
        T_EQ_INT(charts_index_get(&ix, cases[i].name, cases[i].version, a, &got, &e), cases[i].rc,
                 cases[i].version);
        T_EQ_STR(got.version, cases[i].want, cases[i].version);
        if (cases[i].rc && cases[i].why)
            T_EQ_STR(e.msg, cases[i].why, cases[i].version);
    }
}

static void refuses(void)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"",                               "empty index.yaml file"   },
        {"entries: {}",                    "no API version specified"},
        {"{\"entries\": {}}",              "no API version specified"},
        {"a: b: c",                        NULL                      },
        {"apiVersion: v1\napiVersion: v1", NULL                      },
        {"- 1",                            NULL                      },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct charts_index ix;
        struct err e = {0};
        T_OK(charts_index_parse(cases[i].text, strlen(cases[i].text), "x", a, &ix, &e) < 0,
             cases[i].text);
        if (cases[i].why)
            T_EQ_STR(e.msg, cases[i].why, cases[i].text);
    }
}

static struct value *meta(struct arena *a, const char *name, const char *version)
{
    struct value *v = value_new_object(a);
    (void)value_set_str(a, v, "name", name);
    (void)value_set_str(a, v, "version", version);
    return v;
}

/* What is made is what is read. */
static void makes(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct charts_index ix = charts_index_new(a, 1000), more = charts_index_new(a, 0), again;
    struct charts_entry got;
    struct err e = {0};
    charts_index_add(&ix, meta(a, "x", "1.0.0"), "x-1.0.0.tgz", "d", 0, a);
    charts_index_add(&ix, meta(a, "x", "1.1.0"), "x-1.1.0.tgz", "d", 0, a);
    charts_index_add(&more, meta(a, "y", "0.1.0"), "y", "d", 0, a);
    charts_index_merge(&ix, &more, a);
    for (int json = 0; json < 2; json++) {
        const char *out = charts_index_text(&ix, json, a);
        T_RC(charts_index_parse(out, strlen(out), "x", a, &again, &e), &e, "again");
        T_RC(charts_index_get(&again, "x", "", a, &got, &e), &e, "newest");
        T_EQ_STR(got.version, "1.1.0", "newest");
        T_RC(charts_index_get(&again, "x", "1.0.0", a, &got, &e), &e, "old one");
        T_EQ_STR(got.urls[0], "x-1.0.0.tgz", "the old one stays");
        T_RC(charts_index_get(&again, "y", "", a, &got, &e), &e, "merged");
    }
}

T_MAIN(finds, refuses, makes)
