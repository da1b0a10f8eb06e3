#include "podnet/podnet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/map.h"
#include "base/thread.h"
#include "podnet/podnet_int.h"

struct podnet {
    struct range pods, services_range;
    char *addresses, *namespaces, *domain;
    char gateway[INET_ADDRSTRLEN];
    struct dns_server *dns;
    int claim; /* see take_network(); -1 */

    pthread_mutex_t lock; /* everything below, and one change at a time */
    struct arena *services_arena;
    struct podnet_service *services;
    size_t n_services;
    struct map host_ports; /* id → struct held * */
};

/* The host ports of one pod. */
struct held {
    size_t n;
    struct host_port ports[];
};

static char *path_of(const char *dir, const char *name)
{
    char *p;
    if (asprintf(&p, "%s/%s", dir, name) < 0)
        log_die("out of memory");
    return p;
}

static int set_sysctl(const char *path, const char *value, struct err *e)
{
    AUTO_FD int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, value, strlen(value)) < 0)
        return err_sys(e, errno, "write %s to %s", value, path);
    return 0;
}

static size_t count_host_ports(const struct podnet *n)
{
    size_t total = 0, at = 0;
    for (const struct map_entry *m; (m = map_next(&n->host_ports, &at));)
        total += ((const struct held *)m->value)->n;
    return total;
}

/* Writes all rules anew. Under the lock. */
static int install_rules(struct podnet *n, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    size_t total = count_host_ports(n), k = 0, at = 0;
    struct host_port *ports = ARENA_ARRAY(a, struct host_port, total + 1);
    for (const struct map_entry *m; (m = map_next(&n->host_ports, &at));) {
        const struct held *h = m->value;
        memcpy(ports + k, h->ports, h->n * sizeof *ports);
        k += h->n;
    }
    AUTO_BUF struct buf script;
    buf_init(&script, 64 << 20);
    rules_print(&(struct rules){n->pods, n->services_range, n->services, n->n_services, ports, k},
                &script);
    int r = buf_check(&script, e);
    return r < 0 ? r : rules_apply(buf_text(&script), e);
}

/* One slipway a network namespace: rules and link are one set. An abstract socket belongs to the
 * namespace and goes with its process, whatever ends it. */
static int take_network(struct podnet *n, struct err *e)
{
    enum { CLAIM_TRIES = 100, CLAIM_PAUSE_US = 20000 };
    static const char name[] = "\0slipway/podnet";
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    memcpy(at.sun_path, name, sizeof name - 1);
    n->claim = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (n->claim < 0)
        return err_sys(e, errno, "make a socket");
    /* a child that a killed slipway was just starting holds its descriptors until it executes */
    int r, tries = CLAIM_TRIES;
    while ((r = bind(n->claim, (struct sockaddr *)&at,
                     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof name - 1))) < 0 &&
           errno == EADDRINUSE && --tries > 0)
        (void)usleep(CLAIM_PAUSE_US);
    if (r == 0)
        return 0;
    if (errno != EADDRINUSE)
        return err_sys(e, errno, "claim the network");
    (void)err_set(e, ERR_EXISTS, "another slipway has this machine's network");
    return err_hint(e, "stop it first, or start this one with --no-node for the API alone");
}

static int bring_up(struct podnet *n, const struct podnet_opts *o, struct err *e)
{
    int r = range_parse(o->pod_range ? o->pod_range : "10.88.0.0/16", &n->pods, e);
    if (r == 0)
        r = range_parse(o->service_range ? o->service_range : "10.96.0.0/16", &n->services_range,
                        e);
    if (r < 0)
        return r;
    address_text(n->pods.base + 1, n->gateway);
    r = take_network(n, e);
    if (r == 0)
        r = fs_mkdirs(n->addresses, 0700, e);
    if (r == 0)
        r = fs_mkdirs(n->namespaces, 0700, e);
    if (r == 0)
        r = link_make_gateway(n->pods.base + 1, &n->services_range, e);
    if (r == 0)
        r = set_sysctl("/proc/sys/net/ipv4/ip_forward", "1", e);
    if (r == 0)
        r = install_rules(n, e);
    if (r == 0 && !o->no_dns)
        r = dns_server_start(n->pods.base + 1, "/etc/resolv.conf", &n->dns, e);
    if (r == 0 && n->dns)
        dns_server_set_zone(n->dns, dns_zone_new(n->domain, NULL, 0));
    return r;
}

static struct podnet *podnet_new(const struct podnet_opts *o)
{
    struct podnet *n = calloc(1, sizeof *n);
    if (!n)
        log_die("out of memory");
    (void)pthread_mutex_init(&n->lock, NULL);
    map_init(&n->host_ports);
    n->claim = -1;
    n->addresses = path_of(o->state_dir, "addresses");
    n->namespaces = path_of(o->state_dir, "netns");
    n->domain = strdup(o->domain ? o->domain : "cluster.local");
    return n;
}

int podnet_open(const struct podnet_opts *o, struct podnet **out, struct err *e)
{
    AUTO(podnet) struct podnet *n = podnet_new(o);
    int r = bring_up(n, o, e);
    if (r < 0)
        return err_wrap(e, r, "pod network");
    *out = take_ptr(n);
    return 0;
}

