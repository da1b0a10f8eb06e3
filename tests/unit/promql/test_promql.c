#include "promql/promql.h"
#include "t.h"

static struct err e;
static struct tsdb *db;

/* A sample a minute from 0 on. */
static void load(const char *name, const char *label, const char *value, const double *v, size_t n)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const struct label l[] = {
        {"__name__", name  },
        {label,      value },
        {"job",      "shop"}
    };
    struct labels labels = labels_make(a, l, 3);
    uint64_t ref = 0;
    T_RC(tsdb_series(db, &labels, &ref, &e), &e, name);
    for (size_t i = 0; i < n; i++)
        T_RC(tsdb_append(db, ref, (int64_t)i * 60000, v[i], &e), &e, name);
}

static void fill(void)
{
    static const double good[] = {0, 60, 120, 180, 240, 300}, bad[] = {0, 0, 15, 30, 45, 60};
    static const double reset[] = {10, 20, 5, 10, 20, 30}, gauge[] = {1, 2, 3, 4, 5, 6};
    static const double le1[] = {0, 10, 20, 30, 40, 50}, inf[] = {0, 20, 40, 60, 80, 100};
    struct tsdb_opts o = {.clock = &clock_system};
    T_RC(tsdb_open(&o, &db, &e), &e, "open");
    load("requests", "code", "2xx", good, 6);
    load("requests", "code", "5xx", bad, 6);
    load("resets", "x", "1", reset, 6);
    load("gauge", "x", "1", gauge, 6);
    load("gauge", "x", "2", gauge, 6);
    load("duration_bucket", "le", "1", le1, 6);
    load("duration_bucket", "le", "+Inf", inf, 6);
}

static const char *ask(const char *query, int64_t at_ms, struct arena *a)
{
    struct promql_tsdb s;
    struct promql_result r;
    promql_tsdb_init(&s, db);
    const struct promql_opts o = {.features = PROMQL_FUNCTIONS};
    if (promql_instant(&s.source, &o, query, at_ms, a, &r, &e) < 0)
        return arena_printf(a, "error: %s", e.msg);
    if (r.type == PROMQL_STRING)
        return r.string;
    char *out = arena_strdup(a, "");
    for (size_t i = 0; i < r.series.n; i++) {
        out = arena_printf(a, "%s%s%s", out, i ? "; " : "",
                           labels_text(&r.series.items[i].labels, a));
        for (size_t k = 0; k < r.series.items[i].n; k++)
            out = arena_printf(a, "%s %.6g", out, r.series.items[i].samples[k].v);
    }
    return out;
}

