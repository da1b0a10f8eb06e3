#include "codec/json.h"
#include "codec/yaml.h"
#include "t.h"

static void reads(void)
{
    static const struct {
        const char *in, *out; /* NULL: refused */
    } cases[] = {
        {"",                                                 "null"                                     },
        {"a: 1\nb: [x, 'y', \"z\\n\"]\n",                    "{\"a\":1,\"b\":[\"x\",\"y\",\"z\\n\"]}"   },
        {"a: 1\na: 2\n",                                     "{\"a\":2}"                                },
        {"yes: 1\n1: x\n1.5: q",                             "{\"true\":1,\"1\":\"x\",\"1.5\":\"q\"}"   },
        {"? [a]\n: b\n",                                     NULL                                       },
        {"~: x\n",                                           NULL                                       },
        {"<<: {a: 1}\nb: 2\n",                               "{\"a\":1,\"b\":2}"                        },
        {"x: &a {k: 1}\nz:\n  <<: *a\n  z: 2\n",             "{\"x\":{\"k\":1},\"z\":{\"k\":1,\"z\":2}}"},
        {"- &a {k: 1}\n- &b {k: 2, l: 3}\n- <<: [*a, *b]\n",
         "[{\"k\":1},{\"k\":2,\"l\":3},{\"k\":1,\"l\":3}]"                                              },
        {"a: &a [*a]",                                       NULL                                       },
        {"a: *b",                                            NULL                                       },
        {"a: b: c\n",                                        NULL                                       },
        {"\ta: 1\n",                                         NULL                                       },
        {"a: |\n  x\n   y\n\nb: >-\n  p\n  q\n",             "{\"a\":\"x\\n y\\n\",\"b\":\"p q\"}"      },
        {"a: 1\n---\nb: 2\n",                                NULL                                       },
        {"---\na: 1\n---\n",                                 "{\"a\":1}"                                },
        {"a: ! 12",                                          "{\"a\":\"12\"}"                           },
        {"a: !!int x",                                       NULL                                       },
        {"a: !!float 1",                                     "{\"a\":1}"                                },
        {"a: !custom 1",                                     "{\"a\":\"1\"}"                            },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct err e = {0};
        struct value *v = NULL;
        int rc = yaml_parse(a, cases[i].in, strlen(cases[i].in), 0, &v, &e);
        T_EQ_STR(rc ? NULL : json_text(a, v, 0), cases[i].out, cases[i].in);
    }
}

static void reads_the_first_document_as_go_does(void)
{
    static const struct {
        const char *in, *out, *error;
    } cases[] = {
        {"a: 1\n---\nb: 2\n",   "{\"a\":1}", NULL                                                         },
        {"---\n---\nb: 2\n",    "null",      NULL                                                         },
        {"a: 1\nb: c: d\n",      NULL,        "yaml: line 2: mapping values are not allowed in this context"},
        {"a: b: c\n",            NULL,        "yaml: mapping values are not allowed in this context"        },
        {"a:\n  b: 1\n c: 2\n", NULL,        "yaml: line 2: did not find expected key"                     },
        {"a: *b\n",              NULL,        "yaml: unknown anchor 'b' referenced"                         },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct err e = {0};
        struct value *v = NULL;
        const char *in = cases[i].in;
        int rc = yaml_parse(a, in, strlen(in), YAML_FIRST | YAML_GO_ERRORS, &v, &e);
        T_EQ_STR(rc ? NULL : json_text(a, v, 0), cases[i].out, in);
        T_EQ_STR(rc ? e.msg : NULL, cases[i].error, in);
    }
}

static void limits_aliases(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO_BUF struct buf b;
    buf_init(&b, 1 << 20);
    buf_puts(&b, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 10; i++) {
        buf_printf(&b, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++)
            buf_printf(&b, "%s*a%d", k ? ", " : "", i - 1);
        buf_puts(&b, "]\n");
    }
    struct err e = {0};
    struct value *v = NULL;
    T_EQ_INT(yaml_parse(a, buf_text(&b), b.len, 0, &v, &e), ERR_INVALID, "a billion laughs");
    T_OK(strstr(e.msg, "excessive aliasing"), e.msg);
}

static void prints(void)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"{\"b\":1,\"a\":[1,{\"x\":[],\"y\":{}}],\"c\":[[1,2],[\"-\"]]}",
         "a:\n- 1\n- x: []\n  \"y\": {}\nb: 1\nc:\n- - 1\n  - 2\n- - '-'\n"                                                     },
        {"{\"t\":\"a\\nb\\n\",\"u\":\"a\\nb\",\"v\":\"a\\n\\n\",\"w\":\" a\\n\"}",
         "t: |\n  a\n  b\nu: |-\n  a\n  b\nv: |+\n  a\n\nw: |2\n   a\n"                                                         },
        {"[\"\",\"true\",\"1\",\"1.5\",\"~\",\"a: b\",\"a "
         "#b\",\"it's\",\"\\t\",\"2020-01-01\",\"1:30\",\"x\"]",          "- \"\"\n- \"true\"\n- \"1\"\n- \"1.5\"\n- \"~\"\n- 'a: b'\n- 'a #b'\n- it's\n- "
         "\"\\t\"\n- \"2020-01-01\"\n- \"1:30\"\n- x\n"},
        {"{\"a10\":1,\"a2\":1,\"B\":1,\"_\":1}",                                   "_: 1\nB: 1\na2: 1\na10: 1\n"                },
        {"[1.0,1e3,1000000.5,12345678901234567890,null,true]",
         "- 1\n- 1000\n- 1.0000005e+06\n- 12345678901234567890\n- null\n- true\n"                                               },
        {"\"x\"",                                                                  "x\n"                                        },
        {"{}",                                                                     "{}\n"                                       },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct value *v = NULL;
        struct err e = {0};
        T_RC(json_parse(a, cases[i].in, strlen(cases[i].in), 0, &v, &e), &e, cases[i].in);
        T_EQ_STR(yaml_text(a, v, 0), cases[i].out, cases[i].in);
    }
}

