/* agg.c - what aggregations learn from documents. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "codec/number.h"
#include "elastic/search_int.h"

enum { VALUES_LIMIT = 4 << 20, DISTINCT_LIMIT = 1 << 20, KEY_BYTES = 64 };

static void state_done(void *arg)
{
    struct agg_state *s = arg;
    map_done(&s->by_key);
    free(s->values);
}

static struct agg_state *state_new(const struct agg *g, struct arena *a, size_t *budget)
{
    struct agg_state *s = ARENA_NEW(a, struct agg_state);
    *s = (struct agg_state){.agg = g, .min = DBL_MAX, .max = -DBL_MAX, .budget = budget};
    map_init(&s->by_key);
    arena_defer(a, state_done, s);
    if (g->kind == AGG_TOP_HITS)
        top_init(&s->top, &g->sort, g->from + g->size, a);
    return s;
}

struct agg_state **agg_begin(const struct agg_set *set, struct arena *a, size_t *budget)
{
    struct agg_state **list = ARENA_ARRAY(a, struct agg_state *, set->n + 1);
    for (size_t i = 0; i < set->n; i++)
        list[i] = state_new(&set->items[i], a, budget);
    return list;
}

/* ---- buckets ---- */

struct adding {
    struct elastic_call *c;
    struct elastic_doc *d;
    double score;
};

int agg_bucket_new(struct elastic_call *c, struct agg_state *s, struct agg_bucket **out,
                   struct err *e)
{
    if (*s->budget == 0)
        return elastic__fault(c, e, ERR_TOO_LARGE, "too_many_buckets_exception",
                              "Trying to create too many buckets. Must be less than or equal to: "
                              "[%d]",
                              BUCKETS_MAX);
    --*s->budget;
    struct agg_bucket *b = *out = ARENA_NEW(c->arena, struct agg_bucket);
    if (s->n == s->cap) {
        size_t more = s->cap ? s->cap * 2 : 8;
        s->buckets = arena_grow(c->arena, (void *)s->buckets, s->cap * sizeof(struct agg_bucket *),
                                more * sizeof(struct agg_bucket *));
        s->cap = more;
    }
    s->buckets[s->n++] = b;
    b->subs = agg_begin(&(struct agg_set){s->agg->subs, s->agg->n_subs}, c->arena, s->budget);
    return 0;
}

/* The buckets of ranges and filters, which are there from the start. */
int agg_buckets_until(struct elastic_call *c, struct agg_state *s, size_t n, struct err *e)
{
    struct agg_bucket *b;
    int r = 0;
    while (r == 0 && s->n < n)
        r = agg_bucket_new(c, s, &b, e);
    return r;
}

static int find_bucket(struct elastic_call *c, struct agg_state *s, const char *key,
                       struct agg_bucket **out, struct err *e)
{
    *out = map_get(&s->by_key, key);
    if (*out)
        return 0;
    int r = agg_bucket_new(c, s, out, e);
    if (r == 0)
        (void)map_put(&s->by_key, key, *out);
    return r;
}

static int bucket_add(struct adding *x, struct agg_state *s, struct agg_bucket *b, struct err *e)
{
    b->count++;
    return agg_add(x->c, b->subs, s->agg->n_subs, x->d, x->score, e);
}

static bool listed(const struct value *list, const char *text, size_t n)
{
    VALUE_EACH_ITEM (x, list) {
        char room[64];
        size_t m;
        const char *have = doc_text(x, room, &m);
        if (m == n && memcmp(have, text, n) == 0)
            return true;
    }
    return false;
}

static bool expression(const struct regex *r, const char *text, size_t n)
{
    bool hit = false;
    return regex_match(r, text, n, 0, NULL, 0, &hit, NULL) == 0 && hit;
}

static bool chosen(const struct agg *g, const char *text, size_t n)
{
    if (g->include && !listed(g->include, text, n))
        return false;
    if (g->include_regex && !expression(g->include_regex, text, n))
        return false;
    return !(g->exclude && listed(g->exclude, text, n)) &&
           !(g->exclude_regex && expression(g->exclude_regex, text, n));
}

