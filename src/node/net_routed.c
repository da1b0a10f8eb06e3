#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "node/net_port.h"
#include "podnet/podnet.h"

struct routed {
    struct pod_net net; /* first */
    struct podnet *podnet;
};

static int add(struct pod_net *n, const struct net_want *w, struct arena *a, struct net_pod *out,
               struct err *e)
{
    struct routed *r = container_of(n, struct routed, net);
    struct podnet_port *ports = ARENA_ARRAY(a, struct podnet_port, w->n_ports + 1);
    for (size_t i = 0; i < w->n_ports; i++)
        ports[i] = (struct podnet_port){.udp = strcmp(w->ports[i].protocol, "UDP") == 0,
                                        .host_ip = w->ports[i].host_ip,
                                        .host = w->ports[i].host_port,
                                        .pod = w->ports[i].container_port};
    struct podnet_pod got;
    int rc = podnet_add(r->podnet, w->uid, ports, w->n_ports, a, &got, e);
    if (rc == 0)
        *out = (struct net_pod){.netns = got.netns, .ip = got.ip, .dns = podnet_gateway(r->podnet)};
    return rc;
}

static int del(struct pod_net *n, const char *uid, struct err *e)
{
    return podnet_del(container_of(n, struct routed, net)->podnet, uid, e);
}

static int traffic(struct pod_net *n, const char *uid, struct net_traffic *out, struct err *e)
{
    struct net_traffic t = {0};
    int rc = podnet_traffic(container_of(n, struct routed, net)->podnet, uid, &t.rx_bytes,
                            &t.tx_bytes, e);
    if (rc == 0)
        *out = t;
    return rc;
}

struct pod_net *pod_net_routed(struct podnet *podnet)
{
    static const struct pod_net_ops ops = {"routed", add, del, traffic};
    struct routed *r = calloc(1, sizeof *r);
    if (!r)
        log_die("out of memory for the pod network");
    r->net.ops = &ops;
    r->podnet = podnet;
    return &r->net;
}

void pod_net_routed_free(struct pod_net *n)
{
    free(n ? container_of(n, struct routed, net) : NULL);
}
