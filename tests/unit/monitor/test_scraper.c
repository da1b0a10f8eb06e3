#include "monitor/scraper.h"

#include <stdatomic.h>

#include "codec/proto.h"
#include "codec/yaml.h"
#include "net/http_server.h"
#include "promql/promql.h"
#include "t.h"

static struct err e;
static _Atomic int requests;

static void page(struct http_request *q, void *arg)
{
    (void)arg;
    int n = atomic_fetch_add(&requests, 1);
    http_send_text(q, 200,
                   n == 0 ? "hits{code=\"200\"} 1\nonce{at=\"C:\\\\new\"} 7\n"
                          : "hits{code=\"200\"} 2\n");
}

static void source(void *arg, scraper_emit emit, void *to)
{
    (void)arg;
    const struct label l = {"__name__", "inside"};
    emit(to, &l, 1, 5);
}

static const char *ask(struct tsdb *db, const char *query, struct arena *a)
{
    struct promql_tsdb s;
    struct promql_result r;
    promql_tsdb_init(&s, db);
    if (promql_instant(&s.source, NULL, query, clock_real_ms(), a, &r, &e) < 0)
        return e.msg;
    char *out = arena_strdup(a, "");
    for (size_t i = 0; i < r.series.n; i++)
        out = arena_printf(a, "%s%s %g;", out, labels_text(&r.series.items[i].labels, a),
                           r.series.items[i].samples[0].v);
    return out;
}

/* Waits until the query answers so. */
static void becomes(struct tsdb *db, const char *query, const char *want)
{
    for (int64_t until = clock_mono_ms() + 60000; clock_mono_ms() < until;) {
        AUTO(arena) struct arena *a = arena_new(0);
        if (strcmp(ask(db, query, a), want) == 0)
            return;
        (void)usleep(5000);
    }
    AUTO(arena) struct arena *a = arena_new(0);
    T_EQ_STR(ask(db, query, a), want, query);
}

static void scrapes(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(tsdb) struct tsdb *db = NULL;
    AUTO(http_server) struct http_server *server = NULL;
    struct http_listen l = {.address = "127.0.0.1:0"};
    struct tsdb_opts o = {.clock = &clock_system};
    T_RC(tsdb_open(&o, &db, &e), &e, "store");
    T_RC(http_server_start(&l, page, NULL, &server, &e), &e, "server");
    struct scraper *s = NULL;
    struct scraper_opts so = {.db = db, .clock = &clock_system, .interval_ms = 50};
    T_RC(scraper_start(&so, &s, &e), &e, "scraper");
    const struct label list[] = {
        {"job",  "test"},
        {"code", "mine"}
    };
    struct labels labels = labels_make(a, list, 2);
    scraper_set(s, "t", arena_printf(a, "http://127.0.0.1:%u/metrics", http_server_port(server)),
                &labels);
    scraper_set_source(s, "s", source, NULL, &(struct labels){0}, 0);
    becomes(db, "hits", "hits{code=\"mine\", exported_code=\"200\", job=\"test\"} 2;");
    becomes(db, "once", "");
    becomes(db, "up", "up{code=\"mine\", job=\"test\"} 1;");
    becomes(db, "inside", "inside 5;");
    http_server_free(take_ptr(server));
    becomes(db, "up", "up{code=\"mine\", job=\"test\"} 0;");
    becomes(db, "hits", "");
    scraper_remove(s, "t");
    becomes(db, "up", "");
    scraper_free(s);
}

/* A counter with an exemplar and a native histogram, to who asks for protobuf first and shows the
 * token. */
