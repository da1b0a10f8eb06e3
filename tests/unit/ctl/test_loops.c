/* Loops whose decisions span several objects, on the fake API, driven by hand. */
#include "codec/json.h"
#include "ctl/garbage/garbage.h"
#include "ctl/job/job.h"
#include "ctl/nodes/nodes.h"
#include "ctl/nodes/plan.h"
#include "ctl/serviceaccount/serviceaccount.h"
#include "ctl/statefulset/statefulset.h"
#include "ctl/volume/volume.h"
#include "kube/fake.h"
#include "t.h"

struct cluster {
    struct fake_clock clock;
    struct kube *k;
    struct runner *r;
};

static void up(struct cluster *c, const struct controller *const *loops, const char *yaml)
{
    fake_clock_init(&c->clock, 1767225600000);
    c->k = kube_fake_new(&c->clock.clock);
    c->r = runner_new(c->k, &c->clock.clock, 0);
    for (; *loops; loops++)
        runner_add(c->r, *loops, NULL);
    if (yaml)
        kube_fake_load(c->k, yaml);
}

static void down(struct cluster *c)
{
    runner_free(c->r);
    kube_free(c->k);
}

static void settle(struct cluster *c)
{
    T_OK(runner_settle(c->r, 10000) < 10000, "settles");
}

static bool there(struct cluster *c, const struct resource *r, const char *name)
{
    AUTO(object) struct object *o = NULL;
    struct err e;
    return kube_get(c->k, r, r->namespaced ? "default" : NULL, name, &o, &e) == 0;
}

static void patch(struct cluster *c, const struct resource *r, const char *name, const char *sub,
                  const char *text)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *v = NULL;
    struct err e = {0};
    T_RC(json_parse(a, text, strlen(text), 0, &v, &e), &e, text);
    T_RC(kube_patch(c->k, r, r->namespaced ? "default" : NULL, name, sub, KUBE_PATCH_MERGE, v, NULL,
                    &e),
         &e, text);
}

static void del(struct cluster *c, const struct resource *r, const char *name,
                enum kube_propagation how)
{
    struct err e = {0};
    T_RC(kube_delete(c->k, r, "default", name,
                     &(struct kube_delete_opts){.propagation = how, .grace_s = -1}, &e),
         &e, name);
}

/* An owner with a child; the first object of a fake has uid …001. */
#define FAMILY(finalizer)                                                                          \
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: owner}\n"                                   \
    "---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: child\n"                                \
    "  finalizers: [" finalizer "]\n"                                                              \
    "  ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: owner,"                           \
    " uid: 00000000-0000-4000-8000-000000000001, controller: true, blockOwnerDeletion: true}]\n"

static const struct controller *const GARBAGE[] = {&garbage_controller, NULL};

static void background(void)
{
    struct cluster c;
    up(&c, GARBAGE, FAMILY(""));
    settle(&c);
    T_OK(there(&c, &RES_SECRET, "child"), "stays while its owner does");
    del(&c, &RES_CONFIG_MAP, "owner", KUBE_BACKGROUND);
    settle(&c);
    T_OK(!there(&c, &RES_SECRET, "child"), "goes after it");
    down(&c);
}

static void foreground(void)
{
    struct cluster c;
    up(&c, GARBAGE, FAMILY("example.com/hold"));
    settle(&c);
    del(&c, &RES_CONFIG_MAP, "owner", KUBE_FOREGROUND);
    settle(&c);
    T_OK(there(&c, &RES_CONFIG_MAP, "owner"), "waits for its child");
    patch(&c, &RES_SECRET, "child", NULL, "{\"metadata\":{\"finalizers\":null}}");
    settle(&c);
    T_OK(!there(&c, &RES_SECRET, "child"), "the child went");
    T_OK(!there(&c, &RES_CONFIG_MAP, "owner"), "then the owner");
    down(&c);
}

static void orphan(void)
{
    struct cluster c;
    up(&c, GARBAGE, FAMILY(""));
    settle(&c);
    del(&c, &RES_CONFIG_MAP, "owner", KUBE_ORPHAN);
    settle(&c);
    T_OK(!there(&c, &RES_CONFIG_MAP, "owner"), "gone");
    T_OK(there(&c, &RES_SECRET, "child"), "left behind");
    AUTO(object) struct object *o = NULL;
    struct err e = {0};
    T_RC(kube_get(c.k, &RES_SECRET, "default", "child", &o, &e), &e, "get");
    T_OK(!value_at(o->root, "metadata.ownerReferences"), "without a reference");
    down(&c);
}

