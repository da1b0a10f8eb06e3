/* api_search.c - _search and its relatives. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "codec/base64.h"
#include "codec/json.h"
#include "elastic/api_int.h"

/* ---- parameters of the URL that stand for members of the body ---- */

static struct value *split(struct arena *a, const char *text)
{
    struct value *list = value_new_array(a);
    for (const char *t = text; *t;) {
        size_t n = strcspn(t, ",");
        if (n)
            (void)value_push(a, list, value_new_strn(a, t, n));
        t += n + (t[n] == ',');
    }
    return list;
}

/* ?sort=a:desc,b */
static struct value *sort_of(struct arena *a, const char *text)
{
    struct value *list = value_new_array(a), *names = split(a, text);
    VALUE_EACH_ITEM (x, names) {
        const char *colon = strchr(x->text, ':');
        struct value *one = value_new_object(a);
        if (colon)
            (void)value_set_str(a, one, arena_strndup(a, x->text, (size_t)(colon - x->text)),
                                colon + 1);
        (void)value_push(a, list, colon ? one : x);
    }
    return list;
}

static void query_of(struct ask *k, struct value *body, const char *text)
{
    struct arena *a = k->call.arena;
    struct value *q = value_new_object(a), *in = value_new_object(a);
    const char *df = ask_param(k, "df", NULL), *op = ask_param(k, "default_operator", NULL);
    (void)value_set_str(a, in, "query", text);
    if (df)
        (void)value_set_str(a, in, "default_field", df);
    if (op)
        (void)value_set_str(a, in, "default_operator", op);
    (void)value_set(a, q, "query_string", in);
    (void)value_set(a, body, "query", q);
}

static void sources_of(struct ask *k, struct value *body)
{
    struct arena *a = k->call.arena;
    const char *source = ask_param(k, "_source", NULL);
    const char *in = ask_param(k, "_source_includes", NULL);
    const char *ex = ask_param(k, "_source_excludes", NULL);
    if (source && (strcmp(source, "false") == 0 || strcmp(source, "true") == 0))
        (void)value_set_bool(a, body, "_source", source[0] == 't');
    else if (source)
        (void)value_set(a, body, "_source", split(a, source));
    if (!in && !ex)
        return;
    struct value *both = value_new_object(a);
    if (in)
        (void)value_set(a, both, "includes", split(a, in));
    if (ex)
        (void)value_set(a, both, "excludes", split(a, ex));
    (void)value_set(a, body, "_source", both);
}

static int overlay(struct ask *k, struct value *body, struct err *e)
{
    static const char *const numbers[] = {"size", "from", "terminate_after"};
    struct arena *a = k->call.arena;
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        const char *text = ask_param(k, numbers[i], NULL);
        int64_t v;
        if (text && !value_int_from_text(text, &v))
            return elastic__fault(&k->call, e, ERR_INVALID, "illegal_argument_exception",
                                  "Failed to parse int parameter [%s] with value [%s]", numbers[i],
                                  text);
        if (text)
            (void)value_set_int(a, body, numbers[i], v);
    }
    const char *q = ask_param(k, "q", NULL), *sort = ask_param(k, "sort", NULL);
    const char *total = ask_param(k, "track_total_hits", NULL);
    int64_t most;
    if (q)
        query_of(k, body, q);
    if (sort)
        (void)value_set(a, body, "sort", sort_of(a, sort));
    if (total && value_int_from_text(total, &most))
        (void)value_set_int(a, body, "track_total_hits", most);
    else if (total)
        (void)value_set_bool(a, body, "track_total_hits", strcmp(total, "false") != 0);
    sources_of(k, body);
    return 0;
}

static int body_of(struct ask *k, struct value **out, struct err *e)
{
    struct value *body = NULL;
    int r = ask_body(k, &body, e);
    if (r < 0)
        return r;
    *out = body ? body : value_new_object(k->call.arena);
    if ((*out)->kind != VALUE_OBJECT)
        return elastic__fault(&k->call, e, ERR_INVALID, "parsing_exception",
                              "the body is no object");
    return overlay(k, *out, e);
}

