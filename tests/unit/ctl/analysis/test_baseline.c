#include "ctl/analysis/baseline.h"

#include <math.h>
#include <stdlib.h>

#include "codec/json.h"
#include "ctl/analysis/analysis.h"
#include "kube/fake.h"
#include "t.h"

/* Exact values, by whole-number arithmetic. */
static void chances(void)
{
    static const struct {
        struct tally now, before;
        double want;
    } worse[] = {
        {{1, 10},    {0, 10},       0.5           },
        {{5, 20},    {1, 20},       0.09088209088 },
        {{3, 3},     {0, 5},        0.01785714286 },
        {{50, 1000}, {500, 20000},  9.628948511e-6},
        {{2, 100},   {0, 100000},   9.880328365e-7},
        {{37, 412},  {3, 10233},    9.985897e-50  },
        {{0, 10},    {0, 10},       1             },
        {{1, 10},    {5, 10},       1             },
        {{5, 5},     {0, 0},        1             },
        {{0, 0},     {5, 10},       1             },
        {{10, 10},   {10, 10},      1             },
        {{1, 10},    {100, 100000}, 0.0100537     },
    };
    static const struct {
        struct tally now;
        double ratio, want;
    } above[] = {
        {{1, 10},   0.05, 0.4012630608  },
        {{8, 50},   0.05, 0.003188343222},
        {{60, 400}, 0.1,  0.001052824517},
        {{5, 5},    0.5,  0.03125       },
        {{1, 5},    0,    0             },
        {{0, 5},    0,    1             },
        {{5, 5},    1,    1             },
        {{0, 0},    0.1,  1             },
    };
    for (size_t i = 0; i < ARRAY_LEN(worse); i++) {
        double got = chance_worse(worse[i].now, worse[i].before), want = worse[i].want;
        T_OK(fabs(got - want) <= want * 1e-3, "worse");
    }
    for (size_t i = 0; i < ARRAY_LEN(above); i++) {
        double got = chance_above(above[i].now, above[i].ratio), want = above[i].want;
        T_OK(fabs(got - want) <= want * 1e-6, "above");
    }
}

static void clumps(void)
{
    static const struct tally even[] =
        {
            {2, 100},
            {1, 100},
            {3, 100},
            {2, 100}
    },
                              clumped[] = {{0, 100}, {10, 100}, {0, 100}, {0, 0}, {0, 100}},
                              none[] = {{0, 100}, {0, 100}};
    T_OK(chance_clump(even, ARRAY_LEN(even)) == 1, "no more than luck");
    T_OK(fabs(chance_clump(clumped, ARRAY_LEN(clumped)) - 10.256) < 0.001, "ten at once");
    T_OK(chance_clump(none, ARRAY_LEN(none)) == 1, "nothing failed");
    T_OK(chance_clump(NULL, 0) == 1, "nothing was asked");
    struct tally t = chance_thin((struct tally){19, 101}, 10);
    T_EQ_INT(t.bad, 1, "whole incidents");
    T_EQ_INT(t.all, 11, "requests");
}

