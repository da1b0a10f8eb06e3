#include <arpa/inet.h>
#include <ctype.h>
#include <ldns/ldns.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/map.h"
#include "podnet/dns.h"

enum { TTL_S = 5 };

struct record {
    uint16_t type;
    uint32_t a;         /* A, network byte order */
    const char *target; /* SRV, PTR, CNAME */
    uint16_t port;      /* SRV */
    struct record *next;
};

struct dns_zone {
    struct arena *arena;
    struct map names; /* lower case, with the last dot → struct record list; present: exists */
    const char *domain;
};

static const struct record nothing = {.type = 0};

static void add(struct dns_zone *z, const char *name, struct record r)
{
    struct record *copy = arena_dup(z->arena, &r, sizeof r);
    struct record *old = map_get(&z->names, name);
    copy->next = old == &nothing ? NULL : old;
    (void)map_put(&z->names, name, copy);
}

/* A name that exists without records of its own: asked for, it is empty and not unknown. */
static void add_empty(struct dns_zone *z, const char *name)
{
    if (!map_has(&z->names, name))
        (void)map_put(&z->names, name, (void *)(uintptr_t)&nothing);
}

static void add_a(struct dns_zone *z, const char *name, const char *ip)
{
    struct in_addr a;
    if (inet_pton(AF_INET, ip, &a) == 1)
        add(z, name, (struct record){.type = LDNS_RR_TYPE_A, .a = a.s_addr});
}

static void add_ptr(struct dns_zone *z, const char *ip, const char *name)
{
    unsigned a, b, c, d;
    if (sscanf(ip, "%u.%u.%u.%u", &a, &b, &c, &d) != 4)
        return;
    char *reverse = arena_printf(z->arena, "%u.%u.%u.%u.in-addr.arpa.", d, c, b, a);
    if (!map_has(&z->names, reverse))
        add(z, reverse, (struct record){.type = LDNS_RR_TYPE_PTR, .target = name});
}

static void add_srv(struct dns_zone *z, const struct podnet_service_port *p, const char *service,
                    uint16_t port, const char *target)
{
    if (!*p->name)
        return;
    const char *proto = p->udp ? "_udp" : "_tcp";
    add_empty(z, arena_printf(z->arena, "%s.%s", proto, service));
    add(z, arena_printf(z->arena, "_%s.%s.%s", p->name, proto, service),
        (struct record){.type = LDNS_RR_TYPE_SRV, .port = port, .target = target});
}

/* Pods behind a headless service have names below it: their hostname, or their address. */
static void add_headless(struct dns_zone *z, const struct podnet_service *s, const char *name)
{
    struct map seen;
    map_init(&seen);
    for (size_t i = 0; i < s->n_ports; i++)
        for (size_t k = 0; k < s->ports[i].n_backends; k++) {
            const struct podnet_backend *b = &s->ports[i].backends[k];
            char *label = arena_strdup(z->arena, b->hostname && *b->hostname ? b->hostname : b->ip);
            for (char *p = label; *p; p++)
                if (*p == '.')
                    *p = '-';
            char *pod = arena_printf(z->arena, "%s.%s", label, name);
            if (!map_put(&seen, b->ip, &seen)) {
                add_a(z, name, b->ip);
                add_a(z, pod, b->ip);
                add_ptr(z, b->ip, pod);
            }
            add_srv(z, &s->ports[i], name, b->port, pod);
        }
    map_done(&seen);
}

static void add_service(struct dns_zone *z, const struct podnet_service *s)
{
    char *name = arena_printf(z->arena, "%s.%s.svc.%s.", s->name, s->ns, z->domain);
    add_empty(z, arena_printf(z->arena, "%s.svc.%s.", s->ns, z->domain));
    add_empty(z, name);
    if (s->external_name) {
        size_t n = strlen(s->external_name);
        bool dotted = n && s->external_name[n - 1] == '.';
        add(z, name,
            (struct record){
                .type = LDNS_RR_TYPE_CNAME,
                .target = arena_printf(z->arena, "%s%s", s->external_name, dotted ? "" : ".")});
        return;
    }
    if (!*s->ip) {
        add_headless(z, s, name);
        return;
    }
    add_a(z, name, s->ip);
    add_ptr(z, s->ip, name);
    for (size_t i = 0; i < s->n_ports; i++)
        add_srv(z, &s->ports[i], name, s->ports[i].port, name);
}

struct dns_zone *dns_zone_new(const char *domain, const struct podnet_service *services, size_t n)
{
    struct arena *a = arena_new(0);
    struct dns_zone *z = calloc(1, sizeof *z);
    if (!z)
        abort();
    z->arena = a;
    z->domain = arena_strdup(a, domain);
    map_init(&z->names);
    add_empty(z, arena_printf(a, "%s.", domain));
    add_empty(z, arena_printf(a, "svc.%s.", domain));
    for (size_t i = 0; i < n; i++)
        add_service(z, &services[i]);
    return z;
}

void dns_zone_free(struct dns_zone *z)
{
    if (!z)
        return;
    map_done(&z->names);
    arena_free(z->arena);
    free(z);
}