static const char *expression_of(const struct ask *k)
{
    return k->n_parts > 1 && k->part[1][0] == '_' ? k->part[0] : NULL;
}

/* ---- searches ---- */

static char *pit_id(struct ask *k, const char *expression)
{
    struct arena *a = k->call.arena;
    char *text = arena_printf(a, "%016" PRIx64 ":%s", (uint64_t)k->call.now_ms * 1000000 + 999999,
                              expression ? expression : "");
    return base64_encode(a, text, strlen(text), BASE64_URL_RAW);
}

/* The indices that a point in time was opened on. */
static const char *pit_expression(struct ask *k, const struct value *body, const char *dflt)
{
    const char *id = value_at_str(body, "pit.id", NULL);
    char *text;
    size_t n;
    if (!id || base64_decode(k->call.arena, id, strlen(id), BASE64_URL_RAW, &text, &n, NULL) < 0 ||
        n < 17)
        return dflt;
    return text[17] ? text + 17 : NULL;
}

static int run(struct ask *k, const char *expression, const struct value *body,
               struct search **out_search, struct value **out, struct err *e)
{
    struct log_port port;
    struct search *s;
    int r = search_parse(&k->call, body, &s, e);
    if (r == 0)
        r = log_port_init(&port, k, pit_expression(k, body, expression), e);
    if (r == 0)
        r = search_run(&k->call, s, &port.port, out, e);
    *out_search = s;
    return r;
}

static void total_as_int(struct ask *k, struct value *answer)
{
    struct value *hits = value_get_mut(answer, "hits");
    if (ask_flag(k, "rest_total_hits_as_int") && value_at(answer, "hits.total.value"))
        (void)value_set_int(k->call.arena, hits, "total",
                            value_at_int(answer, "hits.total.value", 0));
}

/* A scroll is its search with the place where the last page ended: nothing is kept for it. */
static int scroll(struct ask *k, const char *expression, struct value *body, struct err *e)
{
    struct arena *a = k->call.arena;
    struct value *answer = NULL, *state = value_new_object(a);
    struct search *s;
    if (!value_get(body, "sort"))
        (void)value_set_str(a, body, "sort", "_doc");
    if (!value_get(body, "pit"))
        (void)value_set_str(a, value_make_object(a, body, "pit"), "id", pit_id(k, expression));
    int r = run(k, expression, body, &s, &answer, e);
    if (r < 0)
        return r;
    if (s->top.n)
        (void)value_set(a, body, "search_after", top_keys(s->top.hits[s->top.n - 1], &s->sort, a));
    (void)value_set(a, state, "body", body);
    char *text = json_text(a, state, JSON_NO_HTML);
    (void)value_remove(answer, "pit_id");
    struct value *with = value_new_object(a);
    (void)value_set_str(a, with, "_scroll_id",
                        base64_encode(a, text, strlen(text), BASE64_URL_RAW));
    VALUE_EACH_MEMBER (m, answer)
        (void)value_set(a, with, m->key, &m->value);
    total_as_int(k, with);
    ask_send(k, 200, with);
    return 0;
}

int api_search(struct ask *k, struct err *e)
{
    struct value *body, *answer;
    struct search *s;
    int r = body_of(k, &body, e);
    if (r == 0 && ask_param(k, "scroll", NULL))
        return scroll(k, expression_of(k), body, e);
    if (r == 0)
        r = run(k, expression_of(k), body, &s, &answer, e);
    if (r < 0)
        return r;
    total_as_int(k, answer);
    ask_send(k, 200, answer);
    return 0;
}

