/* dns.h - names of services and pods, answered from memory; all others passed on.
 *
 * Model      dns_answer() is pure: a query and a zone give an answer, or "not ours". The server
 *            is one thread with one UDP socket towards the pods and one towards the host's
 *            resolvers.
 * Guarantees Answers follow Kubernetes' DNS specification 1.1.0: A, SRV and PTR records of
 *            services, headless ones by pod, TTL 5. Answers that do not fit the client's buffer
 *            hold as many records as fit.
 * Threads    dns_set_zone from any.                                                       */
#pragma once
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"
#include "podnet/podnet.h"

struct dns_zone;
struct dns_server;

/* Copies what it needs. */
struct dns_zone *dns_zone_new(const char *domain, const struct podnet_service *services, size_t n);
void dns_zone_free(struct dns_zone *z);
AUTO_DEFINE(dns_zone)

enum { DNS_MESSAGE_MAX = 4096 };

/* The length of the answer in `out`; 0: not ours, ask others; -1: not a query, drop it. */
int dns_answer(const struct dns_zone *z, const uint8_t *query, size_t n,
               uint8_t out[DNS_MESSAGE_MAX]);

/* `resolv_conf`: where the host's resolvers are named. */
int dns_server_start(uint32_t address, const char *resolv_conf, struct dns_server **out,
                     struct err *e) MUST_CHECK;
void dns_server_set_zone(struct dns_server *s, struct dns_zone *z); /* takes it */
void dns_server_free(struct dns_server *s);
AUTO_DEFINE(dns_server)
