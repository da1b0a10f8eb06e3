#include "logs/api.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/map.h"
#include "codec/json.h"
#include "codec/number.h"
#include "logs/logql.h"
#include "logs/push_loki.h"
#include "logs/push_otlp.h"

enum { LIMIT_MAX = 50000, ANSWER_MAX = 256 << 20 };

static const int64_t second_ns = 1000000000, latest_ns = 9000000000 * 1000000000;

static void refuse(struct http_request *q, const struct err *e)
{
    static const struct {
        int code, status;
    } statuses[] = {
        {ERR_INVALID,         400},
        {ERR_TOO_LARGE,       400},
        {ERR_UNAUTHENTICATED, 401},
        {ERR_DENIED,          403},
        {ERR_NOT_FOUND,       404},
        {ERR_UNSUPPORTED,     415},
        {ERR_AGAIN,           503},
        {ERR_SYSTEM,          503}, /* a full disk: who hands in lines comes again, as
  OTLP's do */
    };
    int status = 500;
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
        if (statuses[i].code == (int)e->code)
            status = statuses[i].status;
    if (status == 401)
        http_set_header(q, "WWW-Authenticate", "Basic realm=\"slipway\"");
    http_send_text(q, status,
                   e->hint[0] ? arena_join(q->arena, e->msg, "; ", e->hint, NULL) : e->msg);
}

/* ---- parameters ---- */

/* Nanoseconds, seconds with a fraction, or RFC 3339, as Loki takes them. */
static int parse_time(const char *text, int64_t dflt, int64_t *out, struct err *e)
{
    char *end;
    if (!text || !*text) {
        *out = dflt;
        return 0;
    }
    double seconds = strtod(text, &end);
    bool is_ns = strlen(text) > 11 && !strchr(text, '.');
    int r = *end ? clock_parse_rfc3339(text, out, e) : 0;
    if (!*end)
        *out = is_ns                 ? (int64_t)strtoll(text, NULL, 10)
               : fabs(seconds) < 9e9 ? (int64_t)(seconds * 1e9)
                                     : -1;
    if (r == 0 && (*out < 0 || *out > latest_ns))
        return err_set(e, ERR_INVALID, "time %.100s is outside 1970..2255", text);
    return r;
}

/* Seconds, or a duration; Loki's own choice when there is none: 250 steps. */
static int parse_step(const char *text, int64_t span_ms, int64_t *out_ms, struct err *e)
{
    char *end;
    int64_t ns = 0;
    if (!text || !*text) {
        *out_ms = span_ms / 250 > 1000 ? span_ms / 250 : 1000;
        return 0;
    }
    double seconds = strtod(text, &end);
    int r = *end ? clock_parse_duration(text, &ns, e) : 0;
    *out_ms = *end ? ns / 1000000 : seconds < 1e9 ? (int64_t)(seconds * 1000) : 0;
    if (r == 0 && *out_ms <= 0)
        return err_set(e, ERR_INVALID, "step: %s is no step", text);
    return r;
}

/* One request for lines or numbers. */
struct asking {
    struct http_request *q;
    struct logql_scope scope;
    struct logdb_matcher narrow;
    const char *text;
    int64_t from_ns, to_ns, step_ms;
    size_t limit;
    bool newest_first, instant;
};

static int begin(struct asking *k, struct http_request *q, const struct logs_access *x,
                 struct err *e)
{
    bool any;
    *k = (struct asking){.q = q};
    k->scope = (struct logql_scope){
        .db = x->db,
        .limits = {.budget = {.max_lines = 200000000,
                              .max_bytes = (uint64_t)64 << 30,
                              .max_ms = 60000,
                              .began_ms = clock_mono_ms()},
                   .max_samples = 20000000,
                   .max_series = 10000}
    };
    int r = logs_access_narrow(x, q, &k->narrow, &any, e);
    if (r == 0 && !any)
        k->scope.narrow = &k->narrow;
    int64_t now = clock_real_ns();
    if (r == 0)
        r = parse_time(http_query(q, "end"), now, &k->to_ns, e);
    if (r == 0)
        r = parse_time(http_query(q, "start"), k->to_ns - 3600 * second_ns, &k->from_ns, e);
    return r;
}

