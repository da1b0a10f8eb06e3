/* A Deployment from its creation to its replacement, on the fake API, driven by hand. */
#include "t.h"
#include "codec/json.h"
#include "ctl/deployment/deployment.h"
#include "ctl/replicaset/replicaset.h"
#include "kube/fake.h"

struct cluster {
    struct fake_clock clock;
    struct kube *k;
    struct runner *r;
};

static void cluster_up(struct cluster *c, const char *yaml)
{
    fake_clock_init(&c->clock, 1700000000000);
    c->k = kube_fake_new(&c->clock.clock);
    c->r = runner_new(c->k, &c->clock.clock, 0);
    runner_add(c->r, &deployment_controller, NULL);
    runner_add(c->r, &replicaset_controller, NULL);
    kube_fake_load(c->k, yaml);
}

static void cluster_down(struct cluster *c)
{
    runner_free(c->r);
    kube_free(c->k);
}

static void settle(struct cluster *c)
{
    T_OK(runner_settle(c->r, 10000) < 10000, "settles");
}

static struct value *json(struct arena *a, const char *text)
{
    struct value *v = NULL;
    struct err e = {0};
    T_RC(json_parse(a, text, strlen(text), 0, &v, &e), &e, text);
    return v;
}

static void patch(struct cluster *c, const char *text)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct err e = {0};
    T_RC(kube_patch(c->k, &RES_DEPLOYMENT, "default", "web", NULL, KUBE_PATCH_MERGE, json(a, text),
                    NULL, &e),
         &e, text);
}

/* Plays the kubelet for up to `n` pods that are not ready yet. */
static void make_ready(struct cluster *c, size_t n)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *up = json(a, "{\"status\":{\"phase\":\"Running\",\"conditions\":[{\"type\":"
                               "\"Ready\",\"status\":\"True\",\"lastTransitionTime\":"
                               "\"2023-11-14T22:13:20Z\"}]}}");
    struct kube_list l = {0};
    struct err e = {0};
    T_RC(kube_list(c->k, &RES_POD, NULL, NULL, &l, &e), &e, "list");
    for (size_t i = 0; i < l.n && n > 0; i++) {
        if (object_condition(l.items[i]->root, "Ready"))
            continue;
        T_RC(kube_patch(c->k, &RES_POD, "default", l.items[i]->name, "status", KUBE_PATCH_MERGE, up,
                        NULL, &e),
             &e, "ready");
        n--;
    }
    kube_list_done(&l);
    settle(c);
}

/* "rs replicas/ready" of every set in order of revision, then the Deployment's counts. */
static const char *state(struct cluster *c, struct arena *a)
{
    struct kube_list l = {0};
    struct err e = {0};
    char *text = arena_strdup(a, "");
    T_RC(kube_list(c->k, &RES_REPLICA_SET, NULL, NULL, &l, &e), &e, "list");
    for (int rev = 1; rev < 20; rev++)
        for (size_t i = 0; i < l.n; i++)
            if (strtol(object_annotation(l.items[i], "deployment.kubernetes.io/revision"), NULL,
                       10) == rev)
                text = arena_printf(
                    a, "%sr%d=%lld/%lld ", text, rev,
                    (long long)value_at_int(l.items[i]->root, "spec.replicas", 0),
                    (long long)value_at_int(l.items[i]->root, "status.readyReplicas", 0));
    kube_list_done(&l);
    AUTO(object) struct object *d = NULL;
    T_RC(kube_get(c->k, &RES_DEPLOYMENT, "default", "web", &d, &e), &e, "get");
    const struct value *p = object_condition(d->root, "Progressing");
    return arena_printf(a, "%s%s", text, value_str(value_get(p, "reason"), "-"));
}

#define WEB(strategy)                                                                              \
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n"                        \
    "  replicas: 4\n  progressDeadlineSeconds: 600\n  revisionHistoryLimit: 2\n"                   \
    "  selector: {matchLabels: {app: web}}\n  strategy: " strategy "\n"                            \
    "  template:\n    metadata: {labels: {app: web}}\n"                                            \
    "    spec: {containers: [{name: c, image: 'nginx:1'}]}\n"

#define IMAGE(i)                                                                                   \
    "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"" i "\"}]}}}}"

