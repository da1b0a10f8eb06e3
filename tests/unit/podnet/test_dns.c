#include "podnet/dns.h"

#include <ldns/ldns.h>

#include "base/arena.h"
#include "base/buf.h"
#include "t.h"

static const struct podnet_backend two[] = {
    {"10.88.0.2", 8080, "web-0"},
    {"10.88.0.3", 8080, NULL   },
};
static const struct podnet_service_port http = {"http", false, 80, 0, two, 2};
static const struct podnet_service services[] = {
    {"shop", "web",  "10.96.0.9", NULL,          false, &http, 1},
    {"shop", "pods", "",          NULL,          false, &http, 1},
    {"shop", "out",  "",          "example.org", false, NULL,  0},
};

/* "RCODE rdata rdata …", sorted as they came; "pass" when not ours. */
static const char *ask(const struct dns_zone *z, const char *name, ldns_rr_type type)
{
    static char text[512];
    uint8_t *wire, out[DNS_MESSAGE_MAX];
    size_t n;
    ldns_pkt *q = ldns_pkt_query_new(ldns_dname_new_frm_str(name), type, LDNS_RR_CLASS_IN, LDNS_RD);
    T_OK(ldns_pkt2wire(&wire, q, &n) == LDNS_STATUS_OK, "query");
    ldns_pkt_free(q);
    int r = dns_answer(z, wire, n, out);
    free(wire);
    if (r <= 0)
        return r == 0 ? "pass" : "drop";
    ldns_pkt *p;
    T_OK(ldns_wire2pkt(&p, out, (size_t)r) == LDNS_STATUS_OK, "answer");
    int at = snprintf(text, sizeof text, "%s",
                      ldns_pkt_get_rcode(p) == LDNS_RCODE_NOERROR ? "ok" : "nxdomain");
    ldns_rr_list *l = ldns_pkt_answer(p);
    for (size_t i = 0; i < ldns_rr_list_rr_count(l); i++) {
        ldns_rr *rr = ldns_rr_list_rr(l, i);
        for (size_t k = 0; k < ldns_rr_rd_count(rr); k++) {
            char *s = ldns_rdf2str(ldns_rr_rdf(rr, k));
            at += snprintf(text + at, sizeof text - (size_t)at, "%c%s", k ? ',' : ' ', s);
            free(s);
        }
    }
    ldns_pkt_free(p);
    return text;
}

static void answers(void)
{
    static const struct {
        const char *name;
        ldns_rr_type type;
        const char *want;
    } cases[] = {
        {"web.shop.svc.cluster.local.",            LDNS_RR_TYPE_A,    "ok 10.96.0.9"                  },
        {"WEB.shop.SVC.cluster.local.",            LDNS_RR_TYPE_A,    "ok 10.96.0.9"                  },
        {"web.shop.svc.cluster.local.",            LDNS_RR_TYPE_AAAA, "ok"                            },
        {"pods.shop.svc.cluster.local.",           LDNS_RR_TYPE_A,    "ok 10.88.0.3 10.88.0.2"        },
        {"web-0.pods.shop.svc.cluster.local.",     LDNS_RR_TYPE_A,    "ok 10.88.0.2"                  },
        {"10-88-0-3.pods.shop.svc.cluster.local.", LDNS_RR_TYPE_A,    "ok 10.88.0.3"                  },
        {"10-88-0-7.shop.pod.cluster.local.",      LDNS_RR_TYPE_A,    "ok 10.88.0.7"                  },
        {"_http._tcp.web.shop.svc.cluster.local.", LDNS_RR_TYPE_SRV,
         "ok 0,100,80,web.shop.svc.cluster.local."                                                    },
        {"9.0.96.10.in-addr.arpa.",                LDNS_RR_TYPE_PTR,  "ok web.shop.svc.cluster.local."},
        {"out.shop.svc.cluster.local.",            LDNS_RR_TYPE_A,    "ok example.org."               },
        {"none.shop.svc.cluster.local.",           LDNS_RR_TYPE_A,    "nxdomain"                      },
        {"shop.svc.cluster.local.",                LDNS_RR_TYPE_A,    "ok"                            },
        {"example.org.",                           LDNS_RR_TYPE_A,    "pass"                          },
        {"notcluster.local.",                      LDNS_RR_TYPE_A,    "pass"                          },
    };
    AUTO(dns_zone) struct dns_zone *z = dns_zone_new("cluster.local", services, 3);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        T_EQ_STR(ask(z, cases[i].name, cases[i].type), cases[i].want, cases[i].name);
}

static void drops_what_is_no_query(void)
{
    AUTO(dns_zone) struct dns_zone *z = dns_zone_new("cluster.local", NULL, 0);
    uint8_t out[DNS_MESSAGE_MAX], junk[64];
    memset(junk, 0xff, sizeof junk);
    T_EQ_INT(dns_answer(z, junk, sizeof junk, out), -1, "junk");
    T_EQ_INT(dns_answer(z, junk, 0, out), -1, "nothing");
}

static void keeps_to_the_clients_buffer(void)
{
    enum { MANY = 100 };
    static struct podnet_backend many[MANY];
    AUTO(arena) struct arena *a = arena_new(0);
    for (int i = 0; i < MANY; i++)
        many[i] = (struct podnet_backend){arena_printf(a, "10.88.1.%d", i), 80, NULL};
    struct podnet_service_port port = {"http", false, 80, 0, many, MANY};
    struct podnet_service s = {"shop", "big", "", NULL, false, &port, 1};
    AUTO(dns_zone) struct dns_zone *z = dns_zone_new("cluster.local", &s, 1);
    uint8_t *wire, out[DNS_MESSAGE_MAX];
    size_t n;
    ldns_pkt *q = ldns_pkt_query_new(ldns_dname_new_frm_str("big.shop.svc.cluster.local."),
                                     LDNS_RR_TYPE_A, LDNS_RR_CLASS_IN, LDNS_RD);
    T_OK(ldns_pkt2wire(&wire, q, &n) == LDNS_STATUS_OK, "query");
    int r = dns_answer(z, wire, n, out);
    T_OK(r > 400 && r <= 512, "as many records as fit");
    free(wire);
    ldns_pkt_free(q);
}

T_MAIN(answers, drops_what_is_no_query, keeps_to_the_clients_buffer)