static void judges(void)
{
    static const struct {
        const char *what;
        struct baseline b;
        struct tally now, before;
        bool bad;
        const char *reason;
    } cases[] = {
        {"much worse",
         {.rate = 0.001, .tolerance = 0.01, .limit = 1, .looks = 5},
         {37, 412},
         {3, 10233},
         true,  "37 of 412 requests (8.98 %) failed in the 6 s since the analysis began; of the last good "
         "version 3 of 10233 requests (0.0293 %) in the 600 s before: it is worse, and luck "
         "explains that once in 1e+49 times"                                },
        {"surely, but hardly worse",
         {.rate = 0.001, .tolerance = 0.01, .limit = 1, .looks = 5},
         {1500, 100000},
         {10000, 1000000},
         false, "1500 of 100000 requests (1.5 %) failed in the 6 s since the analysis began; of the last "
         "good version 10000 of 1000000 requests (1 %) in the 600 s before"},
        {"too few to tell",
         {.rate = 0.001, .tolerance = 0.01, .limit = 1, .looks = 5},
         {1, 4},
         {0, 100},
         false, "1 of 4 requests (25 %) failed in the 6 s since the analysis began; of the last good "
         "version 0 of 100 requests (0 %) in the 600 s before"             },
        {"as bad as before, and too bad",
         {.rate = 0.001, .tolerance = 0.01, .limit = 0.05, .looks = 5},
         {200, 1000},
         {2000, 10000},
         true,  "200 of 1000 requests (20 %) failed in the 6 s since the analysis began; of the last good "
         "version 2000 of 10000 requests (20 %) in the 600 s before: above the limit of 5 %, and "
         "luck explains that once in 1.3e+62 times"                         },
        {"the first release",
         {.rate = 0.001, .tolerance = 0.01, .limit = 0.05, .looks = 5},
         {9, 10},
         {0, 0},
         true,  "9 of 10 requests (90 %) failed in the 6 s since the analysis began; the last good "
         "version had none to compare with: above the limit of 5 %, and luck explains that once "
         "in 5.4e+10 times"                                                 },
        {"beyond all numbers",
         {.rate = 0.001, .tolerance = 0.01, .limit = 1, .looks = 5},
         {5000, 5000},
         {0, 10000},
         true,  "5000 of 5000 requests (100 %) failed in the 6 s since the analysis began; of the last "
         "good version 0 of 10000 requests (0 %) in the 600 s before: it is worse, and luck does "
         "not "
         "explain that"                                                     },
        {"nobody asks",
         {.rate = 0.001, .tolerance = 0.01, .limit = 0.05, .looks = 5},
         {0, 0},
         {3, 1000},
         false, "no requests since the analysis began"                                    },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 16);
        const struct baseline_counts c = {cases[i].now, cases[i].before, 6000, 600000, 1};
        struct baseline_verdict v = baseline_judge(&cases[i].b, &c, a);
        T_EQ_INT(v.bad, cases[i].bad, cases[i].what);
        T_EQ_STR(v.reason, cases[i].reason, cases[i].what);
    }
}

/* ---- the rate that is promised ---- */

static int64_t failures(unsigned short seed[3], int64_t n, double ratio)
{
    int64_t bad = 0;
    for (int64_t i = 0; i < n; i++)
        bad += erand48(seed) < ratio;
    return bad;
}

/* Good releases, looked at five times: no more than the promised share is condemned. */
static void keeps_its_rate(void)
{
    enum { RELEASES = 2000, LOOKS = 5, A_LOOK = 40, BEFORE = 2000 };
    static const double ratios[] = {0.01, 0.1, 0.3};
    const struct baseline b = {.rate = 0.05, .limit = 1, .looks = LOOKS};
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    for (size_t r = 0; r < ARRAY_LEN(ratios); r++) {
        unsigned short seed[3] = {1, 2, (unsigned short)r};
        int condemned = 0;
        for (int i = 0; i < RELEASES; i++) {
            struct baseline_counts c = {
                .before = {failures(seed, BEFORE, ratios[r]), BEFORE},
                  .clump = 1
            };
            bool bad = false;
            for (int k = 0; k < LOOKS && !bad; k++) {
                c.now.bad += failures(seed, A_LOOK, ratios[r]);
                c.now.all += A_LOOK;
                bad = baseline_judge(&b, &c, a).bad;
            }
            condemned += bad;
        }
        T_OK(condemned <= (int)(RELEASES * b.rate), "good releases condemned");
    }
}

/* ---- as a provider ---- */

struct world {
    struct arena *a;
    struct kube *kube;
    struct fake_clock clock;
    struct runner *runner;
    struct analysis_opts opts;
    int64_t errors; /* of the new version, at each sample */
    const char *asked[2];
};

