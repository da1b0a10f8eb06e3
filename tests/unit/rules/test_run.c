/* Groups at one moment after the other: alerts' lives, restarts and changes of files. */
#include <stdlib.h>

#include "rules/rules.h"
#include "t.h"

static struct err e;

struct world {
    struct tsdb *db;
    struct promql_tsdb source;
    struct promql_opts query;
    struct arena *arena;
};

static int64_t zero(const struct clock *c)
{
    (void)c;
    return 0;
}

static const struct clock at_zero = {zero, zero};

static void begin(struct world *w)
{
    struct tsdb_opts o = {.clock = &at_zero, .retention_ms = INT64_MAX / 2};
    *w = (struct world){.arena = arena_new(0)};
    T_RC(tsdb_open(&o, &w->db, &e), &e, "store");
    promql_tsdb_init(&w->source, w->db);
}

static void end(struct world *w)
{
    tsdb_free(w->db);
    arena_free(w->arena);
}

static void sample(struct world *w, int64_t at_ms, double v)
{
    const struct label l[] = {
        {"__name__", "load"},
        {"host",     "a"   }
    };
    struct labels labels = labels_make(w->arena, l, 2);
    uint64_t ref;
    T_RC(tsdb_series(w->db, &labels, &ref, &e), &e, "series");
    T_RC(tsdb_append(w->db, ref, at_ms, v, &e), &e, "sample");
}

static struct rule_runner *runner(struct world *w, const char *rules, bool restore)
{
    const struct rules_opts o = {0};
    struct rule_file *f = ARENA_NEW(w->arena, struct rule_file);
    struct rules_host host = {.source = &w->source.source,
                              .query = &w->query,
                              .db = w->db,
                              .external_url = "http://here/x",
                              .restore = restore};
    char *text = arena_printf(w->arena, "groups: [{name: g, rules: [%s]}]", rules);
    rules_parse(w->arena, text, strlen(text), &o, f);
    T_EQ_INT(f->n_faults, 0, f->n_faults ? f->faults[0] : "rules");
    return rule_runner_new(&host, &f->groups[0]);
}

/* "pending 0; firing 60;": state and since when, in seconds. */
static const char *alerts(struct world *w, struct rule_runner *r)
{
    size_t n;
    const struct alert *x = rule_runner_alerts(r, 0, &n);
    char *out = arena_strdup(w->arena, "");
    for (size_t i = 0; i < n; i++)
        out = arena_printf(w->arena, "%s%s %lld;", out, x[i].firing ? "firing" : "pending",
                           (long long)x[i].active_ms / 1000);
    return out;
}

struct said {
    struct arena *arena;
    const char *text;
};

static void collect(void *arg, const struct rule *rule, const struct alert *x)
{
    struct said *to = arg;
    to->text =
        arena_join(to->arena, to->text, rule->alert, x->resolved_ms ? " over;" : " on;", NULL);
}

static const char *told(struct world *w, struct rule_runner *r, int64_t at_ms)
{
    struct said said = {w->arena, ""};
    rule_runner_tell(r, at_ms, 60000, collect, &said);
    return said.text;
}

static const char rule[] = "{alert: High, expr: load > 5, for: 1m, keep_firing_for: 1m}";

static void an_alert_lives(void)
{
    static const struct {
        int64_t at;
        double load;
        const char *alerts, *told;
    } steps[] = {
        {0,    9, "pending 0;",   ""          },
        {30,   9, "pending 0;",   ""          },
        {60,   9, "firing 0;",    "High on;"  },
        {90,   9, "firing 0;",    ""          },
        {150,  9, "firing 0;",    "High on;"  },
        {180,  1, "firing 0;",    ""          }, /* kept firing */
        {210,  9, "firing 0;",    ""          },
        {240,  1, "firing 0;",    "High on;"  },
        {300,  1, "",             "High over;"},
        {330,  1, "",             ""          },
        {400,  1, "",             "High over;"}, /* again, for those who missed it */
        {430,  9, "pending 430;", ""          },
        {440,  1, "",             ""          }, /* it never fired: nobody is told */
        {1500, 1, "",             ""          },
    };
    struct world w;
    begin(&w);
    struct rule_runner *r = runner(&w, rule, false);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        const char *at = arena_printf(w.arena, "%lld s", (long long)steps[i].at);
        sample(&w, steps[i].at * 1000, steps[i].load);
        T_RC(rule_runner_eval(r, steps[i].at * 1000, &e), &e, at);
        T_EQ_STR(alerts(&w, r), steps[i].alerts, at);
        T_EQ_STR(told(&w, r, steps[i].at * 1000), steps[i].told, at);
    }
    rule_runner_free(r);
    end(&w);
}

