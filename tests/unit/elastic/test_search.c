#include "codec/json.h"
#include "elastic/search_int.h"
#include "table.h"

/* 2026-01-15T12:00:00Z */
static const int64_t now_ms = 1768478400000;

/* Documents as one would push them; "p" are lines of pods. */
static const struct {
    const char *index, *mappings, *labels, *text;
} documents[] = {
#include "documents.inc"
};

struct array_port {
    struct doc_port port;
    struct arena *arena;
};

static struct value *parse(struct arena *a, const char *text)
{
    struct value *v = NULL;
    struct err e = {0};
    if (text && json_parse(a, text, strlen(text), 0, &v, &e) < 0)
        T_FAIL(text, "%s", e.msg);
    return v;
}

static int scan(struct doc_port *p, const struct span *span, doc_visit visit, void *arg,
                struct err *e)
{
    struct array_port *port = (struct array_port *)p;
    int r = 0;
    (void)span;
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(documents); i++) {
        struct elastic_doc d = {.index = documents[i].index,
                                .mappings = parse(port->arena, documents[i].mappings),
                                .labels = parse(port->arena, documents[i].labels),
                                .time_ns = (now_ms + (int64_t)i * 1000) * 1000000,
                                .nth = (unsigned)i,
                                .text = documents[i].text,
                                .n = strlen(documents[i].text)};
        r = visit(arg, &d, e);
        doc_done(&d);
    }
    return r < 0 ? r : 0;
}

static int run(struct elastic_call *c, const char *body, struct value **out, struct err *e)
{
    struct array_port port = {.port.scan = scan, .arena = c->arena};
    struct search *s;
    struct value *v = parse(c->arena, body);
    int r = v ? search_parse(c, v, &s, e) : ERR_INVALID;
    return r < 0 ? r : search_run(c, s, &port.port, out, e);
}

/* QUERY | the _ids that match, best first */
static const char *query(char **cells, size_t n, struct arena *a)
{
    struct elastic_call c = {.arena = a, .now_ms = now_ms};
    struct err e = {0};
    struct value *out;
    (void)n;
    if (run(&c, arena_printf(a, "{\"size\":100,\"query\":%s}", cells[0]), &out, &e) < 0)
        return arena_printf(a, "%s: %s", c.fault ? c.fault : "?", e.msg);
    char *s = arena_strdup(a, "");
    VALUE_EACH_ITEM (h, value_at(out, "hits.hits"))
        s = arena_printf(a, "%s%s%s", s, *s ? " " : "", value_at_str(h, "_id", "?"));
    return *s ? s : "none";
}

/* BODY | PATH | what the answer has there */
static const char *body(char **cells, size_t n, struct arena *a)
{
    struct elastic_call c = {.arena = a, .now_ms = now_ms};
    struct err e = {0};
    struct value *out;
    (void)n;
    if (run(&c, cells[0], &out, &e) < 0)
        return arena_printf(a, "%s: %s", c.fault ? c.fault : "?", e.msg);
    const struct value *v = value_at(out, cells[1]);
    return v ? json_text(a, v, JSON_NO_HTML) : "absent";
}

static void queries(void)
{
    table_run("tests/cases/elastic/query.table", query);
}

static void bodies(void)
{
    table_run("tests/cases/elastic/search.table", body);
}

/* 6,000 documents of 100 KiB: more than a search may hold, wherever it holds them. */
static int large(struct doc_port *p, const struct span *span, doc_visit visit, void *arg,
                 struct err *e)
{
    enum { SIZE = 100 << 10 };
    static char text[SIZE];
    int r = 0;
    (void)p;
    (void)span;
    memset(text, 'x', sizeof text);
    for (unsigned i = 0; r == 0 && i < 6000; i++) {
        struct elastic_doc d = {.index = "i", .nth = i, .text = text, .n = sizeof text};
        r = visit(arg, &d, e);
        doc_done(&d);
    }
    return r < 0 ? r : 0;
}

static void memory(void)
{
    static const struct {
        const char *body;
        int code;
    } cases[] = {
        {"{\"size\":10000}",                               ERR_TOO_LARGE},
        {"{\"size\":10}",                                  0            },
        {"{\"size\":0,\"aggs\":{\"i\":{\"terms\":{\"field\":\"_id\",\"size\":1},"
         "\"aggs\":{\"t\":{\"top_hits\":{}}}}}}", ERR_TOO_LARGE},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct elastic_call c = {.arena = a, .now_ms = now_ms};
        struct doc_port port = {large};
        struct search *s;
        struct value *out;
        struct err e = {0};
        T_RC(search_parse(&c, parse(a, cases[i].body), &s, &e), &e, cases[i].body);
        T_EQ_INT(search_run(&c, s, &port, &out, &e), cases[i].code, cases[i].body);
        if (cases[i].code)
            T_EQ_STR(c.fault, "circuit_breaking_exception", cases[i].body);
    }
}

/* A long name is not repeated for each member below it. */
static void sources(void)
{
    enum { NAME = 32 << 10, MEMBERS = 4000 };
    AUTO(arena) struct arena *a = arena_new(0);
    static const char *const field[] = {"a"};
    struct value *below = value_new_object(a), *whole = value_new_object(a);
    for (int i = 0; i < MEMBERS; i++)
        (void)value_set_int(a, below, arena_printf(a, "%d", i), i);
    (void)value_set_int(a, whole, "a", 1);
    (void)value_set(a, whole, arena_printf(a, "%0*d", NAME, 1), below);
    struct source_filter in = {.includes = field, .n_includes = 1};
    struct source_filter out = {.excludes = field, .n_excludes = 1};
    size_t before = arena_used(a);
    T_EQ_INT(value_members_count(source_filter_apply(&in, whole, a)), 1, "includes");
    T_EQ_INT(value_members_count(source_filter_apply(&out, whole, a)), 1, "excludes");
    T_OK(arena_used(a) - before < 8 << 20, "memory");
}

T_MAIN(queries, bodies, memory, sources)