static void another_of_that_name_is_not_the_owner(void)
{
    struct cluster c;
    up(&c, GARBAGE, FAMILY(""));
    settle(&c);
    del(&c, &RES_CONFIG_MAP, "owner", KUBE_BACKGROUND);
    kube_fake_load(c.k, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: owner}\n");
    settle(&c);
    T_OK(!there(&c, &RES_SECRET, "child"), "its owner is gone");
    T_OK(there(&c, &RES_CONFIG_MAP, "owner"), "the new one stays");
    down(&c);
}

static void namespaces_begin_with(void)
{
    static const struct controller *const loops[] = {&serviceaccount_controller, NULL};
    struct cluster c;
    up(&c, loops, "apiVersion: v1\nkind: Namespace\nmetadata: {name: default}\n");
    settle(&c);
    T_OK(there(&c, &RES_SERVICE_ACCOUNT, "default"), "an account");
    T_OK(there(&c, &RES_CONFIG_MAP, "kube-root-ca.crt"), "the authority");
    del(&c, &RES_SERVICE_ACCOUNT, "default", KUBE_BACKGROUND);
    patch(&c, &RES_CONFIG_MAP, "kube-root-ca.crt", NULL, "{\"data\":{\"ca.crt\":\"tampered\"}}");
    settle(&c);
    T_OK(there(&c, &RES_SERVICE_ACCOUNT, "default"), "comes back");
    AUTO(object) struct object *o = NULL;
    struct err e = {0};
    T_RC(kube_get(c.k, &RES_CONFIG_MAP, "default", "kube-root-ca.crt", &o, &e), &e, "get");
    T_EQ_STR(value_get(value_get(o->root, "data"), "ca.crt")->text, "", "is put right");
    down(&c);
}

static void claims_outlive_their_users(void)
{
    static const struct controller *const loops[] = {&claim_controller, &volume_controller,
                                                     &claim_protection_controller, NULL};
    struct cluster c;
    up(&c, loops,
       "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: v}\n"
       "spec: {capacity: {storage: 2Gi}, accessModes: [ReadWriteOnce], storageClassName: s,"
       " persistentVolumeReclaimPolicy: Retain}\n"
       "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: c}\n"
       "spec: {accessModes: [ReadWriteOnce], storageClassName: s,"
       " resources: {requests: {storage: 1Gi}}}\n"
       "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p}\n"
       "spec: {nodeName: node-1, volumes: [{name: v, persistentVolumeClaim: {claimName: c}}]}\n");
    settle(&c);
    AUTO(object) struct object *claim = NULL, *volume = NULL;
    struct err e = {0};
    T_RC(kube_get(c.k, &RES_PERSISTENT_VOLUME_CLAIM, "default", "c", &claim, &e), &e, "claim");
    T_EQ_STR(value_at_str(claim->root, "status.phase", ""), "Bound", "bound");
    T_EQ_STR(value_at_str(claim->root, "spec.volumeName", ""), "v", "to the volume");
    del(&c, &RES_PERSISTENT_VOLUME_CLAIM, "c", KUBE_BACKGROUND);
    settle(&c);
    T_OK(there(&c, &RES_PERSISTENT_VOLUME_CLAIM, "c"), "a pod uses it");
    T_RC(kube_delete(c.k, &RES_POD, "default", "p", &(struct kube_delete_opts){.grace_s = 0}, &e),
         &e, "pod");
    settle(&c);
    T_OK(!there(&c, &RES_PERSISTENT_VOLUME_CLAIM, "c"), "nobody does any more");
    T_RC(kube_get(c.k, &RES_PERSISTENT_VOLUME, NULL, "v", &volume, &e), &e, "volume");
    T_EQ_STR(value_at_str(volume->root, "status.phase", ""), "Released", "free of it");
    down(&c);
}

