#include "logs/logql.h"

#include "t.h"

static const char *const op_names[] = {"EQ", "NE", "MATCH", "NOT"};

static const char *print(const struct logql_log *log, struct arena *a)
{
    const struct logdb_query *q = &log->query;
    char *s = arena_strdup(a, "");
    for (size_t i = 0; i < q->n_matchers; i++)
        s = arena_printf(a, "%s%s %s %s;", s, q->matchers[i].label, op_names[q->matchers[i].op],
                         q->matchers[i].value);
    for (size_t i = 0; i < q->n_filters; i++)
        s = arena_printf(a, "%s%s %s;", s, op_names[q->filters[i].op], q->filters[i].text);
    return log->n_stages ? arena_printf(a, "%s%zu stages;", s, log->n_stages) : s;
}

static void parses(void)
{
    static const struct {
        const char *text, *want; /* NULL: refused */
    } cases[] = {
        {"{}",                            ""                   },
        {"{a=\"b\"}",                     "a EQ b;"            },
        {" { a != \"b\" , c =~ `d.*` } ", "a NE b;c MATCH d.*;"},
        {"{a!~\"b\"} |= \"x\" != \"y\"",  "a NOT b;EQ x;NE y;" },
        {"{} |~ \"a\\\"b\" !~ `c`",       "MATCH a\"b;NOT c;"  },
        {"",                              NULL                 },
        {"a=\"b\"",                       NULL                 },
        {"{a}",                           NULL                 },
        {"{a=\"b}",                       NULL                 },
        {"{a=\"b\" c=\"d\"}",             NULL                 },
        {"{} | json",                     "1 stages;"          },
        {"{} |= \"a\" | logfmt |= \"b\"", "EQ a;2 stages;"     },
        {"{} |= \"a\" or \"b\"",          "1 stages;"          },
        {"{} # all of them",              ""                   },
        {"{} | pattern \"x\"",            NULL                 },
        {"{} | regexp \"(x)\"",           NULL                 },
        {"{} | line_format \"{{\"",       NULL                 },
        {"{} | a > \"b\"",                NULL                 },
        {"{} | unpack",                   NULL                 },
        {"rate({a=\"b\"}[1m])",           NULL                 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct logql_log q = {0};
        struct err e;
        int r = logql_parse(cases[i].text, a, &q, &e);
        T_EQ_INT(r, cases[i].want ? 0 : ERR_INVALID, cases[i].text);
        if (r == 0)
            T_EQ_STR(print(&q, a), cases[i].want, cases[i].text);
    }
}

T_MAIN(parses)
