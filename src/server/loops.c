/* loops.c - which controllers run, and what they are given. */
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "kube/cache.h"
#include "monitor/monitors.h"
#include "monitor/targets.h"
#include "server/follow.h"
#include "server/proxy.h"
#include "server/requests.h"
#include "server/server_int.h"
#include "server/tekton_ports.h"

enum { THREADS = 8, TOKEN_S = 10 * 365 * 86400 };

/* A commit made here moved a branch: the Repository is looked at as after a push. */
static void committed(void *arg, const char *repository)
{
    struct server *s = arg;
    AUTO(arena) struct arena *a = arena_new(0);
    const char *ns, *name;
    struct err e;
    if (s->runner && repository_owner(&s->repositories, repository, a, &ns, &name, &e) == 0)
        runner_kick(s->runner, "repository", ns, name);
}

/* What an AnalysisTemplate without an address asks: the store of this process. */
static int query(void *arg, const char *text, int64_t at_ms, struct arena *a, struct value **out,
                 struct err *e)
{
    struct server *s = arg;
    struct promql_result r;
    int rc = promql_instant(&s->source.source, &s->monitor.query, text, at_ms, a, &r, e);
    if (rc == 0)
        *out = monitor_result(&r, at_ms, a);
    return rc;
}

/* A Secret that asks for a ServiceAccount's token gets one that lasts. */
static int mint(void *arg, const struct object *account, const struct object *secret,
                struct arena *a, const char **token, struct err *e)
{
    struct server *s = arg;
    (void)secret;
    return apiserver_service_token(s->api, account->ns, account->name, NULL, NULL, TOKEN_S, a,
                                   token, e);
}

static void add_workloads(struct server *s)
{
    s->workloads = (struct ctl_opts){.ca_pem = s->id.ca_pem,
                                     .volume_dir = arena_printf(s->arena, "%s/volumes", s->dir),
                                     .mint = mint,
                                     .mint_arg = s};
    for (const struct controller *const *c = ctl_workloads; *c; c++)
        runner_add(s->runner, *c, &s->workloads);
    if (s->node)
        runner_add(s->runner, &scheduler_controller, &s->workloads);
}

/* What a cluster does for itself. */
static void add_own(struct server *s)
{
    add_workloads(s);
    if (s->podnet)
        runner_add(s->runner, &proxy_controller, s->podnet);
    if (s->requests)
        runner_add(s->runner, &requests_controller, s->requests);
    runner_add(s->runner, &follow_controller, s->collector);
}

int loops_start(struct server *s, struct err *e)
{
    if (s->opts.no_controllers)
        return 0;
    s->runner = runner_new(s->kube, &clock_system, THREADS);
    if (!s->opts.kubeconfig)
        add_own(s);
    runner_add(s->runner, &repository_controller, &s->repositories);
    const char *const *urls = ARENA_ARRAY(s->arena, const char *, 2);
    const char *at = server__for_pods(s, s->opts.git_address);
    if (at)
        *(const char **)(uintptr_t)&urls[0] = arena_printf(s->arena, "http://%s/git/", at);
    const struct charts_store_opts charts = {.folder = arena_printf(s->arena, "%s/charts", s->dir),
                                             .clock = &clock_system};
    int rc = charts_store_open(&charts, &s->charts, e);
    if (rc < 0)
        return rc;
    struct gitops_opts gitops = {.repositories = &s->repositories,
                                 .urls = urls,
                                 .charts = s->charts,
                                 .committed = committed,
                                 .arg = s};
    s->gitops = gitops_new(&gitops);
    runner_add(s->runner, &application_controller, s->gitops);
    runner_add(s->runner, &revisions_controller, s->gitops);
    s->analysis = (struct analysis_opts){.query = query, .arg = s};
    runner_add(s->runner, &analysis_controller, &s->analysis);
    s->pruner = pruner_new(s->images, s->logs);
    runner_add(s->runner, &pruner_controller, s->pruner);
    runner_add(s->runner, &targets_controller, s->scraper);
    runner_add(s->runner, &service_monitors_controller, s->scraper);
    runner_add(s->runner, &pod_monitors_controller, s->scraper);
    if (s->jobs && scrape_jobs_count(s->jobs))
        runner_add(s->runner, &scrape_jobs_controller, s->jobs);
    runner_add(s->runner, &rule_objects_controller, &s->rules);
    runner_add(s->runner, &rule_maps_controller, &s->rules);
    runner_add(s->runner, &dashboards_controller, s->dashboards);
    if (!s->opts.alertmanager_config)
        runner_add(s->runner, &notify_controller, &s->notify);
    s->tekton = tekton_ports_new(s);
    tekton_add(s->runner, s->tekton);
    if (!s->opts.kubeconfig) { /* a real cluster has Chains of its own */
        s->chains = chains_port_open(s);
        chains_add(s->runner, s->chains);
    }
    rc = runner_start(s->runner, e);
    if (rc == 0 && s->jobs)
        scrape_jobs_kick(s->jobs, s->runner);
    return rc;
}
