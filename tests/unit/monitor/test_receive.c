/* Remote write and read, OTLP and what shows of them, over HTTP. */
#include "codec/proto.h"
#include "codec/snappy_block.h"
#include "monitor/api.h"
#include "monitor/pushed.h"
#include "monitor/remote_body.h"
#include "net/http_client.h"
#include "t.h"

enum { BODY_MAX = 1 << 20 };
static struct err e;

struct fixture {
    struct arena *a;
    struct tsdb *db;
    struct promql_tsdb source;
    struct monitor_api api;
    struct http_server *server;
    struct http_client *client;
    bool denied;
};

static int may(void *arg, struct http_request *q, enum monitor_right right, struct err *why)
{
    const struct fixture *f = arg;
    (void)q;
    (void)right;
    return f->denied ? err_set(why, ERR_DENIED, "no") : 0;
}

static void handle(struct http_request *q, void *arg)
{
    if (strcmp(q->path, "/federate") == 0)
        monitor_federate(q, arg);
    else
        monitor_handle(q, arg);
}

static void begin(struct fixture *f)
{
    struct tsdb_opts o = {.clock = &clock_system};
    struct http_listen l = {.address = "127.0.0.1:0"};
    *f = (struct fixture){.a = arena_new(BATCH_BYTES_MAX)};
    T_RC(tsdb_open(&o, &f->db, &e), &e, "open");
    promql_tsdb_init(&f->source, f->db);
    f->api = (struct monitor_api){
        .source = &f->source.source, .db = f->db, .may = may, .may_arg = f, .pushed = pushed_new()};
    T_RC(http_server_start(&l, handle, &f->api, &f->server, &e), &e, "listen");
    f->client = http_client_new(&(struct http_client_opts){.no_proxy = true});
}

static void end(struct fixture *f)
{
    http_client_free(f->client);
    http_server_free(f->server);
    pushed_free(f->api.pushed);
    tsdb_free(f->db);
    arena_free(f->a);
}

static struct http_answer call(struct fixture *f, const char *method, const char *path,
                               const char *const *headers, const struct buf *body)
{
    struct http_call c = {
        .method = method,
        .url = arena_printf(f->a, "http://127.0.0.1:%u%s", http_server_port(f->server), path),
        .headers = headers,
        .body = body ? buf_text(body) : NULL,
        .body_len = body ? body->len : 0};
    struct http_answer r = {0};
    T_RC(http_do(f->client, &c, f->a, &r, &e), &e, path);
    return r;
}

static const char *get(struct fixture *f, const char *path)
{
    return call(f, "GET", path, NULL, NULL).body;
}

static struct http_answer post_snappy(struct fixture *f, const char *path, const char *type,
                                      const struct buf *plain)
{
    const char *const headers[] = {arena_join(f->a, "Content-Type: ", type, NULL),
                                   "Content-Encoding: snappy", NULL};
    AUTO_BUF struct buf packed;
    buf_init(&packed, BODY_MAX);
    snappy_block_pack(buf_text(plain), plain->len, &packed);
    return call(f, "POST", path, headers, &packed);
}

static const char V1[] = "application/x-protobuf";
static const char V2[] = "application/x-protobuf;proto=io.prometheus.write.v2.Request";

/* Two samples of a counter, a histogram, an exemplar, a start and metadata. */
static void make(struct batch *b, int64_t now, const char *job)
{
    static struct histogram_bucket buckets[] = {
        {1, 2, 0},
        {3, 1, 0}
    };
    static struct histogram h = {
        .schema = 1,
        .count = 4,
        .sum = 7.5,
        .zero_count = 1,
        .zero_threshold = 0.001,
        .positive = {buckets, 2}
    };
    static struct label id = {"trace_id", "abc"};
    static struct batch_sample floats[2], histograms[1];
    static struct exemplar x;
    static struct label one[2], two[1];
    static struct batch_series series[2];
    static struct batch_note note = {"requests_total", "counter", "Requests.", ""};
    one[0] = (struct label){"__name__", "requests_total"};
    one[1] = (struct label){"job", job};
    two[0] = (struct label){"__name__", "latency"};
    floats[0] = (struct batch_sample){.t = now - 1000, .start = now - 5000, .v = 1};
    floats[1] = (struct batch_sample){.t = now, .start = now - 5000, .v = 2};
    histograms[0] = (struct batch_sample){.t = now, .h = &h};
    x = (struct exemplar){
        {&id, 1},
        0.5, now
    };
    series[0] = (struct batch_series){
        .labels = {one, 2},
          .samples = floats, .n = 2, .exemplars = &x, .n_exemplars = 1
    };
    series[1] = (struct batch_series){
        .labels = {two, 1},
          .samples = histograms, .n = 1
    };
    *b = (struct batch){.series = series, .n = 2, .notes = &note, .n_notes = 1};
}