static void rolls_a_few_at_a_time(void)
{
    struct cluster c;
    AUTO(arena) struct arena *a = arena_new(0);
    cluster_up(&c, WEB("{}"));
    settle(&c);
    T_EQ_STR(state(&c, a), "r1=4/0 ReplicaSetUpdated", "created");
    make_ready(&c, 4);
    T_EQ_STR(state(&c, a), "r1=4/4 NewReplicaSetAvailable", "available");
    patch(&c, IMAGE("nginx:2"));
    settle(&c);
    T_EQ_STR(state(&c, a), "r1=3/3 r2=2/0 ReplicaSetUpdated", "one surge, one unavailable");
    make_ready(&c, 1);
    T_EQ_STR(state(&c, a), "r1=2/2 r2=3/1 ReplicaSetUpdated", "one moves on");
    make_ready(&c, 9);
    make_ready(&c, 9);
    make_ready(&c, 9);
    T_EQ_STR(state(&c, a), "r1=0/0 r2=4/4 NewReplicaSetAvailable", "done");
    patch(&c, IMAGE("nginx:1"));
    settle(&c);
    make_ready(&c, 9);
    make_ready(&c, 9);
    make_ready(&c, 9);
    T_EQ_STR(state(&c, a), "r2=0/0 r3=4/4 NewReplicaSetAvailable", "back: the first set again");
    cluster_down(&c);
}

static void recreates_after_the_last_is_gone(void)
{
    struct cluster c;
    AUTO(arena) struct arena *a = arena_new(0);
    cluster_up(&c, WEB("{type: Recreate}"));
    settle(&c);
    make_ready(&c, 4);
    patch(&c, IMAGE("nginx:2"));
    settle(&c);
    T_EQ_STR(state(&c, a), "r1=0/0 r2=4/0 ReplicaSetUpdated", "all new");
    cluster_down(&c);
}

static void gives_up_after_its_deadline(void)
{
    struct cluster c;
    AUTO(arena) struct arena *a = arena_new(0);
    cluster_up(&c, WEB("{}"));
    settle(&c);
    fake_clock_move(&c.clock, 602000);
    settle(&c);
    T_EQ_STR(state(&c, a), "r1=4/0 ProgressDeadlineExceeded", "late");
    make_ready(&c, 4);
    T_EQ_STR(state(&c, a), "r1=4/4 NewReplicaSetAvailable", "but it recovers");
    cluster_down(&c);
}

static void pauses_and_forgets(void)
{
    struct cluster c;
    AUTO(arena) struct arena *a = arena_new(0);
    cluster_up(&c, WEB("{}"));
    settle(&c);
    make_ready(&c, 4);
    patch(&c, "{\"spec\":{\"paused\":true}}");
    patch(&c, IMAGE("nginx:2"));
    settle(&c);
    T_EQ_STR(state(&c, a), "r1=4/4 DeploymentPaused", "nothing moves");
    patch(&c, "{\"spec\":{\"paused\":false}}");
    static const char *const images[] = {IMAGE("nginx:3"), IMAGE("nginx:4"), IMAGE("nginx:5")};
    for (int i = 0; i < 3; i++) {
        patch(&c, images[i]);
        settle(&c);
        for (int j = 0; j < 4; j++)
            make_ready(&c, 9);
    }
    T_EQ_STR(state(&c, a), "r2=0/0 r3=0/0 r4=4/4 NewReplicaSetAvailable", "two old ones are kept");
    cluster_down(&c);
}

static void survives_any_order(void)
{
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct cluster c;
        AUTO(arena) struct arena *a = arena_new(0);
        uint64_t x = seed * 0x9e3779b97f4a7c15u;
        cluster_up(&c, WEB("{}"));
        for (int round = 0; round < 60; round++) {
            for (int i = 0; i < 10; i++) {
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                (void)runner_step(c.r, x);
            }
            if (round == 7)
                patch(&c, IMAGE("nginx:2"));
            if (round % 3 == 0)
                make_ready(&c, 1 + x % 3);
            if (round == 20)
                kube_fake_compact(c.k);
            if (x % 5 == 0)
                kube_fake_fail(c.k, x % 2 ? "update" : "create", NULL, 2, ERR_AGAIN);
            fake_clock_move(&c.clock, 200);
        }
        for (int i = 0; i < 12; i++) {
            fake_clock_move(&c.clock, 1000);
            make_ready(&c, 9);
        }
        T_EQ_STR(state(&c, a), "r1=0/0 r2=4/4 NewReplicaSetAvailable", "seed");
        cluster_down(&c);
    }
}

T_MAIN(rolls_a_few_at_a_time, recreates_after_the_last_is_gone, gives_up_after_its_deadline,
       pauses_and_forgets, survives_any_order)
