#include "promql/format.h"

#include "t.h"

static struct err e;

static void lays_out(void)
{
    static const struct {
        const char *query, *want;
    } cases[] = {
        {"up",                                              "up"                             },
        {"up{job='a',b!~\"c\"}",                            "up{job=\"a\",b!~\"c\"}"         },
        {"{__name__=\"up\"}",                               "{__name__=\"up\"}"              },
        {"rate(x[90s] offset -5m)",                         "rate(x[1m30s] offset -5m)"      },
        {"x @ 1.5 offset 1h",                               "x @ 1.500 offset 1h"            },
        {"sum(x)by(a,b)",                                   "sum by (a, b) (x)"              },
        {"sum without() (x)",                               "sum without () (x)"             },
        {"topk(5,x)",                                       "topk(5, x)"                     },
        {"a+on(x)group_left(y)b",                           "a + on (x) group_left (y) b"    },
        {"a>bool 1e3",                                      "a > bool 1000"                  },
        {"-(a+b)*2",                                        "-(a + b) * 2"                   },
        {"max_over_time(rate(x[5m])[1h:])",                 "max_over_time(rate(x[5m])[1h:])"},
        {"label_replace(x,\"a\",\"$1\\n\",\"b\",\"(.*)\")",
         "label_replace(x, \"a\", \"$1\\n\", \"b\", \"(.*)\")"                               },
        {"sum(rate(a_rather_long_name_of_a_counter_total{job=\"something\",instance=\"somewhere\"}["
         "5m]))"
         " by (job) / sum(b) by (job)",                                                  "  sum by (job) (\n"
         "    "
         "rate(a_rather_long_name_of_a_counter_total{job=\"something\",instance=\"somewhere\"}[5m])"
         "\n"
         "  )\n"
         "/\n"
         "  sum by (job) (b)"                                                       },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct expr *x;
        T_RC(promql_parse(a, cases[i].query, NULL, &x, &e), &e, cases[i].query);
        const char *got = promql_format(a, x);
        if (i + 1 < ARRAY_LEN(cases))
            T_EQ_STR(got, cases[i].want, cases[i].query);
        /* What is printed is the same expression. */
        T_RC(promql_parse(a, got, NULL, &x, &e), &e, got);
        T_EQ_STR(promql_format(a, x), got, "again");
    }
}

T_MAIN(lays_out)
