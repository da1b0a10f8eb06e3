#include "monitor/exposition.h"

#include "t.h"

static char *seen;

static void note(void *arg, const struct labels *l, double v, int64_t t_ms)
{
    struct arena *a = arg;
    seen = arena_printf(a, "%s%s %g%s;", seen, labels_text(l, a), v, t_ms ? " @" : "");
}

static void parses(void)
{
    static const struct {
        const char *page, *want;
        int rc;
    } cases[] = {
        {"# HELP up x\n# TYPE up gauge\nup 1\n", "up 1;",                          0          },
        {"a{b=\"c\",d=\"e\"} 2.5\nx +Inf",       "a{b=\"c\", d=\"e\"} 2.5;x inf;", 0          },
        {"a{b=\"q\\\"\\\\\\n\",} 1 123\n",       "a{b=\"q\\\"\\\\\\n\"} 1 @;",     0          },
        {"  a  {  b = \"c\" }  1  \r\n\n",       "a{b=\"c\"} 1;",                  0          },
        {"ns:rule NaN\n",                        "ns:rule nan;",                   0          },
        {"a 1\nb{c=d} 2\n",                      "a 1;",                           ERR_INVALID},
        {"a{b=\"c} 1\n",                         "",                               ERR_INVALID},
        {"a\n",                                  "",                               ERR_INVALID},
        {"9a 1\n",                               "",                               ERR_INVALID},
        {"a 1 2 3\n",                            "",                               ERR_INVALID},
        {"a 0x1f\n",                             "",                               ERR_INVALID},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        seen = arena_strdup(a, "");
        struct err e;
        T_EQ_INT(exposition_parse(cases[i].page, strlen(cases[i].page), note, a, &e), cases[i].rc,
                 cases[i].page);
        T_EQ_STR(seen, cases[i].want, cases[i].page);
    }
}

T_MAIN(parses)