int api_scroll(struct ask *k, struct err *e)
{
    struct arena *a = k->call.arena;
    struct value *body = NULL, *state;
    char *text;
    size_t n;
    int r = ask_body(k, &body, e);
    if (r < 0)
        return r;
    if (strcmp(k->method, "DELETE") == 0) {
        struct value *done = value_new_object(a);
        (void)value_set_bool(a, done, "succeeded", true);
        (void)value_set_int(a, done, "num_freed", 1);
        ask_send(k, 200, done);
        return 0;
    }
    const char *id = value_at_str(body, "scroll_id", ask_param(k, "scroll_id", k->part[2]));
    if (!id || base64_decode(a, id, strlen(id), BASE64_URL_RAW, &text, &n, NULL) < 0 ||
        json_parse(a, text, n, JSON_SHALLOW, &state, NULL) < 0 ||
        !value_is(value_get(state, "body"), VALUE_OBJECT))
        return elastic__fault(&k->call, e, ERR_INVALID, "illegal_argument_exception",
                              "Cannot parse scroll id");
    return scroll(k, NULL, value_get_mut(state, "body"), e);
}

int api_pit(struct ask *k, struct err *e)
{
    struct arena *a = k->call.arena;
    struct value *answer = value_new_object(a);
    struct index_info *list;
    size_t n;
    if (strcmp(k->method, "DELETE") == 0) {
        (void)value_set_bool(a, answer, "succeeded", true);
        (void)value_set_int(a, answer, "num_freed", 1);
        ask_send(k, 200, answer);
        return 0;
    }
    int r = indices_resolve(k, k->part[0], &list, &n, e);
    if (r < 0)
        return r;
    (void)value_set_str(a, answer, "id", pit_id(k, k->part[0]));
    ask_send(k, 200, answer);
    return 0;
}

int api_count(struct ask *k, struct err *e)
{
    struct arena *a = k->call.arena;
    struct value *body, *answer = value_new_object(a);
    struct log_port port;
    struct search *s;
    int64_t n = 0;
    int r = body_of(k, &body, e);
    VALUE_EACH_MEMBER (m, body)
        if (r == 0 && strcmp(m->key, "query") != 0)
            return elastic__fault(&k->call, e, ERR_INVALID, "parsing_exception",
                                  "request does not support [%s]", m->key);
    if (r == 0)
        r = search_parse(&k->call, body, &s, e);
    if (r == 0)
        r = log_port_init(&port, k, expression_of(k), e);
    if (r == 0)
        r = search_count(&k->call, s, &port.port, &n, e);
    if (r < 0)
        return r;
    (void)value_set_int(a, answer, "count", n);
    (void)value_set(a, answer, "_shards", ask_shards(a));
    ask_send(k, 200, answer);
    return 0;
}

/* ---- several at once ---- */

enum { SEARCHES_MAX = 1000 };

struct value *api__error(struct ask *k, const struct err *e, int *status);

static void msearch_one(struct ask *k, const struct value *head, const struct value *body,
                        struct value *answers)
{
    struct arena *a = k->call.arena;
    const struct value *index = value_get(head, "index");
    const char *expression = value_str(index, k->n_parts > 1 ? k->part[0] : NULL);
    struct value *answer = NULL;
    struct search *s;
    struct err e = {0};
    int status = 200;
    VALUE_EACH_ITEM (x, index)
        expression = expression && x != index->items
                         ? arena_join(a, expression, ",", value_str(x, ""), NULL)
                         : value_str(x, "");
    k->call.fault = NULL;
    if (run(k, expression, body, &s, &answer, &e) < 0)
        answer = api__error(k, &e, &status);
    else
        (void)value_set_int(a, answer, "status", status);
    total_as_int(k, answer);
    (void)value_push(a, answers, answer);
}

