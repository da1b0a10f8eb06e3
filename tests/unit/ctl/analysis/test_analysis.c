#include "ctl/analysis/analysis.h"

#include <math.h>

#include "codec/json.h"
#include "ctl/analysis/plan.h"
#include "kube/fake.h"
#include "net/http_server.h"
#include "t.h"

struct world {
    struct arena *a;
    struct kube *kube;
    struct fake_clock clock;
    struct runner *runner;
    struct analysis_opts opts;
    const char *answer; /* of the query; NULL: an error */
    const char *asked;
    int queries;
};

static int query(void *arg, const char *text, int64_t at_ms, struct arena *a, struct value **out,
                 struct err *e)
{
    struct world *w = arg;
    (void)at_ms;
    w->queries++;
    w->asked = arena_strdup(w->a, text);
    if (!w->answer)
        return err_set(e, ERR_AGAIN, "no answer for the token s3cret");
    return json_parse(a, w->answer, strlen(w->answer), 0, out, e);
}

static void setup(struct world *w)
{
    memset(w, 0, sizeof *w);
    w->a = arena_new(1 << 24);
    fake_clock_init(&w->clock, 1700000000000);
    w->kube = kube_fake_new(&w->clock.clock);
    w->opts = (struct analysis_opts){query, w};
    w->runner = runner_new(w->kube, &w->clock.clock, 0);
    runner_add(w->runner, &analysis_controller, &w->opts);
}

static void teardown(struct world *w)
{
    runner_free(w->runner);
    kube_free(w->kube);
    arena_free(w->a);
}

static void pass(struct world *w, int64_t seconds)
{
    for (int64_t i = 0; i < seconds * 2; i++) {
        (void)runner_settle(w->runner, 1000);
        fake_clock_move(&w->clock, 500);
    }
    (void)runner_settle(w->runner, 1000);
}

static const char *status(struct world *w, const char *path)
{
    AUTO(object) struct object *o = NULL;
    struct err e = {0};
    T_RC(kube_get(w->kube, &RES_ANALYSIS_RUN, "ns", "run", &o, &e), &e, "run");
    const struct value *v = value_at(object_hold(w->a, o)->root, path);
    return v && v->kind == VALUE_INT ? arena_printf(w->a, "%lld", (long long)v->i)
                                     : value_str(v, "");
}

#define RUN(args, metrics)                                                                         \
    "apiVersion: argoproj.io/v1alpha1\nkind: AnalysisRun\n"                                        \
    "metadata: {name: run, namespace: ns}\nspec:\n  args: " args "\n  metrics:\n" metrics

#define VECTOR(v) "{\"resultType\":\"vector\",\"result\":[{\"metric\":{},\"value\":[1,\"" v "\"]}]}"

static void passes(void)
{
    struct world w;
    setup(&w);
    w.answer = VECTOR("0.01");
    kube_fake_load(w.kube, RUN("[{name: service, value: shop}]",
                               "  - name: errors\n    interval: 5s\n    count: 3\n"
                               "    successCondition: result[0] < 0.05\n    provider:\n"
                               "      prometheus: {query: 'rate(x{s=\"{{args.service}}\"})'}\n"));
    pass(&w, 1);
    T_EQ_STR(w.asked, "rate(x{s=\"shop\"})", "arguments");
    T_EQ_STR(status(&w, "status.phase"), "Running", "under way");
    T_EQ_INT(w.queries, 1, "once an interval");
    pass(&w, 20);
    T_EQ_STR(status(&w, "status.phase"), "Successful", "done");
    T_EQ_INT(w.queries, 3, "as often as asked for");
    T_EQ_STR(status(&w, "status.metricResults[0].successful"), "3", "counted");
    T_EQ_STR(status(&w, "status.metricResults[0].measurements[0].value"), "[0.01]", "shown");
    teardown(&w);
}

static void fails_at_once(void)
{
    struct world w;
    setup(&w);
    w.answer = VECTOR("0.2");
    kube_fake_load(w.kube, RUN("[]", "  - name: errors\n    interval: 5s\n    count: 10\n"
                                     "    failureLimit: 1\n    successCondition: result[0] < 0.05\n"
                                     "    provider: {prometheus: {query: x}}\n"
                                     "  - name: other\n    initialDelay: 1h\n"
                                     "    provider: {prometheus: {query: y}}\n"));
    pass(&w, 2);
    T_EQ_STR(status(&w, "status.phase"), "Running", "within the limit");
    pass(&w, 6);
    T_EQ_STR(status(&w, "status.phase"), "Failed", "past the limit");
    T_EQ_STR(status(&w, "status.message"),
             "Metric \"errors\" assessed Failed due to failed (2) > failureLimit (1)", "why");
    pass(&w, 60);
    T_EQ_INT(w.queries, 2, "over is over");
    teardown(&w);
}