static int add_term(struct adding *x, struct agg_state *s, const struct value *v,
                    const struct doc_values *of, struct err *e)
{
    char room[64], key[512 + 8];
    size_t n;
    struct value made;
    double ms;
    if (of && of->type == FIELD_DATE && doc_number(v, of, &ms)) {
        made = (struct value){.kind = VALUE_INT, .i = date_whole(ms)};
        v = &made;
    }
    const char *text = doc_text(v, room, &n);
    if (!chosen(s->agg, text, n))
        return 0;
    (void)snprintf(key, sizeof key, "%d%.*s", (int)v->kind, (int)(n < 512 ? n : 512), text);
    struct agg_bucket *b;
    int r = find_bucket(x->c, s, key, &b, e);
    if (r < 0)
        return r;
    if (b->count == 0) {
        b->key = *value_copy(x->c->arena, v);
        if (v->kind == VALUE_STRING)
            b->key.text = arena_strndup(x->c->arena, text, n);
        b->number = value_num(v, 0);
    }
    return bucket_add(x, s, b, e);
}

static bool same_value(const struct value *a, const struct value *b)
{
    char x[64], y[64];
    size_t n, m;
    const char *s = doc_text(a, x, &n), *t = doc_text(b, y, &m);
    return a->kind == b->kind && n == m && memcmp(s, t, n) == 0;
}

/* A document counts once for a term that it has twice. */
static int add_terms(struct adding *x, struct agg_state *s, const struct doc_values *v,
                     struct err *e)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < v->n; i++) {
        bool again = false;
        for (size_t k = 0; k < i && !again; k++)
            again = same_value(v->v[k], v->v[i]);
        if (!again)
            r = add_term(x, s, v->v[i], v, e);
    }
    if (v->n == 0 && s->agg->missing)
        r = add_term(x, s, s->agg->missing, NULL, e);
    return r;
}

static double step_of(const struct agg *g, double v)
{
    if (g->kind == AGG_HISTOGRAM)
        return floor((v - g->offset) / g->interval) * g->interval + g->offset;
    if (g->calendar)
        return (double)date_floor((int64_t)v - (int64_t)g->offset, g->unit, g->zone_ms) + g->offset;
    double zone = (double)g->zone_ms;
    return floor((v + zone - g->offset) / g->interval) * g->interval + g->offset - zone;
}

static int add_step(struct adding *x, struct agg_state *s, double v, double *last, struct err *e)
{
    const struct agg *g = s->agg;
    bool dated = g->kind != AGG_DATE_HISTOGRAM || fabs(v) <= DATE_MS_MAX;
    double at = dated ? step_of(g, v) : NAN;
    char key[NUMBER_TEXT_MAX];
    struct agg_bucket *b;
    if (!isfinite(at)) /* no step holds it */
        return 0;
    if (at == *last || (g->hard_bounds && (v < g->bound_min || v > g->bound_max)))
        return 0;
    *last = at;
    (void)number_format_json(at, key);
    int r = find_bucket(x->c, s, key, &b, e);
    if (r < 0)
        return r;
    b->number = at;
    return bucket_add(x, s, b, e);
}

/* All of a document's numbers; `missing` stands in for none. */
static size_t numbers(const struct agg *g, const struct doc_values *v, double *out)
{
    size_t n = 0;
    for (size_t i = 0; i < v->n; i++)
        n += doc_number(v->v[i], v, &out[n]);
    if (n == 0 && g->missing)
        n += doc_number(g->missing, v, &out[n]);
    return n;
}

static int add_ranges(struct adding *x, struct agg_state *s, const double *at, size_t n,
                      struct err *e)
{
    const struct agg *g = s->agg;
    int r = agg_buckets_until(x->c, s, g->n_ranges, e);
    for (size_t k = 0; r == 0 && k < g->n_ranges; k++) {
        const struct agg_range *range = &g->ranges[k];
        bool in = false;
        for (size_t i = 0; i < n && !in; i++)
            in =
                (!range->has_from || at[i] >= range->from) && (!range->has_to || at[i] < range->to);
        if (in)
            r = bucket_add(x, s, s->buckets[k], e);
    }
    return r;
}

static int add_filters(struct adding *x, struct agg_state *s, struct err *e)
{
    const struct agg *g = s->agg;
    int r = agg_buckets_until(x->c, s, g->n_ranges + (g->other_key != NULL), e);
    bool any = false;
    for (size_t k = 0; r == 0 && k < g->n_ranges; k++)
        if (query_match(g->ranges[k].query, x->d) >= 0) {
            any = true;
            r = bucket_add(x, s, s->buckets[k], e);
        }
    return r == 0 && !any && g->other_key ? bucket_add(x, s, s->buckets[g->n_ranges], e) : r;
}