int api_msearch(struct ask *k, struct err *e)
{
    struct arena *a = k->call.arena;
    struct value **parts, *answers = value_new_array(a), *all = value_new_object(a);
    char *text;
    size_t len, n;
    int64_t began = clock_mono_ms();
    int r = http_read_all(k->q, BODY_MAX, &text, &len, e);
    if (r == 0)
        r = json_parse_all(a, text, len, JSON_SHALLOW, &parts, &n, e);
    if (r < 0)
        return r;
    if (n == 0 || n % 2)
        return elastic__fault(&k->call, e, ERR_INVALID, "illegal_argument_exception",
                              "each search needs a line of its own behind the one of its head");
    if (n > 2 * SEARCHES_MAX)
        return elastic__fault(&k->call, e, ERR_INVALID, "illegal_argument_exception",
                              "more than %d searches in one request", SEARCHES_MAX);
    for (size_t i = 0; i < n; i += 2)
        msearch_one(k, parts[i], parts[i + 1], answers);
    (void)value_set_int(a, all, "took", clock_mono_ms() - began);
    (void)value_set(a, all, "responses", answers);
    ask_send(k, 200, all);
    return 0;
}

/* ---- documents by name ---- */

struct finding {
    const char *id;
    struct arena *arena;
    struct value *source;
    const char *index;
};

static int find_one(void *arg, struct elastic_doc *d, struct err *e)
{
    struct finding *f = arg;
    AUTO(arena) struct arena *a = arena_new(0);
    (void)e;
    if (strcmp(doc_id(d, a), f->id) == 0) { /* the newest of several */
        f->source = doc_source(d, f->arena);
        f->index = d->index;
    }
    return 0;
}

/* Names that were given by the store begin with the time. */
static struct span span_of(const char *id)
{
    char *end;
    uint64_t ns = strtoull(id, &end, 16);
    if (end == id + 16 && *end == '-')
        return (struct span){(int64_t)(ns / 1000000), (int64_t)(ns / 1000000)};
    return (struct span){INT64_MIN / 2000000, INT64_MAX / 2000000};
}

static int get_doc(struct ask *k, const char *index, const char *id, struct value **out,
                   struct err *e)
{
    struct arena *a = k->call.arena;
    struct log_port port;
    struct finding f = {.id = id, .arena = a};
    struct span span = span_of(id);
    int r = log_port_init(&port, k, index, e);
    if (r == 0)
        r = port.port.scan(&port.port, &span, find_one, &f, e);
    if (r < 0)
        return r;
    struct value *answer = *out = value_new_object(a);
    (void)value_set_str(a, answer, "_index", f.source ? f.index : index);
    (void)value_set_str(a, answer, "_id", id);
    if (f.source) {
        (void)value_set_int(a, answer, "_version", 1);
        (void)value_set_int(a, answer, "_seq_no", 0);
        (void)value_set_int(a, answer, "_primary_term", 1);
    }
    (void)value_set_bool(a, answer, "found", f.source != NULL);
    if (f.source)
        (void)value_set(a, answer, "_source", f.source);
    return 0;
}

int api_doc(struct ask *k, struct err *e)
{
    struct value *answer;
    int r = get_doc(k, k->part[0], k->part[2], &answer, e);
    if (r < 0)
        return r;
    const struct value *source = value_get(answer, "_source");
    if (strcmp(k->part[1], "_source") == 0 && source)
        ask_send(k, 200, source);
    else
        ask_send(k, source ? 200 : 404, answer);
    return 0;
}

int api_mget(struct ask *k, struct err *e)
{
    struct arena *a = k->call.arena;
    struct value *body = NULL, *docs = value_new_array(a), *all = value_new_object(a), *one;
    const char *index = k->n_parts > 1 ? k->part[0] : NULL;
    int r = ask_body(k, &body, e);
    const struct value *list = value_get(body, "docs");
    if (!list)
        list = value_get(body, "ids");
    VALUE_EACH_ITEM (x, list) {
        const char *from = value_at_str(x, "_index", index);
        const char *id = value_str(x, value_at_str(x, "_id", NULL));
        if (r == 0 && (!from || !id))
            return elastic__fault(&k->call, e, ERR_INVALID, "action_request_validation_exception",
                                  "index or id is missing");
        if (r == 0)
            r = get_doc(k, from, id, &one, e);
        if (r < 0)
            return r;
        (void)value_push(a, docs, one);
    }
    if (r < 0)
        return r;
    (void)value_set(a, all, "docs", docs);
    ask_send(k, 200, all);
    return 0;
}
