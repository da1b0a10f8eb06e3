#include "codec/cel.h"
#include "codec/json.h"
#include "t.h"

static const char body_text[] = "{\"action\":\"opened\",\"n\":3,\"f\":1.5,\"list\":[\"a\",\"b\"],"
                                "\"pull\":{\"draft\":false,\"labels\":"
                                "[{\"name\":\"x\"},{\"name\":\"y\"}]},\"none\":null,\"a-b\":1}";

static int twice(void *ctx, struct arena *a, const struct value *const *args, struct value **out,
                 struct err *e)
{
    (void)ctx;
    if (!value_is(args[0], VALUE_STRING))
        return err_set(e, ERR_INVALID, "twice() takes text");
    *out = value_new_strf(a, "%s%s", args[0]->text, args[0]->text);
    return 0;
}

static int run(struct arena *a, const char *text, const struct value *body, struct value **out,
               struct err *e)
{
    const struct cel_var vars[] = {
        {"body",           body},
        { "q.r", value_new_int(a,   7)}
    };
    const struct cel_function functions[] = {
        {"twice", 1, twice, NULL}
    };
    const struct cel_env env = {
        .vars = vars, .n_vars = 2, .functions = functions, .n_functions = 1};
    struct cel_program *p = NULL;
    int rc = cel_compile(a, text, strlen(text), &p, e);
    return rc ? rc : cel_eval(a, p, &env, out, e);
}

static void evaluates(void)
{
    static const struct {
        const char *text, *want; /* NULL: an error */
    } cases[] = {
        {"body.action == 'opened' && !body.pull.draft",                                     "true"                                    },
        {"body.action in ['opened', 'closed']",                                             "true"                                    },
        {"body.n + 1",                                                                      "4"                                       },
        {"body.f * 2.0",                                                                    "3"                                       },
        {"body.n + 1.0",                                                                    NULL                                      },
        {"body.n == 3.0",                                                                   "true"                                    },
        {"body.n / 0",                                                                      NULL                                      },
        {"has(body.pull.draft) && !has(body.pull.head)",                                    "true"                                    },
        {"body.pull.head",                                                                  NULL                                      },
        {"body.pull.head == 1 || body.n == 3",                                              "true"                                    },
        {"body.pull.labels.exists(l, l.name == 'y')",                                       "true"                                    },
        {"body.pull.labels.map(l, l.name).join('-')",                                       "\"x-y\""                                 },
        {"body.pull.labels.filter(l, l.name > 'x')",                                        "[{\"name\":\"y\"}]"                      },
        {"body.list.all(x, size(x) == 1)",                                                  "true"                                    },
        {"body['list'][1]",                                                                 "\"b\""                                   },
        {"body.list[2]",                                                                    NULL                                      },
        {"body.`a-b`",                                                                      "1"                                       },
        {"q.r + 1",                                                                         "8"                                       },
        {"'ab'.twice() + twice('c')",                                                       "\"ababcc\""                              },
        {"twice(1)",                                                                        NULL                                      },
        {"nope(1)",                                                                         NULL                                      },
        {"nope",                                                                            NULL                                      },
        {"{'a': 1, 'b': [true, null]}",                                                     "{\"a\":1,\"b\":[true,null]}"             },
        {"{1: 'x', true: 'y', 2u: 'z'}",                                                    "{\"1\":\"x\",\"true\":\"y\",\"2\":\"z\"}"},
        {"{1: 'x', 1u: 'y'}",                                                               NULL                                      },
        {"[1, 2, 3].map(x, x > 1, x * 10)",                                                 "[20,30]"                                 },
        {"'abc'.matches('^a.c$') && !'abc'.matches('^b')",                                  "true"                                    },
        {"'abc'.matches('(?=a)')",                                                          NULL                                      },
        {"'x'.size() == 1 && size('\\u00e9') == 1 && size(b'\\xc3\\xa9') == 2",             "true"                                    },
        {"timestamp('2024-02-29T12:00:00Z') + duration('1h30m')",                           "\"2024-02-29T13:30:00Z\""                },
        {"timestamp('2024-02-29T12:00:00Z').getDayOfYear()",                                "59"                                      },
        {"timestamp('2024-02-29T23:00:00Z').getHours('+02:00')",                            "1"                                       },
        {"duration('90m').getHours()",                                                      "1"                                       },
        {"duration('1.5s')",                                                                "\"1.5s\""                                },
        {"type(1) == int && type(type(1)) == type",                                         "true"                                    },
        {"int('42') + int(1.9) + int(3u)",                                                  "46"                                      },
        {"string(1.0e21) + string(true) + string(12u)",                                     "\"1e+21true12\""                         },
        {"9223372036854775807 + 1",                                                         NULL                                      },
        {"-9223372036854775808",                                                            "-9223372036854775808"                    },
        {"-(-9223372036854775808)",                                                         NULL                                      },
        {"b'abc'",                                                                          "\"YWJj\""                                },
        {"[3, 1, 2].sort() + [1, 1].distinct()",                                            "[1,2,3,1]"                               },
        {"['b', 'aa'].sortBy(x, size(x))",                                                  "[\"b\",\"aa\"]"                          },
        {"'%s is %d, %.2f, %x'.format(['a', 3, 1.005, 255])",                               "\"a is 3, 1.00, ff\""                    },
        {"body.?pull.?nope.orValue('d')",                                                   "\"d\""                                   },
        {"optional.of(1).optMap(x, x + 1).value()",                                         "2"                                       },
        {"cel.bind(x, 5, x * x)",                                                           "25"                                      },
        {"cel.block([1, cel.index(0) + 1, 1 / 0], cel.index(1) * 10)",                      "20"                                      },
        {"cel.block([[1, 2]], cel.index(0).map(cel.iterVar(0, 0), cel.iterVar(0, 0) * 2))",
         "[2,4]"                                                                                                                      },
        {"math.greatest([1, 5, 3]) - math.least(2, 4)",                                     "3"                                       },
        {"true ? 1 : 2",                                                                    "1"                                       },
        {"1 < 2 == true",                                                                   "true"                                    },
        {"'a' + ",                                                                          NULL                                      },
        {"1 +* 2",                                                                          NULL                                      },
        {"\"unterminated",                                                                  NULL                                      },
        {"[1, 2",                                                                           NULL                                      },
        {"f(1,)",                                                                           NULL                                      },
        {"[1, 2,].size()",                                                                  "2"                                       },
        {"if",                                                                              NULL                                      },
    };
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *body = NULL;
    struct err e = {0};
    T_RC(json_parse(a, body_text, sizeof body_text - 1, 0, &body, &e), &e, "body");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct value *v = NULL;
        int rc = run(a, cases[i].text, body, &v, &e);
        T_EQ_STR(rc ? NULL : json_text(a, v, JSON_NO_HTML), cases[i].want, cases[i].text);
    }
}

