#include "server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "apiserver/local.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/thread.h"
#include "build/build.h"
#include "build/keeper.h"
#include "entrypoint/program.h"
#include "monitor/pushed.h"
#include "node/image_port.h"
#include "node/net_port.h"
#include "runtime/runtime.h"
#include "server/flaws.h"
#include "server/measure.h"
#include "server/requests.h"
#include "server/server_int.h"

#define POD_RANGE     "10.88.0.0/16"
#define POD_GATEWAY   "10.88.0.1"
#define SERVICE_RANGE "10.96.0.0/16"
#define API_SERVICE   "10.96.0.1"

const char *server__on_gateway(struct server *s, const char *address)
{
    const char *colon = strrchr(address, ':');
    return arena_printf(s->arena, "%s%s", podnet_gateway(s->podnet), colon ? colon : ":0");
}

const char *server__for_pods(struct server *s, const char *address)
{
    const char *colon = strrchr(address, ':');
    if (s->opts.kubeconfig)
        return s->opts.advertise
                   ? arena_printf(s->arena, "%s%s", s->opts.advertise, colon ? colon : "")
                   : NULL;
    return s->podnet ? server__on_gateway(s, address) : NULL;
}

static char *path_in(struct server *s, const char *name)
{
    return arena_printf(s->arena, "%s/%s", s->dir, name);
}

