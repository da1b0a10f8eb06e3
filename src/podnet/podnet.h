/* podnet.h - addresses for pods, virtual addresses for services, names for both.
 *
 * Model      Each pod has a network namespace of its own, pinned as a file, with one veth whose
 *            host end is routed: the pod's address is a /32 behind it, the gateway is the host's
 *            own `slipway0`. There is no bridge, so everything between pods passes the host's
 *            routing and its rules. Services are destination NAT in one nftables table, which is
 *            replaced as a whole. Names are answered on the gateway's port 53.
 * Guarantees Idempotent: adding what is there answers what is there; an address belongs to one
 *            pod until it is deleted, also over a kill -9. Running pods keep their connections
 *            when rules change and when this process is restarted.
 * Threads    Any; calls are serialised.
 * Lifetime   Namespaces, links and rules outlive this process; podnet_remove_all() ends them.
 * Not here   Network policies; IPv6; what a Service is (the caller flattens them).            */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/own.h"

struct podnet;

struct podnet_opts {
    const char *state_dir;     /* addresses and pinned namespaces */
    const char *pod_range;     /* NULL: "10.88.0.0/16"; its first address is the gateway's */
    const char *service_range; /* NULL: "10.96.0.0/16" */
    const char *domain;        /* NULL: "cluster.local" */
    bool no_dns;
};

/* Makes slipway0, turns on forwarding, installs the base rules, starts answering names.
 * ERR_DENIED without CAP_NET_ADMIN. */
int podnet_open(const struct podnet_opts *o, struct podnet **out, struct err *e) MUST_CHECK;
void podnet_free(struct podnet *n);
AUTO_DEFINE(podnet)

/* The host's address as pods see it: registry, git and name server listen there. */
const char *podnet_gateway(const struct podnet *n);

/* The range of the pods' addresses, in host byte order; returns its bits. */
int podnet_pod_range(const struct podnet *n, uint32_t *out_base);

struct podnet_port {
    bool udp;
    const char *host_ip; /* NULL or "": any */
    uint16_t host, pod;
};

struct podnet_pod {
    const char *netns; /* path of the pinned namespace */
    const char *ip;
};

/* `id`: [A-Za-z0-9-]{1,64}, the pod's uid. */
int podnet_add(struct podnet *n, const char *id, const struct podnet_port *ports, size_t n_ports,
               struct arena *a, struct podnet_pod *out, struct err *e) MUST_CHECK;
int podnet_del(struct podnet *n, const char *id, struct err *e) MUST_CHECK;

/* Bytes through the pod's link since it was made, from the pod's point of view. */
int podnet_traffic(struct podnet *n, const char *id, uint64_t *out_rx, uint64_t *out_tx,
                   struct err *e) MUST_CHECK;

struct podnet_backend {
    const char *ip;
    uint16_t port;
    const char *hostname; /* of the pod, for headless names; NULL: none */
};

struct podnet_service_port {
    const char *name; /* "" when it has none */
    bool udp;
    uint16_t port, node_port;              /* node_port 0: none */
    const struct podnet_backend *backends; /* ready ones */
    size_t n_backends;
};

struct podnet_service {
    const char *ns, *name;
    const char *ip;            /* "" for a headless one */
    const char *external_name; /* a CNAME instead of addresses; NULL: none */
    bool sticky;               /* sessionAffinity: ClientIP */
    const struct podnet_service_port *ports;
    size_t n_ports;
};

/* Replaces all services at once; connections that were open keep their backend. */
int podnet_set_services(struct podnet *n, const struct podnet_service *services, size_t count,
                        struct err *e) MUST_CHECK;

/* Takes everything down again: links, namespaces, rules, slipway0. */
int podnet_remove_all(const struct podnet_opts *o, struct err *e) MUST_CHECK;