static void evaluates(void)
{
    static const struct {
        const char *query, *want; /* at 5 minutes */
    } cases[] = {
        {"1 + 2 * 3 ^ 2",                                                      "{} 19"                                                      },
        {"-2 ^ 2",                                                             "{} -4"                                                      },
        {"2 ^ 3 ^ 0",                                                          "{} 2"                                                       },
        {"\"text\"",                                                           "text"                                                       },
        {"gauge{x=\"1\"}",                                                     "gauge{job=\"shop\", x=\"1\"} 6"                             },
        {"gauge{x=\"1\"}[2m]",                                                 "gauge{job=\"shop\", x=\"1\"} 5 6"                           },
        {"gauge{x=\"1\"} offset 2m",                                           "gauge{job=\"shop\", x=\"1\"} 4"                             },
        {"gauge{x=\"1\"} @ 60",                                                "gauge{job=\"shop\", x=\"1\"} 2"                             },
        {"gauge > bool 7",                                                     "{job=\"shop\", x=\"1\"} 0; {job=\"shop\", x=\"2\"} 0"       },
        {"gauge > 7",                                                          ""                                                           },
        {"sum(gauge)",                                                         "{} 12"                                                      },
        {"count by (job) (gauge)",                                             "{job=\"shop\"} 2"                                           },
        {"rate(requests{code=\"2xx\"}[5m])",                                   "{code=\"2xx\", job=\"shop\"} 1"                             },
        {"increase(resets[4m])",                                               "{job=\"shop\", x=\"1\"} 30"                                 },
        {"sum(rate(requests{code=\"5xx\"}[4m])) / sum(rate(requests[4m]))",    "{} 0.2"                                                     },
        {"requests / on(job) group_left() sum by (job) (requests)",
         "{code=\"2xx\", job=\"shop\"} 0.833333; {code=\"5xx\", job=\"shop\"} 0.166667"                                                     },
        {"gauge and on(x) gauge{x=\"2\"}",                                     "gauge{job=\"shop\", x=\"2\"} 6"                             },
        {"gauge unless on(x) gauge{x=\"2\"}",                                  "gauge{job=\"shop\", x=\"1\"} 6"                             },
        {"vector(1) or vector(2)",                                             "{} 1"                                                       },
        {"absent(nope{a=\"b\"})",                                              "{a=\"b\"} 1"                                                },
        {"absent(gauge)",                                                      ""                                                           },
        {"histogram_quantile(0.25, duration_bucket)",                          "{job=\"shop\"} 0.5"                                         },
        {"topk(1, requests)",                                                  "requests{code=\"2xx\", job=\"shop\"} 300"                   },
        {"max_over_time(gauge{x=\"1\"}[3m])",                                  "{job=\"shop\", x=\"1\"} 6"                                  },
        {"avg_over_time((gauge{x=\"1\"} * 2)[3m:1m])",                         "{job=\"shop\", x=\"1\"} 10"                                 },
        {"label_replace(gauge{x=\"1\"}, \"y\", \"<$1>\", \"job\", \"(s).*\")",
         "gauge{job=\"shop\", x=\"1\", y=\"<s>\"} 6"                                                                                        },
        {"scalar(gauge{x=\"1\"}) + 1",                                         "{} 7"                                                       },
        {"scalar(gauge)",                                                      "{} nan"                                                     },
        {"time()",                                                             "{} 300"                                                     },
        {"timestamp(gauge{x=\"1\"})",                                          "{job=\"shop\", x=\"1\"} 300"                                },
        {"quantile(0.5, requests)",                                            "{} 180"                                                     },
        {"clamp_max(gauge{x=\"1\"}, 2)",                                       "{job=\"shop\", x=\"1\"} 2"                                  },
        {"deriv(gauge{x=\"1\"}[5m])",                                          "{job=\"shop\", x=\"1\"} 0.0166667"                          },
        {"count_values(\"a\\xc5z\", gauge)",                                   "error: invalid label name \"a\\xc5z\""                      },
        {"count_over_time(gauge{x=\"1\"}[30s * 2 ^ 2])",                       "{job=\"shop\", x=\"1\"} 2"                                  },
        {"gauge{x=\"1\"} offset (1m + 60)",                                    "gauge{job=\"shop\", x=\"1\"} 4"                             },
        {"days_in_month(vector(1454284800))",                                  "{} 29"                                                      },
        {"gauge{x=\"1\"} @ 1m",                                                "gauge{job=\"shop\", x=\"1\"} 2"                             },
        {"predict_linear(gauge{x=\"1\"}[5m] @ 120, 60)",                       "{job=\"shop\", x=\"1\"} 7"                                  },
        {"avg(gauge / (gauge - 6))",                                           "{} inf"                                                     },
        {"avg_over_time((gauge{x=\"1\"} / 0)[3m:1m])",                         "{job=\"shop\", x=\"1\"} inf"                                },
        {"mad_over_time((gauge{x=\"1\"} / 0 - gauge{x=\"1\"} / 0)[3m:1m])",
         "{job=\"shop\", x=\"1\"} nan"                                                                                                      },
        {"histogram_fraction(0, 0.5, duration_bucket)",                        "{job=\"shop\"} 0.25"                                        },
        {"gauge > on(job) sum by (job) (gauge)",
         "error: multiple matches for labels: many-to-one matching must be explicit "
         "(group_left/group_right)"                                                                                                         },
        {"-{job=\"shop\", x=\"1\"}",                                           "error: vector cannot contain metrics with the same labelset"},
        {"requests + on(job) gauge",
         "error: found duplicate series for the match group {job=\"shop\"} on the right"
         " hand-side of the operation: [gauge{job=\"shop\", x=\"1\"}, gauge{job=\"shop\","
         " x=\"2\"}];many-to-many matching not allowed: matching labels must be unique on one"
         " side"                                                                                                                            },
    };
    fill();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        T_EQ_STR(ask(cases[i].query, 300000, a), cases[i].want, cases[i].query);
    }
    tsdb_free(db);
}

static void steps(void)
{
    fill();
    AUTO(arena) struct arena *a = arena_new(0);
    struct promql_tsdb s;
    struct promql_result r = {0};
    promql_tsdb_init(&s, db);
    T_RC(promql_range(&s.source, NULL, "sum(gauge)", 0, 300000, 60000, a, &r, &e), &e, "range");
    T_EQ_INT(r.series.n, 1, "one series");
    if (r.series.n == 1) {
        T_EQ_INT(r.series.items[0].n, 6, "a point a step");
        T_EQ_INT(r.series.items[0].samples[5].v, 12, "the last one");
    }
    T_EQ_INT(promql_range(&s.source, NULL, "1", 0, 1, 0, a, &r, &e), ERR_INVALID, "no step");
    T_EQ_INT(promql_range(&s.source, NULL, "1", 0, 20000000, 1000, a, &r, &e), ERR_INVALID,
             "too many steps");
    T_EQ_INT(promql_range(&s.source, NULL, "x[5m]", 0, 1, 1, a, &r, &e), ERR_INVALID,
             "a range vector");
    tsdb_free(db);
}

T_MAIN(evaluates, steps)
