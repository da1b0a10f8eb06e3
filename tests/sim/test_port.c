/* One suite for every implementation of kube.h: in memory, in the process, over HTTPS. */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "apiserver/apiserver.h"
#include "apiserver/local.h"
#include "base/log.h"
#include "codec/json.h"
#include "ctl/deployment/deployment.h"
#include "ctl/replicaset/replicaset.h"
#include "kube/controller.h"
#include "kube/fake.h"
#include "kube/remote.h"
#include "net/http_server.h"
#include "net/tls.h"
#include "store/store.h"
#include "t.h"

enum kind { FAKE, LOCAL, REMOTE, KINDS };
static const char *const NAMES[] = {"fake", "local", "remote"};

struct port {
    struct kube *k;
    const char *name;
    struct arena *a;
    struct store *store;
    struct apiserver *api;
    struct http_server *http;
};

static void must(int rc, const struct err *e)
{
    if (rc < 0)
        log_die("port: %s", e->msg);
}

static void serve(struct port *p)
{
    struct err e = {0};
    const char *names[] = {"127.0.0.1", NULL};
    struct tls_pair ca, server;
    must(tls_make_authority("test-ca", p->a, &ca, &e), &e);
    must(tls_issue(&ca, &(struct tls_request){.common_name = "api", .names = names}, p->a, &server,
                   &e),
         &e);
    /* A port of this process' own, so that runs side by side do not meet. */
    const char *address = NULL;
    for (int i = 0; i < 50 && !p->http; i++) {
        address = arena_printf(p->a, "127.0.0.1:%d", 20000 + ((int)getpid() * 7 + i * 131) % 20000);
        struct http_listen l = {.address = address,
                                .cert_pem = server.cert_pem,
                                .key_pem = server.key_pem,
                                .client_ca_pem = ca.cert_pem};
        if (http_server_start(&l, apiserver_http, p->api, &p->http, &e) < 0)
            p->http = NULL;
    }
    must(p->http ? 0 : ERR_SYSTEM, &e);
    const char *config =
        arena_printf(p->a,
                     "current-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n"
                     "clusters: [{name: c, cluster: {server: 'https://%s'}}]\n"
                     "users: [{name: u, user: {token: secret}}]\n",
                     address);
    struct kube_config c = {0};
    must(kube_config_parse(config, strlen(config), ".", NULL, p->a, &c, &e), &e);
    c.ca_pem = ca.cert_pem;
    p->k = kube_remote_new(&c, "test");
}

static struct port port_up(enum kind kind)
{
    struct port p = {.name = NAMES[kind], .a = arena_new(1 << 20)};
    struct err e = {0};
    if (kind == FAKE) {
        p.k = kube_fake_new(&clock_system);
        return p;
    }
    must(store_open(NULL, &p.store, &e), &e);
    struct apiserver_opts o = {
        .store = p.store, .admin_token = "secret", .ca_pem = "CA", .address = "127.0.0.1:1"};
    must(apiserver_new(&o, &p.api, &e), &e);
    if (kind == LOCAL)
        p.k = kube_local_new(p.api, "test", NULL);
    else
        serve(&p);
    return p;
}

static void port_down(struct port *p)
{
    if (p->api)
        apiserver_stop(p->api);
    kube_free(p->k);
    http_server_free(p->http);
    apiserver_free(p->api);
    store_free(p->store);
    arena_free(p->a);
}

static struct value *json(struct arena *a, const char *text)
{
    struct value *v = NULL;
    struct err e = {0};
    T_RC(json_parse(a, text, strlen(text), 0, &v, &e), &e, text);
    return v;
}

#define EACH_PORT(p)                                                                               \
    for (int kind_ = 0; kind_ < KINDS; kind_++)                                                    \
        for (struct port p = port_up((enum kind)kind_); p.k; port_down(&p), p.k = NULL)

