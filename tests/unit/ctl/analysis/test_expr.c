#include "ctl/analysis/expr.h"

#include "codec/json.h"
#include "t.h"

static void evaluates(void)
{
    static const struct {
        const char *result, *condition, *want; /* true, false, or part of an error */
    } cases[] = {
        {"[0.03]",                "result[0] < 0.05",                                                "true"                },
        {"[0.2]",                 "result[0] < 0.05",                                                "false"               },
        {"[]",                    "len(result) == 0 || result[0] < 0.05",                            "true"                },
        {"[]",                    "result[0] < 0.05",                                                "out of range"        },
        {"0.99",                  "result >= 0.95 && result <= 1",                                   "true"                },
        {"[1,2,3]",               "all(result, {# > 0})",                                            "true"                },
        {"[1,2,3]",               "any(result, # == 4)",                                             "false"               },
        {"[1,2,3]",               "count(result, {# >= 2}) == 2 and not none(result, {# == 1})",     "true"                },
        {"[]",                    "all(result, {# > 5})",                                            "true"                },
        {"[]",                    "default(result, 0) == 0",                                         "true"                },
        {"null",                  "default(result, 3) > 2",                                          "true"                },
        {"null",                  "isNil(result)",                                                   "true"                },
        {"[1]",                   "isNaN(result[0])",                                                "false"               },
        {"[1]",                   "isNaN(0/0) && isInf(1/0)",                                        "true"                },
        {"{\"ok\":true,\"n\":7}", "result.ok && result.n == 7",                                      "true"                },
        {"{\"a\":{\"b\":\"x\"}}", "result.a.b == \"x\" && result['a'].b in ['x', 'y']",              "true"                },
        {"{\"a\":1}",             "result?.b ?? 5 == 4",                                             "false"               },
        {"\"12\"",                "asInt(result) == 12 && asFloat(result) < 12.5",                   "true"                },
        {"\"healthy\"",           "result contains \"heal\" && result startsWith 'h'",               "true"                },
        {"\"healthy\"",           "result endsWith \"thy\" ? true : false",                          "true"                },
        {"5",                     "1 + 2 * 3 == 7 && -result < 0 && 7 % 4 == 3 && 2 ** 3 == 8",      "true"                },
        {"5",                     "!(result > 4) || result != 5",                                    "false"               },
        {"[3,1,2]",               "max(result) == 3 && min(result) == 1 && sum(result) == 6",        "true"                },
        {"[3,1,2]",               "len(filter(result, {# > 1})) == 2 && map(result, # * 2)[0] == 6", "true"                },
        {"[3,1,2]",               "result[-1] == 2",                                                 "true"                },
        {"true",                  "result",                                                          "true"                },
        {"5",                     "result",                                                          "not true or"         },
        {"5",                     "result <",                                                        "something is missing"},
        {"5",                     "result == 5 x",                                                   "not understood"      },
        {"5",                     "nothing == 5",                                                    "nothing is not known"},
        {"5",                     "system(1)",                                                       "no function system"  },
        {"\"a\"",                 "result < 5",                                                      "cannot compare"      },
        {"5",                     "((((((((((((((((((((((((((((((((((((((((1",                       "too deep"            },
        {"[]",                    "false && result[0] > 1",                                          "false"               },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 20);
        struct value *v;
        struct err e = {0};
        bool got = false;
        T_RC(json_parse(a, cases[i].result, strlen(cases[i].result), 0, &v, &e), &e, "result");
        int rc = expr_true(a, cases[i].condition, v, &got, &e);
        const char *text = rc < 0 ? e.msg : got ? "true" : "false";
        if (!strstr(text, cases[i].want))
            T_FAIL(cases[i].condition, "%s, not %s", text, cases[i].want);
    }
}

T_MAIN(evaluates)
