/* net_port.h - what the node needs of the pod network; podnet/ supplies it.
 *
 * Model      add() makes a network namespace for a pod, pinned at a path, with loopback up
 *            and an address; del() takes it back. Pods with hostNetwork never come here.
 * Guarantees add() with a uid that has one already (the daemon was restarted) answers the
 *            same namespace and address. del() of an unknown uid is a success.
 * Threads    Any.                                                                      */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

struct net_host_port {
    const char *protocol; /* "TCP", "UDP" */
    const char *host_ip;  /* "" when any */
    uint16_t host_port, container_port;
};

struct net_want {
    const char *uid, *ns, *name;
    const struct net_host_port *ports; /* only those with a hostPort */
    size_t n_ports;
};

struct net_pod {
    const char *netns; /* path to join */
    const char *ip;    /* "10.88.0.7" */
    bool inside_only;  /* the address answers only inside the namespace */
    const char *dns;   /* the cluster's name server as seen from the pod; NULL: none */
};

struct net_traffic {
    uint64_t rx_bytes, tx_bytes, rx_packets, tx_packets, rx_errors, tx_errors;
};

struct pod_net;
struct pod_net_ops {
    const char *name;
    int (*add)(struct pod_net *n, const struct net_want *w, struct arena *a, struct net_pod *out,
               struct err *e);
    int (*del)(struct pod_net *n, const char *uid, struct err *e);
    /* What went through the pod's link, from its point of view. */
    int (*traffic)(struct pod_net *n, const char *uid, struct net_traffic *out, struct err *e);
};

/* A backend embeds this as its first member. */
struct pod_net {
    const struct pod_net_ops *ops;
};

/* The pod network proper. `podnet` outlives it. */
struct podnet;
struct pod_net *pod_net_routed(struct podnet *podnet);
void pod_net_routed_free(struct pod_net *n);

/* Loopback only, no address but 127.0.0.1: for tests and for hosts without netfilter.
 * Namespaces are pinned in `dir`. */
int pod_net_loopback(const char *dir, struct pod_net **out, struct err *e) MUST_CHECK;
void pod_net_loopback_free(struct pod_net *n);