static void errors_are_not_failures(void)
{
    struct world w;
    setup(&w);
    kube_fake_load(w.kube, "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: ns}\n"
                           "data: {k: czNjcmV0}\n");
    kube_fake_load(w.kube,
                   RUN("[{name: t, valueFrom: {secretKeyRef: {name: s, key: k}}}]",
                       "  - name: errors\n    provider: {prometheus: {query: 'x{{args.t}}'}}\n"));
    pass(&w, 25);
    T_EQ_STR(w.asked, "xs3cret", "the secret is used");
    T_EQ_STR(status(&w, "status.phase"), "Running", "tried again");
    T_EQ_STR(status(&w, "status.metricResults[0].measurements[0].message"),
             "no answer for the token *****", "and not told");
    pass(&w, 40);
    T_EQ_STR(status(&w, "status.phase"), "Error", "five in a row");
    teardown(&w);
}

static void serve(struct http_request *q, void *arg)
{
    (void)arg;
    http_send_text(q, 200, "{\"data\":{\"ok\":true,\"list\":[{\"v\":3}]}}");
}

static void asks_the_web(void)
{
    struct world w;
    struct http_server *server = NULL;
    struct http_listen listen = {.address = "127.0.0.1:0"};
    struct err e = {0};
    setup(&w);
    T_RC(http_server_start(&listen, serve, NULL, &server, &e), &e, "listen");
    kube_fake_load(
        w.kube,
        arena_printf(
            w.a,
            RUN("[]",
                "  - name: web\n    successCondition: result.ok && result.list[0].v == 3\n"
                "    provider: {web: {url: 'http://127.0.0.1:%u/x', jsonPath: '{$.data}'}}\n"),
            http_server_port(server)));
    pass(&w, 1);
    T_EQ_STR(status(&w, "status.phase"), "Successful",
             status(&w, "status.metricResults[0].measurements[0].message"));
    http_server_free(server);
    teardown(&w);
}

static void runs_jobs(void)
{
    struct world w;
    struct err e = {0};
    struct value *v;
    static const char failed[] = "{\"status\":{\"conditions\":[{\"type\":\"Failed\",\"status\":"
                                 "\"True\",\"message\":\"boom\"}]}}";
    setup(&w);
    kube_fake_load(w.kube, RUN("[]", "  - name: smoke\n    provider: {job: {spec: {template: "
                                     "{spec: {containers: [{name: c, image: i}]}}}}}\n"));
    pass(&w, 1);
    T_EQ_STR(status(&w, "status.metricResults[0].measurements[0].phase"), "Running", "waits");
    const char *job = status(&w, "status.metricResults[0].measurements[0].metadata.job-name");
    T_RC(json_parse(w.a, failed, sizeof failed - 1, 0, &v, &e), &e, "json");
    T_RC(kube_patch(w.kube, &RES_JOB, "ns", job, "status", KUBE_PATCH_MERGE, v, NULL, &e), &e, job);
    pass(&w, 1);
    T_EQ_STR(status(&w, "status.phase"), "Failed", "judged by the job");
    teardown(&w);
}

static void refuses(void)
{
    static const struct {
        const char *metrics, *want;
    } cases[] = {
        {"  - name: m\n    provider: {datadog: {}}\n",                 ""                          },
        {"  - name: m\n    count: 3\n    provider: {web: {}}\n",
         "metric m: count 3 needs an interval"                                                     },
        {"  - name: m\n    interval: soon\n    provider: {web: {}}\n",
         "metric m: interval \"soon\" is no duration"                                              },
        {"  - name: '{{args.x}}'\n    provider: {web: {}}\n",          "argument x is not declared"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        setup(&w);
        kube_fake_load(w.kube, arena_printf(w.a, RUN("[]", "%s"), cases[i].metrics));
        pass(&w, *cases[i].want ? 1 : 60);
        T_EQ_STR(status(&w, "status.phase"), "Error", cases[i].metrics);
        if (*cases[i].want)
            T_EQ_STR(status(&w, "status.message"), cases[i].want, cases[i].metrics);
        teardown(&w);
    }
}

T_MAIN(passes, fails_at_once, errors_are_not_failures, asks_the_web, runs_jobs, refuses)
