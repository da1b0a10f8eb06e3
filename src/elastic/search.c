/* search.c - a search: what its body asks, one walk over the lines, the answer. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "codec/base64.h"
#include "elastic/search_int.h"

static const char known[] =
    " query post_filter from size sort _source fields docvalue_fields stored_fields search_after "
    "aggs aggregations track_total_hits track_scores pit timeout min_score terminate_after version "
    "seq_no_primary_term highlight explain indices_boost stats profile runtime_mappings "
    "script_fields ";

PRINTF(3, 4) static int bad(struct elastic_call *c, struct err *e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int rc = elastic__vfault(c, e, "illegal_argument_exception", fmt, ap);
    va_end(ap);
    return rc;
}

static int check_body(struct elastic_call *c, const struct value *body, struct err *e)
{
    VALUE_EACH_MEMBER (m, body) {
        if (!strstr(known, arena_join(c->arena, " ", m->key, " ", NULL)))
            return elastic__fault(c, e, ERR_INVALID, "parsing_exception",
                                  "Unknown key for a %s in [%s].", value_kind_name(m->value.kind),
                                  m->key);
        bool code = strcmp(m->key, "script_fields") == 0 || strcmp(m->key, "runtime_mappings") == 0;
        if (code && value_members_count(&m->value))
            return elastic__fault(c, e, ERR_INVALID, "parsing_exception",
                                  "[%s]: scripts are not "
                                  "offered",
                                  m->key);
    }
    return 0;
}

static int read_window(struct elastic_call *c, const struct value *body, struct search *s,
                       struct err *e)
{
    int64_t from = value_at_int(body, "from", 0), size = value_at_int(body, "size", 10);
    if (from < 0)
        return bad(c, e, "[from] parameter cannot be negative");
    if (size < 0)
        return bad(c, e, "[size] parameter cannot be negative");
    if (from > WINDOW_MAX || size > WINDOW_MAX - from)
        return elastic__fault(
            c, e, ERR_INVALID, "illegal_argument_exception",
            "Result window is too large, from + size must be less than or equal to: [%d] but was "
            "[%llu]. See the scroll api for a more efficient way to request large data sets.",
            WINDOW_MAX, (unsigned long long)from + (unsigned long long)size);
    s->from = (size_t)from;
    s->size = (size_t)size;
    return 0;
}

static void read_total(const struct value *v, struct search *s)
{
    s->track_total = -1;
    if (value_is(v, VALUE_BOOL) && !v->boolean)
        s->track_total = 0;
    else if (value_is(v, VALUE_INT) && v->i >= 0)
        s->track_total = v->i;
}

/* {"id": …}: the time of its making, as a place; names no index, as Elasticsearch's. */
static int read_pit(struct elastic_call *c, const struct value *pit, struct search *s,
                    struct err *e)
{
    const char *id = value_at_str(pit, "id", NULL);
    char *text;
    size_t n;
    if (!pit)
        return 0;
    if (!id || base64_decode(c->arena, id, strlen(id), BASE64_URL_RAW, &text, &n, e) < 0 || n < 17)
        return bad(c, e, "invalid id: [%.100s]", id ? id : "");
    s->pit = id;
    s->until_place = arena_strndup(c->arena, text, 16);
    if (s->sort.given && s->sort.n < SORTS_MAX) {
        s->sort.by[s->sort.n++] = (struct sort_by){.field = "_shard_doc"};
        s->shard_doc = true;
    }
    return 0;
}

int search_parse(struct elastic_call *c, const struct value *body, struct search **out,
                 struct err *e)
{
    struct search *s = *out = ARENA_NEW(c->arena, struct search);
    const struct value *aggs = value_get(body, "aggs"), *fields = value_get(body, "fields");
    int r = body && body->kind != VALUE_OBJECT ? bad(c, e, "the body is no %s", "object") : 0;
    if (r == 0)
        r = check_body(c, body, e);
    if (r == 0)
        r = query_parse(c, value_get(body, "query"), &s->query, e);
    if (r == 0 && value_get(body, "post_filter"))
        r = query_parse(c, value_get(body, "post_filter"), &s->post_filter, e);
    if (r == 0)
        r = read_window(c, body, s, e);
    if (r == 0)
        r = sort_parse(c, value_get(body, "sort"), &s->sort, e);
    if (r == 0)
        r = source_parse(c, value_get(body, "_source"), &s->form.source, e);
    if (r == 0)
        r = fields_parse(c, fields ? fields : value_get(body, "docvalue_fields"), &s->form, e);
    if (r == 0)
        r = agg_parse(c, aggs ? aggs : value_get(body, "aggregations"), &s->aggs, e);
    if (r == 0)
        r = read_pit(c, value_get(body, "pit"), s, e);
    if (r < 0)
        return r;
    s->form.version = value_at_bool(body, "version", false);
    s->form.seq_no = value_at_bool(body, "seq_no_primary_term", false);
    s->min_score = value_num(value_get(body, "min_score"), -1);
    s->terminate_after = value_at_int(body, "terminate_after", 0);
    read_total(value_get(body, "track_total_hits"), s);
    query_span(s->query, &s->span);
    top_init(&s->top, &s->sort, s->from + s->size, c->arena);
    const struct value *after = value_get(body, "search_after");
    if (after && s->from)
        return bad(c, e, "`from` parameter must be set to 0 when `search_after` is used.");
    return after ? after_parse(c, after, &s->top, e) : 0;
}