static const char CM[] = "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":"
                         "\"c\",\"labels\":{\"l\":\"1\"}},\"data\":{\"x\":\"1\"}}";

static void writes_and_conflicts(void)
{
    EACH_PORT(p)
    {
        struct err e = {0};
        AUTO(object) struct object *one = NULL, *two = NULL, *three = NULL;
        T_RC(kube_create(p.k, &RES_CONFIG_MAP, "default", json(p.a, CM), &one, &e), &e, p.name);
        T_EQ_INT(kube_create(p.k, &RES_CONFIG_MAP, "default", json(p.a, CM), NULL, &e), ERR_EXISTS,
                 p.name);
        struct value *next = value_copy(p.a, one->root);
        (void)value_set_str(p.a, value_get_mut(next, "data"), "x", "2");
        T_RC(kube_update(p.k, &RES_CONFIG_MAP, "default", "c", NULL, next, &two, &e), &e, p.name);
        T_OK(two->rv > one->rv, p.name);
        T_EQ_INT(kube_update(p.k, &RES_CONFIG_MAP, "default", "c", NULL, next, NULL, &e),
                 ERR_CONFLICT, p.name);
        T_RC(kube_patch(p.k, &RES_CONFIG_MAP, "default", "c", NULL, KUBE_PATCH_MERGE,
                        json(p.a, "{\"data\":{\"y\":\"3\"}}"), &three, &e),
             &e, p.name);
        T_EQ_STR(value_at_str(three->root, "data.x", ""), "2", p.name);
        T_EQ_STR(value_at_str(three->root, "data.y", ""), "3", p.name);
        T_EQ_STR(value_at_str(three->root, "kind", ""), "ConfigMap", p.name);
        struct kube_delete_opts other = {.grace_s = -1, .uid = "another"};
        T_EQ_INT(kube_delete(p.k, &RES_CONFIG_MAP, "default", "c", &other, &e), ERR_CONFLICT,
                 p.name);
        T_RC(kube_delete(p.k, &RES_CONFIG_MAP, "default", "c", NULL, &e), &e, p.name);
        T_EQ_INT(kube_delete(p.k, &RES_CONFIG_MAP, "default", "c", NULL, &e), ERR_NOT_FOUND,
                 p.name);
    }
}

static void lists_and_watches(void)
{
    EACH_PORT(p)
    {
        struct err e = {0};
        struct kube_list l = {0};
        struct kube_watch *w = NULL;
        struct kube_event ev = {0};
        struct kube_list_opts opts = {.labels = "l=1"};
        T_RC(kube_create(p.k, &RES_CONFIG_MAP, "default", json(p.a, CM), NULL, &e), &e, p.name);
        T_RC(kube_list(p.k, &RES_CONFIG_MAP, "default", &opts, &l, &e), &e, p.name);
        T_EQ_INT(l.n, 1, p.name);
        T_EQ_STR(l.n ? value_at_str(l.items[0]->root, "kind", "") : "", "ConfigMap", p.name);
        T_RC(kube_watch_open(p.k, &RES_CONFIG_MAP, NULL, &opts, l.rv, &w, &e), &e, p.name);
        T_RC(kube_patch(p.k, &RES_CONFIG_MAP, "default", "c", NULL, KUBE_PATCH_MERGE,
                        json(p.a, "{\"data\":{\"y\":\"3\"}}"), NULL, &e),
             &e, p.name);
        T_RC(kube_delete(p.k, &RES_CONFIG_MAP, "default", "c", NULL, &e), &e, p.name);
        static const enum kube_event_type want[] = {KUBE_MODIFIED, KUBE_DELETED};
        uint64_t rv = l.rv;
        for (int i = 0; i < 2; i++) {
            int rc;
            do
                rc = kube_watch_next(p.k, w, 5000, &ev, &e);
            while (rc == 0 && ev.type == KUBE_BOOKMARK);
            T_RC(rc, &e, p.name);
            if (rc < 0)
                break;
            T_EQ_INT(ev.type, want[i], p.name);
            T_OK(ev.rv > rv, p.name);
            rv = ev.rv;
            T_EQ_STR(ev.object->name, "c", p.name);
            object_unref(ev.object);
        }
        T_EQ_INT(kube_watch_next(p.k, w, 20, &ev, &e), ERR_TIMEOUT, p.name);
        kube_watch_wake(p.k, w);
        T_EQ_INT(kube_watch_next(p.k, w, 5000, &ev, &e), ERR_CANCELLED, p.name);
        kube_watch_close(p.k, w);
        kube_list_done(&l);
    }
}

