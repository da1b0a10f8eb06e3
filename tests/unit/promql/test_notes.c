/* What a query says besides its result, and what is asked of native histograms. */
#include "promql/describe.h"
#include "promql/promql.h"
#include "t.h"

static struct err e;

static void load(struct tsdb *db, struct arena *a, const char *text)
{
    struct description d;
    uint64_t ref = 0;
    T_RC(describe_series(a, text, &d, &e), &e, text);
    T_RC(tsdb_series(db, &d.labels, &ref, &e), &e, text);
    for (size_t i = 0; i < d.n; i++) {
        int64_t t = (int64_t)i * 60000;
        if (d.values[i].h)
            T_RC(tsdb_append_histogram(db, ref, t, d.values[i].h, &e), &e, text);
        else if (!d.values[i].omitted)
            T_RC(tsdb_append(db, ref, t, d.values[i].v, &e), &e, text);
    }
}

static const char *text_of(struct arena *a, const struct promql_result *r)
{
    char *out = arena_strdup(a, "");
    for (size_t i = 0; i < r->series.n; i++) {
        const struct series *s = &r->series.items[i];
        const struct histogram *h = s->histograms ? s->histograms[0] : NULL;
        out = h ? arena_printf(a, "%s%s", out, describe_histogram(a, h))
                : arena_printf(a, "%s%.6g", out, s->samples[0].v);
    }
    for (size_t i = 0; i < r->n_warnings; i++)
        out = arena_printf(a, "%s; %s", out, r->warnings[i]);
    for (size_t i = 0; i < r->n_infos; i++)
        out = arena_printf(a, "%s; %s", out, r->infos[i]);
    return out;
}

static void says(void)
{
    static const struct {
        const char *query, *want; /* at 4 minutes */
    } cases[] = {
        {"h",             "{{count:12 sum:20 counter_reset_hint:not_reset buckets:[4 8]}}"},
        {"rate(h[2m1s])", "{{count:0.05 sum:0.05 counter_reset_hint:gauge "
         "buckets:[0.016666666666666666 0.03333333333333333]}}"                                                                 },
        {"histogram_count(h) + histogram_sum(h)",               "32"},
        {"histogram_quantile(0.5, h)",               "1.18921"                                                                            },
        {"h / 2 - h",               "{{count:-6 sum:-10 counter_reset_hint:gauge buckets:[-2 -4]}}"},
        {"h > 2",               "; PromQL info: incompatible sample types encountered for binary operator \">\":"
                  " histogram > float (1:1)"                                                                                },
        {"max(h)",               "; PromQL info: ignored histogram in max aggregation (1:5)"},
        {"sum({job=\"x\"})",               "; PromQL warning: encountered a mix of histograms and floats for"
                             " aggregation (1:5)"                                                                      },
        {"quantile(2, up)",               "inf; PromQL warning: quantile value should be between 0 and 1, got 2"
                            " (1:10)"},
        {"delta(h[5m])",               "{{count:10 sum:15 counter_reset_hint:gauge buckets:[5 5]}}; PromQL"
                         " warning: this native histogram metric is not a gauge: \"h\" (1:7)"                                                                         },
        {"increase(up[5m])",               "1; PromQL info: metric might not be a counter, name does not end in"
                             " _total/_sum/_count/_bucket: \"up\" (1:10)"},
        {"h + on() group_left() custom",               "; PromQL warning: incompatible bucket layout encountered"
                                         " for binary operator + (1:1)"                                                             },
        {"count_values(\"v\", h)",               "1"},
    };
    AUTO(tsdb) struct tsdb *db = NULL;
    AUTO(arena) struct arena *a = arena_new(0);
    struct tsdb_opts o = {.clock = &clock_system};
    struct promql_tsdb s;
    T_RC(tsdb_open(&o, &db, &e), &e, "open");
    load(db, a,
         "h{job=\"x\"} {{count:4 sum:8 buckets:[0 4]}}x1 "
         "{{count:6 sum:14 buckets:[2 4]}}+{{count:3 sum:3 buckets:[1 2]}}x2");
    load(db, a, "up{job=\"x\"} 0+0.25x4");
    load(db, a, "custom {{schema:-53 count:1 sum:1 custom_values:[1] buckets:[1]}}x4");
    promql_tsdb_init(&s, db);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct promql_result r = {0};
        T_RC(promql_instant(&s.source, NULL, cases[i].query, 240000, a, &r, &e), &e,
             cases[i].query);
        T_EQ_STR(text_of(a, &r), cases[i].want, cases[i].query);
    }
}

static void reads_descriptions(void)
{
    static const struct {
        const char *text, *want; /* how many values; or the error */
    } cases[] = {
        {"up{a=\"b\"} 1 2x2 _ _x2 stale 1-1x1", "10"                                                         },
        {"up 1 2 x",                            "series values: number, \"stale\" or \"_\" expected at \"x\""},
        {"up 1x99999999",                       "series values: too many values at \"\""                     },
        {"up{a!=\"b\"} 1",                      "\"up{a!=\"b\"}\" is no series: only \"=\" names one"        },
        {"up {{nope:3}}",                       "series values: bad histogram description at \"nope:3}}\""   },
        {"{} 0x3",                              "4"                                                          },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct description d = {0};
        int r = describe_series(a, cases[i].text, &d, &e);
        T_EQ_STR(r < 0 ? e.msg : arena_printf(a, "%zu", d.n), cases[i].want, cases[i].text);
    }
}

static void knows_features(void)
{
    unsigned all = 0;
    T_RC(promql_features("promql-binop-fill-modifiers,promql-duration-expr", &all, &e), &e, "two");
    T_EQ_INT(all, PROMQL_FILL, "the flag");
    T_EQ_INT(promql_features("nope", &all, &e), ERR_INVALID, "none of that name");
}

T_MAIN(says, reads_descriptions, knows_features)
