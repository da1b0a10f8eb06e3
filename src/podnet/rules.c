#include <nftables/libnftables.h>
#include <string.h>

#include "podnet/podnet_int.h"

static const char *protocol(bool udp)
{
    return udp ? "udp" : "tcp";
}

/* "dnat ip to ADDRESS . PORT" over all backends, one drawn a connection. */
static void print_target(const struct podnet_service *s, const struct podnet_service_port *p,
                         struct buf *out)
{
    if (p->n_backends == 1) {
        buf_printf(out, "dnat ip to %s:%u", p->backends[0].ip, p->backends[0].port);
        return;
    }
    buf_printf(out, "dnat ip addr . port to %s mod %zu map { ",
               s->sticky ? "jhash ip saddr" : "numgen random", p->n_backends);
    for (size_t i = 0; i < p->n_backends; i++)
        buf_printf(out, "%s%zu : %s . %u", i ? ", " : "", i, p->backends[i].ip,
                   p->backends[i].port);
    buf_puts(out, " }");
}

static void print_port(const struct podnet_service *s, const struct podnet_service_port *p,
                       struct buf *out)
{
    if (p->n_backends == 0)
        return; /* refused in the filter chain */
    if (*s->ip) {
        buf_printf(out, "    ip daddr %s %s dport %u ", s->ip, protocol(p->udp), p->port);
        print_target(s, p, out);
        buf_putc(out, '\n');
    }
    if (p->node_port) {
        buf_printf(out, "    fib daddr type local %s dport %u ", protocol(p->udp), p->node_port);
        print_target(s, p, out);
        buf_putc(out, '\n');
    }
}

static void print_refusal(const struct podnet_service *s, const struct podnet_service_port *p,
                          struct buf *out)
{
    if (p->n_backends == 0 && *s->ip)
        buf_printf(out, "    ip daddr %s %s dport %u reject\n", s->ip, protocol(p->udp), p->port);
}

static void each_port(const struct rules *r, struct buf *out,
                      void (*print)(const struct podnet_service *,
                                    const struct podnet_service_port *, struct buf *))
{
    for (size_t i = 0; i < r->n_services; i++)
        for (size_t k = 0; k < r->services[i].n_ports; k++)
            print(&r->services[i], &r->services[i].ports[k], out);
}

static void print_host_ports(const struct rules *r, struct buf *out)
{
    for (size_t i = 0; i < r->n_host_ports; i++) {
        const struct host_port *h = &r->host_ports[i];
        char ip[INET_ADDRSTRLEN];
        address_text(h->pod_ip, ip);
        bool any = !*h->host_ip || strcmp(h->host_ip, "0.0.0.0") == 0;
        buf_printf(out, "    %s %s %s dport %u dnat ip to %s:%u\n",
                   any ? "fib daddr type" : "ip daddr", any ? "local" : h->host_ip,
                   protocol(h->port.udp), h->port.host, ip, h->port.pod);
    }
}

/* Pairs of a pod with itself: a connection to a service may end where it came from, and the pod
 * would not take an answer from its own address. */
static void print_hairpins(const struct rules *r, struct buf *out)
{
    size_t n = 0;
    buf_puts(out, "  set hairpin {\n    type ipv4_addr . ipv4_addr\n");
    for (size_t i = 0; i < r->n_services; i++)
        for (size_t k = 0; k < r->services[i].n_ports; k++)
            for (size_t b = 0; b < r->services[i].ports[k].n_backends; b++, n++) {
                const char *ip = r->services[i].ports[k].backends[b].ip;
                buf_printf(out, "%s%s . %s", n ? ", " : "    elements = { ", ip, ip);
            }
    buf_puts(out, n ? " }\n  }\n" : "  }\n");
}

/* Only sources that a pod can answer leave: not its own address, not the host's loopback. */
static void print_postrouting(const char *pods, struct buf *out)
{
    buf_puts(out, "  chain postrouting {\n"
                  "    type nat hook postrouting priority srcnat; policy accept;\n"
                  "    ct status dnat ip saddr 127.0.0.0/8 masquerade\n"
                  "    ct status dnat ip saddr . ip daddr @hairpin masquerade\n");
    buf_printf(out, "    ip saddr %s ip daddr != %s oifname != \"" PODNET_LINK "\" masquerade\n",
               pods, pods);
    buf_puts(out, "  }\n");
}

void rules_print(const struct rules *r, struct buf *out)
{
    char pods[INET_ADDRSTRLEN + 4], services[INET_ADDRSTRLEN + 4];
    range_text(&r->pods, pods);
    range_text(&r->services_range, services);
    /* Made before it is deleted, so that the deletion never fails; one transaction. */
    buf_puts(out, "table ip slipway {}\ndelete table ip slipway\ntable ip slipway {\n");
    buf_puts(out, "  chain services {\n");
    each_port(r, out, print_port);
    print_host_ports(r, out);
    buf_puts(out, "  }\n"
                  "  chain prerouting {\n"
                  "    type nat hook prerouting priority dstnat; policy accept;\n"
                  "    jump services\n  }\n"
                  "  chain output {\n"
                  "    type nat hook output priority -100; policy accept;\n"
                  "    jump services\n  }\n");
    print_hairpins(r, out);
    print_postrouting(pods, out);
    buf_puts(out, "  chain refused {\n");
    each_port(r, out, print_refusal);
    buf_printf(out, "    ip daddr %s reject\n  }\n", services);
    buf_puts(out, "  chain forward {\n"
                  "    type filter hook forward priority filter; policy accept;\n"
                  "    ct state established,related accept\n"
                  "    jump refused\n  }\n"
                  "  chain local {\n"
                  "    type filter hook output priority filter; policy accept;\n"
                  "    jump refused\n  }\n"
                  "  chain guard {\n"
                  "    type filter hook prerouting priority raw; policy accept;\n"
                  "    iifname != \"lo\" ip daddr 127.0.0.0/8 drop\n  }\n"
                  "}\n");
}

int rules_apply(const char *script, struct err *e)
{
    struct nft_ctx *c = nft_ctx_new(NFT_CTX_DEFAULT);
    if (!c)
        return err_set(e, ERR_SYSTEM, "open nftables");
    (void)nft_ctx_buffer_output(c);
    (void)nft_ctx_buffer_error(c);
    int rc = 0;
    if (nft_run_cmd_from_buffer(c, script) != 0)
        rc = err_set(e, ERR_SYSTEM, "install network rules: %.400s", nft_ctx_get_error_buffer(c));
    nft_ctx_free(c);
    return rc;
}