static void proto_page(struct http_request *q, void *arg)
{
    static const char type[] = "application/vnd.google.protobuf; "
                               "proto=io.prometheus.client.MetricFamily; encoding=delimited";
    const char *accept = http_header(q, "Accept"), *token = http_header(q, "Authorization");
    (void)arg;
    if (!token || strcmp(token, "Bearer secret") != 0) {
        http_send_text(q, 401, "");
        return;
    }
    AUTO_BUF struct buf b, page_bytes;
    buf_init(&b, 1 << 16);
    buf_init(&page_bytes, 1 << 16);
    proto_put_text(&b, 1, "c");
    size_t m = proto_begin(&b, 4), v = proto_begin(&b, 3);
    proto_put_double(&b, 1, 3);
    size_t x = proto_begin(&b, 2), l = proto_begin(&b, 1);
    proto_put_text(&b, 1, "id");
    proto_put_text(&b, 2, "t");
    proto_end(&b, l);
    proto_put_double(&b, 2, 0.5);
    size_t t = proto_begin(&b, 3);
    proto_put_varint(&b, 1, 7);
    proto_end(&b, t);
    proto_end(&b, x);
    proto_end(&b, v);
    proto_end(&b, m);
    proto_add_varint(&page_bytes, b.len);
    buf_add(&page_bytes, b.data, b.len);
    buf_clear(&b);
    proto_put_text(&b, 1, "h");
    proto_put_varint(&b, 3, 4);
    m = proto_begin(&b, 4);
    v = proto_begin(&b, 7);
    proto_put_varint(&b, 1, 4);
    proto_put_double(&b, 2, 2.5);
    proto_put_double(&b, 6, 0.1);
    proto_put_varint(&b, 7, 4);
    proto_end(&b, v);
    proto_end(&b, m);
    proto_add_varint(&page_bytes, b.len);
    buf_add(&page_bytes, b.data, b.len);
    if (accept && strncmp(accept, type, 31) == 0)
        http_send(q, 200, type, page_bytes.data, page_bytes.len);
    else
        http_send_text(q, 200, "text 1\nc 5\n");
}

static void put(struct scraper *s, const char *url, const char *key, struct scrape_opts o,
                const char *rules)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const struct label list[] = {
        {"job", key}
    };
    struct labels labels = labels_make(a, list, 1);
    struct value *v;
    T_RC(yaml_parse(a, rules, strlen(rules), 0, &v, &e), &e, rules);
    T_RC(relabel_new(v, true, &o.relabel, &e), &e, rules);
    o.bearer = "secret";
    scraper_put(s, key, url, &labels, &o);
}

static void negotiates(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(tsdb) struct tsdb *db = NULL;
    AUTO(http_server) struct http_server *server = NULL;
    AUTO(scraper) struct scraper *s = NULL;
    struct http_listen l = {.address = "127.0.0.1:0"};
    struct tsdb_opts o = {.clock = &clock_system};
    struct scraper_opts so = {.db = db, .clock = &clock_system, .interval_ms = 50};
    const struct matcher all[] = {
        {"job", MATCH_EQ, "proto"}
    };
    struct exemplar_series *x = NULL;
    size_t n = 0;
    T_RC(tsdb_open(&o, &db, &e), &e, "store");
    so.db = db;
    T_RC(http_server_start(&l, proto_page, NULL, &server, &e), &e, "server");
    T_RC(scraper_start(&so, &s, &e), &e, "scraper");
    const char *url = arena_printf(a, "http://127.0.0.1:%u/metrics", http_server_port(server));
    put(s, url, "proto", (struct scrape_opts){0}, "[]");
    put(s, url, "text", (struct scrape_opts){.text_only = true},
        "[{sourceLabels: [__name__], regex: c, action: drop}, {targetLabel: x, replacement: there}]");
    put(s, url, "many", (struct scrape_opts){.sample_limit = 1}, "[]");
    becomes(db, "histogram_count(h{job=\"proto\"})", "{job=\"proto\"} 4;");
    becomes(db, "c", "c{job=\"proto\"} 3;");
    becomes(db, "text", "text{job=\"text\", x=\"there\"} 1;");
    becomes(db, "up{job=\"many\"}", "up{job=\"many\"} 0;");
    T_RC(tsdb_exemplars(db, all, 1, 0, 8000, a, &x, &n, &e), &e, "exemplars");
    T_OK(n == 1 && x[0].n == 1 && x[0].items[0].v == 0.5, "one, though it was said often");
    static const char *const kept[] = {"proto"};
    scraper_keep(s, "", kept, 1);
    becomes(db, "count(up)", "{} 1;");
}

T_MAIN(scrapes, negotiates)
