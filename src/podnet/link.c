/* link.c - links, addresses and routes by rtnetlink. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <sched.h>
#include <stdio.h>

#include "base/map.h"
#include "podnet/podnet_int.h"

static void nl_sock_free(struct nl_sock *s)
{
    nl_socket_free(s);
}
AUTO_DEFINE(nl_sock)

static int nl_fail(int rc, struct err *e, const char *what)
{
    enum err_code code = rc == -NLE_EXIST                              ? ERR_EXISTS
                         : rc == -NLE_OBJ_NOTFOUND || rc == -NLE_NODEV ? ERR_NOT_FOUND
                         : rc == -NLE_PERM                             ? ERR_DENIED
                                                                       : ERR_SYSTEM;
    return err_set(e, code, "%s: %s", what, nl_geterror(rc));
}

/* A socket that speaks to the namespace the calling thread is in. */
static int connect_here(struct nl_sock **out, struct err *e)
{
    struct nl_sock *s = nl_socket_alloc();
    int rc = s ? nl_connect(s, NETLINK_ROUTE) : -NLE_NOMEM;
    if (rc < 0) {
        nl_sock_free(s);
        return nl_fail(rc, e, "open netlink");
    }
    *out = s;
    return 0;
}

/* A socket keeps the namespace it was made in: go there, make it, come back. */
static int connect_in(const char *netns, struct nl_sock **out, struct err *e)
{
    AUTO_FD int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    AUTO_FD int there = open(netns, O_RDONLY | O_CLOEXEC);
    if (home < 0 || there < 0)
        return err_sys(e, errno, "open %s", netns);
    if (setns(there, CLONE_NEWNET) < 0)
        return err_sys(e, errno, "enter %s", netns);
    int rc = connect_here(out, e);
    if (setns(home, CLONE_NEWNET) < 0)
        return err_sys(e, errno, "leave %s", netns);
    return rc;
}

static int index_of(struct nl_sock *s, const char *name, int *out)
{
    struct rtnl_link *l = NULL;
    int rc = rtnl_link_get_kernel(s, 0, name, &l);
    if (rc < 0)
        return rc;
    *out = rtnl_link_get_ifindex(l);
    rtnl_link_put(l);
    return 0;
}

static int set_up(struct nl_sock *s, const char *name, struct err *e)
{
    struct rtnl_link *have = NULL, *want = rtnl_link_alloc();
    int rc = rtnl_link_get_kernel(s, 0, name, &have);
    if (rc == 0) {
        rtnl_link_set_flags(want, IFF_UP);
        rc = rtnl_link_change(s, have, want, 0);
        rtnl_link_put(have);
    }
    rtnl_link_put(want);
    return rc < 0 ? nl_fail(rc, e, name) : 0;
}

static struct nl_addr *nl_address(uint32_t ip, int prefix)
{
    struct in_addr in = {htonl(ip)};
    struct nl_addr *a = nl_addr_build(AF_INET, &in, sizeof in);
    nl_addr_set_prefixlen(a, prefix);
    return a;
}

static int add_address(struct nl_sock *s, int ifindex, uint32_t ip, struct err *e)
{
    struct rtnl_addr *r = rtnl_addr_alloc();
    struct nl_addr *local = nl_address(ip, 32);
    rtnl_addr_set_ifindex(r, ifindex);
    int rc = rtnl_addr_set_local(r, local);
    if (rc == 0)
        rc = rtnl_addr_add(s, r, 0);
    nl_addr_put(local);
    rtnl_addr_put(r);
    return rc < 0 && rc != -NLE_EXIST ? nl_fail(rc, e, "add address") : 0;
}

/* `via` 0: directly on the link. */
static int add_route(struct nl_sock *s, int ifindex, uint32_t to, int prefix, uint32_t via,
                     struct err *e)
{
    struct rtnl_route *r = rtnl_route_alloc();
    struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
    struct nl_addr *dst = nl_address(to, prefix), *gw = via ? nl_address(via, 32) : NULL;
    (void)rtnl_route_set_family(r, AF_INET);
    (void)rtnl_route_set_dst(r, dst);
    rtnl_route_set_table(r, RT_TABLE_MAIN);
    rtnl_route_set_protocol(r, RTPROT_STATIC);
    rtnl_route_set_scope(r, via ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK);
    rtnl_route_nh_set_ifindex(hop, ifindex);
    if (gw)
        rtnl_route_nh_set_gateway(hop, gw);
    rtnl_route_add_nexthop(r, hop);
    int rc = rtnl_route_add(s, r, NLM_F_CREATE | NLM_F_REPLACE);
    nl_addr_put(gw);
    nl_addr_put(dst);
    rtnl_route_put(r);
    return rc < 0 && rc != -NLE_EXIST ? nl_fail(rc, e, "add route") : 0;
}

static int add_bridge(struct nl_sock *s, struct err *e)
{
    struct rtnl_link *l = rtnl_link_alloc();
    rtnl_link_set_name(l, PODNET_LINK);
    int rc = rtnl_link_set_type(l, "bridge"); /* without ports: an address that is always up */
    if (rc == 0)
        rc = rtnl_link_add(s, l, NLM_F_CREATE | NLM_F_EXCL);
    rtnl_link_put(l);
    return rc < 0 && rc != -NLE_EXIST ? nl_fail(rc, e, "make " PODNET_LINK) : 0;
}

