/* podnet_int.h - what the files of podnet/ share. */
#pragma once
#include <netinet/in.h>
#include <pthread.h>

#include "base/buf.h"
#include "podnet/dns.h"
#include "podnet/podnet.h"

#define PODNET_LINK "slipway0"

/* Addresses in host byte order. */
struct range {
    uint32_t base;
    int prefix;
};

int range_parse(const char *text, struct range *out, struct err *e) MUST_CHECK;
void range_text(const struct range *r, char out[INET_ADDRSTRLEN + 4]);
void address_text(uint32_t address, char out[INET_ADDRSTRLEN]);
static inline uint32_t range_size(const struct range *r)
{
    return r->prefix == 0 ? UINT32_MAX : (uint32_t)1 << (32 - r->prefix);
}

/* addresses.c: STATE/addresses/IP holds the id; made with O_EXCL, so it is taken once. */
int addresses_take(const char *dir, const struct range *r, const char *id, uint32_t *out,
                   struct err *e) MUST_CHECK;
int addresses_find(const char *dir, const char *id, uint32_t *out, struct err *e) MUST_CHECK;
int addresses_give_back(const char *dir, const char *id, struct err *e) MUST_CHECK;

/* link.c: rtnetlink. */
int link_make_gateway(uint32_t gateway, const struct range *services, struct err *e) MUST_CHECK;
int link_make_pod(const char *host_name, const char *netns, uint32_t ip, uint32_t gateway,
                  struct err *e) MUST_CHECK;
int link_delete(const char *name, struct err *e) MUST_CHECK; /* absent is fine */
int link_traffic(const char *name, uint64_t *out_rx, uint64_t *out_tx, struct err *e) MUST_CHECK;
void link_name_of(const char *id, char out[16]); /* stable, within IFNAMSIZ */

/* netns.c */
int netns_make(const char *path, struct err *e) MUST_CHECK; /* there already is fine */
int netns_delete(const char *path, struct err *e) MUST_CHECK;

/* rules.c: the whole nftables table as text. Pure. */
struct host_port {
    uint32_t pod_ip;
    struct podnet_port port;
    char host_ip[INET_ADDRSTRLEN]; /* "" for any; port.host_ip is not read */
};
struct rules {
    struct range pods, services_range;
    const struct podnet_service *services;
    size_t n_services;
    const struct host_port *host_ports;
    size_t n_host_ports;
};
void rules_print(const struct rules *r, struct buf *out);
int rules_apply(const char *script, struct err *e) MUST_CHECK;
