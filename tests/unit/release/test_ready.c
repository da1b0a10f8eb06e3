#include "codec/yaml.h"
#include "world.h"

static struct value *yaml(struct arena *a, const char *text)
{
    struct value *v = NULL;
    struct err e = {0};
    T_RC(yaml_parse(a, text, strlen(text), 0, &v, &e), &e, text);
    return v;
}

/* "": ready. */
static const struct {
    const struct resource *res;
    const char *live, *want;
} cases[] = {
    {&RES_POD,                     "status: {conditions: [{type: Ready, status: \"True\"}]}",                 ""                                      },
    {&RES_POD,                     "status: {conditions: [{type: Ready, status: \"False\"}]}",                "is not ready"                          },
    {&RES_POD,                     "status: {}",                                                              "is not ready"                          },
    {&RES_CONFIG_MAP,              "{}",                                                                      ""                                      },
    {&RES_PERSISTENT_VOLUME_CLAIM, "status: {phase: Bound}",                                                  ""                                      },
    {&RES_PERSISTENT_VOLUME_CLAIM, "status: {phase: Pending}",                                                "is not bound"                          },
    {&RES_SERVICE,                 "spec: {type: ClusterIP, clusterIP: 10.0.0.1}",                            ""                                      },
    {&RES_SERVICE,                 "spec: {type: ClusterIP}",                                                 "has no cluster IP address"             },
    {&RES_SERVICE,                 "spec: {type: ExternalName}",                                              ""                                      },
    {&RES_SERVICE,                 "spec: {type: LoadBalancer, clusterIP: 10.0.0.1}",
     "has no load balancer address"                                                                                                                   },
    {&RES_SERVICE,
     "{spec: {type: LoadBalancer, clusterIP: 10.0.0.1}, status: {loadBalancer: {ingress: [{}]}}}",            ""                                      },
    {&RES_SERVICE,                 "spec: {type: LoadBalancer, clusterIP: 10.0.0.1, externalIPs: [1.2.3.4]}", ""                                      },
    {&RES_CRD,                     "status: {conditions: [{type: Established, status: \"True\"}]}",           ""                                      },
    {&RES_CRD,                     "status: {conditions: [{type: NamesAccepted, status: \"False\"}]}",        ""                                      },
    {&RES_CRD,                     "status: {}",                                                              "is not established"                    },
    {&RES_JOB,                     "{spec: {completions: 2, backoffLimit: 1}, status: {succeeded: 2}}",       ""                                      },
    {&RES_JOB,                     "{spec: {completions: 2, backoffLimit: 1}, status: {succeeded: 1}}",
     "has 1 of 2 completions"                                                                                                                         },
    {&RES_JOB,                     "{spec: {completions: 2, backoffLimit: 1}, status: {failed: 2}}",          "is failed"                             },
    {&RES_STATEFUL_SET,
     "{metadata: {generation: 2}, spec: {replicas: 2, updateStrategy: {type: RollingUpdate}}, "
     "status: {observedGeneration: 2, updatedReplicas: 2, readyReplicas: 2, currentRevision: a, "
     "updateRevision: a}}",                                                                                   ""                                      },
    {&RES_STATEFUL_SET,
     "{metadata: {generation: 2}, spec: {replicas: 2, updateStrategy: {type: RollingUpdate}}, "
     "status: {observedGeneration: 2, updatedReplicas: 2, readyReplicas: 2, currentRevision: a, "
     "updateRevision: b}}",                                                                                   "still has pods of its last revision"   },
    {&RES_STATEFUL_SET,
     "{metadata: {generation: 2}, spec: {replicas: 3, updateStrategy: {type: RollingUpdate, "
     "rollingUpdate: {partition: 2}}}, status: {observedGeneration: 2, updatedReplicas: 1, "
     "readyReplicas: 3, currentRevision: a, updateRevision: b}}",                                             ""                                      },
    {&RES_STATEFUL_SET,
     "{metadata: {generation: 2}, spec: {updateStrategy: {type: OnDelete}}, "
     "status: {observedGeneration: 2}}",                                                                      ""                                      },
    {&RES_DAEMON_SET,
     "{spec: {updateStrategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 1}}}, "
     "status: {desiredNumberScheduled: 3, updatedNumberScheduled: 3, numberReady: 2}}",                       ""                                      },
    {&RES_DAEMON_SET,
     "{spec: {updateStrategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 1}}}, "
     "status: {desiredNumberScheduled: 3, updatedNumberScheduled: 3, numberReady: 1}}",                       "has 1 out of 2 expected pods ready"    },
    {&RES_DAEMON_SET,
     "{spec: {updateStrategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 1}}}, "
     "status: {desiredNumberScheduled: 3, updatedNumberScheduled: 2, numberReady: 3}}",                       "has 2 out of 3 expected pods scheduled"},
    {&RES_REPLICA_SET,             "{metadata: {generation: 1}, status: {observedGeneration: 1}}",
     "has pods that are not ready"                                                                                                                    },
    {&RES_REPLICA_SET,             "{metadata: {generation: 2}, status: {observedGeneration: 1}}",
     "has not been seen by its controller yet"                                                                                                        },
};