void podnet_free(struct podnet *n)
{
    if (!n)
        return;
    dns_server_free(n->dns);
    size_t at = 0;
    for (const struct map_entry *m; (m = map_next(&n->host_ports, &at));)
        free(m->value);
    map_done(&n->host_ports);
    arena_free(n->services_arena);
    free(n->addresses);
    free(n->namespaces);
    free(n->domain);
    if (n->claim >= 0)
        (void)close(n->claim);
    (void)pthread_mutex_destroy(&n->lock);
    free(n);
}

const char *podnet_gateway(const struct podnet *n)
{
    return n->gateway;
}

int podnet_pod_range(const struct podnet *n, uint32_t *out_base)
{
    *out_base = n->pods.base;
    return n->pods.prefix;
}

static int check_id(const char *id, struct err *e)
{
    size_t n = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
    if (n == 0 || n > 64 || id[n])
        return err_set(e, ERR_INVALID, "\"%.80s\" is no pod id", id);
    return 0;
}

static int hold_ports(struct podnet *n, const char *id, uint32_t ip,
                      const struct podnet_port *ports, size_t n_ports, struct err *e)
{
    if (!n_ports)
        return 0;
    struct held *h = calloc(1, sizeof *h + n_ports * sizeof h->ports[0]);
    if (!h)
        log_die("out of memory");
    h->n = n_ports;
    for (size_t i = 0; i < n_ports; i++) {
        h->ports[i] = (struct host_port){.pod_ip = ip, .port = ports[i]};
        (void)snprintf(h->ports[i].host_ip, sizeof h->ports[i].host_ip, "%s",
                       ports[i].host_ip ? ports[i].host_ip : "");
    }
    free(map_put(&n->host_ports, id, h));
    return install_rules(n, e);
}

int podnet_add(struct podnet *n, const char *id, const struct podnet_port *ports, size_t n_ports,
               struct arena *a, struct podnet_pod *out, struct err *e)
{
    char link[16], ip_text[INET_ADDRSTRLEN];
    uint32_t ip;
    int r = check_id(id, e);
    if (r < 0)
        return r;
    AUTO_MEM char *netns = path_of(n->namespaces, id);
    link_name_of(id, link);
    LOCK_SCOPE(&n->lock);
    r = addresses_take(n->addresses, &n->pods, id, &ip, e);
    if (r == 0)
        r = netns_make(netns, e);
    if (r == 0)
        r = link_make_pod(link, netns, ip, n->pods.base + 1, e);
    if (r == 0)
        r = hold_ports(n, id, ip, ports, n_ports, e);
    if (r < 0)
        return err_wrap(e, r, "pod network %s", id);
    address_text(ip, ip_text);
    *out = (struct podnet_pod){arena_strdup(a, netns), arena_strdup(a, ip_text)};
    return 0;
}

int podnet_del(struct podnet *n, const char *id, struct err *e)
{
    char link[16];
    int r = check_id(id, e);
    if (r < 0)
        return r;
    AUTO_MEM char *netns = path_of(n->namespaces, id);
    link_name_of(id, link);
    LOCK_SCOPE(&n->lock);
    struct held *h = map_remove(&n->host_ports, id);
    if (h)
        r = install_rules(n, e);
    free(h);
    if (r == 0)
        r = link_delete(link, e);
    if (r == 0)
        r = netns_delete(netns, e);
    return r < 0 ? r : addresses_give_back(n->addresses, id, e);
}

int podnet_traffic(struct podnet *n, const char *id, uint64_t *out_rx, uint64_t *out_tx,
                   struct err *e)
{
    char link[16];
    (void)n;
    link_name_of(id, link);
    return link_traffic(link, out_rx, out_tx, e);
}

static const char *keep(struct arena *a, const char *s)
{
    return s ? arena_strdup(a, s) : NULL;
}

static struct podnet_backend *copy_backends(struct arena *a, const struct podnet_service_port *p)
{
    struct podnet_backend *to = ARENA_ARRAY(a, struct podnet_backend, p->n_backends);
    for (size_t i = 0; i < p->n_backends; i++)
        to[i] = (struct podnet_backend){keep(a, p->backends[i].ip), p->backends[i].port,
                                        keep(a, p->backends[i].hostname)};
    return to;
}

static struct podnet_service *copy_services(struct arena *a, const struct podnet_service *from,
                                            size_t count)
{
    struct podnet_service *to = ARENA_ARRAY(a, struct podnet_service, count);
    for (size_t i = 0; i < count; i++) {
        to[i] = from[i];
        to[i].ns = keep(a, from[i].ns);
        to[i].name = keep(a, from[i].name);
        to[i].ip = keep(a, from[i].ip);
        to[i].external_name = keep(a, from[i].external_name);
        struct podnet_service_port *ports =
            arena_dup(a, from[i].ports, from[i].n_ports * sizeof *ports);
        for (size_t k = 0; k < from[i].n_ports; k++) {
            ports[k].name = keep(a, from[i].ports[k].name);
            ports[k].backends = copy_backends(a, &from[i].ports[k]);
        }
        to[i].ports = ports;
    }
    return to;
}

int podnet_set_services(struct podnet *n, const struct podnet_service *services, size_t count,
                        struct err *e)
{
    LOCK_SCOPE(&n->lock);
    arena_free(n->services_arena);
    n->services_arena = arena_new(0);
    n->services = copy_services(n->services_arena, services, count);
    n->n_services = count;
    if (n->dns)
        dns_server_set_zone(n->dns, dns_zone_new(n->domain, services, count));
    return install_rules(n, e);
}
