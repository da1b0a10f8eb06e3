#include "traffic/tally.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/thread.h"

enum { KEY_MAX = 16, CLASSES = 10, CODES = TALLY_CODES + CLASSES };

const char *const tally_bounds[TALLY_BOUNDS] = {"0.001", "0.0025", "0.005", "0.01", "0.025",
                                                "0.05",  "0.1",    "0.25",  "0.5",  "1",
                                                "2.5",   "5",      "10",    "+Inf"};
static const int64_t bounds_us[TALLY_BOUNDS - 1] = {1000,    2500,    5000,    10000,  25000,
                                                    50000,   100000,  250000,  500000, 1000000,
                                                    2500000, 5000000, 10000000};

struct code {
    uint64_t n;
    uint16_t status; /* below 10: a class of codes */
    uint8_t method;
    bool shown;
};

struct port {
    uint32_t ip;
    uint16_t port;
    const struct tally_pod *pod; /* among the pods set last; NULL: whose it is is not known */
    char uid[64];                /* whose it was found to be; "": nobody's yet */
    struct code codes[CODES];
    size_t n_codes;
    uint64_t times[TALLY_BOUNDS]; /* not cumulative */
    int64_t ns;
    bool shown;
};

struct tally {
    pthread_mutex_t lock;
    struct map ports; /* address and port in hexadecimal → struct port */
    struct arena *arena;
    struct tally_pod *pods; /* by address */
    size_t n_pods;
    uint64_t refused;
};

struct tally *tally_new(void)
{
    struct tally *t = calloc(1, sizeof *t);
    if (!t)
        log_die("out of memory");
    (void)pthread_mutex_init(&t->lock, NULL);
    map_init(&t->ports);
    t->arena = arena_new(0);
    return t;
}

void tally_free(struct tally *t)
{
    if (!t)
        return;
    size_t at = 0;
    for (const struct map_entry *m; (m = map_next(&t->ports, &at));)
        free(m->value);
    map_done(&t->ports);
    arena_free(t->arena);
    (void)pthread_mutex_destroy(&t->lock);
    free(t);
}

uint64_t tally_refused(struct tally *t)
{
    LOCK_SCOPE(&t->lock);
    return t->refused;
}

/* ---- pods ---- */

static int by_ip(const void *a, const void *b)
{
    uint32_t x = ((const struct tally_pod *)a)->ip, y = ((const struct tally_pod *)b)->ip;
    return (x > y) - (x < y);
}

static const struct tally_pod *pod_at(const struct tally *t, uint32_t ip)
{
    const struct tally_pod key = {.ip = ip};
    return t->n_pods ? bsearch(&key, t->pods, t->n_pods, sizeof key, by_ip) : NULL;
}

static struct tally_pod copy_pod(struct arena *a, const struct tally_pod *p)
{
    struct tally_service *services = ARENA_ARRAY(a, struct tally_service, p->n_services + 1);
    for (size_t i = 0; i < p->n_services; i++)
        services[i] =
            (struct tally_service){arena_strdup(a, p->services[i].name), p->services[i].port};
    return (struct tally_pod){p->ip,
                              arena_strdup(a, p->ns),
                              arena_strdup(a, p->name),
                              arena_strdup(a, p->uid),
                              arena_strdup(a, p->workload),
                              arena_strdup(a, p->hash),
                              services,
                              p->n_services};
}

/* False: the pod that it counted for is gone. */
static bool attribute(const struct tally *t, struct port *p)
{
    p->pod = pod_at(t, p->ip);
    if (*p->uid && (!p->pod || strcmp(p->pod->uid, p->uid) != 0))
        return false;
    if (p->pod)
        (void)snprintf(p->uid, sizeof p->uid, "%s", p->pod->uid);
    return true;
}

static void drop_gone(struct tally *t)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const char **gone = ARENA_ARRAY(a, const char *, map_size(&t->ports) + 1);
    size_t at = 0, n = 0;
    for (const struct map_entry *m; (m = map_next(&t->ports, &at));)
        if (!attribute(t, m->value))
            gone[n++] = arena_strdup(a, m->key);
    while (n > 0)
        free(map_remove(&t->ports, gone[--n]));
}

void tally_set_pods(struct tally *t, const struct tally_pod *pods, size_t n)
{
    struct arena *a = arena_new(0);
    struct tally_pod *copy = ARENA_ARRAY(a, struct tally_pod, n + 1);
    for (size_t i = 0; i < n; i++)
        copy[i] = copy_pod(a, &pods[i]);
    qsort(copy, n, sizeof *copy, by_ip);
    LOCK_SCOPE(&t->lock);
    arena_free(t->arena);
    t->arena = a;
    t->pods = copy;
    t->n_pods = n;
    drop_gone(t);
}

/* ---- exchanges ---- */

