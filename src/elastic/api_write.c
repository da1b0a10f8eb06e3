/* api_write.c - documents in: _bulk, _doc, _create. */
#include <inttypes.h>
#include <string.h>

#include "codec/json.h"
#include "elastic/api_int.h"
#include "logs/push.h"

struct value *api__error(struct ask *k, const struct err *e, int *status);

/* Rights are asked for once a request and namespace. */
struct writing {
    struct ask *k;
    struct map allowed; /* namespaces */
    const char *text;   /* the document as it came; NULL: not known */
    size_t text_n;
};

static int may_write(struct writing *w, const char *ns, struct err *e)
{
    if (map_has(&w->allowed, ns))
        return 0;
    int r = ask_may_create(w->k, *ns ? ns : NULL, e);
    if (r == 0)
        (void)map_put(&w->allowed, ns, w);
    return r;
}

static int time_of(struct ask *k, const struct value *doc, int64_t *out, struct err *e)
{
    const struct value *t = value_get(doc, "@timestamp");
    *out = k->call.now_ms;
    if (value_is(t, VALUE_INT))
        *out = t->i;
    else if (t && (t->kind != VALUE_STRING || !date_read(t->text, t->n, NULL, out)))
        return elastic__fault(&k->call, e, ERR_INVALID, "document_parsing_exception",
                              "failed to parse field [@timestamp] of type [date]");
    return 0;
}

/* One document; *out is what stands in the answer. */
static int write_one(struct writing *w, const char *index, const char *id, struct value *doc,
                     struct value **out, struct err *e)
{
    struct ask *k = w->k;
    struct arena *a = k->call.arena;
    struct pushed done;
    struct push p = {.index = index, .source = "elasticsearch", .now_ms = k->call.now_ms};
    if (!names_valid(index))
        return elastic__fault(&k->call, e, ERR_INVALID, "invalid_index_name_exception",
                              "Invalid index name [%s]", index);
    if (strncmp(index, "logs-pods-", 10) == 0)
        return elastic__fault(&k->call, e, ERR_INVALID, "illegal_argument_exception",
                              "[%s] is written by pods alone", index);
    if (!value_is(doc, VALUE_OBJECT))
        return elastic__fault(&k->call, e, ERR_INVALID, "document_parsing_exception",
                              "a document must be an object");
    p.ns = push_namespace(doc);
    int r = may_write(w, p.ns, e);
    if (r == 0)
        r = time_of(k, doc, &p.time_ms, e);
    if (r < 0)
        return r;
    if (id)
        (void)value_set_str(a, doc, "_id", id);
    p.document = doc;
    p.text = id ? NULL : w->text;
    p.text_n = w->text_n;
    r = push_document(k->x->opts.access.db, &p, &done, e);
    if (r < 0)
        return r;
    struct elastic_doc d = {
        .time_ns = done.place.time_ns, .stream = done.stream, .nth = done.place.nth};
    struct value *v = *out = value_new_object(a);
    (void)value_set_str(a, v, "_index", index);
    (void)value_set_str(a, v, "_id", id ? id : doc_place(&d, a));
    (void)value_set_int(a, v, "_version", 1);
    (void)value_set_str(a, v, "result", "created");
    (void)value_set(a, v, "_shards", ask_shards(a));
    (void)value_set_int(a, v, "_seq_no", done.place.nth);
    (void)value_set_int(a, v, "_primary_term", 1);
    return 0;
}

int api_index(struct ask *k, struct err *e)
{
    struct writing w = {.k = k};
    struct value *doc = NULL, *answer;
    map_init(&w.allowed);
    int r = ask_body(k, &doc, e);
    if (r == 0)
        r = write_one(&w, k->part[0], k->part[2], doc, &answer, e);
    if (r == 0)
        r = logdb_sync(k->x->opts.access.db, e);
    map_done(&w.allowed);
    if (r == 0)
        ask_send(k, 201, answer);
    return r;
}

/* ---- _bulk: a line that says what, a line that is the document ---- */

struct bulk {
    struct writing w;
    const char *at, *end;
    struct value *items;
    bool errors;
};

static bool next_line(struct bulk *b, const char **out, size_t *n)
{
    while (b->at < b->end && (*b->at == '\n' || *b->at == '\r'))
        b->at++;
    if (b->at == b->end)
        return false;
    const char *nl = memchr(b->at, '\n', (size_t)(b->end - b->at));
    *out = b->at;
    *n = (size_t)((nl ? nl : b->end) - b->at);
    b->at = nl ? nl + 1 : b->end;
    return true;
}