static int read_query(struct asking *k, struct err *e)
{
    struct http_request *q = k->q;
    const char *limit = http_query(q, "limit"), *direction = http_query(q, "direction");
    k->text = http_query(q, "query");
    k->instant = strcmp(q->path, "/loki/api/v1/query") == 0;
    if (!k->text)
        return err_set(e, ERR_INVALID, "the parameter query is missing");
    long n = limit ? strtol(limit, NULL, 10) : 100;
    if (n < 1 || n > LIMIT_MAX)
        return err_set(e, ERR_INVALID, "limit: %ld is outside 1..%d", n, LIMIT_MAX);
    k->limit = (size_t)n;
    k->newest_first = !direction || strcmp(direction, "forward") != 0;
    int r = k->instant ? parse_time(http_query(q, "time"), k->to_ns, &k->to_ns, e) : 0;
    if (r == 0 && k->instant && !http_query(q, "start"))
        k->from_ns = k->to_ns - 3600 * second_ns;
    if (r == 0 && k->to_ns < k->from_ns)
        return err_set(e, ERR_INVALID, "end is before start");
    return r < 0 ? r
                 : parse_step(http_query(q, "step"), (k->to_ns - k->from_ns) / 1000000, &k->step_ms,
                              e);
}

/* ---- lines ---- */

static void print_labels(struct buf *b, const struct labels *l)
{
    buf_putc(b, '{');
    for (size_t i = 0; i < l->n; i++) {
        if (i)
            buf_putc(b, ',');
        json_print_string(b, l->items[i].name, strlen(l->items[i].name), JSON_NO_HTML);
        buf_putc(b, ':');
        json_print_string(b, l->items[i].value, strlen(l->items[i].value), JSON_NO_HTML);
    }
    buf_putc(b, '}');
}

/* One group a stream, in the order of their first lines. */
static void print_streams(struct buf *b, const struct logql_line *lines, size_t n, struct arena *a)
{
    size_t *next = ARENA_ARRAY(a, size_t, n + 1), *last = ARENA_ARRAY(a, size_t, n + 1), groups = 0;
    size_t *first = ARENA_ARRAY(a, size_t, n + 1);
    struct map by_key;
    map_init(&by_key);
    for (size_t i = 0; i < n; i++) {
        uintptr_t g = (uintptr_t)map_get(&by_key, lines[i].key);
        if (!g) {
            first[groups] = i;
            g = ++groups;
            (void)map_put(&by_key, lines[i].key, (void *)g);
        } else {
            next[last[g - 1]] = i;
        }
        last[g - 1] = i;
    }
    map_done(&by_key);
    buf_puts(b, "{\"resultType\":\"streams\",\"result\":[");
    for (size_t g = 0; g < groups; g++) {
        buf_puts(b, g ? ",{\"stream\":" : "{\"stream\":");
        print_labels(b, &lines[first[g]].labels);
        buf_puts(b, ",\"values\":[");
        for (size_t i = first[g]; n; i = next[i]) {
            buf_printf(b, "%s[\"%" PRId64 "\",", i == first[g] ? "" : ",", lines[i].time_ns);
            json_print_string(b, lines[i].text, lines[i].n, JSON_NO_HTML);
            buf_putc(b, ']');
            if (i == last[g])
                break;
        }
        buf_puts(b, "]}");
    }
    buf_puts(b, "],\"stats\":{}}");
}

static int answer_lines(struct asking *k, struct buf *b, struct err *e)
{
    struct logql_log log;
    struct logql_line *lines;
    size_t n;
    int r = logql_parse(k->text, k->q->arena, &log, e);
    if (r < 0)
        return r;
    log.query.from_ns = k->from_ns;
    log.query.to_ns = k->to_ns + (http_query(k->q, "end") == NULL);
    log.query.limit = k->limit;
    log.query.newest_first = k->newest_first;
    r = logql_lines(&k->scope, &log, k->q->arena, &lines, &n, e);
    if (r == 0)
        print_streams(b, lines, n, k->q->arena);
    return r;
}

