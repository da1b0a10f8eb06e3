#include "promql/ast.h"
#include "t.h"

static void parses_and_refuses(void)
{
    static const struct {
        const char *text, *error; /* NULL: fine */
    } cases[] = {
        {"1 + 2 * 3 ^ -1",                            NULL                                                                           },
        {"up{job=\"x\", a!~\"b.*\"}[5m] ",            NULL                                                                           },
        {"sum by (a, b) (rate(x[1m] offset 5m))",     NULL                                                                           },
        {"sum(x) without (a)",                        NULL                                                                           },
        {"a / on(x) group_left(y) b",                 NULL                                                                           },
        {"max_over_time(rate(x[1m])[1h:5m] @ end())", NULL                                                                           },
        {"{\"http.requests\", a=\"b\"}",              NULL                                                                           },
        {"x # a comment\n+ y",                        NULL                                                                           },
        {"1_000 + 0x1_f + 0755 + 1e-3 + 08.5",        NULL                                                                           },
        {"x{a=\"\\u00e9\\101\"}",                     NULL                                                                           },
        {"x[1h30m] offset -1w2d",                     NULL                                                                           },
        {"{a=~\"x?\"}",
         "1:1: parse error: vector selector must contain at least one non-empty matcher"                                             },
        {"x{a=~\"(\"}",                               "1:1: parse error: error parsing regexp: ("                                    },
        {"x{__name__=\"y\"}",
         "1:1: parse error: metric name must not be set twice: \"x\" or \"y\""                                                       },
        {"{__name__=\"x\", __name__=\"y\"}",          NULL                                                                           },
        {"rate(x[1m],)",                              "1:12: parse error: trailing commas not allowed in function call args"         },
        {"1 + on(a) x",                               "1:1: parse error: vector matching only allowed between instant vectors"       },
        {"x / on(a) group_left(a) y",
         "1:1: parse error: label \"a\" must not occur in ON and GROUP clause at once"                                               },
        {"x[1m1h]",                                   "1:3: parse error: bad number or duration syntax"                              },
        {"x[300y]",                                   "1:3: parse error: duration out of range"                                      },
        {"x[2m * (1 + 0.5)] offset -max_of(1m, 30)",  NULL                                                                           },
        {"x[1m - 60]",                                "1:3: parse error: duration must be greater than 0"                            },
        {"x[1m / 0]",                                 "1:6: parse error: division by zero" },
        {"limitk(1, x)", "1:1: parse error: limitk() is experimental and must be enabled with --enable-feature=promql-experimental-functions" },
        {"x + fill(0) y", "1:5: parse error: binop fill modifiers are experimental and not enabled" },
        {"x + fill_left", NULL },
        {"rate(x[1m] smoothed)", "1:6: parse error: smoothed modifier is experimental and not enabled" },
        {"mad_over_time(x[1m])", "1:1: parse error: function \"mad_over_time\" is not enabled" },
        {"(x) offset 1m", "1:1: parse error: offset modifier must be preceded by an instant vector selector or range vector selector or a subquery" },
        {"x </ 2 >/ 1", NULL },
        {"round(x, 1, 2)", "1:1: parse error: expected at most 2 argument(s) in call to \"round\", got 3" },
        {"1__0",                                      "1:1: parse error: bad number or duration syntax"                              },
        {"",                                          "1:1: parse error: no expression found in input"                               },
        {"sum(",                                      "1:5: parse error: unexpected \"end of input\" in expression"                  },
        {"rate(x)",                                   "1:6: parse error: expected type range vector in call to function \"rate\", "
                    "got instant vector"                                                                          },
        {"nope(x)",                                   "1:1: parse error: unknown function with name \"nope\""                        },
        {"{}",                                        "1:1: parse error: vector selector must contain at least one non-empty matcher"},
        {"1 == 2",                                    "1:1: parse error: comparisons between scalars must use BOOL modifier"         },
        {"x and 1",                                   "1:1: parse error: set operator not allowed in binary scalar expression"       },
        {"\n x[5q]",                                  "2:4: parse error: bad number or duration syntax"                              },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct expr *x;
        struct err e = {0};
        int r = promql_parse(a, cases[i].text, NULL, &x, &e);
        T_EQ_INT(r, cases[i].error ? ERR_INVALID : 0, cases[i].text);
        T_EQ_STR(e.msg, cases[i].error ? cases[i].error : "", cases[i].text);
    }
}

T_MAIN(parses_and_refuses)
