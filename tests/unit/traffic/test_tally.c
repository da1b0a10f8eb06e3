#include "base/buf.h"
#include "base/own.h"
#include "t.h"
#include "traffic/tally.h"

enum { OUT_MAX = 16384, A = 0x0a580002, B = 0x0a580003 };

static const struct tally_service web_only[] =
    {
        {"web",   80},
        {"other", 81}
},
                                  two[] = {{"web", 80}, {"web-canary", 80}};
static const struct tally_pod a_pod = {A, "shop", "web-1", "uid-1", "web", "h", web_only, 2},
                              a_pod_in_two = {A, "shop", "web-1", "uid-1", "web", "h", two, 2},
                              successor = {A, "shop", "web-2", "uid-2", "web", "h", web_only, 2};

static void add(struct tally *t, uint32_t ip, enum http1_method m, int status, int64_t took_us)
{
    const struct exchange x = {
        .ends = {.pod = ip, .pod_port = 80},
        .method = m,
        .status = status,
        .took_ns = took_us * 1000
    };
    tally_add(t, &x);
}

static void say(void *arg, const struct tally_row *r)
{
    struct buf *out = arg;
    buf_printf(out, "%s/%s %s:%u", r->ns, r->pod, r->service, r->port);
    for (size_t i = 0; i < r->n_counts; i++)
        buf_printf(out, " %s %s %llu", r->counts[i].method, r->counts[i].code,
                   (unsigned long long)r->counts[i].n);
    buf_printf(out, "; %llu in %g, %llu in 1 ms, ",
               (unsigned long long)r->buckets[TALLY_BOUNDS - 1], r->seconds,
               (unsigned long long)r->buckets[0]);
}

#define ROWS(t, want, name)                                                                        \
    do {                                                                                           \
        AUTO_BUF struct buf out_;                                                                  \
        buf_init(&out_, OUT_MAX);                                                                  \
        tally_visit(t, say, &out_);                                                                \
        buf_putc(&out_, '\0');                                                                     \
        T_EQ_STR(out_.data, want, name);                                                           \
    } while (0)

static void rows(void)
{
    AUTO(tally) struct tally *t = tally_new();
    add(t, A, HTTP1_GET, 200, 1000);
    add(t, A, HTTP1_GET, 200, 2000);
    add(t, A, HTTP1_POST, 500, 500);
    ROWS(t, "", "nobody's");
    tally_set_pods(t, &a_pod, 1);
    ROWS(t, "shop/web-1 web:80 GET 200 0 POST 500 0; 0 in 0, 0 in 1 ms, ", "begins at 0");
    ROWS(t, "shop/web-1 web:80 GET 200 2 POST 500 1; 3 in 0.0035, 2 in 1 ms, ", "counted");
    add(t, A, HTTP1_GET, 404, 0);
    add(t, B, HTTP1_GET, 200, 0);
    ROWS(t, "shop/web-1 web:80 GET 200 2 POST 500 1 GET 404 0; 4 in 0.0035, 3 in 1 ms, ",
         "a new code begins at 0");
    tally_set_pods(t, &a_pod_in_two, 1);
    ROWS(t,
         "shop/web-1 web:80 GET 200 2 POST 500 1 GET 404 1; 4 in 0.0035, 3 in 1 ms, "
         "shop/web-1 web-canary:80 GET 200 2 POST 500 1 GET 404 1; 4 in 0.0035, 3 in 1 ms, ",
         "behind two services");
    tally_set_pods(t, &successor, 1);
    ROWS(t, "", "what another pod had at this address is gone");
    add(t, A, HTTP1_GET, 0, 20000000);
    ROWS(t, "shop/web-2 web:80 GET 0 0; 0 in 0, 0 in 1 ms, ", "begins at 0");
    ROWS(t, "shop/web-2 web:80 GET 0 1; 1 in 20, 0 in 1 ms, ", "only its own");
    tally_set_pods(t, NULL, 0);
    ROWS(t, "", "no pods");
}

static void without_service(void)
{
    struct tally_pod pod = a_pod;
    AUTO(tally) struct tally *t = tally_new();
    pod.n_services = 0;
    tally_set_pods(t, &pod, 1);
    add(t, A, HTTP1_GET, 200, 1);
    ROWS(t, "shop/web-1 :80 GET 200 0; 0 in 0, 0 in 1 ms, ", "no service");
}

struct classes {
    size_t rows, of_class;
    uint64_t sum;
};

static void look(void *arg, const struct tally_row *r)
{
    struct classes *c = arg;
    c->rows = r->n_counts;
    c->of_class = c->sum = 0;
    for (size_t i = 0; i < r->n_counts; i++) {
        c->sum += r->counts[i].n;
        c->of_class += strcmp(r->counts[i].code + 1, "xx") == 0;
    }
}

static void bounded(void)
{
    AUTO(tally) struct tally *t = tally_new();
    struct classes c = {0};
    tally_set_pods(t, &a_pod, 1);
    for (int status = 100; status < 1000; status++)
        for (enum http1_method m = 0; m < HTTP1_METHODS; m++)
            add(t, A, m, status, 1);
    tally_visit(t, look, &c); /* begins at 0 */
    tally_visit(t, look, &c);
    T_EQ_INT(c.rows, TALLY_CODES + 9, "pairs");
    T_EQ_INT(c.of_class, 9, "what is too much counts by its class");
    T_EQ_INT(c.sum, 900 * HTTP1_METHODS, "each request counts");
}

static void crowded(void)
{
    AUTO(tally) struct tally *t = tally_new();
    tally_set_pods(t, &a_pod, 1);
    add(t, A, HTTP1_GET, 200, 1);
    for (uint32_t i = 0; i < 2 * TALLY_PORTS; i++)
        add(t, B + i, HTTP1_GET, 200, 1);
    T_EQ_INT(tally_refused(t), 0, "nobody's addresses give way");
    ROWS(t, "shop/web-1 web:80 GET 200 0; 0 in 0, 0 in 1 ms, ", "the pod's stay");
    for (uint32_t i = 0; i < 2 * TALLY_PORTS; i++) {
        const struct exchange x = {
            .ends = {.pod = A, .pod_port = (uint16_t)(100 + i)},
              .status = 200
        };
        tally_add(t, &x);
    }
    T_EQ_INT(tally_refused(t), TALLY_PORTS + 1, "no room for more ports");
}

T_MAIN(rows, without_service, bounded, crowded)