static void reports(void)
{
    static const struct {
        const char *text, *msg;
    } cases[] = {
        {"body.val",                  "no such key: val"                                  },
        {"trunca(body, 7)",           "undeclared reference to 'trunca' (in container '')"},
        {"body.list.startsWith('a')", "no such overload: startsWith(list, string)"        },
        {"1 + 'a'",                   "no such overload: _+_(int, string)"                },
        {"1 +\n ]",                   "2:2: Syntax error: unexpected ']'"                 },
    };
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *body = NULL, *v = NULL;
    struct err e = {0};
    T_RC(json_parse(a, body_text, sizeof body_text - 1, 0, &body, &e), &e, "body");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        T_EQ_INT(run(a, cases[i].text, body, &v, &e), ERR_INVALID, cases[i].text);
        T_EQ_STR(e.msg, cases[i].msg, cases[i].text);
    }
}

/* What outsiders write must end soon and stay small. */
static void limits(void)
{
    static const char *const cases[] = {
        "lists.range(1000).all(x, lists.range(1000).all(y, lists.range(1000).all(z, true)))",
        "cel.bind(a, 'xxxxxxxxxxxxxxxx', cel.bind(b, a+a+a+a+a+a+a+a+a+a, cel.bind(c, "
        "b+b+b+b+b+b+b+b+b+b,"
        "cel.bind(d, c+c+c+c+c+c+c+c+c+c, cel.bind(e, d+d+d+d+d+d+d+d+d+d, cel.bind(f, "
        "e+e+e+e+e+e+e+e+e+e,"
        "cel.bind(g, f+f+f+f+f+f+f+f+f+f, g+g+g+g+g+g+g+g+g+g)))))))",
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct value *v = NULL;
        struct err e = {0};
        T_EQ_INT(run(a, cases[i], NULL, &v, &e), ERR_TOO_LARGE, cases[i]);
    }
    char deep[4001];
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *v = NULL;
    struct err e = {0};
    memset(deep, '(', 4000);
    deep[4000] = '\0';
    T_EQ_INT(run(a, deep, NULL, &v, &e), ERR_INVALID, "nesting");
    memset(deep, '!', 4000);
    T_EQ_INT(run(a, deep, NULL, &v, &e), ERR_INVALID, "nesting");
    for (size_t i = 0; i < 4000; i++)
        deep[i] = ".a"[i % 2];
    T_EQ_INT(run(a, deep, NULL, &v, &e), ERR_INVALID, "nesting");
}

T_MAIN(evaluates, reports, limits)