/* One process a data folder. */
static int take_folder(struct server *s, struct err *e)
{
    int r = fs_mkdirs(s->dir, 0711, e);
    if (r == ERR_DENIED)
        (void)err_hint(e, "run slipway as root, or choose a folder of your own with --data-dir");
    if (r < 0)
        return r;
    s->lock_fd = open(path_in(s, "lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock_fd < 0)
        return err_sys(e, errno, "open %s/lock", s->dir);
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0) {
        (void)err_set(e, ERR_EXISTS, "%s is in use by another slipway", s->dir);
        return err_hint(e, "stop it, or choose another folder with --data-dir");
    }
    return 0;
}

static int open_stores(struct server *s, struct err *e)
{
    const char *const local[] = {s->opts.registry_address, NULL};
    struct image_store_opts images = {.folder = path_in(s, "images"), .local_hosts = local};
    struct logdb_opts logs = {.dir = path_in(s, "logs"), .clock = &clock_system};
    struct tsdb_opts metrics = {.dir = path_in(s, "metrics"), .clock = &clock_system};
    int r =
        image_sources_read(s->opts.registry_mirrors, s->opts.image_aliases, s->arena, &images, e);
    if (r == 0 && !s->opts.kubeconfig)
        r = store_open(path_in(s, "store.db"), &s->store, e);
    if (r == 0)
        r = image_store_open(&images, &s->images, e);
    if (r == 0)
        r = logdb_open(&logs, &s->logs, e);
    if (r == 0)
        r = tsdb_open(&metrics, &s->metrics, e);
    if (r < 0)
        return r;
    promql_tsdb_init(&s->source, s->metrics);
    s->monitor = (struct monitor_api){.source = &s->source.source,
                                      .db = s->metrics,
                                      .query = {.features = s->opts.query_features}};
    s->repositories.root = path_in(s, "git");
    const char *git = s->opts.kubeconfig ? server__for_pods(s, s->opts.git_address) : NULL;
    s->repositories.url = arena_printf(s->arena, "http://%s/git/", git ? git : s->opts.git_address);
    return fs_mkdirs(s->repositories.root, 0700, e);
}

static int open_identity(struct server *s, struct err *e)
{
    const char *colon = strrchr(s->opts.api_address, ':');
    size_t n = colon ? (size_t)(colon - s->opts.api_address) : 0;
    const char *names[] = {API_SERVICE, POD_GATEWAY,
                           arena_strndup(s->keys_arena, s->opts.api_address, n), s->opts.advertise,
                           NULL};
    int r = identity_open(s->dir, names, s->keys_arena, &s->id, e);
    if (r == 0)
        r = key_load(s->id.signing_key_pem, strlen(s->id.signing_key_pem), &s->signing_key, e);
    if (r == 0)
        r = public_key_load(s->id.signing_public_pem, strlen(s->id.signing_public_pem),
                            &s->signing_public, e);
    return r;
}

struct task {
    struct server *s;
    int rc;
    struct err e;
};

static void *identity_main(void *arg)
{
    struct task *t = arg;
    t->rc = open_identity(t->s, &t->e);
    return NULL;
}

/* A fresh folder's keys and stores both wait for the disk: they do so together. */
static int open_stores_and_identity(struct server *s, struct err *e)
{
    struct task keys = {.s = s};
    pthread_t thread;
    int r = thread_start(&thread, "keys", 512, identity_main, &keys, e);
    if (r < 0)
        return r;
    r = open_stores(s, e);
    (void)pthread_join(thread, NULL);
    if (r == 0 && keys.rc < 0)
        *e = keys.e;
    return r == 0 ? keys.rc : r;
}

static int open_network(struct server *s, struct err *e)
{
    struct podnet_opts o = {
        .state_dir = path_in(s, "net"), .pod_range = POD_RANGE, .service_range = SERVICE_RANGE};
    if (s->opts.no_node)
        return 0;
    int r = podnet_open(&o, &s->podnet, e);
    if (r == ERR_DENIED)
        (void)err_hint(e, "run slipway as root, or with --no-node for the API alone");
    if (r < 0)
        return r;
    if (!s->opts.kubeconfig)
        image_store_add_local_host(s->images, server__on_gateway(s, s->opts.registry_address));
    return 0;
}

static int open_api(struct server *s, struct err *e)
{
    struct apiserver_opts o = {.store = s->store,
                               .clock = &clock_system,
                               .admin_token = s->id.admin_token,
                               .sa_key_pem = s->id.service_account_key_pem,
                               .ca_pem = s->id.ca_pem,
                               .service_cidr = SERVICE_RANGE,
                               .address = s->podnet ? server__on_gateway(s, s->opts.api_address)
                                                    : s->opts.api_address};
    int r = apiserver_new(&o, &s->api, e);
    if (r < 0)
        return r;
    s->kube = kube_local_new(s->api, "slipway", NULL);
    apiserver_set_image_gate(s->api, gate_port_open(s));
    past_port_open(s);
    s->node_kube = kube_local_new(s->api, "kubelet", NULL);
    return 0;
}

static int serve_api(struct server *s, struct err *e)
{
    int r = door_open(s, s->opts.api_address, true, apiserver_http, s->api, e);
    if (r < 0)
        return err_wrap(e, r, "API");
    const char *colon = strrchr(s->opts.api_address, ':');
    size_t host = colon ? (size_t)(colon - s->opts.api_address) : strlen(s->opts.api_address);
    const char *url = arena_printf(s->arena, "https://%.*s:%u", (int)host, s->opts.api_address,
                                   http_server_port(s->doors[s->n_doors - 1]));
    if (s->podnet)
        r = door_open(s, server__on_gateway(s, s->opts.api_address), true, apiserver_http, s->api,
                      e);
    return r < 0 ? r : identity_write_kubeconfig(s->dir, url, &s->id, e);
}

static int start_node(struct server *s, struct err *e)
{
    if (s->opts.no_node)
        return 0;
    s->image_source = image_source_store(s->images);
    s->pod_net = pod_net_routed(s->podnet);
    struct node_opts o = {.kube = s->node_kube,
                          .images = s->image_source,
                          .net = s->pod_net,
                          .clock = &clock_system,
                          .dir = s->dir,
                          .api_host = API_SERVICE,
                          .api_port = 443};
    int r = node_start(&o, &s->node, e);
    if (r < 0)
        return r;
    apiserver_set_pod_door(s->api, node_door(s->node));
    return 0;
}

/* Builds have containers of their own, apart from pods'. */
static int start_builder(struct server *s, struct err *e)
{
    if (s->opts.no_node)
        return 0;
    struct runtime_opts build = {.dir = path_in(s, "build"), .cgroup_parent = "slipway-build"};
    int r = fs_mkdirs(build.dir, 0700, e);
    if (r == 0)
        r = runtime_open(&build, &s->build_runtime, e);
    if (r == 0)
        r = runtime_watch(s->build_runtime, e);
    if (r == 0)
        r = build_recover(s->build_runtime, s->podnet, e);
    const struct keeper_opts keep = {.images = s->images};
    return r < 0 ? r : keeper_start(&keep, &s->keeper, e);
}

/* Pods run without it, too: a kernel may have no packet sockets. */
static void listen_for_requests(struct server *s)
{
    static const struct label job = {"job", "slipway-traffic"};
    uint32_t pods;
    struct err e;
    if (!s->node || !s->podnet || s->opts.no_controllers)
        return;
    int prefix = podnet_pod_range(s->podnet, &pods);
    if (requests_start(pods, prefix, &s->requests, &e) < 0)
        log_warn("metrics", "requests to services are not measured: %s", e.msg);
    else
        scraper_set_source(s->scraper, "requests", requests_measure, s->requests,
                           &(struct labels){&job, 1}, 0);
}

static int start_metrics(struct server *s, struct err *e)
{
    struct scraper_opts o = {.db = s->metrics, .clock = &clock_system};
    int r = scraper_start(&o, &s->scraper, e);
    if (r < 0)
        return r;
    s->monitor.scraper = s->scraper;
    s->monitor.started_ms = clock_real_ms();
    r = alerting_start(s, e);
    if (r < 0)
        return r;
    /* A real cluster has kube-state-metrics of its own, and Secrets that are not to be listed. */
    s->measured = (struct measured_self){s->metrics, s->logs, s->monitor.started_ms};
    listen_for_requests(s);
    measure_start(s->scraper, s->node, s->api ? s->kube : NULL, &s->measured);
    return 0;
}

/* The program that orders a pipeline's steps, where pods can mount it. */
static int install_programs(struct server *s, struct err *e)
{
    struct program p = program_entrypoint();
    char *bin = path_in(s, "bin");
    int r = fs_mkdirs(bin, 0755, e);
    return r < 0 ? r : program_install(&p, arena_printf(s->arena, "%s/entrypoint", bin), e);
}

static int start_logs(struct server *s, struct err *e)
{
    char *pods = path_in(s, "pods");
    int r = fs_mkdirs(pods, 0711, e);
    return r < 0 ? r : collector_start(s->logs, pods, &s->collector, e);
}

typedef int (*server_step)(struct server *s, struct err *e);

/* Without controllers nobody scans here, and nobody writes Events. */
static int watch_flaws(struct server *s, struct err *e)
{
    if (!s->runner || s->opts.no_controllers)
        return 0;
    int r = flaws_start(s, &s->flaws, e);
    if (r == 0)
        scraper_set_source(s->scraper, "advisories", flaws_measure, s->flaws, &(struct labels){0},
                           0);
    return r;
}

/* NULL-terminated. */
static const server_step own_steps[] = {take_folder,      open_stores_and_identity,
                                        open_network,     open_api,
                                        serve_api,        start_logs,
                                        install_programs, start_node,
                                        start_builder,    start_metrics,
                                        work_ports_open,  doors_open,
                                        shipping_start,   loops_start,
                                        watch_flaws,      NULL};
static const server_step cluster_steps[] = {take_folder,
                                            open_stores_and_identity,
                                            open_network,
                                            cluster_open,
                                            start_builder,
                                            start_metrics,
                                            work_ports_open,
                                            doors_open,
                                            shipping_start,
                                            admission_open,
                                            loops_start,
                                            watch_flaws,
                                            NULL};

/* Told before anything is opened. Host names are the resolver's business. */
static int check_addresses(const struct server_opts *o, struct err *e)
{
    const char *const given[][2] = {
        {"--api-address",       o->api_address      },
        {"--registry-address",  o->registry_address },
        {"--git-address",       o->git_address      },
        {"--metrics-address",   o->metrics_address  },
        {"--admission-address", o->admission_address},
    };
    for (size_t i = 0; i < ARRAY_LEN(given); i++) {
        const char *colon = strrchr(given[i][1], ':');
        char *end = NULL;
        unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 0;
        if (!colon || colon == given[i][1] || end == colon + 1 || *end || port > 65535)
            return err_set(e, ERR_INVALID, "%s %s: it needs the form HOST:PORT", given[i][0],
                           given[i][1]);
    }
    return 0;
}

static int start_all(struct server *s, struct err *e)
{
    int r = 0;
    for (const server_step *step = s->opts.kubeconfig ? cluster_steps : own_steps; *step; step++)
        if ((r = (*step)(s, e)) < 0)
            break;
    return r;
}

int server_start(const struct server_opts *o, struct server **out, struct err *e)
{
    AUTO(server) struct server *s = calloc(1, sizeof *s);
    if (!s)
        log_die("out of memory");
    s->opts = *o;
    s->arena = arena_new(0);
    s->keys_arena = arena_new(0);
    s->dir = o->data_dir;
    s->lock_fd = -1;
    int r = check_addresses(o, e);
    if (r == 0)
        r = start_all(s, e);
    if (r < 0)
        return r;
    *out = take_ptr(s);
    return 0;
}

void server_print_addresses(const struct server *s)
{
    (void)puts("slipway is up");
    if (s->opts.kubeconfig)
        (void)printf("  API       %s   KUBECONFIG=%s\n", s->opts.api_address, s->opts.kubeconfig);
    else
        (void)printf("  API       https://%s   KUBECONFIG=%s/admin.kubeconfig\n",
                     s->opts.api_address, s->dir);
    (void)printf("  registry  http://%s\n"
                 "  git       http://%s/git/\n"
                 "  metrics   http://%s\n",
                 s->opts.registry_address, s->opts.git_address, s->opts.metrics_address);
    (void)fflush(stdout);
}

/* The other way round than start_all. */
void server_free(struct server *s)
{
    if (!s)
        return;
    if (s->api)
        apiserver_stop(s->api);
    alerting_stop(s); /* it kicks the runner */
    flaws_stop(s->flaws);
    runner_free(s->runner);
    while (s->n_doors)
        http_server_free(s->doors[--s->n_doors]);
    work_free(s->work);
    alerting_free(s);
    scraper_free(s->scraper);
    scrape_jobs_free(s->jobs);
    requests_free(s->requests);
    remote_writers_free(s->writers);
    shipping_free(s->shipping);
    pushed_free(s->pushed);
    flaws_free(s->flaws);
    if (s->api)
        apiserver_set_pod_door(s->api, NULL);
    keeper_free(s->keeper);
    node_stop(s->node);
    if (s->image_source)
        image_source_store_free(s->image_source);
    if (s->pod_net)
        pod_net_routed_free(s->pod_net);
    if (s->build_runtime)
        runtime_close(s->build_runtime);
    collector_free(s->collector);
    tekton_free(s->tekton);
    chains_free(s->chains);
    gitops_free(s->gitops);
    charts_store_free(s->charts);
    pruner_free(s->pruner);
    host_free(s->host);
    registry_free(s->registry);
    registry_port_done(s);
    kube_free(s->node_kube);
    kube_free(s->kube);
    apiserver_free(s->api);
    podnet_free(s->podnet);
    key_free(s->signing_key);
    public_key_free(s->signing_public);
    tsdb_free(s->metrics);
    elastic_free(s->elastic);
    logdb_free(s->logs);
    image_store_free(s->images);
    store_free(s->store);
    if (s->lock_fd >= 0)
        (void)close(s->lock_fd);
    arena_free(s->keys_arena);
    arena_free(s->arena);
    free(s);
}
