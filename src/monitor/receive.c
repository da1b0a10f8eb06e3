#include "monitor/receive.h"

#include <string.h>
#include <strings.h>

#include "codec/json.h"
#include "codec/proto.h"
#include "codec/snappy_block.h"
#include "monitor/otlp.h"
#include "monitor/pushed.h"
#include "monitor/remote_body.h"

enum { READ_SAMPLES_MAX = 50000000, ANSWER_MAX = 256 << 20 };

static const char PROTOBUF[] = "application/x-protobuf";
static const char *const versions[] = {
    [REMOTE_WRITE_1] = "prometheus.WriteRequest",
    [REMOTE_WRITE_2] = "io.prometheus.write.v2.Request",
};

static int status_of(int code)
{
    switch (code) {
    case ERR_UNAUTHENTICATED:
        return 401;
    case ERR_DENIED:
        return 403;
    case ERR_TOO_LARGE:
        return 413;
    case ERR_UNSUPPORTED:
        return 415;
    case ERR_AGAIN:
        return 503;
    case ERR_SYSTEM:
        return 500;
    default:
        return 400;
    }
}

static void send_failure(struct http_request *q, int code, const struct err *e)
{
    http_send_text(q, status_of(code), arena_printf(q->arena, "%s\n", e->msg));
}

/* ---- bodies ---- */

/* Media type without parameters; NULL: another one than is wanted. */
static const char *parameters(const char *type, const char *wanted)
{
    size_t n = strlen(wanted);
    if (strncasecmp(type, wanted, n) != 0 || (type[n] && type[n] != ';' && type[n] != ' '))
        return NULL;
    return type + n;
}

static int version_of(const struct http_request *q, enum remote_version *out, struct err *e)
{
    const char *type = http_header(q, "Content-Type");
    const char *rest = type && *type ? parameters(type, PROTOBUF) : "";
    *out = REMOTE_WRITE_1;
    if (!rest)
        return err_set(e, ERR_UNSUPPORTED,
                       "expected %s as the first (media) part, got %.100s content-type", PROTOBUF,
                       type);
    while (*rest) {
        rest += strspn(rest, "; \t");
        size_t n = strcspn(rest, ";");
        if (strncmp(rest, "proto=", 6) == 0) {
            for (unsigned i = 0; i < ARRAY_LEN(versions); i++)
                if (n - 6 == strlen(versions[i]) && strncmp(rest + 6, versions[i], n - 6) == 0) {
                    *out = (enum remote_version)i;
                    return 0;
                }
            return err_set(e, ERR_UNSUPPORTED,
                           "got %.100s content type; unknown type for remote write protobuf "
                           "message %.*s, supported: %s, %s",
                           type, (int)(n - 6 > 100 ? 100 : n - 6), rest + 6, versions[0],
                           versions[1]);
        }
        rest += n;
    }
    return 0;
}

static int read_snappy(struct http_request *q, char **out, size_t *n, struct err *e)
{
    const char *encoding = http_header(q, "Content-Encoding");
    char *packed;
    size_t len;
    if (encoding && *encoding && strcasecmp(encoding, "snappy") != 0)
        return err_set(e, ERR_UNSUPPORTED,
                       "%.60s encoding (compression) is not accepted by this server; only snappy "
                       "is acceptable",
                       encoding);
    int r = http_read_all(q, RECEIVE_PACKED_MAX, &packed, &len, e);
    return r < 0 ? r : snappy_block_unpack(q->arena, packed, len, RECEIVE_UNPACKED_MAX, out, n, e);
}

/* ---- remote write ---- */

static void set_count(struct http_request *q, const char *what, size_t n)
{
    http_set_header(q, arena_printf(q->arena, "X-Prometheus-Remote-Write-%s-Written", what),
                    arena_printf(q->arena, "%zu", n));
}

static void set_counts(struct http_request *q, const struct batch_result *x)
{
    set_count(q, "Samples", x->samples);
    set_count(q, "Histograms", x->histograms);
    set_count(q, "Exemplars", x->exemplars);
}

static int take_batch(const struct monitor_api *m, const struct batch *b, struct arena *a,
                      struct batch_result *out, struct err *e)
{
    int r = batch_write(m->db, b, &clock_system, a, out, e);
    if (m->pushed)
        pushed_put(m->pushed, b);
    return r;
}

static void take_write(struct http_request *q, const struct monitor_api *m)
{
    AUTO(arena) struct arena *a = arena_new(BATCH_BYTES_MAX);
    enum remote_version version;
    struct batch_result result = {0};
    struct batch b;
    struct err e;
    char *body;
    size_t n;
    int r = version_of(q, &version, &e);
    if (r == 0)
        r = read_snappy(q, &body, &n, &e);
    if (r == 0)
        r = remote_write_read(a, body, n, version, &b, &e);
    if (r == 0)
        r = take_batch(m, &b, a, &result, &e);
    if (version == REMOTE_WRITE_2)
        set_counts(q, &result);
    if (r < 0)
        send_failure(q, r, &e);
    else
        http_send(q, 204, "text/plain; charset=utf-8", "", 0);
}