/* ---- numbers ---- */

static void print_sample(struct buf *b, const struct sample *s)
{
    char text[NUMBER_PLAIN_MAX];
    (void)number_format_plain(s->v, text);
    buf_printf(b, "[%" PRId64 ".%03d,\"%s\"]", s->t / 1000, (int)(s->t % 1000), text);
}

static void print_series(struct buf *b, const struct promql_result *r, bool instant)
{
    bool scalar = r->type == PROMQL_SCALAR && instant && r->series.n;
    buf_printf(b, "{\"resultType\":\"%s\",\"result\":",
               scalar    ? "scalar"
               : instant ? "vector"
                         : "matrix");
    if (scalar)
        print_sample(b, &r->series.items[0].samples[0]);
    for (size_t i = 0; !scalar && i < r->series.n; i++) {
        const struct series *s = &r->series.items[i];
        buf_puts(b, i ? ",{\"metric\":" : "[{\"metric\":");
        print_labels(b, &s->labels);
        buf_puts(b, instant ? ",\"value\":" : ",\"values\":[");
        for (size_t n = 0; n < s->n; n++) {
            if (n)
                buf_putc(b, ',');
            print_sample(b, &s->samples[n]);
        }
        buf_puts(b, instant ? "}" : "]}");
    }
    buf_puts(b, scalar ? "" : r->series.n ? "]" : "[]");
    buf_puts(b, ",\"stats\":{}}");
}

static int answer_numbers(struct asking *k, struct buf *b, struct err *e)
{
    struct promql_result result;
    int64_t end = k->to_ns / 1000000, start = k->instant ? end : k->from_ns / 1000000;
    int r = logql_metric(&k->scope, k->text, start, end, k->step_ms, k->q->arena, &result, e);
    if (r == 0)
        print_series(b, &result, k->instant);
    return r;
}

static int answer_query(struct asking *k, struct buf *b, struct err *e)
{
    int r = read_query(k, e);
    if (r < 0)
        return r;
    return logql_is_log(k->text) ? answer_lines(k, b, e) : answer_numbers(k, b, e);
}

/* ---- labels ---- */

static int streams_of(struct asking *k, const char *selector, struct logdb_stream_info **out,
                      size_t *n, struct err *e)
{
    struct logql_log log = {0};
    int r = selector && *selector ? logql_parse(selector, k->q->arena, &log, e) : 0;
    if (r == 0 && (log.n_stages || log.query.n_filters))
        return err_set(e, ERR_INVALID, "a selector such as {namespace=\"x\"} has no stages");
    struct logdb_matcher *m =
        ARENA_ARRAY(k->q->arena, struct logdb_matcher, log.query.n_matchers + 1);
    if (log.query.n_matchers)
        memcpy(m, log.query.matchers, log.query.n_matchers * sizeof *m);
    if (k->scope.narrow)
        m[log.query.n_matchers++] = *k->scope.narrow;
    log.query.matchers = m;
    log.query.from_ns = k->from_ns;
    log.query.to_ns = k->to_ns + 1;
    return r < 0 ? r : logdb_streams(k->scope.db, &log.query, k->q->arena, out, n, e);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void print_texts(struct buf *b, const struct map *m, struct arena *a)
{
    const char **list = ARENA_ARRAY(a, const char *, map_size(m) + 1);
    size_t n = 0, at = 0;
    for (const struct map_entry *x; (x = map_next(m, &at));)
        list[n++] = x->key;
    if (n)
        qsort((void *)list, n, sizeof *list, by_text);
    buf_putc(b, '[');
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_putc(b, ',');
        json_print_string(b, list[i], strlen(list[i]), JSON_NO_HTML);
    }
    buf_putc(b, ']');
}