static void edits(void)
{
    static const struct {
        const char *in, *path, *value, *out;
    } cases[] = {
        {"a: 1 # one\nb: x\n",                           "b",                "q",          "a: 1 # one\nb: q\n"               },
        {"images:\n- name: web\n  newTag: 'v1' # tag\n", "images[0].newTag", "v2",
         "images:\n- name: web\n  newTag: 'v2' # tag\n"                                                                       },
        {"a: \"x\"\r\nb: 2\r\n",                         "a",                "it's \"q\"", "a: \"it's \\\"q\\\"\"\r\nb: 2\r\n"},
        {"a: x\n",                                       "a",                "1.10",       "a: \"1.10\"\n"                    },
        {"replicas: 3\n",                                "replicas",         "5",          "replicas: 5\n"                    },
        {"a:\nb: 1\n",                                   "a",                "x",          "a: x\nb: 1\n"                     },
        {"# \xc3\xa9\na: {b: [x, \xc3\xbc]}\n",          "a.b[1]",           "p,q",
         "# \xc3\xa9\na: {b: [x, \"p,q\"]}\n"                                                                                 },
        {"a: &k !!str x\nb: 1\n",                        "a",                "q",          "a: &k !!str q\nb: 1\n"            },
        {"a: |\n  x\n  y\nb: 1\n",                       "a",                "z",          "a: z\nb: 1\n"                     },
        {"a: x\nb: {a: y}\n",                            "b.a",              "z",          "a: x\nb: {a: z}\n"                },
        {"a: x\n",                                       "b",                "z",          NULL                               },
        {"a: &x y\nb: *x\n",                             "b",                "z",          NULL                               },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        char *out = NULL;
        size_t n = 0;
        int rc = yaml_edit_scalar(a, cases[i].in, strlen(cases[i].in), 0, cases[i].path,
                                  cases[i].value, &out, &n, NULL);
        T_EQ_STR(rc ? NULL : out, cases[i].out, cases[i].in);
    }
}

static void takes_both(void)
{
    static const struct {
        const char *in;
        size_t n;
    } cases[] = {
        {"{\"a\":1}\n{\"b\":2}",     2},
        {"a: 1\n---\n\n---\nb: 2\n", 2},
        {"{a: b}",                   1},
        {"",                         0}
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct value **docs = NULL;
        size_t n = 9;
        struct err e = {0};
        T_RC(yaml_or_json_parse_all(a, cases[i].in, strlen(cases[i].in), 0, &docs, &n, &e), &e,
             cases[i].in);
        T_EQ_INT(n, cases[i].n, cases[i].in);
    }
}

/* What JSON and YAML read apart, and what they read alike, means the same behind a comment. */
static void reads_json(void)
{
    static const char *const cases[] = {
        "{\"a\":1,\"b\":[true,null,-3,\"x\\n\"]}\n",
        "{\n\t\"a\": {\"<<\": {}}\r\n}",
        "{\"a\":1.50}",
        "{\"a\":1e3}",
        "{\"a\":-0}",
        "{\"a\":00}",
        "{\"a\":123456789012345678901234567890}",
        "{\"a\":\"\\u00e9\\ud83d\\ude00\"}",
        "{\"a\":\"\\/\"}",
        "{\"a\":\"\xe2\x80\xa8 \xc2\x85 \xc3\xa9\"}",
        "{\"a\":\"x\x7f\"}",
        "{\"a\":\"x\n  y\"}",
        "{\"a\":1,\"a\":2}",
        "{\"a\"\n:1}",
        "{\"a\" : 1}",
        "{\"a\": yes, b: 'c'}",
        "{\"a\":1}\n\t",
        "{\"a\":1}\n# end\n",
        "{\"a\":1}{\"b\":2}",
        "{\"a\":1}\n---\n{\"b\":2}",
        "{\"a\":nul}",
        "{\"a\":",
        "{\"a\":1}}",
        "{",
        "{}",
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        const char *behind = arena_printf(a, "#\n%s", cases[i]);
        struct value *v = NULL, *w = NULL;
        int rc = yaml_parse(a, cases[i], strlen(cases[i]), 0, &v, NULL);
        T_EQ_INT(yaml_parse(a, behind, strlen(behind), 0, &w, NULL), rc, cases[i]);
        if (rc == 0)
            T_EQ_STR(json_text(a, v, 0), json_text(a, w, 0), cases[i]);
    }
    AUTO(arena) struct arena *a = arena_new(0);
    for (int n = 900; n < 1100; n += 20) {
        const char *text = arena_printf(a, "{\"%0*d\":1}", n, 0);
        const char *behind = arena_printf(a, "#\n%s", text);
        struct value *v = NULL;
        T_EQ_INT(yaml_parse(a, text, strlen(text), 0, &v, NULL),
                 yaml_parse(a, behind, strlen(behind), 0, &v, NULL), "long keys");
    }
}

T_MAIN(reads, reads_the_first_document_as_go_does, limits_aliases, prints, edits, takes_both,
       reads_json)
