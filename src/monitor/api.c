#include "monitor/api_int.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "codec/json.h"
#include "codec/number.h"
#include "monitor/dashboards.h"
#include "monitor/receive.h"
#include "promql/ast.h"
#include "promql/format.h"
#include "promql/native.h"

enum { FORM_MAX = 1 << 20, ANSWER_MAX = 256 << 20, NOTES_MAX = 10 };

/* ---- parameters: of the URL and of a form ---- */

static char *decode(struct arena *a, const char *s, size_t n)
{
    char *out = arena_alloc(a, n + 1), *to = out;
    for (size_t i = 0; i < n; i++) {
        unsigned c;
        if (s[i] == '%' && i + 2 < n + 0 && sscanf(s + i + 1, "%2x", &c) == 1) {
            *to++ = (char)c;
            i += 2;
        } else {
            *to++ = s[i] == '+' ? ' ' : s[i];
        }
    }
    return out;
}

static int read_form(struct api_params *p, struct err *e)
{
    const char *type = http_header(p->q, "Content-Type");
    char *body;
    size_t n;
    if (strcmp(p->q->method, "POST") != 0 || !type ||
        strncmp(type, "application/x-www-form-urlencoded", 33) != 0)
        return 0;
    int r = http_read_all(p->q, FORM_MAX, &body, &n, e);
    for (char *s = body; r == 0 && s < body + n && p->n_form < ARRAY_LEN(p->form);) {
        size_t len = strcspn(s, "&"), name = strcspn(s, "=&");
        p->form[p->n_form].name = decode(p->q->arena, s, name);
        p->form[p->n_form++].value =
            name < len ? decode(p->q->arena, s + name + 1, len - name - 1) : "";
        s += len + 1;
    }
    return r;
}

const char *api__param(const struct api_params *p, const char *name)
{
    for (size_t i = 0; i < p->n_form; i++)
        if (strcmp(p->form[i].name, name) == 0)
            return p->form[i].value;
    return http_query(p->q, name);
}

size_t api__param_all(const struct api_params *p, const char *name, const char **out, size_t max)
{
    size_t n = 0, cursor = 0;
    const char *key, *value;
    for (size_t i = 0; i < p->n_form && n < max; i++)
        if (strcmp(p->form[i].name, name) == 0)
            out[n++] = p->form[i].value;
    while (n < max && http_query_next(p->q, &cursor, &key, &value))
        if (strcmp(key, name) == 0)
            out[n++] = value;
    return n;
}

int api__time(const struct api_params *p, const char *name, int64_t dflt, int64_t *out,
              struct err *e)
{
    const char *text = api__param(p, name);
    int64_t ns;
    char *end;
    if (!text || !*text) {
        *out = dflt;
        return 0;
    }
    double s = strtod(text, &end);
    if (!*end) {
        *out = (int64_t)llround(s * 1000);
        return 0;
    }
    if (clock_parse_rfc3339(text, &ns, e) < 0)
        return err_set(e, ERR_INVALID,
                       "invalid parameter \"%s\": cannot parse \"%.60s\" to a valid timestamp",
                       name, text);
    *out = ns / 1000000;
    return 0;
}

static int duration_param(const struct api_params *p, const char *name, int64_t *out, struct err *e)
{
    const char *text = api__param(p, name);
    int64_t ns;
    char *end;
    double s = text ? strtod(text, &end) : 0;
    if (text && *text && !*end) {
        *out = (int64_t)llround(s * 1000);
        return 0;
    }
    if (!text || clock_parse_duration(text, &ns, e) < 0)
        return err_set(e, ERR_INVALID,
                       "invalid parameter \"%s\": cannot parse \"%.60s\" to a valid duration", name,
                       text ? text : "");
    *out = ns / 1000000;
    return 0;
}

/* ---- answers ---- */

static void send_error(struct http_request *q, const struct err *e)
{
    AUTO_BUF struct buf b;
    bool bad = e->code == ERR_INVALID && !strstr(e->msg, "match");
    struct value text = {.kind = VALUE_STRING, .n = (uint32_t)strlen(e->msg), .text = e->msg};
    buf_init(&b, FORM_MAX);
    buf_printf(&b, "{\"status\":\"error\",\"errorType\":\"%s\",\"error\":",
               bad ? "bad_data" : "execution");
    json_print(&b, &text, JSON_NO_HTML);
    buf_puts(&b, "}");
    http_send(q, bad ? 400 : 422, "application/json", buf_text(&b), b.len);
}

void api__text(struct buf *b, const char *s)
{
    struct value text = {.kind = VALUE_STRING, .n = (uint32_t)strlen(s), .text = s};
    json_print(b, &text, JSON_NO_HTML);
}

