#include "codec/json.h"
#include "elastic/search_int.h"
#include "fuzz.h"

static const char line[] =
    "{\"@timestamp\":\"2026-01-15T10:00:00Z\",\"message\":\"GET /a failed\","
    "\"user\":{\"id\":\"kim\"},\"status\":500,\"tags\":[\"a\",\"b\"],\"ok\":true}";

static int one_line(struct doc_port *p, const struct span *span, doc_visit visit, void *arg,
                    struct err *e)
{
    struct elastic_doc d = {.index = "i", .time_ns = 1, .text = line, .n = sizeof line - 1};
    (void)p;
    (void)span;
    int r = visit(arg, &d, e);
    doc_done(&d);
    return r < 0 ? r : 0;
}

/* Properties: a document that answers a query does not answer its opposite, and the other way
 * round; a search that parses has an answer or a reason, and the answer is JSON. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *a = arena_new(1 << 24);
    struct elastic_call c = {.arena = a, .now_ms = 1768473045500};
    struct doc_port port = {one_line};
    struct elastic_query *q;
    struct search *s;
    struct value *v, *out, *again;
    struct err e = {0};
    if (size > 16384 || json_parse(a, (const char *)data, size, JSON_SHALLOW, &v, NULL) < 0)
        return 0;
    if (query_parse(&c, value_get(v, "query"), &q, &e) == 0) {
        struct elastic_query *not = query_new(a, QUERY_BOOL);
        struct elastic_doc d = {.index = "i", .text = line, .n = sizeof line - 1};
        query_add(a, &not ->must_not, q);
        not ->min_should = 0;
        MUST((query_match(q, &d) < 0) == (query_match(not, &d) >= 0));
        doc_done(&d);
    }
    if (search_parse(&c, v, &s, &e) < 0 || search_run(&c, s, &port, &out, &e) < 0) {
        MUST(e.code != 0 && e.msg[0]);
        return 0;
    }
    const char *text = json_text(a, out, JSON_NO_HTML);
    MUST(json_parse(a, text, strlen(text), 0, &again, NULL) == 0);
    return 0;
}
