#include "codec/json.h"
#include "t.h"

static const struct value *parse(struct arena *a, const char *text, unsigned flags, struct err *e)
{
    struct value *v = NULL;
    return json_parse(a, text, strlen(text), flags, &v, e) == 0 ? v : NULL;
}

static void round_trips(void)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"{\"b\":1,\"a\":[1.50,-0,true,false,null,\"x\"]}", NULL                                               },
        {" [ ] ",                                           "[]"                                               },
        {"{ }",                                             "{}"                                               },
        {"\"a\\u00e9\\n\\u0001<>&\\/\\b\\f\"",              "\"a\u00e9\\n\\u0001\\u003c\\u003e\\u0026/\\b\\f\""},
        {"\"\\ud83d\\ude00 \\ud800 \\ude00x\"",             "\"\U0001F600 \ufffd \ufffdx\""                    },
        {"\"\xe2\x80\xa8\"",                                "\"\\u2028\""                                      },
        {"\"a\xff\xc3z\xe2\x80\"",                          "\"a\ufffd\ufffdz\ufffd\ufffd\""                   },
        {"\"\\ud800\\u0041\"",                              "\"\ufffdA\""                                      },
        {"12345678901234567890",                            NULL                                               },
        {"{\"a\":1,\"b\":2,\"a\":3}",                       "{\"a\":3,\"b\":2}"                                },
        {"[[[[]]],{\"x\":{}}]",                             NULL                                               },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct err e = {0};
        const struct value *v = parse(a, cases[i].in, 0, &e);
        T_OK(v, cases[i].in);
        T_EQ_STR(json_text(a, v, 0), cases[i].out ? cases[i].out : cases[i].in, cases[i].in);
        T_OK(value_equal(v, value_copy(a, v)), cases[i].in);
    }
}

static void refuses(void)
{
    static const struct {
        const char *in, *msg;
    } cases[] = {
        {"",              "line 1, column 1: unexpected end of JSON input"                        },
        {"{\"a\":\n  x}", "line 2, column 3: invalid character 'x' looking for beginning of value"},
        {"[1,]",          "line 1, column 4: invalid character ']' looking for beginning of value"},
        {"[1 2]",         "line 1, column 4: invalid character '2' after array element"           },
        {"{\"a\":1,}",
         "line 1, column 8: invalid character '}' looking for beginning of object key string"     },
        {"1 2",           "line 1, column 3: invalid character '2' after top-level value"         },
        {"\"a",           "line 1, column 3: unexpected end of JSON input"                        },
        {"01",            "line 1, column 2: invalid character '1' after top-level value"         },
        {"nul",           "line 1, column 4: unexpected end of JSON input"                        },
        {"1e999",         "line 1, column 6: number is out of range"                              },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct err e = {0};
        T_OK(!parse(a, cases[i].in, 0, &e), cases[i].in);
        T_EQ_STR(e.msg, cases[i].msg, cases[i].in);
    }
}

static void nests(void)
{
    enum { DEPTH = 10000 };
    static char text[2 * DEPTH + 3];
    AUTO(arena) struct arena *a = arena_new(0);
    memset(text, '[', DEPTH);
    memset(text + DEPTH, ']', DEPTH);
    struct err e = {0};
    const struct value *v = parse(a, text, 0, &e);
    T_OK(v, "10,000 levels");
    T_EQ_STR(json_text(a, v, 0), text, "printed again");
    T_OK(value_equal(v, value_copy(a, v)), "copied");
    T_OK(!parse(a, text, JSON_SHALLOW, &e), "shallow");
    memset(text, '[', DEPTH + 1);
    memset(text + DEPTH + 1, ']', DEPTH + 1);
    T_OK(!parse(a, text, 0, &e), "10,001 levels");
}

static void prints(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct err e = {0};
    const struct value *v = parse(a, "{\"b\":[1,{}],\"a\":{\"c\":[]},\"\":\"<\"}", 0, &e);
    T_EQ_STR(json_text(a, v, JSON_SORTED), "{\"\":\"\\u003c\",\"a\":{\"c\":[]},\"b\":[1,{}]}",
             "sorted");
    T_EQ_STR(
        json_text(a, v, JSON_PRETTY | JSON_NO_HTML),
        "{\n  \"b\": [\n    1,\n    {}\n  ],\n  \"a\": {\n    \"c\": []\n  },\n  \"\": \"<\"\n}",
        "pretty");
    T_OK(!parse(a, "{\"a\":1,\"a\":1}", JSON_STRICT_KEYS, &e), "strict");
    T_EQ_STR(e.msg, "line 1: key \"a\" already set in map", "strict");
}

static void many_keys(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO_BUF struct buf b;
    buf_init(&b, 1 << 20);
    buf_putc(&b, '{');
    for (int i = 0; i < 1000; i++)
        buf_printf(&b, "%s\"k%d\":%d", i ? "," : "", i % 900, i);
    buf_putc(&b, '}');
    struct err e = {0};
    const struct value *v = parse(a, buf_text(&b), 0, &e);
    T_EQ_INT(value_count(v), 900, "twice are once");
    T_EQ_INT(value_at_int(v, "k5", 0), 905, "the last one counts");
    T_EQ_INT(value_at_int(v, "k899", 0), 899, "the others stay");
}

static void places(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct err e = {0};
    const struct value *v = parse(a, "{\n  \"a\": [1,\n    2]}", 0, &e);
    T_EQ_INT(value_at(v, "a")->line, 2, "line of a");
    T_EQ_INT(value_at(v, "a")->column, 8, "column of a");
    T_EQ_INT(value_at(v, "a[1]")->line, 3, "line of a[1]");
    T_EQ_INT(value_at(v, "a[1]")->column, 5, "column of a[1]");
    size_t used = 0;
    struct value *first = NULL;
    T_RC(json_parse_prefix(a, "{} {}", 5, 0, &first, &used, &e), &e, "prefix");
    T_EQ_INT(used, 3, "prefix");
}

T_MAIN(round_trips, refuses, nests, prints, many_keys, places)
