/* node.h - the agent that makes this machine a node: pods bound to it become containers.
 *
 * Model      One watch on the pods bound to the node, one worker per pod. A worker is level
 *            triggered: it looks at the pod, at its containers and at its probes, asks a pure
 *            plan what to do next (plan.h), does it, and writes the status it sees.
 * Guarantees Containers outlive the agent: after node_start() those of an earlier life are
 *            adopted with their exit codes and logs. Status is written only when it changed.
 * Threads    node_stats() and the door from any thread.
 * Lifetime   node_start … node_stop; the containers run on.                              */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/own.h"

struct kube;
struct image_source;
struct pod_net;
struct pod_door; /* apiserver/pod_door.h: logs, exec, attach, port-forward */
struct node;

struct node_opts {
    struct kube *kube;
    struct image_source *images;
    struct pod_net *net;
    const struct clock *clock;
    const char *name;           /* of the Node object; NULL: "slipway" */
    const char *address;        /* the node's InternalIP; NULL: found out */
    const char *dir;            /* data folder: pods/, run/ and bin/entrypoint are made below it */
    const char *shim;           /* program with the verb `shim`; NULL: the one inside */
    const char *crun;           /* NULL: "crun" */
    const char *cgroup_parent;  /* NULL: "slipway" */
    const char *cluster_domain; /* NULL: "cluster.local" */
    /* For the services' environment and the token volume; may be NULL. */
    const char *api_host; /* KUBERNETES_SERVICE_HOST as pods see it */
    uint16_t api_port;
    const char *const *labels; /* more labels of the Node, "key=value", NULL-terminated, or NULL */
};

int node_start(const struct node_opts *o, struct node **out, struct err *e) MUST_CHECK;
void node_stop(struct node *n);
static inline void node_free(struct node *n)
{
    node_stop(n);
}
AUTO_DEFINE(node)

struct pod_door *node_door(struct node *n);

/* One container as it is now. */
struct node_container_stats {
    const char *ns, *pod, *uid, *container, *image, *id;
    uint64_t cpu_ns, cpu_user_ns, cpu_system_ns, throttled_ns, throttled_periods, periods;
    uint64_t memory_bytes, memory_working_set_bytes, memory_rss_bytes, memory_limit_bytes;
    uint64_t page_faults, major_page_faults;
    uint64_t pids, io_read_bytes, io_write_bytes, fs_bytes;
    int64_t started_ms;
    bool running, oom_killed;
    /* The pod's network, the same for each of its containers; 0 with hostNetwork. */
    uint64_t rx_bytes, tx_bytes, rx_packets, tx_packets, rx_errors, tx_errors;
};

/* Visits every container; pointers are good during the call only. with_fs also counts the bytes
 * of writable layers, which reads folders. */
void node_stats(struct node *n, bool with_fs,
                void (*visit)(void *arg, const struct node_container_stats *s), void *arg);
