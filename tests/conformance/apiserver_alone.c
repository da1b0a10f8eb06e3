/* apiserver_alone - the API over its store, with the workload controllers and without a node:
 * what the recorded exchanges of shared/conformance/apirec are replayed against.
 *
 *   apiserver-alone --port 6443 --data DIR [--no-controllers]
 *
 * DIR gets ca.crt, token and admin.kubeconfig. Ends on SIGTERM or SIGINT. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "apiserver/apiserver.h"
#include "apiserver/local.h"
#include "base/fs.h"
#include "base/log.h"
#include "net/tls.h"
#ifdef WITH_CONTROLLERS
#include "ctl/ctl.h"
#endif

struct alone {
    struct arena *arena;
    const char *data, *port, *token;
    struct tls_pair ca, server;
    const char *sa_key;
    struct store *store;
    struct apiserver *api;
    struct http_server *http;
    struct kube *kube;
    struct runner *runner;
#ifdef WITH_CONTROLLERS
    struct ctl_opts ctl;
#endif
};

static void must(int rc, const struct err *e)
{
    if (rc >= 0)
        return;
    (void)fprintf(stderr, "apiserver-alone: %s\n", e->msg);
    exit(1);
}

static void keep(struct alone *w, const char *name, const char *text)
{
    struct err e = {0};
    const char *path = arena_printf(w->arena, "%s/%s", w->data, name);
    must(fs_write_atomic(path, 0600, text, strlen(text), &e), &e);
}

static void make_identity(struct alone *w)
{
    struct err e = {0};
    const char *names[] = {"localhost", "127.0.0.1", "kubernetes.default.svc", NULL};
    must(tls_make_authority("slipway-ca", w->arena, &w->ca, &e), &e);
    struct tls_request r = {.common_name = "kube-apiserver", .names = names};
    must(tls_issue(&w->ca, &r, w->arena, &w->server, &e), &e);
    must(tls_make_key(w->arena, &w->sa_key, &e), &e);
    w->token = "0123456789abcdef0123456789abcdef";
    keep(w, "ca.crt", w->ca.cert_pem);
    keep(w, "token", w->token);
    keep(w, "admin.kubeconfig",
         arena_printf(
             w->arena,
             "apiVersion: v1\nkind: Config\nclusters:\n- name: slipway\n  cluster:\n"
             "    server: https://127.0.0.1:%s\n    certificate-authority: %s/ca.crt\n"
             "users:\n- name: admin\n  user:\n    token: %s\ncontexts:\n- name: slipway\n"
             "  context:\n    cluster: slipway\n    user: admin\ncurrent-context: slipway\n",
             w->port, w->data, w->token));
}

#ifdef WITH_CONTROLLERS
static int mint(void *arg, const struct object *account, const struct object *secret,
                struct arena *a, const char **token, struct err *e)
{
    (void)secret;
    return apiserver_service_token(((struct alone *)arg)->api, account->ns, account->name, NULL,
                                   NULL, 365 * 86400, a, token, e);
}
#endif

static void start(struct alone *w, bool controllers)
{
    struct err e = {0};
    const char *address = arena_printf(w->arena, "127.0.0.1:%s", w->port);
    must(store_open(arena_printf(w->arena, "%s/store.db", w->data), &w->store, &e), &e);
    struct apiserver_opts o = {.store = w->store,
                               .admin_token = w->token,
                               .sa_key_pem = w->sa_key,
                               .ca_pem = w->ca.cert_pem,
                               .service_cidr = "10.0.0.0/24", /* as where they were recorded */
                               .address = address};
    must(apiserver_new(&o, &w->api, &e), &e);
    struct http_listen l = {.address = address,
                            .cert_pem = w->server.cert_pem,
                            .key_pem = w->server.key_pem,
                            .client_ca_pem = w->ca.cert_pem};
    must(http_server_start(&l, apiserver_http, w->api, &w->http, &e), &e);
#ifdef WITH_CONTROLLERS
    if (controllers) {
        w->kube = kube_local_new(w->api, "kube-controller-manager", NULL);
        w->runner = runner_new(w->kube, &clock_system, 4);
        w->ctl = (struct ctl_opts){.ca_pem = w->ca.cert_pem, .mint = mint, .mint_arg = w};
        for (const struct controller *const *c = ctl_workloads; *c; c++)
            runner_add(w->runner, *c, &w->ctl);
        must(runner_start(w->runner, &e), &e);
    }
#else
    (void)controllers;
#endif
}

static void stop(struct alone *w)
{
    apiserver_stop(w->api);
#ifdef WITH_CONTROLLERS
    if (w->runner)
        runner_stop(w->runner);
    runner_free(w->runner);
    kube_free(w->kube);
#endif
    http_server_free(w->http);
    apiserver_free(w->api);
    store_free(w->store);
    arena_free(w->arena);
}

int main(int argc, char **argv)
{
    struct alone w = {.arena = arena_new(1 << 20), .data = "/tmp/apiserver-alone", .port = "6443"};
    bool controllers = true;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--port") == 0 && i + 1 < argc)
            w.port = argv[++i];
        else if (strcmp(argv[i], "--data") == 0 && i + 1 < argc)
            w.data = argv[++i];
        else if (strcmp(argv[i], "--no-controllers") == 0)
            controllers = false;
    }
    struct err e = {0};
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    must(fs_mkdirs(w.data, 0700, &e), &e);
    make_identity(&w);
    start(&w, controllers);
    (void)printf("serving on 127.0.0.1:%s\n", w.port);
    (void)fflush(stdout);
    int got;
    (void)sigwait(&set, &got);
    stop(&w);
    return 0;
}