static void applies_and_finds(void)
{
    EACH_PORT(p)
    {
        struct err e = {0};
        AUTO(object) struct object *o = NULL, *dry = NULL;
        const struct resource *r = NULL;
        T_RC(kube_apply(p.k, &RES_CONFIG_MAP, "default", "c", NULL, "m", true, json(p.a, CM), NULL,
                        &e),
             &e, p.name);
        struct value *less = json(p.a, CM);
        (void)value_remove(less, "data");
        (void)value_set_str(p.a, value_make_object(p.a, less, "data"), "z", "9");
        T_RC(kube_apply_dry(p.k, &RES_CONFIG_MAP, "default", "c", "m", less, &dry, &e), &e, p.name);
        T_EQ_STR(value_at_str(dry->root, "data.z", ""), "9", p.name);
        T_RC(kube_get(p.k, &RES_CONFIG_MAP, "default", "c", &o, &e), &e, p.name);
        T_EQ_STR(value_at_str(o->root, "data.x", ""), "1", p.name);
        T_EQ_STR(value_at_str(o->root, "data.z", ""), "", p.name);
        T_RC(kube_find(p.k, "apps/v1", "Deployment", &r, &e), &e, p.name);
        T_OK(r == &RES_DEPLOYMENT, p.name);
        T_EQ_INT(kube_find(p.k, "none.example/v1", "Nothing", &r, &e), ERR_NOT_FOUND, p.name);
    }
}

static const char WEB[] =
    "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"web\"},\"spec\":{"
    "\"replicas\":20,\"selector\":{\"matchLabels\":{\"app\":\"web\"}},\"strategy\":{\"type\":"
    "\"RollingUpdate\",\"rollingUpdate\":{\"maxSurge\":1,\"maxUnavailable\":1}},\"template\":{"
    "\"metadata\":{\"labels\":{\"app\":\"web\"}},\"spec\":{\"automountServiceAccountToken\":false,"
    "\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}";

/* The same controllers, whichever port they stand on. */
static void drives_controllers(void)
{
    EACH_PORT(p)
    {
        struct err e = {0};
        struct runner *r = runner_new(p.k, &clock_system, 4);
        runner_add(r, &deployment_controller, NULL);
        runner_add(r, &replicaset_controller, NULL);
        T_RC(runner_start(r, &e), &e, p.name);
        int rc = kube_create(p.k, &RES_SERVICE_ACCOUNT, "default",
                             json(p.a, "{\"metadata\":{\"name\":\"default\"}}"), NULL, &e);
        T_OK(rc == 0 || rc == ERR_EXISTS, p.name);
        T_RC(kube_create(p.k, &RES_DEPLOYMENT, "default", json(p.a, WEB), NULL, &e), &e, p.name);
        size_t n = 0;
        for (int i = 0; i < 1000 && n < 20; i++) {
            struct kube_list l = {0};
            (void)usleep(10000);
            T_RC(kube_list(p.k, &RES_POD, "default", NULL, &l, &e), &e, p.name);
            n = l.n;
            kube_list_done(&l);
        }
        T_EQ_INT(n, 20, p.name);
        runner_stop(r);
        runner_free(r);
    }
}

T_MAIN(writes_and_conflicts, lists_and_watches, applies_and_finds, drives_controllers)