struct running {
    struct elastic_call *c;
    struct search *s;
    struct agg_state **aggs;
    int64_t total;
    size_t budget;
    double best;
};

static bool before_pit(const struct search *s, const struct elastic_doc *d, struct arena *a)
{
    return !s->until_place || strncmp(doc_place(d, a), s->until_place, 16) <= 0;
}

static int check_memory(struct elastic_call *c, struct err *e)
{
    if (arena_used(c->arena) + c->held <= MEMORY_MAX)
        return 0;
    return elastic__fault(c, e, ERR_TOO_LARGE, "circuit_breaking_exception",
                          "the search needs more than %d MiB of memory", MEMORY_MAX >> 20);
}

static int visit(void *arg, struct elastic_doc *d, struct err *e)
{
    struct running *x = arg;
    struct search *s = x->s;
    if (s->terminate_after && x->total >= s->terminate_after)
        return 1;
    double score = query_match(s->query, d);
    if (score < 0 || score < s->min_score)
        return 0;
    if (s->until_place) {
        AUTO(arena) struct arena *a = arena_new(0);
        if (!before_pit(s, d, a))
            return 0;
    }
    int r = agg_add(x->c, x->aggs, s->aggs.n, d, score, e);
    if (r == 0)
        r = check_memory(x->c, e);
    if (r < 0 || (s->post_filter && query_match(s->post_filter, d) < 0))
        return r;
    x->total++;
    x->best = score > x->best ? score : x->best;
    top_add(x->c, &s->top, d, score);
    return 0;
}

static int print_hits(struct running *x, struct value **out, struct err *e)
{
    struct arena *a = x->c->arena;
    struct search *s = x->s;
    struct value *hits = value_new_object(a), *list = value_new_array(a);
    if (s->track_total) {
        struct value *total = value_new_object(a);
        bool more = s->track_total > 0 && x->total > s->track_total;
        (void)value_set_int(a, total, "value", more ? s->track_total : x->total);
        (void)value_set_str(a, total, "relation", more ? "gte" : "eq");
        (void)value_set(a, hits, "total", total);
    }
    bool scored = !s->sort.given && x->total > 0 && s->size > 0;
    (void)value_set(a, hits, "max_score", scored ? value_new_float(a, x->best) : value_null(a));
    int r = 0;
    for (size_t i = s->from; r == 0 && i < s->top.n; i++) {
        (void)value_push(a, list, hit_print(s->top.hits[i], &s->sort, &s->form, a));
        r = check_memory(x->c, e);
    }
    (void)value_set(a, hits, "hits", list);
    *out = hits;
    return r;
}

int search_run(struct elastic_call *c, struct search *s, struct doc_port *port, struct value **out,
               struct err *e)
{
    struct running x = {.c = c, .s = s, .budget = BUCKETS_MAX};
    struct arena *a = c->arena;
    int64_t began = clock_mono_ms();
    struct value *aggs = NULL, *hits = NULL;
    x.aggs = agg_begin(&s->aggs, a, &x.budget);
    int r = port->scan(port, &s->span, visit, &x, e);
    if (r == 0 && s->aggs.n)
        r = agg_print(c, x.aggs, s->aggs.n, &aggs, e);
    if (r == 0)
        r = print_hits(&x, &hits, e);
    if (r < 0)
        return r;
    struct value *all = value_new_object(a), *shards = value_new_object(a);
    if (s->pit)
        (void)value_set_str(a, all, "pit_id", s->pit);
    (void)value_set_int(a, all, "took", clock_mono_ms() - began);
    (void)value_set_bool(a, all, "timed_out", false);
    if (s->terminate_after)
        (void)value_set_bool(a, all, "terminated_early", x.total >= s->terminate_after);
    (void)value_set_int(a, shards, "total", 1);
    (void)value_set_int(a, shards, "successful", 1);
    (void)value_set_int(a, shards, "skipped", 0);
    (void)value_set_int(a, shards, "failed", 0);
    (void)value_set(a, all, "_shards", shards);
    (void)value_set(a, all, "hits", hits);
    if (aggs)
        (void)value_set(a, all, "aggregations", aggs);
    *out = all;
    return 0;
}

int search_count(struct elastic_call *c, struct search *s, struct doc_port *port, int64_t *out,
                 struct err *e)
{
    struct running x = {.c = c, .s = s, .budget = BUCKETS_MAX};
    s->top.max = 0;
    int r = port->scan(port, &s->span, visit, &x, e);
    *out = x.total;
    return r;
}