/* Names of labels, or the values of one. */
static int answer_labels(struct asking *k, const char *name, struct buf *b, struct err *e)
{
    struct logdb_stream_info *list;
    struct map texts;
    size_t n;
    int r = streams_of(k, http_query(k->q, "query"), &list, &n, e);
    if (r < 0)
        return r;
    map_init(&texts);
    for (size_t i = 0; i < n; i++)
        VALUE_EACH_MEMBER (m, list[i].labels)
            if (!name || strcmp(m->key, name) == 0)
                (void)map_put(&texts, name ? value_str(&m->value, "") : m->key, k);
    print_texts(b, &texts, k->q->arena);
    map_done(&texts);
    return 0;
}

static int answer_series(struct asking *k, struct buf *b, struct err *e)
{
    const char *name, *value, *between = "";
    size_t cursor = 0, selectors = 0;
    struct map seen;
    int r = 0;
    map_init(&seen);
    buf_putc(b, '[');
    while (r == 0 && http_query_next(k->q, &cursor, &name, &value)) {
        struct logdb_stream_info *list;
        size_t n = 0;
        if (strcmp(name, "match[]") != 0 && strcmp(name, "match") != 0)
            continue;
        selectors++;
        r = streams_of(k, value, &list, &n, e);
        for (size_t i = 0; r == 0 && i < n; i++) {
            const char *text = json_text(k->q->arena, list[i].labels, JSON_NO_HTML | JSON_SORTED);
            if (map_put(&seen, text, k))
                continue;
            buf_printf(b, "%s%s", between, text);
            between = ",";
        }
    }
    map_done(&seen);
    buf_putc(b, ']');
    return r == 0 && !selectors ? err_set(e, ERR_INVALID, "the parameter match[] is missing") : r;
}

/* ---- paths ---- */

static int answer(struct asking *k, struct buf *b, struct err *e)
{
    const char *path = k->q->path + strlen("/loki/api/v1/");
    if (strcmp(path, "query_range") == 0 || strcmp(path, "query") == 0)
        return answer_query(k, b, e);
    if (strcmp(path, "labels") == 0 || strcmp(path, "label") == 0)
        return answer_labels(k, NULL, b, e);
    if (strcmp(path, "series") == 0)
        return answer_series(k, b, e);
    size_t n = strlen(path);
    if (strncmp(path, "label/", 6) == 0 && n > 13 && strcmp(path + n - 7, "/values") == 0)
        return answer_labels(k, arena_strndup(k->q->arena, path + 6, n - 13), b, e);
    return err_set(e, ERR_NOT_FOUND,
                   "there is query, query_range, labels, label/NAME/values, series and push below "
                   "/loki/api/v1/");
}

void logs_handle(struct http_request *q, void *arg)
{
    const struct logs_access *x = arg;
    struct asking k;
    struct err e = {0};
    AUTO_BUF struct buf b;
    buf_init(&b, ANSWER_MAX);
    bool ours = strncmp(q->path, "/loki/api/v1/", 13) == 0;
    if (strcmp(q->path, "/loki/api/v1/push") == 0 && strcmp(q->method, "POST") == 0) {
        if (push_loki(q, x, &e) < 0)
            refuse(q, &e);
        return;
    }
    if (strncmp(q->path, "/loki/", 6) != 0 && strcmp(q->method, "POST") == 0) {
        if (push_otlp(q, x, &e) < 0)
            refuse(q, &e);
        return;
    }
    buf_puts(&b, "{\"status\":\"success\",\"data\":");
    int r = ours ? begin(&k, q, x, &e)
                 : err_set(&e, ERR_NOT_FOUND, "there is /loki/api/v1/ and what lies below");
    if (r == 0)
        r = answer(&k, &b, &e);
    buf_putc(&b, '}');
    if (r == 0)
        r = buf_check(&b, &e);
    if (r < 0)
        refuse(q, &e);
    else
        http_send(q, 200, "application/json", buf_text(&b), b.len);
}