static void print_number(struct buf *b, double v)
{
    char text[NUMBER_PLAIN_MAX + 2] = "\"";
    size_t n = 1 + number_format_plain(v, text + 1);
    text[n++] = '"';
    buf_add(b, text, n);
}

void api__seconds(struct buf *b, int64_t t)
{
    char text[32], *p = text + sizeof text;
    uint64_t size = t < 0 ? -(uint64_t)t : (uint64_t)t;
    int shown = size % 1000 ? 4 : 1; /* digits that stand even when they are zeros */
    if (shown == 1)
        size /= 1000;
    for (; size || shown > 0; size /= 10, shown--) {
        if (shown == 1 && p < text + sizeof text)
            *--p = '.';
        *--p = (char)('0' + size % 10);
    }
    if (t < 0)
        *--p = '-';
    buf_add(b, p, (size_t)(text + sizeof text - p));
}

static void print_time(struct buf *b, int64_t t)
{
    buf_putc(b, '[');
    api__seconds(b, t);
    buf_putc(b, ',');
}

static void print_point(struct buf *b, const struct sample *s)
{
    print_time(b, s->t);
    print_number(b, s->v);
    buf_putc(b, ']');
}

/* Buckets as [how their ends are meant, lower, upper, count]: 0 "(]", 1 "[)", 2 "()", 3 "[]". */
static void print_histogram(struct buf *b, int64_t t, const struct histogram *h)
{
    struct native_walk w;
    struct native_bucket x;
    size_t n = 0;
    print_time(b, t);
    buf_puts(b, "{\"count\":");
    print_number(b, h->count);
    buf_puts(b, ",\"sum\":");
    print_number(b, h->sum);
    for (native_walk(&w, h, false); native_next(&w, &x); n++) {
        bool low, high;
        native_ends(h, &x, &low, &high);
        buf_printf(b, "%s[%d,", n ? "," : ",\"buckets\":[",
                   low && high ? 3
                   : low       ? 1
                   : high      ? 0
                               : 2);
        print_number(b, x.lower);
        buf_putc(b, ',');
        print_number(b, x.upper);
        buf_putc(b, ',');
        print_number(b, x.count);
        buf_putc(b, ']');
    }
    buf_puts(b, n ? "]}]" : "}]");
}

void api__labels(struct buf *b, const struct labels *l)
{
    buf_putc(b, '{');
    for (size_t i = 0; i < l->n; i++) {
        if (i)
            buf_putc(b, ',');
        api__text(b, l->items[i].name);
        buf_putc(b, ':');
        api__text(b, l->items[i].value);
    }
    buf_putc(b, '}');
}

/* The floats of a series, or its histograms; nothing when it has none of them. */
static void print_values(struct buf *b, const struct series *s, bool histograms, bool list)
{
    size_t n = 0;
    for (size_t k = 0; k < s->n; k++) {
        const struct histogram *h = s->histograms ? s->histograms[k] : NULL;
        if ((h != NULL) != histograms)
            continue;
        const char *name = histograms ? ",\"histogram" : ",\"value";
        if (n++)
            buf_putc(b, ',');
        else
            buf_printf(b, "%s%s", name, list ? "s\":[" : "\":");
        if (h)
            print_histogram(b, s->samples[k].t, h);
        else
            print_point(b, &s->samples[k]);
    }
    if (n && list)
        buf_putc(b, ']');
}

static void print_series(struct buf *b, const struct promql_result *r)
{
    bool list = r->type == PROMQL_MATRIX;
    buf_putc(b, '[');
    for (size_t i = 0; i < r->series.n; i++) {
        const struct series *s = &r->series.items[i];
        buf_puts(b, i ? ",{\"metric\":" : "{\"metric\":");
        api__labels(b, &s->labels);
        print_values(b, s, false, list);
        print_values(b, s, true, list);
        buf_putc(b, '}');
    }
    buf_putc(b, ']');
}

static void print_notes(struct buf *b, const char *name, const char *const *notes, size_t n)
{
    for (size_t i = 0; i < n && i < NOTES_MAX; i++) {
        buf_printf(b, i ? "," : ",\"%s\":[", name);
        api__text(b, notes[i]);
    }
    if (n)
        buf_putc(b, ']');
}

