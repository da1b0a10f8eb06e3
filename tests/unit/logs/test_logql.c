#include "logs/logql_int.h"

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

/* What a line costs grows as the line does, whatever it looks like. */
static void lines_are_cheap(void)
{
    enum { LINE = 64 * 1024 };
    static char pairs[LINE], deep[LINE];
    static char many[8 * 200];
    for (size_t i = 0; i < LINE; i += 4)
        memcpy(pairs + i, "a=b ", 4);
    size_t n = (size_t)snprintf(deep, sizeof deep, "{\"%0*d\":{\"a\":1", LINE / 2, 1);
    while (n + 16 < LINE)
        n += (size_t)snprintf(deep + n, sizeof deep - n, ",\"%zu\":1", n);
    n += (size_t)snprintf(deep + n, sizeof deep - n, "}}");
    const struct {
        const char *query, *line;
        size_t n;
    } cases[] = {
        {"{} | logfmt", pairs, LINE},
        {"{} | json",   deep,  n   },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        AUTO(arena) struct arena *rows = arena_new(0);
        struct logdb_entry x = {.text = cases[i].line, .n = cases[i].n};
        struct logql_log q;
        struct row r;
        struct err e;
        T_RC(logql_parse(cases[i].query, a, &q, &e), &e, cases[i].query);
        logql__row_begin(&r, &x, rows);
        T_OK(logql__stages_run(q.stages, q.n_stages, &r), cases[i].query);
        T_OK(arena_used(rows) < 4 << 20, cases[i].query);
    }
    AUTO(arena) struct arena *a = arena_new(0);
    struct logql_log q;
    struct err e;
    memcpy(many, "{} | a=1", 8);
    for (size_t i = 8; i + 8 < sizeof many; i += 4)
        memcpy(many + i, ",a=1", 4);
    T_EQ_INT(logql_parse(many, a, &q, &e), ERR_INVALID, "a chain of conditions");
}

T_MAIN(parses, lines_are_cheap)