static void jobs_count_each_pod_once(void)
{
    static const struct controller *const loops[] = {&job_controller, &ttl_controller,
                                                     &garbage_controller, NULL};
    struct cluster c;
    up(&c, loops,
       "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\n"
       "spec: {completions: 3, parallelism: 2, ttlSecondsAfterFinished: 10,"
       " selector: {matchLabels: {j: j}}, template: {metadata: {labels: {j: j}}, spec: {}}}\n");
    struct err e = {0};
    for (int round = 0; round < 4; round++) {
        struct kube_list l = {0};
        settle(&c);
        T_RC(kube_list(c.k, &RES_POD, NULL, NULL, &l, &e), &e, "pods");
        T_OK(l.n <= 3, "never more than asked for");
        for (size_t i = 0; i < l.n; i++)
            if (strcmp(value_at_str(l.items[i]->root, "status.phase", ""), "Pending") == 0)
                patch(&c, &RES_POD, l.items[i]->name, "status",
                      "{\"status\":{\"phase\":\"Succeeded\"}}");
        kube_list_done(&l);
    }
    AUTO(object) struct object *job = NULL;
    T_RC(kube_get(c.k, &RES_JOB, "default", "j", &job, &e), &e, "job");
    T_EQ_INT(value_at_int(job->root, "status.succeeded", 0), 3, "three");
    T_EQ_STR(value_str(value_get(object_condition(job->root, "Complete"), "status"), ""), "True",
             "complete");
    fake_clock_move(&c.clock, 11000);
    settle(&c);
    T_OK(!there(&c, &RES_JOB, "j"), "forgotten in time, with its pods");
    down(&c);
}

static void nodes_are_tainted_and_emptied(void)
{
    static const struct controller *const loops[] = {&node_controller, &podgc_controller, NULL};
    struct cluster c;
    up(&c, loops,
       "apiVersion: v1\nkind: Node\nmetadata: {name: node-1}\n"
       "spec: {taints: [{key: node.kubernetes.io/not-ready, effect: NoSchedule}, {key: mine,"
       " effect: NoSchedule}]}\nstatus: {conditions: [{type: Ready, status: \"True\","
       " lastHeartbeatTime: \"2026-01-01T00:00:00Z\"}]}\n"
       "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p}\n"
       "spec: {nodeName: node-1, tolerations: [{key: node.kubernetes.io/unreachable,"
       " operator: Exists, effect: NoExecute, tolerationSeconds: 300}]}\n"
       "---\napiVersion: v1\nkind: Pod\nmetadata: {name: lost}\nspec: {nodeName: gone}\n");
    settle(&c);
    AUTO(object) struct object *one = NULL, *two = NULL, *pod = NULL;
    struct err e = {0};
    T_RC(kube_get(c.k, &RES_NODE, NULL, "node-1", &one, &e), &e, "node");
    T_EQ_INT(value_count(value_at(one->root, "spec.taints")), 1, "ready: only the other's taint");
    fake_clock_move(&c.clock, NODE_GRACE_MS + 1000);
    settle(&c);
    T_RC(kube_get(c.k, &RES_NODE, NULL, "node-1", &two, &e), &e, "node");
    T_EQ_STR(value_str(value_get(object_condition(two->root, "Ready"), "status"), ""), "Unknown",
             "silent");
    T_EQ_INT(value_count(value_at(two->root, "spec.taints")), 3, "unreachable");
    T_OK(!there(&c, &RES_POD, "lost"), "its node never was");
    fake_clock_move(&c.clock, 301000);
    settle(&c);
    T_RC(kube_get(c.k, &RES_POD, "default", "p", &pod, &e), &e, "pod");
    T_OK(pod->deleting, "its patience is over");
    down(&c);
}

static void sets_come_back_by_name(void)
{
    static const struct controller *const loops[] = {&statefulset_controller, NULL};
    struct cluster c;
    up(&c, loops,
       "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec:\n"
       "  replicas: 2\n  podManagementPolicy: Parallel\n  serviceName: db\n"
       "  selector: {matchLabels: {app: db}}\n"
       "  template: {metadata: {labels: {app: db}}, spec: {containers: [{name: c}]}}\n"
       "  volumeClaimTemplates: [{metadata: {name: data}, spec: {}}]\n");
    settle(&c);
    T_OK(there(&c, &RES_POD, "db-0") && there(&c, &RES_POD, "db-1"), "two");
    T_OK(there(&c, &RES_PERSISTENT_VOLUME_CLAIM, "data-db-1"), "with a claim each");
    del(&c, &RES_POD, "db-0", KUBE_BACKGROUND);
    settle(&c);
    T_OK(there(&c, &RES_POD, "db-0"), "the same name again");
    patch(&c, &RES_STATEFUL_SET, "db", NULL, "{\"spec\":{\"replicas\":1}}");
    settle(&c);
    T_OK(!there(&c, &RES_POD, "db-1"), "the last goes first");
    T_OK(there(&c, &RES_PERSISTENT_VOLUME_CLAIM, "data-db-1"), "its data stays");
    down(&c);
}

T_MAIN(background, foreground, orphan, another_of_that_name_is_not_the_owner, namespaces_begin_with,
       claims_outlive_their_users, jobs_count_each_pod_once, nodes_are_tainted_and_emptied,
       sets_come_back_by_name)