static void print_result(struct buf *b, const struct promql_result *r, int64_t at_ms)
{
    static const char *const names[] = {"scalar", "vector", "matrix", "string"};
    buf_printf(b, "{\"resultType\":\"%s\",\"result\":", names[r->type]);
    if (r->type == PROMQL_STRING) {
        buf_printf(b, "[%" PRId64 ",", at_ms / 1000);
        api__text(b, r->string);
        buf_putc(b, ']');
    } else if (r->type == PROMQL_SCALAR) {
        print_point(b, &r->series.items[0].samples[0]);
    } else {
        print_series(b, r);
    }
    buf_putc(b, '}');
}

struct value *monitor_result(const struct promql_result *r, int64_t at_ms, struct arena *a)
{
    struct value *v = NULL;
    AUTO_BUF struct buf b;
    buf_init(&b, ANSWER_MAX);
    print_result(&b, r, at_ms);
    /* Printed by ourselves a moment ago: it parses. */
    return json_parse(a, buf_text(&b), b.len, 0, &v, NULL) == 0 ? v : value_new_object(a);
}

static void send_data(struct http_request *q, struct buf *data)
{
    struct err e;
    if (buf_check(data, &e) < 0) {
        send_error(q, &e);
        return;
    }
    http_send(q, 200, "application/json", buf_text(data), data->len);
}

/* ---- queries ---- */

static int run_query(const struct monitor_api *m, const struct api_params *p, bool range,
                     struct buf *out, struct err *e)
{
    const char *query = api__param(p, "query");
    int64_t now = clock_real_ms(), start = now, end = now, step = 0;
    struct promql_result r = {0};
    if (!query)
        return err_set(e, ERR_INVALID, "invalid parameter \"query\": it is missing");
    int rc = range ? api__time(p, "start", now, &start, e) : api__time(p, "time", now, &end, e);
    if (rc == 0 && range)
        rc = api__time(p, "end", now, &end, e);
    if (rc == 0 && range)
        rc = duration_param(p, "step", &step, e);
    if (rc == 0)
        rc = range ? promql_range(m->source, &m->query, query, start, end, step, p->q->arena, &r, e)
                   : promql_instant(m->source, &m->query, query, end, p->q->arena, &r, e);
    if (rc < 0)
        return rc;
    print_result(out, &r, end);
    print_notes(out, "warnings", r.warnings, r.n_warnings);
    print_notes(out, "infos", r.infos, r.n_infos);
    return 0;
}

int api__selectors(const struct api_params *p, struct expr **out, size_t *n, struct err *e)
{
    const char *texts[32];
    size_t count = api__param_all(p, "match[]", texts, ARRAY_LEN(texts));
    for (*n = 0; *n < count; ++*n) {
        int r = promql_parse(p->q->arena, texts[*n], NULL, &out[*n], e);
        if (r < 0)
            return r;
        if (out[*n]->kind != EXPR_SELECTOR)
            return err_set(e, ERR_INVALID, "match[]: \"%.100s\" is no series selector", texts[*n]);
    }
    return 0;
}

static int run_series(const struct monitor_api *m, const struct api_params *p, struct buf *out,
                      struct err *e)
{
    struct expr *which[32];
    size_t n, printed = 0;
    int64_t start, end, now = clock_real_ms();
    int r = api__selectors(p, which, &n, e);
    if (r == 0 && n == 0)
        return err_set(e, ERR_INVALID, "no match[] parameter provided");
    if (r == 0)
        r = api__time(p, "start", now - 3600000, &start, e);
    if (r == 0)
        r = api__time(p, "end", now, &end, e);
    buf_putc(out, '[');
    for (size_t i = 0; r == 0 && i < n; i++) {
        struct series_set set;
        r = m->source->select(m->source, which[i]->selector.matchers, which[i]->selector.n_matchers,
                              start, end, 50000000, p->q->arena, &set, e);
        for (size_t k = 0; r == 0 && k < set.n; k++) {
            if (printed++)
                buf_putc(out, ',');
            api__labels(out, &set.items[k].labels);
        }
    }
    buf_putc(out, ']');
    return r;
}

/* `name` NULL: the names of labels. */
static int run_labels(const struct monitor_api *m, const struct api_params *p, const char *name,
                      struct buf *out, struct err *e)
{
    struct expr *which[32];
    size_t n, count = 0;
    const char **texts = NULL;
    int r = api__selectors(p, which, &n, e);
    if (r < 0)
        return r;
    const struct matcher *ms = n ? which[0]->selector.matchers : NULL;
    size_t n_ms = n ? which[0]->selector.n_matchers : 0;
    r = name ? tsdb_label_values(m->db, name, ms, n_ms, p->q->arena, &texts, &count, e)
             : tsdb_label_names(m->db, ms, n_ms, p->q->arena, &texts, &count, e);
    buf_putc(out, '[');
    for (size_t i = 0; r == 0 && i < count; i++) {
        if (i)
            buf_putc(out, ',');
        api__text(out, texts[i]);
    }
    buf_putc(out, ']');
    return r;
}

