#include "sim.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apiserver/local.h"
#include "base/fs.h"
#include "base/log.h"
#include "codec/json.h"
#include "codec/yaml.h"
#include "ctl/ctl.h"
#include "kube/cache.h"
#include "kube/write.h"
#include "store/store.h"

#define NS "demo"

static void must(int rc, const struct err *e)
{
    if (rc < 0)
        log_die("sim: %s", e->msg);
}

/* ---- a kubelet that starts and stops pods at once ---- */

static int run_pod(struct controller_ctx *c, const struct object *pod, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    bool job = object_label(pod, "batch.kubernetes.io/job-name") != NULL;
    const char *now = job ? "Succeeded" : "Running";
    if (strcmp(value_at_str(pod->root, "status.phase", ""), now) == 0)
        return 0;
    const struct value *was = value_get(pod->root, "status");
    struct value *s = was ? value_copy(a, was) : value_new_object(a);
    (void)value_set_str(a, s, "phase", now);
    (void)value_set_str(a, s, "podIP", "10.0.0.1");
    struct value *ready = value_new_object(a);
    (void)value_set_str(a, ready, "type", "Ready");
    (void)value_set_str(a, ready, "status", job ? "False" : "True");
    (void)value_set_str(a, ready, "lastTransitionTime", "2026-01-01T00:00:00Z");
    struct value *l = value_new_array(a);
    (void)value_push(a, l, ready);
    (void)value_set(a, s, "conditions", l);
    return write_status(c, &RES_POD, pod, s, e);
}

static int kubelet_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                        struct err *e)
{
    const struct object *pod = cache_get(c->cache, &RES_POD, key->ns, key->name, a);
    if (!pod || !*value_at_str(pod->root, "spec.nodeName", ""))
        return 0;
    struct kube_delete_opts at_once = {.grace_s = 0, .uid = pod->uid};
    if (pod->deleting) {
        int rc = kube_delete(c->kube, &RES_POD, pod->ns, pod->name, &at_once, e);
        return rc == ERR_NOT_FOUND || rc == ERR_CONFLICT ? 0 : rc;
    }
    return run_pod(c, pod, e);
}

static const struct controller_watch KUBELET_WATCHES[] = {
    {&RES_POD, NULL},
    {NULL,     NULL}
};
static const struct controller KUBELET = {
    .name = "kubelet", .watches = KUBELET_WATCHES, .sync = kubelet_sync};

/* ---- the process ---- */

static void start(struct sim *s, unsigned long die_at, bool after)
{
    struct err e = {0};
    AUTO(arena) struct arena *a = arena_new(0);
    must(store_open(arena_printf(a, "%s/store.db", s->dir), &s->store, &e), &e);
    struct apiserver_opts o = {
        .store = s->store, .clock = &s->clock.clock, .ca_pem = "CA", .address = "127.0.0.1:6443"};
    must(apiserver_new(&o, &s->api, &e), &e);
    s->kube = kube_local_new(s->api, "sim", NULL);
    mortal_init(&s->mortal, s->kube, die_at, after);
    s->runner = runner_new(&s->mortal.kube, &s->clock.clock, 0);
    for (const struct controller *const *c = ctl_workloads; *c; c++)
        runner_add(s->runner, *c, NULL);
    runner_add(s->runner, &scheduler_controller, NULL);
    runner_add(s->runner, &KUBELET, NULL);
}

static void stop(struct sim *s)
{
    runner_free(s->runner);
    apiserver_stop(s->api);
    kube_free(s->kube);
    apiserver_free(s->api);
    store_free(s->store);
}

static const char FIRST[] = "apiVersion: v1\nkind: Namespace\nmetadata: {name: " NS "}\n"
                            "---\napiVersion: v1\nkind: Node\nmetadata: {name: node-1}\n";
static const char NODE_STATUS[] =
    "{\"status\":{\"allocatable\":{\"cpu\":\"64\",\"memory\":\"64Gi\",\"pods\":\"1000\"},"
    "\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\","
    "\"lastHeartbeatTime\":\"2099-01-01T00:00:00Z\"}]}}";