/* ---- metrics ---- */

static int keep_value(struct elastic_call *c, struct agg_state *s, double v, struct err *e)
{
    if (s->n_values == s->cap_values) {
        if (s->cap_values >= VALUES_LIMIT)
            return elastic__fault(c, e, ERR_TOO_LARGE, "circuit_breaking_exception",
                                  "[%s]: percentiles of more than %d values", s->agg->name,
                                  VALUES_LIMIT);
        c->held += (s->cap_values ? s->cap_values : 8) * sizeof *s->values;
        s->cap_values = s->cap_values ? s->cap_values * 2 : 8;
        s->values = realloc(s->values, s->cap_values * sizeof *s->values);
        if (!s->values)
            abort();
    }
    s->values[s->n_values++] = v;
    return 0;
}

static int add_distinct(struct elastic_call *c, struct agg_state *s, const struct doc_values *v,
                        struct err *e)
{
    for (size_t i = 0; i < v->n; i++) {
        char room[64], key[512 + 8];
        size_t n;
        const char *text = doc_text(v->v[i], room, &n);
        (void)snprintf(key, sizeof key, "%.*s", (int)(n < 512 ? n : 512), text);
        if (!map_put(&s->by_key, key, s))
            c->held += KEY_BYTES + strlen(key);
    }
    if (map_size(&s->by_key) > DISTINCT_LIMIT)
        return elastic__fault(c, e, ERR_TOO_LARGE, "circuit_breaking_exception",
                              "[%s]: more than %d distinct values", s->agg->name, DISTINCT_LIMIT);
    return 0;
}

static int add_numbers(struct elastic_call *c, struct agg_state *s, const double *at, size_t n,
                       struct err *e)
{
    enum agg_kind kind = s->agg->kind;
    int r = 0;
    for (size_t i = 0; r == 0 && i < n; i++) {
        s->count++;
        s->sum += at[i];
        s->squares += at[i] * at[i];
        s->min = at[i] < s->min ? at[i] : s->min;
        s->max = at[i] > s->max ? at[i] : s->max;
        if (kind == AGG_PERCENTILES || kind == AGG_PERCENTILE_RANKS)
            r = keep_value(c, s, at[i], e);
    }
    return r;
}

static int add_one(struct adding *x, struct agg_state *s, struct err *e)
{
    const struct agg *g = s->agg;
    struct doc_values v = {0};
    double at[VALUES_MAX + 1], last = NAN;
    int r = 0;
    if (g->field)
        doc_values(x->d, g->field, &v);
    switch (g->kind) {
    case AGG_TERMS:
        return add_terms(x, s, &v, e);
    case AGG_DATE_HISTOGRAM:
    case AGG_HISTOGRAM: {
        size_t n = numbers(g, &v, at);
        for (size_t i = 0; r == 0 && i < n; i++)
            r = add_step(x, s, at[i], &last, e);
        return r;
    }
    case AGG_RANGE:
    case AGG_DATE_RANGE:
        return add_ranges(x, s, at, numbers(g, &v, at), e);
    case AGG_FILTERS:
    case AGG_FILTER:
        return add_filters(x, s, e);
    case AGG_MISSING:
        r = agg_buckets_until(x->c, s, 1, e);
        return r < 0 || v.n ? r : bucket_add(x, s, s->buckets[0], e);
    case AGG_CARDINALITY:
        return add_distinct(x->c, s, &v, e);
    case AGG_TOP_HITS:
        s->count++;
        top_add(x->c, &s->top, x->d, x->score);
        return 0;
    case AGG_VALUE_COUNT:
        s->count += (int64_t)(v.n ? v.n : g->missing ? 1 : 0);
        return 0;
    case AGG_STATS:
    case AGG_EXTENDED_STATS:
    case AGG_PERCENTILES:
    case AGG_PERCENTILE_RANKS:
    case AGG_AVG:
    case AGG_MIN:
    case AGG_MAX:
    case AGG_SUM:
        break;
    }
    return add_numbers(x->c, s, at, numbers(g, &v, at), e);
}

int agg_add(struct elastic_call *c, struct agg_state **states, size_t n, struct elastic_doc *d,
            double score, struct err *e)
{
    struct adding x = {c, d, score};
    int r = 0;
    for (size_t i = 0; r == 0 && i < n; i++)
        r = add_one(&x, states[i], e);
    return r;
}