static void a_restart_is_not_noticed(void)
{
    static const struct {
        const char *what, *hold;
        int64_t before_s, down_s;
        const char *after;
    } cases[] = {
        {"it fired",                   "15m", 1200, 300,  "firing 0;"    },
        {"the outage is not its time", "1h",  1200, 300,  "pending 360;" },
        {"there was little left",      "30m", 1500, 300,  "pending 660;" },
        {"a short wait begins anew",   "5m",  1200, 300,  "pending 1500;"},
        {"it was too long ago",        "15m", 1200, 4000, "pending 5200;"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        int64_t at_s = 0;
        begin(&w);
        const char *text =
            arena_printf(w.arena, "{alert: High, expr: load > 5, for: %s}", cases[i].hold);
        struct rule_runner *r = runner(&w, text, false);
        for (; at_s <= cases[i].before_s; at_s += 60) {
            sample(&w, at_s * 1000, 9);
            T_RC(rule_runner_eval(r, at_s * 1000, &e), &e, cases[i].what);
        }
        rule_runner_free(r);
        r = runner(&w, text, true);
        at_s = cases[i].before_s + cases[i].down_s;
        for (int k = 0; k < 2; k++, at_s += 60) {
            sample(&w, at_s * 1000, 9);
            T_RC(rule_runner_eval(r, at_s * 1000, &e), &e, cases[i].what);
        }
        rule_runner_restore(r, at_s * 1000 - 60000);
        T_RC(rule_runner_eval(r, at_s * 1000, &e), &e, cases[i].what);
        T_EQ_STR(alerts(&w, r), cases[i].after, cases[i].what);
        rule_runner_free(r);
        end(&w);
    }
}

static const char *value_of(struct world *w, const char *query, int64_t at_ms)
{
    struct promql_result r;
    T_RC(promql_instant(&w->source.source, &w->query, query, at_ms, w->arena, &r, &e), &e, query);
    return r.series.n ? arena_printf(w->arena, "%g", r.series.items[0].samples[0].v) : "";
}

static void a_changed_file_keeps_alerts(void)
{
    struct world w;
    begin(&w);
    struct rule_runner *old = runner(
        &w, "{alert: High, expr: load > 5, for: 1m}, {record: twice, expr: load * 2}", false);
    sample(&w, 0, 9);
    T_RC(rule_runner_eval(old, 0, &e), &e, "first");
    T_EQ_STR(value_of(&w, "twice", 0), "18", "recorded");
    struct rule_runner *by = runner(&w, "{alert: High, expr: load > 6, for: 1m}", false);
    rule_runner_replace(old, by, 1000);
    rule_runner_free(old);
    T_EQ_STR(value_of(&w, "twice", 1000), "", "a rule that is gone writes no more");
    sample(&w, 60000, 9);
    T_RC(rule_runner_eval(by, 60000, &e), &e, "second");
    T_EQ_STR(alerts(&w, by), "firing 0;", "it waited before the change, too");
    rule_runner_free(by);
    end(&w);
}

static void templates_ask(void)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"{{ $labels.host }} {{ $value }}",                                        "a 9"                        },
        {"{{ with query \"load\" }}{{ . | first | value }}{{ end }}",              "9"                          },
        {"{{ range query \"load\" }}{{ .Labels.host }}={{ .Value }}{{ end }}",     "a=9"                        },
        {"{{ query \"load\" | first | label \"host\" }}",                          "a"                          },
        {"{{ range query \"load\" | sortByLabel \"host\" }}{{ .Value }}{{ end }}", "9"                          },
        {"{{ externalURL }} {{ pathPrefix }}",                                     "http://here/x /x"           },
        {"{{ graphLink \"a b\" }}",                                                "/graph?g0.expr=a+b&g0.tab=0"},
        {"{{ range 100 }}{{ if query \"load\" }}{{ end }}{{ end }}x",              "x"                          },
        {"{{ range 101 }}{{ if query \"load\" }}{{ end }}{{ end }}x",
         "<error expanding template: "                                                                          },
        {"{{ query \"nothing\" | first }}",
         "<error expanding template: error executing template __alert_T: template: __alert_T:1:"                },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        size_t n;
        begin(&w);
        struct rule_runner *r =
            runner(&w,
                   arena_printf(w.arena, "{alert: T, expr: load > 5, annotations: {x: '%s'}}",
                                cases[i].text),
                   false);
        sample(&w, 0, 9);
        T_RC(rule_runner_eval(r, 0, &e), &e, "eval");
        const struct alert *x = rule_runner_alerts(r, 0, &n);
        const char *got = n ? labels_get(&x[0].annotations, "x") : "";
        T_EQ_STR(arena_strndup(w.arena, got, strlen(cases[i].want)), cases[i].want, cases[i].text);
        if (*cases[i].want != '<')
            T_EQ_STR(got, cases[i].want, cases[i].text);
        rule_runner_free(r);
        end(&w);
    }
}

static void a_failing_rule_says_so(void)
{
    struct world w;
    begin(&w);
    struct rule_runner *r = runner(&w, "{record: x, expr: load + on() load}", false);
    sample(&w, 0, 1);
    T_RC(rule_runner_eval(r, 0, &e), &e, "one");
    T_EQ_STR(rule_runner_health(r, 0)->error, "", "well");
    w.query.max_samples = 1;
    T_EQ_INT(rule_runner_eval(r, 1000, &e), ERR_TOO_LARGE, "a budget that is too small");
    T_OK(*rule_runner_health(r, 0)->error, "not well");
    rule_runner_free(r);
    end(&w);
}

T_MAIN(an_alert_lives, a_restart_is_not_noticed, a_changed_file_keeps_alerts, templates_ask,
       a_failing_rule_says_so)