/* Of an address that is nobody's, when room is wanted. */
static bool forget_one(struct tally *t)
{
    size_t at = 0;
    for (const struct map_entry *m; (m = map_next(&t->ports, &at));)
        if (!((const struct port *)m->value)->pod) {
            char key[KEY_MAX];
            (void)snprintf(key, sizeof key, "%s", m->key);
            free(map_remove(&t->ports, key));
            return true;
        }
    return false;
}

static struct port *port_of(struct tally *t, uint32_t ip, uint16_t number)
{
    char key[KEY_MAX];
    (void)snprintf(key, sizeof key, "%08x%04x", ip, number);
    struct port *p = map_get(&t->ports, key);
    if (p || (map_size(&t->ports) >= TALLY_PORTS && !forget_one(t)))
        return p;
    p = calloc(1, sizeof *p);
    if (!p)
        log_die("out of memory");
    p->ip = ip;
    p->port = number;
    (void)attribute(t, p);
    (void)map_put(&t->ports, key, p);
    return p;
}

static struct code *code_of(struct port *p, enum http1_method method, int status)
{
    for (size_t i = 0; i < p->n_codes; i++)
        if (p->codes[i].status == status && p->codes[i].method == method)
            return &p->codes[i];
    if (p->n_codes >= TALLY_CODES && (status >= CLASSES || method != HTTP1_OTHER_METHOD))
        return code_of(p, HTTP1_OTHER_METHOD, status / 100);
    struct code *c = &p->codes[p->n_codes++];
    *c = (struct code){.status = (uint16_t)status, .method = (uint8_t)method};
    return c;
}

void tally_add(struct tally *t, const struct exchange *x)
{
    size_t i = 0;
    LOCK_SCOPE(&t->lock);
    struct port *p = port_of(t, x->ends.pod, x->ends.pod_port);
    if (!p) {
        t->refused++;
        return;
    }
    code_of(p, x->method, x->status)->n++;
    while (i < TALLY_BOUNDS - 1 && x->took_ns > bounds_us[i] * 1000)
        i++;
    p->times[i]++;
    p->ns += x->took_ns;
}

/* ---- rows ---- */

static const char *code_text(struct arena *a, int status)
{
    return status == 0        ? "0"
           : status < CLASSES ? arena_printf(a, "%dxx", status)
                              : arena_printf(a, "%d", status);
}

/* What never was shown is shown as 0 first. */
static void fill_row(struct port *p, struct arena *a, struct tally_row *r)
{
    struct tally_count *counts = ARENA_ARRAY(a, struct tally_count, p->n_codes + 1);
    uint64_t sum = 0;
    for (size_t i = 0; i < p->n_codes; i++) {
        struct code *c = &p->codes[i];
        counts[i] = (struct tally_count){http1_method_name(c->method), code_text(a, c->status),
                                         c->shown ? c->n : 0};
        c->shown = true;
    }
    for (size_t i = 0; i < TALLY_BOUNDS && p->shown; i++)
        r->buckets[i] = sum += p->times[i];
    r->seconds = p->shown ? (double)p->ns / 1e9 : 0;
    p->shown = true;
    r->counts = counts;
    r->n_counts = p->n_codes;
}

struct rows {
    struct arena *a;
    struct tally_row *list;
    size_t n, cap;
};

static void add_rows(struct rows *rows, struct port *p)
{
    const struct tally_pod *pod = p->pod;
    struct arena *a = rows->a;
    struct tally_row row = {.ns = arena_strdup(a, pod->ns),
                            .pod = arena_strdup(a, pod->name),
                            .workload = arena_strdup(a, pod->workload),
                            .hash = arena_strdup(a, pod->hash),
                            .service = "",
                            .port = p->port};
    size_t before = rows->n;
    fill_row(p, a, &row);
    for (size_t i = 0; i < pod->n_services || rows->n == before; i++) {
        if (i < pod->n_services && pod->services[i].port != p->port)
            continue;
        if (i < pod->n_services)
            row.service = arena_strdup(a, pod->services[i].name);
        if (rows->n == rows->cap) {
            size_t cap = rows->cap ? rows->cap * 2 : 64;
            rows->list = arena_grow(a, rows->list, rows->cap * sizeof row, cap * sizeof row);
            rows->cap = cap;
        }
        rows->list[rows->n++] = row;
    }
}

void tally_visit(struct tally *t, void (*fn)(void *arg, const struct tally_row *r), void *arg)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct rows rows = {.a = a};
    {
        LOCK_SCOPE(&t->lock);
        size_t at = 0;
        for (const struct map_entry *m; (m = map_next(&t->ports, &at));)
            if (((const struct port *)m->value)->pod)
                add_rows(&rows, m->value);
    }
    for (size_t i = 0; i < rows.n; i++)
        fn(arg, &rows.list[i]);
}