/* The query laid out anew. */
static int run_format(const struct monitor_api *m, const struct api_params *p, struct buf *out,
                      struct err *e)
{
    const struct parse_opts o = {.features = m->query.features};
    const char *query = api__param(p, "query");
    struct expr *x;
    if (!query)
        return err_set(e, ERR_INVALID, "invalid parameter \"query\": it is missing");
    int r = promql_parse(p->q->arena, query, &o, &x, e);
    if (r == 0)
        api__text(out, promql_format(p->q->arena, x));
    return r;
}

static int answer(const struct monitor_api *m, const struct api_params *p, const char *path,
                  struct buf *out, struct err *e)
{
    char name[256];
    int r = 0;
    if (strcmp(path, "query") == 0)
        return run_query(m, p, false, out, e);
    if (strcmp(path, "query_range") == 0)
        return run_query(m, p, true, out, e);
    if (strcmp(path, "series") == 0)
        return run_series(m, p, out, e);
    if (strcmp(path, "labels") == 0)
        return run_labels(m, p, NULL, out, e);
    if (sscanf(path, "label/%255[^/]/values", name) == 1)
        return run_labels(m, p, name, out, e);
    if (strcmp(path, "format_query") == 0)
        return run_format(m, p, out, e);
    if (strcmp(path, "query_exemplars") == 0)
        return api__exemplars(m, p, out, e);
    if (m->dashboards && strcmp(path, "dashboards") == 0) {
        dashboards_list(m->dashboards, out);
        return 0;
    }
    if (m->dashboards && strncmp(path, "dashboards/", 11) == 0)
        return dashboards_show(m->dashboards, path + 11, out)
                   ? 0
                   : err_set(e, ERR_NOT_FOUND, "there is no dashboard with the uid %.100s",
                             path + 11);
    if ((r = api__targets(m, p, path, out, e)) == ERR_NOT_FOUND &&
        (r = api__rules(m, p, path, out, e)) == ERR_NOT_FOUND)
        r = api__status(m, p, path, out, e);
    return r == ERR_NOT_FOUND ? err_set(e, r, "there is no /api/v1/%.100s", path) : r;
}

/* Changes what is kept: by POST or PUT, of those who may. Nothing to say: 204. */
static void handle_admin(struct http_request *q, const struct monitor_api *m, const char *path)
{
    struct api_params p = {.q = q};
    struct err e = {0};
    AUTO_BUF struct buf b;
    buf_init(&b, FORM_MAX);
    buf_puts(&b, "{\"status\":\"success\",\"data\":");
    size_t head = b.len;
    int r = m->may ? m->may(m->may_arg, q, MONITOR_DELETE, &e) : 0;
    if (r < 0) {
        http_send_text(q, r == ERR_DENIED ? 403 : 401, arena_printf(q->arena, "%s\n", e.msg));
        return;
    }
    if (strcmp(q->method, "POST") != 0 && strcmp(q->method, "PUT") != 0) {
        http_send_text(q, 405, "Method Not Allowed\n");
        return;
    }
    r = read_form(&p, &e);
    if (r == 0)
        r = api__admin(m, &p, path, &b, &e);
    if (r == ERR_NOT_FOUND) {
        http_send_text(q, 404, "there is no such path below /api/v1/admin/");
    } else if (r < 0) {
        send_error(q, &e);
    } else if (b.len == head) {
        http_send(q, 204, "application/json", "", 0);
    } else {
        buf_putc(&b, '}');
        send_data(q, &b);
    }
}

void monitor_handle(struct http_request *q, void *arg)
{
    struct api_params p = {.q = q};
    struct err e = {0};
    if (receive_handle(q, arg, q->path + strlen("/api/v1/")))
        return;
    const char *path = q->path + strlen("/api/v1/");
    if (strncmp(path, "admin/", 6) == 0) {
        handle_admin(q, arg, path);
        return;
    }
    AUTO_BUF struct buf b;
    buf_init(&b, ANSWER_MAX);
    buf_puts(&b, "{\"status\":\"success\",\"data\":");
    int r = read_form(&p, &e);
    if (r == 0)
        r = answer(arg, &p, path, &b, &e);
    if (r == ERR_NOT_FOUND) {
        http_send_text(q, 404, e.msg);
    } else if (r < 0) {
        send_error(q, &e);
    } else {
        buf_putc(&b, '}');
        send_data(q, &b);
    }
}
