#include "codec/json.h"
#include "codec/jsonpath.h"
#include "t.h"

static const char doc_text[] =
    "{\"kind\":\"List\",\"items\":[{\"kind\":\"None\",\"metadata\":{\"name\":\"127.0.0.1\","
    "\"labels\":{\"kubernetes.io/hostname\":\"h1\"}},"
    "\"status\":{\"capacity\":{\"cpu\":\"4\"},\"addresses\":[{\"type\":\"LegacyHostIP\","
    "\"address\":\"127.0.0.1\"}]},\"n\":1},"
    "{\"kind\":\"None\",\"metadata\":{\"name\":\"127.0.0.2\"},\"status\":{\"capacity\":{\"cpu\":"
    "\"8\"},"
    "\"addresses\":[{\"type\":\"LegacyHostIP\",\"address\":\"127.0.0.2\"},{\"type\":\"another\","
    "\"address\":\"127.0.0.3\"}]},\"n\":2.5}],"
    "\"users\":[{\"name\":\"myself\",\"user\":{}},{\"name\":\"e2e\",\"user\":{\"username\":"
    "\"admin\",\"password\":\"secret\"}}],\"ok\":true,\"none\":null}";

static void finds(void)
{
    static const struct {
        const char *path, *want; /* NULL: refused */
    } cases[] = {
        {"kind is {.kind}",                                                             "kind is List"                                       },
        {"{.kind}{\"\\n\"}{$.kind}{@.kind}",                                            "List\nListList"                                     },
        {"The {['kind']}",                                                              "The List"                                           },
        {"{.items[*].metadata.name}",                                                   "127.0.0.1 127.0.0.2"                                },
        {"{.items[*]['metadata.name', 'status.capacity']}",                             NULL                                                 },
        {"{.items[*]['metadata', 'n']}",
         "{\"labels\":{\"kubernetes.io/hostname\":\"h1\"},\"name\":\"127.0.0.1\"} "
         "{\"name\":\"127.0.0.2\"} 1 2.5"                                                                                                    },
        {"{.users[?(@.name==\"e2e\")].user.password}",                                  "secret"                                             },
        {"{.users[?(@.name!='e2e')].name}",                                             "myself"                                             },
        {"{.users[?(@.user.username)].name}",                                           "e2e"                                                },
        {"{.items[?(@.n>2)].metadata.name}",                                            "127.0.0.2"                                          },
        {"{.items[?(@.n<=1)].n}",                                                       "1"                                                  },
        {"{range .items[*]}[{.metadata.name}, {.status.capacity}] {end}",
         "[127.0.0.1, {\"cpu\":\"4\"}] [127.0.0.2, {\"cpu\":\"8\"}] "                                                                        },
        {"{range .items[*]}{range .status.addresses[*]}{.address};{end}{\"\\t\"}{end}",
         "127.0.0.1;\t127.0.0.2;127.0.0.3;\t"                                                                                                },
        {"{..address}",                                                                 "127.0.0.1 127.0.0.2 127.0.0.3"                      },
        {"{.items[0].metadata.labels.kubernetes\\.io/hostname}",                        "h1"                                                 },
        {"{.items[-1:].metadata.name}",                                                 "127.0.0.2"                                          },
        {"{.items[-1].metadata.name}",                                                  "127.0.0.2"                                          },
        {"{.items[0,1].n}",                                                             "1 2.5"                                              },
        {"{.items[0:2:2].n}",                                                           "1"                                                  },
        {"{.items[2].n}",                                                               NULL                                                 },
        {"{.items[1:1].n}",                                                             NULL                                                 },
        {"{.nothing}",                                                                  NULL                                                 },
        {"{.ok} {.none}",                                                               "true null"                                          },
        {"{.users[*].user}",                                                            "{} {\"password\":\"secret\",\"username\":\"admin\"}"},
        {"{.kind",                                                                      NULL                                                 },
        {"{end}",                                                                       NULL                                                 },
        {"{range .items[*]}x",                                                          NULL                                                 },
        {"{.items[a]}",                                                                 NULL                                                 },
        {"{.kind[0]}",                                                                  NULL                                                 },
        {"{.users[?(@.name)}",                                                          NULL                                                 },
        {"{...}",                                                                       NULL                                                 },
    };
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *doc = NULL;
    struct err e = {0};
    T_RC(json_parse(a, doc_text, sizeof doc_text - 1, 0, &doc, &e), &e, "doc");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_BUF struct buf b;
        buf_init(&b, 1 << 20);
        struct jsonpath *p = NULL;
        int rc = jsonpath_compile(a, cases[i].path, &p, &e);
        if (!rc)
            rc = jsonpath_print(p, doc, 0, &b, &e);
        T_EQ_STR(rc ? NULL : buf_text(&b), cases[i].want, cases[i].path);
    }
}

static void relaxed(void)
{
    static const struct {
        const char *path, *want;
    } cases[] = {
        {"kind",       "List"},
        {".kind",      "List"},
        {"{kind}",     "List"},
        {"{.kind}",    "List"},
        {"items[0].n", "1"   },
        {"a{b",        NULL  },
        {"",           NULL  }
    };
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *doc = NULL;
    struct err e = {0};
    T_RC(json_parse(a, doc_text, sizeof doc_text - 1, 0, &doc, &e), &e, "doc");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct jsonpath *p = NULL;
        const struct value **found = NULL;
        size_t n = 0;
        int rc = jsonpath_compile_relaxed(a, cases[i].path, &p, &e);
        if (!rc)
            rc = jsonpath_find(a, p, doc, 0, &found, &n, &e);
        T_EQ_STR(rc || n != 1 ? NULL : found[0]->text, cases[i].want, cases[i].path);
    }
    struct jsonpath *p = NULL;
    const struct value **found = NULL;
    size_t n = 9;
    T_RC(jsonpath_compile(a, "{.x.y}", &p, &e), &e, "missing");
    T_RC(jsonpath_find(a, p, doc, JSONPATH_ALLOW_MISSING, &found, &n, &e), &e, "missing");
    T_EQ_INT(n, 0, "missing");
}

T_MAIN(finds, relaxed)