static void writes(void)
{
    static const char *const types[] = {V1, V2};
    for (unsigned v = 0; v < 2; v++) {
        struct fixture f;
        struct batch b;
        AUTO_BUF struct buf body;
        int64_t now = clock_real_ms() / 1000 * 1000;
        begin(&f);
        buf_init(&body, BODY_MAX);
        make(&b, now, "a");
        remote_write_print(&b, (enum remote_version)v, &body);
        struct http_answer r = post_snappy(&f, "/api/v1/write", types[v], &body);
        T_EQ_INT(r.status, 204, types[v]);
        if (v == REMOTE_WRITE_2) {
            T_EQ_STR(http_answer_header(&r, "x-prometheus-remote-write-samples-written"), "2", "");
            T_EQ_STR(http_answer_header(&r, "x-prometheus-remote-write-histograms-written"), "1",
                     "");
            T_EQ_STR(http_answer_header(&r, "x-prometheus-remote-write-exemplars-written"), "1",
                     "");
        }
        T_OK(strstr(get(&f, "/api/v1/query?query=requests_total"), "\"2\""), "a counter");
        T_OK(strstr(get(&f, "/api/v1/query?query=histogram_count(latency)"), "\"4\""),
             "a histogram");
        T_OK(strstr(get(&f, "/api/v1/query_exemplars?query=rate(requests_total[5m])"),
                    "\"exemplars\":[{\"labels\":{\"trace_id\":\"abc\"},\"value\":\"0.5\""),
             "an exemplar");
        T_OK(strstr(get(&f, "/api/v1/metadata"), "\"help\":\"Requests.\""), "metadata");
        T_OK(strstr(get(&f, "/federate?match[]=requests_total&match[]={job=\"a\"}"),
                    arena_printf(f.a,
                                 "# TYPE requests_total untyped\n"
                                 "requests_total{instance=\"\",job=\"a\"} 2 %lld\n",
                                 (long long)now)),
             "federated");
        r = post_snappy(&f, "/api/v1/write", types[v], &body);
        T_EQ_INT(r.status, 400, "older ones again");
        T_OK(strstr(r.body, "out of order sample for series requests_total{job=\"a\"}"), r.body);
        end(&f);
    }
}

static void refuses(void)
{
    struct fixture f;
    AUTO_BUF struct buf body;
    begin(&f);
    buf_init(&body, BODY_MAX);
    T_EQ_INT(post_snappy(&f, "/api/v1/write", "text/plain", &body).status, 415, "another type");
    T_EQ_INT(post_snappy(&f, "/api/v1/write", "application/x-protobuf;proto=x", &body).status, 415,
             "another message");
    T_EQ_INT(post_snappy(&f, "/api/v1/write", V1, &body).status, 204, "nothing at all");
    buf_puts(&body, "no message");
    T_EQ_INT(post_snappy(&f, "/api/v1/write", V1, &body).status, 400, "no message");
    const char *const gzip[] = {"Content-Type: application/x-protobuf", "Content-Encoding: gzip",
                                NULL};
    T_EQ_INT(call(&f, "POST", "/api/v1/write", gzip, &body).status, 415, "another packing");
    const char *const plain[] = {"Content-Type: application/x-protobuf", NULL};
    T_EQ_INT(call(&f, "POST", "/api/v1/write", plain, &body).status, 400, "not packed");
    T_EQ_INT(call(&f, "GET", "/api/v1/write", NULL, NULL).status, 405, "GET");
    f.denied = true;
    static const char *const paths[] = {"/api/v1/write", "/api/v1/otlp/v1/metrics",
                                        "/api/v1/admin/tsdb/delete_series?match[]=up"};
    for (size_t i = 0; i < 3; i++)
        T_EQ_INT(call(&f, "POST", paths[i], NULL, NULL).status, 403, paths[i]);
    end(&f);
}

/* A series without a name, one that is torn and one that says all twice do not keep others out. */
static void takes_the_rest(void)
{
    struct fixture f;
    struct batch b;
    AUTO_BUF struct buf body;
    int64_t now = clock_real_ms();
    begin(&f);
    buf_init(&body, BODY_MAX);
    struct label bad[] = {
        {"job", "x"}
    };
    struct label twice[] = {
        {"__name__", "up"},
        {"a",        "1" },
        {"a",        "2" }
    };
    struct label good[] = {
        {"__name__", "up"}
    };
    struct batch_sample x = {.t = now, .v = 1}, late = {.t = now + 3600000, .v = 1};
    struct batch_series series[] = {
        {.labels = {bad, 1},   .samples = &x, .n = 1},
        {.labels = {twice, 3},              .samples = &x, .n = 1},
        {.labels = {good, 1}, .samples = &x, .n = 1},
        {.labels = {good, 1},              .samples = &late, .n = 1},
        {.labels = {good, 1} },
    };
    b = (struct batch){.series = series, .n = 5};
    remote_write_print(&b, REMOTE_WRITE_2, &body);
    struct http_answer r = post_snappy(&f, "/api/v1/write", V2, &body);
    T_EQ_INT(r.status, 400, "some are bad");
    T_EQ_STR(http_answer_header(&r, "x-prometheus-remote-write-samples-written"), "1", "one good");
    static const char *const whys[] = {"invalid metric name or labels", "duplicated label a",
                                       "too far in the future", "at least one sample or histogram"};
    for (size_t i = 0; i < 4; i++)
        T_OK(strstr(r.body, whys[i]), r.body);
    T_OK(strstr(get(&f, "/api/v1/query?query=up"), "\"1\""), "the good one");
    end(&f);
}