/* ---- OTLP ---- */

/* An empty message says that all was taken; else it says how much was not. */
static void send_taken(struct http_request *q, bool json, const struct otlp_batch *b)
{
    AUTO_BUF struct buf out;
    buf_init(&out, 1 << 16);
    if (json) {
        buf_puts(&out, "{");
        if (b->dropped) {
            const struct value why = {
                .kind = VALUE_STRING, .n = (uint32_t)strlen(b->why), .text = b->why};
            buf_printf(&out, "\"partialSuccess\":{\"rejectedDataPoints\":\"%zu\",\"errorMessage\":",
                       b->dropped);
            json_print(&out, &why, JSON_NO_HTML);
            buf_puts(&out, "}");
        }
        buf_puts(&out, "}");
    } else if (b->dropped) {
        size_t at = proto_begin(&out, 1);
        proto_put_varint(&out, 1, b->dropped);
        proto_put_text(&out, 2, b->why);
        proto_end(&out, at);
    }
    http_send(q, 200, json ? "application/json" : PROTOBUF, buf_text(&out), out.len);
}

static void take_otlp(struct http_request *q, const struct monitor_api *m)
{
    static const struct otlp_opts usual = {0};
    AUTO(arena) struct arena *a = arena_new(BATCH_BYTES_MAX);
    const char *type = http_header(q, "Content-Type");
    bool json = type && parameters(type, "application/json");
    struct batch_result result = {0};
    struct otlp_batch b;
    struct err e;
    char *body;
    size_t n;
    int r = 0;
    http_accept_gzip(q);
    if (!json && (!type || !parameters(type, PROTOBUF)))
        r = err_set(&e, ERR_UNSUPPORTED,
                    "unsupported content type: %.100s, supported: [application/json, %s]",
                    type ? type : "", PROTOBUF);
    if (r == 0)
        r = http_read_all(q, RECEIVE_UNPACKED_MAX, &body, &n, &e);
    if (r == 0)
        r = (json ? otlp_read_json : otlp_read)(a, body, n, m->otlp ? m->otlp : &usual, &b, &e);
    if (r == 0)
        r = take_batch(m, &b.batch, a, &result, &e);
    if (r < 0)
        send_failure(q, r, &e);
    else
        send_taken(q, json, &b);
}

/* ---- remote read ---- */

static int read_one(const struct monitor_api *m, const struct remote_query *x, struct buf *out,
                    struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct series_set set;
    int r = tsdb_select(m->db, x->matchers, x->n, x->min_t, x->max_t, READ_SAMPLES_MAX, a, &set, e);
    if (r == 0)
        remote_read_print(&set, out);
    return r == 0 ? buf_check(out, e) : r;
}

static void answer_read(struct http_request *q, const struct monitor_api *m)
{
    AUTO_BUF struct buf plain, packed;
    struct remote_queries asked = {0};
    struct err e;
    char *body;
    size_t n;
    buf_init(&plain, ANSWER_MAX);
    buf_init(&packed, (size_t)ANSWER_MAX * 2);
    int r = read_snappy(q, &body, &n, &e);
    if (r == 0)
        r = remote_read_read(q->arena, body, n, &asked, &e);
    if (r == 0 && !asked.samples)
        r = err_set(&e, ERR_INVALID,
                    "server does not support any of the requested response types; supported: "
                    "SAMPLES");
    for (size_t i = 0; r == 0 && i < asked.n; i++)
        r = read_one(m, &asked.items[i], &plain, &e);
    if (r < 0) {
        send_failure(q, r, &e);
        return;
    }
    snappy_block_pack(buf_text(&plain), plain.len, &packed);
    http_set_header(q, "Content-Encoding", "snappy");
    http_send(q, 200, PROTOBUF, buf_text(&packed), packed.len);
}

bool receive_handle(struct http_request *q, const struct monitor_api *m, const char *path)
{
    static const struct {
        const char *path;
        bool writes;
        void (*handle)(struct http_request *, const struct monitor_api *);
    } doors[] = {
        {"write",           true,  take_write },
        {"otlp/v1/metrics", true,  take_otlp  },
        {"read",            false, answer_read},
    };
    for (size_t i = 0; i < ARRAY_LEN(doors); i++) {
        struct err e;
        if (strcmp(path, doors[i].path) != 0)
            continue;
        int r = doors[i].writes && m->may ? m->may(m->may_arg, q, MONITOR_WRITE, &e) : 0;
        if (strcmp(q->method, "POST") != 0)
            http_send_text(q, 405, "Method Not Allowed\n");
        else if (r < 0)
            send_failure(q, r, &e);
        else
            doors[i].handle(q, m);
        return true;
    }
    return false;
}
