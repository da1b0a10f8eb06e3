#include "monitor/openmetrics.h"

#include <string.h>

#include "t.h"

struct got {
    struct arena *arena;
    char *text;
};

static void keep(void *arg, const struct labels *l, double v, int64_t t_ms)
{
    struct got *g = arg;
    g->text = arena_printf(g->arena, "%s%s %g@%lld;", g->text, labels_text(l, g->arena), v,
                           (long long)t_ms);
}

static void reads_or_names_the_line(void)
{
    static const struct {
        const char *page, *want; /* samples, or the error */
    } cases[] = {
        {"# TYPE a counter\n# HELP a x\na_total{b=\"c\\n\\z\"} 3 1.5 # {t=\"1\"} 2\n# EOF\n",
         "a_total{b=\"c\\n\\\\z\"} 3@1500;"},
        {"# TYPE a gauge\na +Inf\n# EOF", "a inf@0;"},
        {"b 1\n# EOF", "b 1@0;"},
        {"# EOF", ""},
        {"a 1\n", "line 2 of the page: # EOF is missing"},
        {"\n# EOF", "line 1 of the page: a metric name is malformed"},
        {"a 1\n# EOF\nb", "line 2 of the page: something stands behind # EOF"},
        {"a  1\n# EOF", "line 1 of the page: the value is no number"},
        {"a 0x1\n# EOF", "line 1 of the page: the value is no number"},
        {"a 1 Inf\n# EOF", "line 1 of the page: the time is no number"},
        {"a{b=\"1\",} 1\n# EOF", "line 1 of the page: a label name is malformed"},
        {"a{b=\"1\",b=\"2\"} 1\n# EOF", "line 1 of the page: a label stands twice"},
        {"# HELP a\n# EOF", "line 1 of the page: the metadata is malformed"},
        {"# TYPE a nope\n# EOF", "line 1 of the page: there is no such type"},
        {"# TYPE a gauge\na 1\n# HELP a x\n# EOF",
         "line 3 of the page: metadata stands behind samples"},
        {"# TYPE a counter\na_total -1\n# EOF", "line 2 of the page: a count is negative"},
        {"# TYPE a gauge\na 1 # {} 1\n# EOF",
         "line 2 of the page: an exemplar is only for buckets and totals"},
        {"# TYPE a summary\na{quantile=\"2\"} 1\n# EOF",
         "line 2 of the page: the label quantile is missing or not within 0 and 1"},
        {"# TYPE a stateset\na{a=\"x\"} 2\n# EOF", "line 2 of the page: a state is neither 0 nor 1"},
        {"# TYPE a histogram\na_bucket{le=\"1\"} 1\n# EOF",
         "line 3 of the page: the +Inf bucket is missing"},
        {"# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_count 2\na_sum 1\n# EOF",
         "line 5 of the page: the count is not that of the +Inf bucket"},
        {"# TYPE a_created gauge\n# TYPE a counter\n# EOF",
         "line 3 of the page: two families have the same names"},
        {"# UNIT a_s m\n# EOF", "line 2 of the page: the unit is not the end of the name"},
        {"# TYPE a gauge\na{b=\"1\"} 1\na{b=\"2\"} 1\na{b=\"1\"} 1\n# EOF",
         "line 4 of the page: samples of one group do not stand together"},
        {"# TYPE a gauge\na 1 2\na 1 1\n# EOF",
         "line 3 of the page: times go backwards within a group"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct got g = {a, arena_strdup(a, "")};
        struct err e;
        const char *page = cases[i].page;
        int r = openmetrics_parse(page, strlen(page), keep, &g, &e);
        T_EQ_STR(r < 0 ? e.msg : g.text, cases[i].want, page);
    }
}

T_MAIN(reads_or_names_the_line)
