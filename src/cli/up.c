/* up.c - slipway up: the server in the foreground. */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/promtool.h"
#include "cli/verb.h"
#include "server/down.h"
#include "server/server.h"

enum { LOOK_EVERY_S = 3, QUIET_CPU_MS = 100 };

/* Many threads, most of which sleep: they share as many heaps as can be busy at a time, where the
 * C library would make up to eight times as many, each with room that nobody else can use. */
static void share_heaps(void)
{
    (void)mallopt(M_ARENA_MAX, 2 * (int)sysconf(_SC_NPROCESSORS_ONLN));
}

/* The processor time this process has used. */
static int64_t used_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* SIGTERM and SIGINT end it; blocked in every thread, taken here. Until then, what a burst of work
 * has left free goes back to the system in the first quiet moment after it. */
static void wait_for_end(const sigset_t *signals)
{
    const struct timespec pause = {.tv_sec = LOOK_EVERY_S};
    int64_t last = used_ms(), trimmed = -QUIET_CPU_MS;
    int sig;
    while ((sig = sigtimedwait(signals, NULL, &pause)) < 0) {
        int64_t used = used_ms();
        if (used - last < QUIET_CPU_MS && used - trimmed > QUIET_CPU_MS) {
            (void)malloc_trim(0);
            trimmed = used_ms();
        }
        last = used;
    }
    log_info("server", "%s: stopping; containers run on",
             sig == SIGINT ? "interrupted" : "terminated");
}

static const char *const *terminated(const struct option_list *l, struct arena *a)
{
    const char **list = ARENA_ARRAY(a, const char *, l->n + 1);
    for (size_t i = 0; i < l->n; i++)
        list[i] = l->items[i];
    return list;
}

static bool check_cluster(const struct server_opts *o, struct err *e)
{
    if (o->kubeconfig && o->api_address)
        (void)err_set(e, ERR_INVALID,
                      "--api-address and --kubeconfig: with a cluster, the API is the cluster's");
    else if (!o->kubeconfig && (o->advertise || o->tools_image))
        (void)err_set(e, ERR_INVALID, "--%s needs --kubeconfig",
                      o->advertise ? "advertise" : "tools-image");
    return e->code == 0;
}