void sim_up(struct sim *s, uint64_t seed, unsigned long die_at, bool after)
{
    *s = (struct sim){.seed = seed ? seed : 1};
    fake_clock_init(&s->clock, 1790000000000);
    /* In memory where there is such a folder: processes die here, power does not fail. */
    (void)snprintf(s->dir, sizeof s->dir, "/dev/shm/slipway-sim-XXXXXX");
    if (!mkdtemp(s->dir)) {
        (void)snprintf(s->dir, sizeof s->dir, "/tmp/slipway-sim-XXXXXX");
        if (!mkdtemp(s->dir))
            log_die("sim: no temporary folder");
    }
    start(s, die_at, after);
    sim_apply(s, FIRST);
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *v = NULL;
    struct err e = {0};
    must(json_parse(a, NODE_STATUS, strlen(NODE_STATUS), 0, &v, &e), &e);
    must(kube_patch(s->kube, &RES_NODE, NULL, "node-1", "status", KUBE_PATCH_MERGE, v, NULL, &e),
         &e);
    v = NULL;
    /* A new node is tainted until somebody says that it is ready. */
    must(json_parse(a, "{\"spec\":{\"taints\":null}}", 24, 0, &v, &e), &e);
    must(kube_patch(s->kube, &RES_NODE, NULL, "node-1", NULL, KUBE_PATCH_MERGE, v, NULL, &e), &e);
}

void sim_down(struct sim *s)
{
    struct err e = {0};
    stop(s);
    must(fs_remove_tree(s->dir, &e), &e);
}

static uint64_t next_random(struct sim *s)
{
    s->seed ^= s->seed << 13;
    s->seed ^= s->seed >> 7;
    s->seed ^= s->seed << 17;
    return s->seed;
}

enum { IDLE_LOOKS = 3, SOON_MS = 60000 };

/* Nothing is due now: events may still be on their way, or something is due soon. */
static bool wait_for_work(struct sim *s, int *idle)
{
    if (++*idle <= IDLE_LOOKS) {
        (void)usleep(500);
        return true;
    }
    int64_t due = runner_next_due_ms(s->runner);
    if (due == INT64_MAX || due - s->clock.ms > SOON_MS)
        return false;
    fake_clock_move(&s->clock, due > s->clock.ms ? due - s->clock.ms : 1);
    *idle = 0;
    return true;
}

bool sim_run(struct sim *s, unsigned max)
{
    int idle = 0;
    for (unsigned n = 0; n < max;) {
        if (s->mortal.dead) {
            stop(s);
            start(s, 0, false);
            s->restarts++;
            idle = 0;
        }
        if (runner_step(s->runner, next_random(s))) {
            n++;
            s->syncs++;
            idle = 0;
        } else if (!wait_for_work(s, &idle)) {
            return true;
        }
    }
    return false;
}

/* ---- the user's hand ---- */

void sim_apply(struct sim *s, const char *yaml)
{
    AUTO(arena) struct arena *a = arena_new((size_t)1 << 24);
    struct value **docs = NULL;
    size_t n = 0;
    struct err e = {0};
    must(yaml_parse_all(a, yaml, strlen(yaml), 0, &docs, &n, &e), &e);
    for (size_t i = 0; i < n; i++) {
        const struct resource *r = NULL;
        must(kube_find(s->kube, value_at_str(docs[i], "apiVersion", ""),
                       value_at_str(docs[i], "kind", ""), &r, &e),
             &e);
        must(kube_create(s->kube, r, r->namespaced ? NS : NULL, docs[i], NULL, &e), &e);
    }
}

void sim_patch(struct sim *s, const struct resource *r, const char *name, const char *json)
{
    AUTO(arena) struct arena *a = arena_new((size_t)1 << 24);
    struct value *v = NULL;
    struct err e = {0};
    must(json_parse(a, json, strlen(json), 0, &v, &e), &e);
    must(kube_patch(s->kube, r, NS, name, NULL, KUBE_PATCH_MERGE, v, NULL, &e), &e);
}

size_t sim_count(struct sim *s, const struct resource *r, const char *labels)
{
    struct kube_list l = {0};
    struct err e = {0};
    must(kube_list(s->kube, r, r->namespaced ? NS : NULL, &(struct kube_list_opts){labels, NULL},
                   &l, &e),
         &e);
    size_t n = l.n;
    kube_list_done(&l);
    return n;
}
