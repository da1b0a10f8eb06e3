#include "server/requests.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "kube/cache.h"
#include "kube/controller.h"
#include "traffic/traffic.h"

enum { PAUSE_MS = 500 }; /* all pods are looked at each time: not for every one that changes */

struct requests {
    struct tally *tally;
    struct traffic *traffic;
    int64_t told_ms; /* when it was told last whose addresses are whose */
};

int requests_start(uint32_t pods, int prefix, struct requests **out, struct err *e)
{
    struct requests *r = calloc(1, sizeof *r);
    if (!r)
        log_die("out of memory");
    r->tally = tally_new();
    int rc = traffic_start(pods, prefix, r->tally, &r->traffic, e);
    if (rc < 0) {
        requests_free(r);
        return rc;
    }
    *out = r;
    return 0;
}

void requests_free(struct requests *r)
{
    if (!r)
        return;
    traffic_free(r->traffic);
    tally_free(r->tally);
    free(r);
}

/* ---- whose an address is ---- */

struct addresses {
    struct arena *a;
    struct map by_ip; /* → one of `list` */
    struct tally_pod *list;
    size_t n;
};

/* "shop-7d8f9c" of a ReplicaSet is what the Deployment "shop" runs. */
static const char *workload_of(const struct object *pod, struct arena *a)
{
    const struct value *owner = object_controller(pod);
    const char *name = owner ? value_at_str(owner, "name", "") : "";
    const char *hash = object_label(pod, "pod-template-hash");
    size_t n = strlen(name), end = hash ? strlen(hash) + 1 : 0;
    if (end && n > end && name[n - end] == '-' && strcmp(name + n - end + 1, hash) == 0)
        return arena_strndup(a, name, n - end);
    return name;
}

static bool has_ended(const struct object *pod)
{
    const char *phase = value_at_str(pod->root, "status.phase", "");
    return strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0;
}

static void add_pods(struct addresses *x, const struct object_list *pods)
{
    x->list = ARENA_ARRAY(x->a, struct tally_pod, pods->n + 1);
    for (size_t i = 0; i < pods->n; i++) {
        const struct object *pod = pods->items[i];
        const char *ip = value_at_str(pod->root, "status.podIP", "");
        const char *hash = object_label(pod, "pod-template-hash");
        struct in_addr address;
        if (has_ended(pod) || value_at_bool(pod->root, "spec.hostNetwork", false) ||
            inet_pton(AF_INET, ip, &address) != 1)
            continue;
        struct tally_pod *p = &x->list[x->n++];
        *p = (struct tally_pod){.ip = ntohl(address.s_addr),
                                .ns = pod->ns,
                                .name = pod->name,
                                .uid = pod->uid,
                                .workload = workload_of(pod, x->a),
                                .hash = hash ? hash : ""};
        (void)map_put(&x->by_ip, ip, p);
    }
}

static void add_service(struct arena *a, struct tally_pod *p, const char *name, uint16_t port)
{
    size_t size = sizeof *p->services;
    for (size_t i = 0; i < p->n_services; i++)
        if (p->services[i].port == port && strcmp(p->services[i].name, name) == 0)
            return;
    struct tally_service *grown = ARENA_ARRAY(a, struct tally_service, p->n_services + 1);
    if (p->n_services)
        memcpy(grown, p->services, p->n_services * size);
    grown[p->n_services++] = (struct tally_service){name, port};
    p->services = grown;
}

static void add_slice(struct addresses *x, const struct object *slice)
{
    const char *service = object_label(slice, "kubernetes.io/service-name");
    if (!service)
        return;
    VALUE_EACH_ITEM (endpoint, value_get(slice->root, "endpoints"))
        VALUE_EACH_ITEM (ip, value_get(endpoint, "addresses")) {
            struct tally_pod *p = map_get(&x->by_ip, value_str(ip, ""));
            if (!p || strcmp(p->ns, slice->ns) != 0)
                continue;
            VALUE_EACH_ITEM (port, value_get(slice->root, "ports"))
                add_service(x->a, p, service, (uint16_t)value_at_int(port, "port", 0));
        }
}

