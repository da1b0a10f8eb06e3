#include "logs/api.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "codec/json.h"
#include "logs/logql.h"

enum { LIMIT_MAX = 50000, ANSWER_MAX = 256 << 20 };

static void refuse(struct http_request *q, const struct err *e)
{
    int status = e->code == ERR_INVALID           ? 400
                 : e->code == ERR_UNAUTHENTICATED ? 401
                 : e->code == ERR_DENIED          ? 403
                                                  : 500;
    if (status == 401)
        http_set_header(q, "WWW-Authenticate", "Basic realm=\"slipway\"");
    http_send_text(q, status,
                   e->hint[0] ? arena_join(q->arena, e->msg, "; ", e->hint, NULL) : e->msg);
}

/* The query keeps to the namespaces that the caller may see. */
static int narrow(struct http_request *q, const struct logs_access *x, struct logdb_query *query,
                  struct err *e)
{
    struct logdb_matcher m,
        *all = ARENA_ARRAY(q->arena, struct logdb_matcher, query->n_matchers + 1);
    bool any;
    int r = logs_access_narrow(x, q, &m, &any, e);
    if (r < 0 || any)
        return r;
    memcpy(all, query->matchers, query->n_matchers * sizeof *all);
    all[query->n_matchers] = m;
    query->matchers = all;
    query->n_matchers++;
    return 0;
}

/* Nanoseconds, seconds with a fraction, or RFC 3339, as Loki takes them. */
static int parse_time(const char *text, int64_t dflt, int64_t *out, struct err *e)
{
    char *end;
    if (!text || !*text) {
        *out = dflt;
        return 0;
    }
    double seconds = strtod(text, &end);
    if (*end)
        return clock_parse_rfc3339(text, out, e);
    bool is_ns = strlen(text) > 11 && !strchr(text, '.');
    *out = is_ns ? (int64_t)strtoll(text, NULL, 10) : (int64_t)(seconds * 1e9);
    return 0;
}

static int read_query(struct http_request *q, struct logdb_query *out, struct err *e)
{
    const char *text = http_query(q, "query"), *limit = http_query(q, "limit");
    const char *direction = http_query(q, "direction");
    int64_t now = clock_real_ns(), hour = (int64_t)3600 * 1000000000;
    if (!text)
        return err_set(e, ERR_INVALID, "the parameter query is missing");
    int r = logql_parse(text, q->arena, out, e);
    if (r == 0)
        r = parse_time(http_query(q, "start"), now - hour, &out->from_ns, e);
    if (r == 0)
        r = parse_time(http_query(q, "end"), 0, &out->to_ns, e);
    if (r < 0)
        return r;
    long n = limit ? strtol(limit, NULL, 10) : 100;
    if (n < 1 || n > LIMIT_MAX)
        return err_set(e, ERR_INVALID, "limit: %ld is outside 1..%d", n, LIMIT_MAX);
    out->limit = (size_t)n;
    out->newest_first = !direction || strcmp(direction, "forward") != 0;
    return 0;
}

static void print_line(struct buf *b, const struct logdb_line *l)
{
    struct value text = {.kind = VALUE_STRING, .n = (uint32_t)l->n, .text = l->text};
    buf_printf(b, "[\"%" PRId64 "\",", l->time_ns);
    json_print(b, &text, JSON_NO_HTML);
    buf_putc(b, ']');
}

/* One group a stream, in the order of their first lines. */
static void print_result(struct buf *b, const struct logdb_result *r, struct arena *a)
{
    bool *done = ARENA_ARRAY(a, bool, r->n + 1);
    const char *between = "";
    buf_puts(b, "{\"status\":\"success\",\"data\":{\"resultType\":\"streams\",\"result\":[");
    for (size_t i = 0; i < r->n; i++) {
        if (done[i])
            continue;
        buf_printf(b, "%s{\"stream\":", between);
        json_print(b, r->lines[i].labels, JSON_NO_HTML);
        buf_puts(b, ",\"values\":[");
        for (size_t k = i; k < r->n; k++)
            if (r->lines[k].labels == r->lines[i].labels) {
                if (k > i)
                    buf_putc(b, ',');
                print_line(b, &r->lines[k]);
                done[k] = true;
            }
        buf_puts(b, "]}");
        between = ",";
    }
    buf_printf(b, "],\"stats\":{\"summary\":{\"totalBytesProcessed\":%" PRIu64 "}}}}",
               r->scanned_bytes);
}

void logs_handle(struct http_request *q, void *arg)
{
    struct logdb_query query = {0};
    struct logdb_result result;
    struct err e = {0};
    if (strcmp(q->path, "/loki/api/v1/query_range") != 0 &&
        strcmp(q->path, "/loki/api/v1/query") != 0) {
        http_send_text(q, 404, "there is /loki/api/v1/query_range and /loki/api/v1/query");
        return;
    }
    const struct logs_access *x = arg;
    if (read_query(q, &query, &e) < 0 || narrow(q, x, &query, &e) < 0 ||
        logdb_query(x->db, &query, q->arena, &result, &e) < 0) {
        refuse(q, &e);
        return;
    }
    AUTO_BUF struct buf b;
    buf_init(&b, ANSWER_MAX);
    print_result(&b, &result, q->arena);
    if (buf_check(&b, &e) < 0)
        refuse(q, &e);
    else
        http_send(q, 200, "application/json", buf_text(&b), b.len);
}