int link_make_gateway(uint32_t gateway, const struct range *services, struct err *e)
{
    AUTO(nl_sock) struct nl_sock *s = NULL;
    int ifindex, rc = connect_here(&s, e);
    if (rc == 0)
        rc = add_bridge(s, e);
    if (rc == 0)
        rc = set_up(s, PODNET_LINK, e);
    if (rc < 0)
        return rc;
    rc = index_of(s, PODNET_LINK, &ifindex);
    if (rc < 0)
        return nl_fail(rc, e, PODNET_LINK);
    rc = add_address(s, ifindex, gateway, e);
    /* Without a default route the host itself could not even begin to reach a service. */
    return rc < 0 ? rc : add_route(s, ifindex, services->base, services->prefix, 0, e);
}

static int add_veth(struct nl_sock *s, const char *host_name, const char *netns, struct err *e)
{
    AUTO_FD int fd = open(netns, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, errno, "open %s", netns);
    struct rtnl_link *l = rtnl_link_veth_alloc();
    struct rtnl_link *peer = rtnl_link_veth_get_peer(l);
    rtnl_link_set_name(l, host_name);
    rtnl_link_set_name(peer, "eth0");
    rtnl_link_set_ns_fd(peer, fd);
    rtnl_link_put(peer);
    int rc = rtnl_link_add(s, l, NLM_F_CREATE | NLM_F_EXCL);
    rtnl_link_put(l);
    return rc < 0 && rc != -NLE_EXIST ? nl_fail(rc, e, "make veth") : 0;
}

static int set_up_inside(const char *netns, uint32_t ip, uint32_t gateway, struct err *e)
{
    AUTO(nl_sock) struct nl_sock *s = NULL;
    int ifindex, rc = connect_in(netns, &s, e);
    if (rc == 0)
        rc = set_up(s, "lo", e);
    if (rc == 0)
        rc = set_up(s, "eth0", e);
    if (rc < 0)
        return rc;
    rc = index_of(s, "eth0", &ifindex);
    if (rc < 0)
        return nl_fail(rc, e, "eth0");
    rc = add_address(s, ifindex, ip, e);
    if (rc == 0)
        rc = add_route(s, ifindex, gateway, 32, 0, e);
    return rc < 0 ? rc : add_route(s, ifindex, 0, 0, gateway, e);
}

/* A connection to 127.0.0.1:NODEPORT leaves by this link with a loopback source until it is
 * masqueraded; the rules drop loopback addresses that come from outside. */
static int allow_loopback_source(const char *link, struct err *e)
{
    char path[128];
    (void)snprintf(path, sizeof path, "/proc/sys/net/ipv4/conf/%s/route_localnet", link);
    AUTO_FD int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "1", 1) != 1)
        return err_sys(e, errno, "write %s", path);
    return 0;
}

int link_make_pod(const char *host_name, const char *netns, uint32_t ip, uint32_t gateway,
                  struct err *e)
{
    AUTO(nl_sock) struct nl_sock *s = NULL;
    int ifindex, rc = connect_here(&s, e);
    if (rc == 0)
        rc = add_veth(s, host_name, netns, e);
    if (rc == 0)
        rc = set_up_inside(netns, ip, gateway, e);
    if (rc == 0)
        rc = set_up(s, host_name, e);
    if (rc == 0)
        rc = allow_loopback_source(host_name, e);
    if (rc < 0)
        return rc;
    rc = index_of(s, host_name, &ifindex);
    if (rc < 0)
        return nl_fail(rc, e, host_name);
    return add_route(s, ifindex, ip, 32, 0, e);
}

int link_delete(const char *name, struct err *e)
{
    AUTO(nl_sock) struct nl_sock *s = NULL;
    int rc = connect_here(&s, e);
    if (rc < 0)
        return rc;
    struct rtnl_link *l = rtnl_link_alloc();
    rtnl_link_set_name(l, name);
    rc = rtnl_link_delete(s, l);
    rtnl_link_put(l);
    bool absent = rc == -NLE_OBJ_NOTFOUND || rc == -NLE_NODEV;
    return rc < 0 && !absent ? nl_fail(rc, e, name) : 0;
}

int link_traffic(const char *name, uint64_t *out_rx, uint64_t *out_tx, struct err *e)
{
    AUTO(nl_sock) struct nl_sock *s = NULL;
    struct rtnl_link *l = NULL;
    int rc = connect_here(&s, e);
    if (rc < 0)
        return rc;
    rc = rtnl_link_get_kernel(s, 0, name, &l);
    if (rc < 0)
        return nl_fail(rc, e, name);
    *out_rx = rtnl_link_get_stat(l, RTNL_LINK_TX_BYTES); /* what we send, the pod receives */
    *out_tx = rtnl_link_get_stat(l, RTNL_LINK_RX_BYTES);
    rtnl_link_put(l);
    return 0;
}

void link_name_of(const char *id, char out[16])
{
    (void)snprintf(out, 16, "sw%012llx",
                   (unsigned long long)(map_hash(id, strlen(id)) & 0xffffffffffffu));
}