static int requests_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                         struct err *e)
{
    struct requests *r = c->arg;
    int64_t now = c->clock->mono_ms(c->clock);
    if (r->told_ms && now < r->told_ms + PAUSE_MS) { /* what is counted meanwhile waits */
        c->requeue_after_ms = r->told_ms + PAUSE_MS - now;
        return 0;
    }
    r->told_ms = now;
    struct addresses x = {.a = a};
    struct object_list pods = cache_list(c->cache, &RES_POD, NULL, a);
    struct object_list slices = cache_list(c->cache, &RES_ENDPOINT_SLICE, NULL, a);
    (void)key;
    (void)e;
    map_init(&x.by_ip);
    add_pods(&x, &pods);
    for (size_t i = 0; i < slices.n; i++)
        add_slice(&x, slices.items[i]);
    tally_set_pods(r->tally, x.list, x.n);
    map_done(&x.by_ip);
    return 0;
}

static void all_pods(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    (void)o;
    (void)c;
    key_add(s, "", "pods");
}

static const struct controller_watch watches[] = {
    {&RES_POD,            all_pods},
    {&RES_ENDPOINT_SLICE, all_pods},
    {NULL,                NULL    },
};

const struct controller requests_controller = {
    .name = "requests", .watches = watches, .workers = 1, .sync = requests_sync};

/* ---- metrics ---- */

struct measuring {
    scraper_emit emit;
    void *to;
};

enum { OWN = 7, MORE = 2 }; /* labels that every sample has, and those of some */

static void put(const struct measuring *m, const struct tally_row *r, const char *name,
                const struct label more[MORE], double v)
{
    char port[8];
    (void)snprintf(port, sizeof port, "%u", r->port);
    const struct label all[OWN + MORE] = {
        {"__name__",          name       },
        {"namespace",         r->ns      },
        {"pod",               r->pod     },
        {"pod_template_hash", r->hash    },
        {"port",              port       },
        {"service",           r->service },
        {"workload",          r->workload},
        more[0],
        more[1],
    };
    m->emit(m->to, all, OWN + !!more[0].name + !!more[1].name, v);
}

static void put_row(void *arg, const struct tally_row *r)
{
    static const struct label none[MORE];
    const struct measuring *m = arg;
    for (size_t i = 0; i < r->n_counts; i++) {
        const struct label l[MORE] = {
            {"method", r->counts[i].method},
            {"code",   r->counts[i].code  }
        };
        put(m, r, "slipway_service_requests_total", l, (double)r->counts[i].n);
    }
    for (size_t i = 0; i < TALLY_BOUNDS; i++) {
        const struct label l[MORE] = {
            {"le", tally_bounds[i]}
        };
        put(m, r, "slipway_service_request_duration_seconds_bucket", l, (double)r->buckets[i]);
    }
    put(m, r, "slipway_service_request_duration_seconds_count", none,
        (double)r->buckets[TALLY_BOUNDS - 1]);
    put(m, r, "slipway_service_request_duration_seconds_sum", none, r->seconds);
}

static void put_connections(const struct measuring *m, const struct flows_counts *c)
{
    const struct {
        const char *protocol;
        uint64_t n;
    } all[] = {
        {"http/1", c->http },
        {"http/2", c->http2},
        {"tls",    c->tls  },
        {"other",  c->other},
    };
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        const struct label l[] = {
            {"__name__", "slipway_traffic_connections_total"},
            {"protocol", all[i].protocol                    }
        };
        m->emit(m->to, l, ARRAY_LEN(l), (double)all[i].n);
    }
}

void requests_measure(void *requests, scraper_emit emit, void *to)
{
    struct requests *r = requests;
    struct measuring m = {emit, to};
    struct traffic_counts c = traffic_counts(r->traffic);
    const struct {
        const char *name;
        double v;
    } all[] = {
        {"slipway_traffic_packets_total",             (double)c.packets              },
        {"slipway_traffic_dropped_packets_total",     (double)c.dropped              },
        {"slipway_traffic_open_connections",          (double)c.flows.open           },
        {"slipway_traffic_evicted_connections_total", (double)c.flows.evicted        },
        {"slipway_traffic_gaps_total",                (double)c.flows.gaps           },
        {"slipway_traffic_unmatched_answers_total",   (double)c.flows.unmatched      },
        {"slipway_traffic_refused_requests_total",    (double)tally_refused(r->tally)},
    };
    tally_visit(r->tally, put_row, &m);
    put_connections(&m, &c.flows);
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        const struct label l = {"__name__", all[i].name};
        emit(to, &l, 1, all[i].v);
    }
}
