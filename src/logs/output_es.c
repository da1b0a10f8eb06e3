/* output_es.c - out to Elasticsearch: _bulk, each line created under an _id of its own. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "codec/json.h"
#include "logs/output.h"
#include "net/http_client.h"

enum { BODY_MAX = 64 << 20, ANSWER_MAX = 64 << 20, WAIT_MS = 60 * 1000 };

struct es_way {
    struct output_way way;
    struct output_es_opts opts;
    struct http_client *client;
    bool named; /* a refusal of a line was said */
};

static const char *index_of(const struct es_way *x, int64_t time_ns, struct arena *a)
{
    char when[CLOCK_TEXT_MAX];
    if (!x->opts.logstash_prefix)
        return x->opts.index;
    clock_format_rfc3339(time_ns / 1000000, when);
    return arena_printf(a, "%s-%.4s.%.2s.%.2s", x->opts.logstash_prefix, when, when + 5, when + 8);
}

static void put_line(const struct es_way *x, const struct logdb_entry *l, struct buf *b)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char when[CLOCK_TEXT_MAX];
    struct value *record = output_record(l, a), *head = value_new_object(a);
    const char *id =
        arena_printf(a, "%016" PRIx64 "-%x-%x", (uint64_t)l->time_ns, l->stream, l->nth);
    if (!value_get(record, "@timestamp")) {
        clock_format_rfc3339_nano(l->time_ns, when);
        (void)value_set_str(a, record, "@timestamp", when);
    }
    struct value *create = value_make_object(a, head, "create");
    (void)value_set_str(a, create, "_index", index_of(x, l->time_ns, a));
    (void)value_set_str(a, create, "_id", id);
    if (x->opts.type_name)
        (void)value_set_str(a, create, "_type", "_doc");
    json_print(b, head, JSON_NO_HTML);
    buf_putc(b, '\n');
    json_print(b, record, JSON_NO_HTML);
    buf_putc(b, '\n');
}

static int post(struct es_way *x, const struct output_batch *b, struct arena *a,
                struct http_answer *out, struct err *e)
{
    AUTO_BUF struct buf body, pressed;
    buf_init(&body, BODY_MAX);
    buf_init(&pressed, BODY_MAX);
    for (size_t i = 0; i < b->n; i++)
        if (b->lines[i].state == OUTPUT_OPEN)
            put_line(x, b->lines[i].x, &body);
    int r = buf_check(&body, e);
    if (r == 0 && x->opts.gzip)
        r = output__press(&body, &pressed, e);
    if (r < 0)
        return r;
    const struct buf *use = x->opts.gzip ? &pressed : &body;
    const char *headers[4] = {"Content-Type: application/x-ndjson"};
    size_t n = 1;
    if (x->opts.gzip)
        headers[n++] = "Content-Encoding: gzip";
    if (x->opts.api_key)
        headers[n++] = arena_join(a, "Authorization: ApiKey ", x->opts.api_key, NULL);
    struct http_call call = {.method = "POST",
                             .url = arena_join(a, x->opts.url, "/_bulk", NULL),
                             .headers = headers,
                             .body = use->data,
                             .body_len = use->len,
                             .max_answer = ANSWER_MAX,
                             .cancel = b->stop};
    return http_do(x->client, &call, a, out, e);
}

/* One line's answer: done (or there already), refused for good, or to be sent again. */
static void take_item(struct es_way *x, const struct output_batch *b, struct output_line *l,
                      const struct value *item)
{
    const struct value *v = value_members_count(item) ? &value_members(item)->value : NULL;
    int64_t status = value_int(value_get(v, "status"), 0);
    if ((status >= 200 && status < 300) || status == 409)
        l->state = OUTPUT_DONE;
    if (status < 400 || status == 409 || status == 429 || status >= 500)
        return;
    l->state = OUTPUT_REFUSED;
    if (!x->named)
        log_warn("logs", "%s: a line of %s is refused, others will be counted: %.200s: %.200s",
                 b->name, l->tag, value_at_str(v, "error.type", "no reason"),
                 value_at_str(v, "error.reason", ""));
    x->named = true;
}

static int take_answer(struct es_way *x, struct output_batch *b, const struct http_answer *answer,
                       struct arena *a, struct err *e)
{
    struct value *v;
    size_t nth = 0, open = 0;
    if (answer->status < 200 || answer->status > 299)
        return err_set(e, ERR_AGAIN, "status %d: %.200s", answer->status, answer->body);
    int r = json_parse(a, answer->body, answer->body_len, 0, &v, e);
    const struct value *items = r == 0 ? value_get(v, "items") : NULL;
    if (r < 0 || !value_is(items, VALUE_ARRAY))
        return err_set(e, ERR_AGAIN, "the answer is none of _bulk: %.100s", answer->body);
    for (size_t i = 0; i < b->n; i++) {
        if (b->lines[i].state != OUTPUT_OPEN)
            continue;
        take_item(x, b, &b->lines[i], value_item(items, nth++));
        open += b->lines[i].state == OUTPUT_OPEN;
    }
    return open ? err_set(e, ERR_AGAIN, "%zu of %zu lines were not taken now", open, nth) : 0;
}

static int send_all(struct output_way *w, struct output_batch *b, struct err *e)
{
    struct es_way *x = (struct es_way *)w;
    AUTO(arena) struct arena *a = arena_new(0);
    struct http_answer answer;
    int r = post(x, b, a, &answer, e);
    if (r == 0)
        r = take_answer(x, b, &answer, a, e);
    return r < 0 ? err_wrap(e, r, "%s/_bulk", x->opts.url) : 0;
}

static void es_free(struct output_way *w)
{
    struct es_way *x = (struct es_way *)w;
    http_client_free(x->client);
    free(x);
}

struct output_way *output_es_new(const struct output_es_opts *o)
{
    struct es_way *x = calloc(1, sizeof *x);
    if (!x)
        log_die("out of memory");
    x->way = (struct output_way){send_all, es_free};
    x->opts = *o;
    x->client = http_client_new(&(struct http_client_opts){.ca_pem = o->ca_pem,
                                                           .cert_pem = o->cert_pem,
                                                           .key_pem = o->key_pem,
                                                           .user = o->user,
                                                           .password = o->password,
                                                           .insecure = o->insecure,
                                                           .timeout_ms = WAIT_MS,
                                                           .connect_to = o->connect_to});
    return &x->way;
}