static void kinds(void)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        const struct release_object o = {.res = cases[i].res, .name = "x", .ns = ""};
        const struct release__live live = {.root = yaml(a, cases[i].live)};
        bool broken;
        const char *why = release__unready(&o, &live, true, a, &broken);
        T_EQ_STR(why ? why : "", cases[i].want, cases[i].live);
        T_EQ_INT(broken, strcmp(cases[i].want, "is failed") == 0, cases[i].live);
    }
}

/* How many pods of `replicas` must be ready, by what may be missing. */
static void deployments(void)
{
    static const struct {
        const char *rolling;
        int replicas, ready;
        bool want;
    } all[] = {
        {"{maxUnavailable: 25%, maxSurge: 25%}", 4, 3, true },
        {"{maxUnavailable: 25%, maxSurge: 25%}", 4, 2, false},
        {"{maxUnavailable: 25%, maxSurge: 25%}", 1, 0, false},
        {"{maxUnavailable: 0, maxSurge: 0}",     1, 0, true },
        {"{maxUnavailable: 9, maxSurge: 0}",     3, 0, true },
        {"{maxUnavailable: 1, maxSurge: 0}",     0, 0, true },
    };
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        const char *text = arena_printf(
            a, "spec: {replicas: %d, strategy: {type: RollingUpdate, rollingUpdate: %s}}",
            all[i].replicas, all[i].rolling);
        const struct release_object o = {.res = &RES_DEPLOYMENT, .name = "x", .ns = ""};
        struct release__live live = {.root = yaml(a, text)};
        bool broken;
        T_EQ_STR(release__unready(&o, &live, false, a, &broken), "has no ReplicaSet yet", text);
        live.current = yaml(a, arena_printf(a, "status: {readyReplicas: %d}", all[i].ready));
        T_EQ_INT(release__unready(&o, &live, false, a, &broken) == NULL, all[i].want, text);
    }
}

static void replica_sets(void)
{
    static const char *const sets =
        "kind: ReplicaSet\napiVersion: apps/v1\nmetadata: {name: old, namespace: shop, "
        "ownerReferences: [{uid: u, controller: true}]}\n"
        "spec: {template: {metadata: {labels: {a: b, pod-template-hash: x}}, spec: {v: 1}}}\n---\n"
        "kind: ReplicaSet\napiVersion: apps/v1\nmetadata: {name: new, namespace: shop, "
        "ownerReferences: [{uid: u, controller: true}]}\n"
        "spec: {template: {metadata: {labels: {a: b, pod-template-hash: z}}, spec: {v: 2}}}\n---\n"
        "kind: ReplicaSet\napiVersion: apps/v1\nmetadata: {name: other, namespace: shop, "
        "ownerReferences: [{uid: w, controller: true}]}\n"
        "spec: {template: {metadata: {labels: {a: b}}, spec: {v: 2}}}\n";
    struct world w;
    struct kube_list l;
    struct err e = {0};
    world_open(&w);
    kube_fake_load(w.kube, sets);
    T_RC(kube_list(w.kube, &RES_REPLICA_SET, "shop", NULL, &l, &e), &e, "list");
    const struct value *d = yaml(w.arena, "{metadata: {uid: u}, spec: {template: {metadata: "
                                          "{labels: {a: b}}, spec: {v: 2}}}}");
    T_EQ_STR(value_at_str(release__new_replica_set(d, &l), "metadata.name", ""), "new", "its own");
    d = yaml(w.arena, "{metadata: {uid: u}, spec: {template: {metadata: {}, spec: {v: 3}}}}");
    T_OK(release__new_replica_set(d, &l) == NULL, "none yet");
    kube_list_done(&l);
    world_close(&w);
}

T_MAIN(kinds, deployments, replica_sets)