static void reads(void)
{
    struct fixture f;
    struct batch b, back;
    AUTO_BUF struct buf body, query;
    char *plain;
    size_t n;
    int64_t now = clock_real_ms();
    begin(&f);
    buf_init(&body, BODY_MAX);
    buf_init(&query, BODY_MAX);
    make(&b, now, "a");
    remote_write_print(&b, REMOTE_WRITE_2, &body);
    (void)post_snappy(&f, "/api/v1/write", V2, &body);
    size_t q = proto_begin(&query, 1);
    proto_put_varint(&query, 1, (uint64_t)(now - 60000));
    proto_put_varint(&query, 2, (uint64_t)now);
    size_t m = proto_begin(&query, 3);
    proto_put_varint(&query, 1, 2);
    proto_put_text(&query, 2, "__name__");
    proto_put_text(&query, 3, "requests.*|latency");
    proto_end(&query, m);
    proto_end(&query, q);
    struct http_answer r = post_snappy(&f, "/api/v1/read", V1, &query);
    T_EQ_INT(r.status, 200, "read");
    T_EQ_STR(http_answer_header(&r, "content-encoding"), "snappy", "packed");
    T_RC(snappy_block_unpack(f.a, r.body, r.body_len, BODY_MAX, &plain, &n, &e), &e, "unpack");
    struct proto all = proto_of(plain, n);
    struct proto_field result;
    T_OK(proto_next(&all, &result) && result.number == 1, "one result");
    /* Series stand in a result as they do in a write request. */
    T_RC(remote_write_read(f.a, result.bytes.p, proto_left(&result.bytes), REMOTE_WRITE_1, &back,
                           &e),
         &e, "the result");
    T_EQ_INT(back.n, 2, "two series");
    T_EQ_STR(labels_text(&back.series[0].labels, f.a), "latency", "by name");
    T_OK(back.series[0].samples[0].h && back.series[0].samples[0].h->sum == 7.5, "a histogram");
    T_EQ_INT(back.series[1].n, 2, "two samples");
    T_OK(back.series[1].samples[1].v == 2, "the second");
    end(&f);
}

static void administers(void)
{
    struct fixture f;
    struct batch b;
    AUTO_BUF struct buf body;
    begin(&f);
    buf_init(&body, BODY_MAX);
    make(&b, clock_real_ms(), "a");
    remote_write_print(&b, REMOTE_WRITE_1, &body);
    (void)post_snappy(&f, "/api/v1/write", V1, &body);
    const char *path = "/api/v1/admin/tsdb/delete_series?match[]=requests_total";
    T_EQ_INT(call(&f, "GET", path, NULL, NULL).status, 405, "GET");
    T_EQ_INT(call(&f, "POST", path, NULL, NULL).status, 204, "delete");
    T_OK(strstr(get(&f, "/api/v1/query?query=requests_total"), "\"result\":[]"), "gone");
    T_OK(!strstr(get(&f, "/api/v1/query?query=latency"), "\"result\":[]"), "another stays");
    T_EQ_INT(call(&f, "POST", "/api/v1/admin/tsdb/clean_tombstones", NULL, NULL).status, 204, "");
    T_EQ_INT(call(&f, "POST", "/api/v1/admin/tsdb/nothing", NULL, NULL).status, 404, "unknown");
    end(&f);
}

static void takes_otlp(void)
{
    static const char *const json[] = {"Content-Type: application/json", NULL};
    struct fixture f;
    AUTO_BUF struct buf body;
    begin(&f);
    buf_init(&body, BODY_MAX);
    buf_printf(&body,
               "{\"resourceMetrics\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\","
               "\"value\":{\"stringValue\":\"shop\"}}]},\"scopeMetrics\":[{\"metrics\":["
               "{\"name\":\"orders\",\"sum\":{\"aggregationTemporality\":2,\"isMonotonic\":true,"
               "\"dataPoints\":[{\"timeUnixNano\":\"%lld000000\",\"asInt\":\"5\"}]}},"
               "{\"name\":\"d\",\"sum\":{\"aggregationTemporality\":1,"
               "\"dataPoints\":[{\"asInt\":\"5\"}]}}]}]}]}",
               (long long)clock_real_ms());
    struct http_answer r = call(&f, "POST", "/api/v1/otlp/v1/metrics", json, &body);
    T_EQ_INT(r.status, 200, r.body);
    T_OK(strstr(r.body, "\"partialSuccess\":{\"rejectedDataPoints\":\"1\""), r.body);
    T_OK(strstr(get(&f, "/api/v1/query?query=orders_total{job=\"shop\"}"), "\"5\""), "a counter");
    T_EQ_INT(call(&f, "POST", "/api/v1/otlp/v1/metrics", NULL, &body).status, 415, "no type");
    end(&f);
}

T_MAIN(writes, refuses, takes_the_rest, reads, administers, takes_otlp)