static void put_item(struct bulk *b, const char *op, struct value *item)
{
    struct arena *a = b->w.k->call.arena;
    struct value *one = value_new_object(a);
    (void)value_set(a, one, op, item);
    (void)value_push(a, b->items, one);
}

/* What cannot be done with lines of logs, and what is no document, is an error of its own. */
static int bulk_one(struct bulk *b, const char *op, const struct value *head, struct value **out,
                    struct err *e)
{
    struct ask *k = b->w.k;
    struct value *doc = NULL;
    const char *line, *index = value_at_str(head, "_index", k->n_parts > 1 ? k->part[0] : NULL);
    size_t n;
    bool takes = strcmp(op, "index") == 0 || strcmp(op, "create") == 0;
    bool has_line = strcmp(op, "delete") != 0 && next_line(b, &line, &n);
    if (!takes)
        return elastic__fault(&k->call, e, ERR_INVALID, "illegal_argument_exception",
                              "[%s]: lines of logs are only ever added", op);
    if (!has_line)
        return elastic__fault(&k->call, e, ERR_INVALID, "illegal_argument_exception",
                              "the last action has no document");
    if (!index)
        return elastic__fault(&k->call, e, ERR_INVALID, "action_request_validation_exception",
                              "index is missing");
    int r = json_parse(k->call.arena, line, n, JSON_SHALLOW, &doc, e);
    if (r < 0) {
        k->call.fault = "document_parsing_exception";
        return r;
    }
    n -= line[n - 1] == '\r';
    b->w.text = line[0] == '{' && line[n - 1] == '}' ? line : NULL; /* else in blanks */
    b->w.text_n = n;
    return write_one(&b->w, index, value_at_str(head, "_id", NULL), doc, out, e);
}

static int bulk_lines(struct bulk *b, struct err *e)
{
    struct ask *k = b->w.k;
    struct arena *a = k->call.arena;
    const char *line;
    size_t n;
    while (next_line(b, &line, &n)) {
        struct value *action, *item = NULL;
        struct err why = {0};
        int status = 201;
        if (json_parse(a, line, n, JSON_SHALLOW, &action, &why) < 0 ||
            value_members_count(action) != 1)
            return elastic__fault(&k->call, e, ERR_INVALID, "illegal_argument_exception",
                                  "Malformed action/metadata line, expected an object with one "
                                  "of index, create, update, delete; %s",
                                  why.msg);
        const struct member *m = value_members(action);
        k->call.fault = NULL;
        if (bulk_one(b, m->key, &m->value, &item, &why) < 0) {
            if (why.code == ERR_UNAUTHENTICATED) {
                *e = why;
                return why.code;
            }
            struct value *error = api__error(k, &why, &status);
            item = value_new_object(a);
            (void)value_set_str(a, item, "_index", value_at_str(&m->value, "_index", k->part[0]));
            (void)value_set(a, item, "error", value_get(error, "error"));
            b->errors = true;
        }
        (void)value_set_int(a, item, "status", status);
        put_item(b, m->key, item);
    }
    return 0;
}

int api_bulk(struct ask *k, struct err *e)
{
    struct arena *a = k->call.arena;
    struct bulk b = {.w.k = k, .items = value_new_array(a)};
    int64_t began = clock_mono_ms();
    char *text;
    size_t n;
    int r = http_read_all(k->q, BODY_MAX, &text, &n, e);
    if (r < 0)
        return r;
    map_init(&b.w.allowed);
    b.at = text;
    b.end = text + n;
    r = bulk_lines(&b, e);
    map_done(&b.w.allowed);
    if (r == 0 && value_count(b.items) == 0)
        r = elastic__fault(&k->call, e, ERR_INVALID, "action_request_validation_exception",
                           "Validation Failed: 1: no requests added;");
    if (r == 0)
        r = logdb_sync(k->x->opts.access.db, e);
    if (r < 0)
        return r;
    struct value *all = value_new_object(a);
    (void)value_set_int(a, all, "took", clock_mono_ms() - began);
    (void)value_set_bool(a, all, "errors", b.errors);
    (void)value_set(a, all, "items", b.items);
    ask_send(k, 200, all);
    return 0;
}