/* Ten requests a second; before the rollout (17:13:00Z) none failed. */
static int query(void *arg, const char *text, int64_t at_ms, struct arena *a, struct value **out,
                 struct err *e)
{
    struct world *w = arg;
    bool errors = strncmp(text, "bad", 3) == 0, before = at_ms <= 1700000000000;
    int n = !errors ? 100 : before ? 0 : (int)w->errors;
    w->asked[before] = arena_strdup(w->a, text);
    /* The second sample is of a counter that began anew. */
    text = arena_printf(
        a,
        "{\"resultType\":\"matrix\",\"result\":[{\"values\":[[1,\"%d\"],[2,\"%d\"],[3,\"%d\"]]}]}",
        n < 7 ? 0 : 7, n, n + n);
    return json_parse(a, text, strlen(text), 0, out, e);
}

#define RUN(settings)                                                                              \
    "apiVersion: argoproj.io/v1alpha1\nkind: AnalysisRun\nmetadata:\n  name: run\n"                \
    "  namespace: ns\n  annotations: {slipway.dev/rollout-began: '2023-11-14T22:13:00Z',"          \
    " slipway.dev/good-since: '2023-11-14T22:10:00Z'}\nspec:\n  metrics:\n"                        \
    "  - name: errors\n    interval: 2s\n    count: 3\n    provider: {plugin: "                    \
    "{slipway.dev/baseline: " settings "}}\n"

static void setup(struct world *w, const char *run)
{
    memset(w, 0, sizeof *w);
    w->a = arena_new(1 << 24);
    fake_clock_init(&w->clock, 1700000000000);
    w->kube = kube_fake_new(&w->clock.clock);
    w->opts = (struct analysis_opts){query, w};
    w->runner = runner_new(w->kube, &w->clock.clock, 0);
    runner_add(w->runner, &analysis_controller, &w->opts);
    kube_fake_load(w->kube, run);
}

static void pass(struct world *w)
{
    for (int i = 0; i < 120; i++) {
        (void)runner_settle(w->runner, 1000);
        fake_clock_move(&w->clock, 500);
    }
}

static const char *status(struct world *w, const char *path)
{
    AUTO(object) struct object *o = NULL;
    struct err e = {0};
    T_RC(kube_get(w->kube, &RES_ANALYSIS_RUN, "ns", "run", &o, &e), &e, "run");
    return value_str(value_at(object_hold(w->a, o)->root, path), "");
}

static void teardown(struct world *w)
{
    runner_free(w->runner);
    kube_free(w->kube);
    arena_free(w->a);
}

static void measures(void)
{
    static const struct {
        int64_t errors;
        const char *phase;
    } cases[] = {
        {0,  "Successful"},
        {1,  "Successful"},
        {20, "Failed"    },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        setup(&w, RUN("{errors: 'bad{a=\"b\"}', requests: all}"));
        w.errors = cases[i].errors;
        pass(&w);
        T_EQ_STR(status(&w, "status.phase"), cases[i].phase,
                 status(&w, "status.metricResults[0].measurements[0].message"));
        T_EQ_STR(w.asked[1], "all[180000ms]", "the good version served three minutes");
        teardown(&w);
    }
}

static void refuses(void)
{
    static const struct {
        const char *settings, *want;
    } cases[] = {
        {"{requests: all}",
         "slipway.dev/baseline needs errors and requests, two selectors of counters"             },
        {"{errors: e, requests: r, limit: 5}",
         "slipway.dev/baseline: limit must be a number from 0 to 1"                              },
        {"{errors: e, requests: r, tolerance: lots}",
         "slipway.dev/baseline: tolerance must be a number from 0 to 1"                          },
        {"{errors: e, requests: r, before: 3}",
         "slipway.dev/baseline: before must be a duration from 1s to 24h"                        },
        {"{errors: e, requests: r, erors: x}",        "slipway.dev/baseline has no setting erors"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        AUTO(arena) struct arena *a = arena_new(1 << 16);
        setup(&w, arena_printf(a, RUN("%s"), cases[i].settings));
        pass(&w);
        T_EQ_STR(status(&w, "status.phase"), "Error", cases[i].settings);
        T_EQ_STR(status(&w, "status.message"), cases[i].want, cases[i].settings);
        teardown(&w);
    }
}

T_MAIN(chances, clumps, judges, keeps_its_rate, measures, refuses)