static int run_up(int argc, char **argv)
{
    struct server_opts o = {.registry_address = "127.0.0.1:5000",
                            .git_address = "127.0.0.1:3000",
                            .metrics_address = "127.0.0.1:9090",
                            .admission_address = "127.0.0.1:3443"};
    struct option_list mirrors = {0}, aliases = {0}, features = {0};
    bool quiet = false, debug = false;
    const struct option table[] = {
        {"data-dir",                                    'd', OPTION_TEXT, &o.data_dir, "DIR",
         "where everything is kept (" VERB_DEFAULT_DIR ")"},
        {"api-address",                                  0, OPTION_TEXT, &o.api_address, "HOST:PORT",
         "Kubernetes API, TLS (127.0.0.1:6443)"},
        {"registry-address",                                        0, OPTION_TEXT, &o.registry_address, "HOST:PORT",
         "image registry (127.0.0.1:5000)"},
        {"git-address",                                             0, OPTION_TEXT, &o.git_address, "HOST:PORT",
         "git over HTTP and webhooks (127.0.0.1:3000)"},
        {"metrics-address",           0, OPTION_TEXT, &o.metrics_address, "HOST:PORT",
         "metrics and logs API (127.0.0.1:9090)"},
        {"admission-address",                               0, OPTION_TEXT, &o.admission_address, "HOST:PORT",
         "with --advertise: where the cluster asks what may start, TLS (127.0.0.1:3443)"},
        {"registry-mirror",        0, OPTION_LIST, &mirrors, "HOST=URL",
         "pull images of HOST from URL; * for every host"},
        {"image-alias",                            0, OPTION_LIST, &aliases, "FROM=TO",
         "use image TO where FROM is asked for; FROM ending in / is a prefix"},
        {"kubeconfig",                                  0, OPTION_TEXT, &o.kubeconfig, "FILE",
         "run on this cluster's API and nodes instead of our own"},
        {"advertise",                                  0, OPTION_TEXT, &o.advertise, "HOST",
         "where that cluster's pods and nodes reach git, registry and work API here"},
        {"tools-image",                                             0, OPTION_TEXT, &o.tools_image, "IMAGE",
         "with --kubeconfig: the steps' entrypoint (HOST:5000/tools, of `slipway image bootstrap "
         "tools`)"},
        {"prometheus-config",0, OPTION_TEXT, &o.prometheus_config, "FILE",
         "a prometheus.yml: scrape_configs, remote_write, rule_files, alerting, global"},
        {"alertmanager-config",                               0, OPTION_TEXT, &o.alertmanager_config, "FILE",
         "who is told about alerts: an alertmanager.yml"},
        {"logs-config", 0, OPTION_TEXT, &o.logs_config, "FILE",
         "other ways of lines, in and out: a fluent-bit.yaml (forward, syslog; es, forward)"},
        {"enable-feature",                             0, OPTION_LIST, &features, "NAME",
         "what Prometheus has behind this flag: promql-experimental-functions, …"},
        {"no-node",                                  0, OPTION_FLAG, &o.no_node, NULL,
         "run no containers: API and controllers only"},
        {"no-controllers",                                  0, OPTION_FLAG, &o.no_controllers, NULL, "the API alone"},
        {"quiet",                                             'q', OPTION_FLAG, &quiet, NULL, "warnings and errors only"},
        {"debug",              0, OPTION_FLAG, &debug, NULL, "say more"},
        {0                        }
    };
    AUTO(arena) struct arena *a = arena_new(0);
    struct arguments args;
    struct err e = {0};
    int code;
    if (!verb_begin(&verbs_server[0], table, argc, argv, a, &args, &code))
        return code;
    if (args.n)
        return verb_usage(&verbs_server[0]);
    if (!check_cluster(&o, &e) || !promtool_features(&features, &o.query_features, &e))
        return verb_fail(&e);
    if (!o.api_address)
        o.api_address = "127.0.0.1:6443";
    o.data_dir = verb_data_dir(o.data_dir);
    o.registry_mirrors = terminated(&mirrors, a);
    o.image_aliases = terminated(&aliases, a);
    log_set_level(debug ? LOG_DEBUG : quiet ? LOG_WARN : LOG_INFO);
    (void)close_range(STDERR_FILENO + 1, ~0u, 0); /* a caller's lock, say: shims would keep it */
    share_heaps();
    (void)signal(SIGPIPE, SIG_IGN);
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    AUTO(server) struct server *s = NULL;
    if (server_start(&o, &s, &e) < 0)
        return verb_fail(&e);
    server_print_addresses(s);
    wait_for_end(&signals);
    return EXIT_OK;
}

static int run_down(int argc, char **argv)
{
    const char *data_dir = NULL;
    bool forget = false;
    const struct option table[] = {
        {"data-dir",   'd', OPTION_TEXT, &data_dir, "DIR",
         "where everything is kept (" VERB_DEFAULT_DIR ")"},
        {"forget", 0, OPTION_FLAG, &forget, NULL,
         "remove the data folder, too: repositories, images, logs"},
        {0      }
    };
    AUTO(arena) struct arena *a = arena_new(0);
    struct arguments args;
    struct err e = {0};
    size_t containers;
    int code;
    if (!verb_begin(&verbs_server[1], table, argc, argv, a, &args, &code))
        return code;
    if (args.n)
        return verb_usage(&verbs_server[1]);
    if (server_take_down(verb_data_dir(data_dir), forget, &containers, &e) < 0)
        return verb_fail(&e);
    (void)printf("%zu containers ended, network removed\n", containers);
    return EXIT_OK;
}

const struct verb verbs_server[] = {
    {"up",                                                         "[options]", "start slipway: API, registry, git, pipelines, deployments", run_up},
    {"down", "[options]", "end the containers that a stopped slipway left running", run_down},
    {0                                                           }
};