static ldns_rr *rr_of(const struct record *r, ldns_rdf *owner)
{
    ldns_rr *rr = ldns_rr_new_frm_type(r->type);
    ldns_rr_set_owner(rr, ldns_rdf_clone(owner));
    ldns_rr_set_ttl(rr, TTL_S);
    ldns_rdf *name = r->target ? ldns_dname_new_frm_str(r->target) : NULL;
    switch (r->type) {
    case LDNS_RR_TYPE_A:
        (void)ldns_rr_set_rdf(rr, ldns_rdf_new_frm_data(LDNS_RDF_TYPE_A, 4, &r->a), 0);
        break;
    case LDNS_RR_TYPE_SRV:
        (void)ldns_rr_set_rdf(rr, ldns_native2rdf_int16(LDNS_RDF_TYPE_INT16, 0), 0);
        (void)ldns_rr_set_rdf(rr, ldns_native2rdf_int16(LDNS_RDF_TYPE_INT16, 100), 1);
        (void)ldns_rr_set_rdf(rr, ldns_native2rdf_int16(LDNS_RDF_TYPE_INT16, r->port), 2);
        (void)ldns_rr_set_rdf(rr, name, 3);
        break;
    default: /* CNAME, PTR */
        (void)ldns_rr_set_rdf(rr, name, 0);
    }
    return rr;
}

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0 && (n == m || name[n - m - 1] == '.');
}

/* "10-88-0-5.NS.pod.DOMAIN." names the address it spells. */
static bool pod_address(const struct dns_zone *z, const char *name, uint32_t *out)
{
    char end[300], ip[INET_ADDRSTRLEN];
    (void)snprintf(end, sizeof end, "pod.%s.", z->domain);
    const char *dot = strchr(name, '.');
    if (!dot || !ends_with(name, end) || (size_t)(dot - name) >= sizeof ip)
        return false;
    for (size_t i = 0; i < (size_t)(dot - name); i++)
        ip[i] = name[i] == '-' ? '.' : name[i];
    ip[dot - name] = '\0';
    return inet_pton(AF_INET, ip, out) == 1;
}

/* Fills the answer; false when the name is neither known nor below our domain. */
static bool fill(const struct dns_zone *z, const char *name, ldns_rr *question, ldns_pkt *answer)
{
    char ours[260];
    (void)snprintf(ours, sizeof ours, "%s.", z->domain);
    const struct record *r = map_get(&z->names, name);
    struct record pod = {.type = LDNS_RR_TYPE_A};
    if (!r && pod_address(z, name, &pod.a))
        r = &pod;
    if (!r && !ends_with(name, ours))
        return false;
    ldns_pkt_set_aa(answer, true);
    if (!r)
        ldns_pkt_set_rcode(answer, LDNS_RCODE_NXDOMAIN);
    ldns_rr_type want = ldns_rr_get_type(question);
    for (; r && r->type; r = r->next)
        if (r->type == want || want == LDNS_RR_TYPE_ANY || r->type == LDNS_RR_TYPE_CNAME)
            (void)ldns_pkt_push_rr(answer, LDNS_SECTION_ANSWER, rr_of(r, ldns_rr_owner(question)));
    return true;
}

static int serialise(ldns_pkt *answer, size_t room, uint8_t out[DNS_MESSAGE_MAX])
{
    for (;;) {
        uint8_t *wire = NULL;
        size_t n = 0;
        if (ldns_pkt2wire(&wire, answer, &n) != LDNS_STATUS_OK)
            return -1;
        if (n <= room) {
            memcpy(out, wire, n);
            free(wire);
            return (int)n;
        }
        free(wire);
        ldns_rr *dropped = ldns_rr_list_pop_rr(ldns_pkt_answer(answer));
        if (!dropped)
            return -1;
        ldns_pkt_set_ancount(answer, (uint16_t)(ldns_pkt_ancount(answer) - 1));
        ldns_rr_free(dropped);
    }
}

static int answer_query(const struct dns_zone *z, ldns_pkt *query, uint8_t out[DNS_MESSAGE_MAX])
{
    ldns_rr *question = ldns_rr_list_rr(ldns_pkt_question(query), 0);
    if (ldns_pkt_qr(query) || !question)
        return -1;
    char *name = ldns_rdf2str(ldns_rr_owner(question));
    for (char *p = name; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    ldns_pkt *answer = ldns_pkt_new();
    ldns_pkt_set_id(answer, ldns_pkt_id(query));
    ldns_pkt_set_qr(answer, true);
    ldns_pkt_set_rd(answer, ldns_pkt_rd(query));
    ldns_pkt_set_ra(answer, true);
    (void)ldns_pkt_push_rr(answer, LDNS_SECTION_QUESTION, ldns_rr_clone(question));
    size_t room = ldns_pkt_edns(query) ? ldns_pkt_edns_udp_size(query) : 512;
    if (ldns_pkt_edns(query))
        ldns_pkt_set_edns_udp_size(answer, 1232);
    room = room < 512 ? 512 : room > 1232 ? 1232 : room;
    int n = fill(z, name, question, answer) ? serialise(answer, room, out) : 0;
    ldns_pkt_free(answer);
    free(name);
    return n;
}

int dns_answer(const struct dns_zone *z, const uint8_t *query, size_t n,
               uint8_t out[DNS_MESSAGE_MAX])
{
    ldns_pkt *q = NULL;
    if (ldns_wire2pkt(&q, query, n) != LDNS_STATUS_OK)
        return -1;
    int r = answer_query(z, q, out);
    ldns_pkt_free(q);
    return r;
}
