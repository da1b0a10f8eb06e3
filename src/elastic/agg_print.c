/* agg_print.c - aggregations as answers write them. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "codec/number.h"
#include "elastic/search_int.h"

struct value *agg_number(struct arena *a, double d)
{
    return isfinite(d) ? value_new_float(a, d) : value_null(a);
}

/* Times have a text beside the number. */
static void put_number(struct arena *a, struct value *out, const struct agg *g, const char *name,
                       double d)
{
    (void)value_set(a, out, name, agg_number(a, d));
    bool time = g->field && (g->format || strcmp(g->field, "@timestamp") == 0);
    if (time && isfinite(d))
        (void)value_set_str(a, out, arena_printf(a, "%s_as_string", name),
                            date_text(a, date_whole(d), g->format, g->zone_ms));
}

static double average(const struct agg_state *s)
{
    return s->count ? s->sum / (double)s->count : NAN;
}

static double least(const struct agg_state *s)
{
    return s->count ? s->min : NAN;
}

static double greatest(const struct agg_state *s)
{
    return s->count ? s->max : NAN;
}

static double variance(const struct agg_state *s)
{
    double mean = average(s), v = s->squares / (double)s->count - mean * mean;
    return v < 0 ? 0 : v;
}

double agg_metric(const struct agg_state *s, const char *name)
{
    static const struct {
        const char *name;
        enum agg_kind kind;
    } same[] = {
        {"avg",   AGG_AVG        },
        {"min",   AGG_MIN        },
        {"max",   AGG_MAX        },
        {"sum",   AGG_SUM        },
        {"count", AGG_VALUE_COUNT},
    };
    enum agg_kind kind = s->agg->kind;
    for (size_t i = 0; i < ARRAY_LEN(same); i++)
        if (strcmp(same[i].name, name) == 0)
            kind = same[i].kind;
    switch ((int)kind) {
    case AGG_AVG:
        return average(s);
    case AGG_MIN:
        return least(s);
    case AGG_MAX:
        return greatest(s);
    case AGG_SUM:
        return s->sum;
    case AGG_CARDINALITY:
        return (double)map_size(&s->by_key);
    default:
        return (double)s->count;
    }
}

/* ---- metrics ---- */

static int ascending(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* Between the middles of neighbours, as a t-digest of single values answers. */
static double percentile(const double *v, size_t n, double percent)
{
    double at = percent / 100 * (double)n - 0.5;
    if (at <= 0)
        return v[0];
    if (at >= (double)(n - 1))
        return v[n - 1];
    size_t i = (size_t)at;
    return v[i] + (v[i + 1] - v[i]) * (at - (double)i);
}

static double rank_of(const double *v, size_t n, double value)
{
    size_t below = 0, equal = 0;
    for (size_t i = 0; i < n; i++) {
        below += v[i] < value;
        equal += v[i] == value;
    }
    return 100 * ((double)below + (double)equal / 2) / (double)n;
}

enum { DOUBLE_TEXT_MAX = NUMBER_TEXT_MAX + 2 };

/* As Java prints a double: 5.0. */
static void double_text(double d, char out[DOUBLE_TEXT_MAX])
{
    size_t n = number_format_json(d, out);
    if (!strchr(out, '.') && !strchr(out, 'e'))
        memcpy(out + n, ".0", 3);
}

static struct value *print_percents(struct agg_state *s, struct arena *a)
{
    const struct agg *g = s->agg;
    struct value *out = value_new_object(a);
    struct value *values = g->keyed ? value_new_object(a) : value_new_array(a);
    if (s->n_values)
        qsort(s->values, s->n_values, sizeof *s->values, ascending);
    for (size_t i = 0; i < g->n_percents; i++) {
        double p = g->percents[i];
        double v = s->n_values == 0             ? NAN
                   : g->kind == AGG_PERCENTILES ? percentile(s->values, s->n_values, p)
                                                : rank_of(s->values, s->n_values, p);
        char name[DOUBLE_TEXT_MAX];
        double_text(p, name);
        if (g->keyed) {
            (void)value_set(a, values, name, agg_number(a, v));
        } else {
            struct value *one = value_new_object(a);
            (void)value_set(a, one, "key", value_new_float(a, p));
            (void)value_set(a, one, "value", agg_number(a, v));
            (void)value_push(a, values, one);
        }
    }
    (void)value_set(a, out, "values", values);
    return out;
}

static struct value *print_stats(const struct agg_state *s, struct arena *a)
{
    struct value *out = value_new_object(a);
    const struct agg *g = s->agg;
    (void)value_set_int(a, out, "count", s->count);
    put_number(a, out, g, "min", least(s));
    put_number(a, out, g, "max", greatest(s));
    put_number(a, out, g, "avg", average(s));
    put_number(a, out, g, "sum", s->sum);
    if (g->kind == AGG_STATS)
        return out;
    double v = s->count ? variance(s) : NAN, mean = average(s), d = sqrt(v);
    (void)value_set(a, out, "sum_of_squares", agg_number(a, s->count ? s->squares : NAN));
    (void)value_set(a, out, "variance", agg_number(a, v));
    (void)value_set(a, out, "variance_population", agg_number(a, v));
    (void)value_set(a, out, "std_deviation", agg_number(a, d));
    (void)value_set(a, out, "std_deviation_population", agg_number(a, d));
    struct value *bounds = value_new_object(a);
    (void)value_set(a, bounds, "upper", agg_number(a, mean + 2 * d));
    (void)value_set(a, bounds, "lower", agg_number(a, mean - 2 * d));
    (void)value_set(a, out, "std_deviation_bounds", bounds);
    return out;
}

static struct value *print_top(struct agg_state *s, struct arena *a)
{
    struct value *out = value_new_object(a), *hits = value_new_object(a);
    struct value *total = value_new_object(a), *list = value_new_array(a);
    double best = NAN;
    (void)value_set_int(a, total, "value", s->count);
    (void)value_set_str(a, total, "relation", "eq");
    for (size_t i = s->agg->from; i < s->top.n; i++) {
        if (!s->agg->sort.given)
            best = isnan(best) || s->top.hits[i]->score > best ? s->top.hits[i]->score : best;
        (void)value_push(a, list, hit_print(s->top.hits[i], &s->agg->sort, &s->agg->form, a));
    }
    (void)value_set(a, hits, "total", total);
    (void)value_set(a, hits, "max_score", agg_number(a, best));
    (void)value_set(a, hits, "hits", list);
    (void)value_set(a, out, "hits", hits);
    return out;
}

/* ---- buckets ---- */

/* The number that a bucket is ordered by: its own or a sub-aggregation's. */
static double order_value(const struct agg *g, const struct agg_bucket *b, const char *path)
{
    char name[256];
    if (strcmp(path, "_count") == 0)
        return (double)b->count;
    size_t n = strcspn(path, ".");
    (void)snprintf(name, sizeof name, "%.*s", (int)n, path);
    for (size_t i = 0; i < g->n_subs; i++)
        if (strcmp(g->subs[i].name, name) == 0)
            return agg_metric(b->subs[i], path[n] ? path + n + 1 : "value");
    return 0;
}

static int compare_bucket_keys(const struct agg_bucket *a, const struct agg_bucket *b)
{
    if (a->key.kind == VALUE_STRING && b->key.kind == VALUE_STRING)
        return strcmp(a->key.text, b->key.text);
    if (a->key.kind == VALUE_BOOL && b->key.kind == VALUE_BOOL)
        return a->key.boolean - b->key.boolean;
    return a->number < b->number ? -1 : a->number > b->number;
}

static int compare_buckets(const void *x, const void *y, void *arg)
{
    const struct agg_bucket *a = *(struct agg_bucket *const *)x,
                            *b = *(struct agg_bucket *const *)y;
    const struct agg *g = arg;
    for (size_t i = 0; i < g->n_order; i++) {
        int r;
        if (strcmp(g->order[i].path, "_key") == 0) {
            r = compare_bucket_keys(a, b);
        } else {
            double p = order_value(g, a, g->order[i].path);
            double q = order_value(g, b, g->order[i].path);
            r = isnan(p) || isnan(q) ? isnan(p) - isnan(q) : p < q ? -1 : p > q;
            if (isnan(p) || isnan(q))
                return r ? r : compare_bucket_keys(a, b);
        }
        if (r)
            return g->order[i].ascending ? r : -r;
    }
    if (g->kind == AGG_TERMS && !g->n_order && a->count != b->count)
        return a->count > b->count ? -1 : 1;
    return compare_bucket_keys(a, b);
}

static int put_subs(struct elastic_call *c, const struct agg *g, const struct agg_bucket *b,
                    struct value *out, struct err *e)
{
    struct value *subs = NULL;
    int r = agg_print(c, b->subs, g->n_subs, &subs, e);
    VALUE_EACH_MEMBER (m, subs)
        (void)value_set(c->arena, out, m->key, &m->value);
    return r;
}

/* A bucket with what is its own, and the list it goes into. */
struct printed {
    struct value *list, *one;
    const char *key; /* in an object of buckets */
};

static int put_bucket(struct elastic_call *c, const struct agg *g, const struct agg_bucket *b,
                      const struct printed *p, struct err *e)
{
    (void)value_set_int(c->arena, p->one, "doc_count", b->count);
    int r = put_subs(c, g, b, p->one, e);
    if (p->key && g->keyed)
        (void)value_set(c->arena, p->list, p->key, p->one);
    else
        (void)value_push(c->arena, p->list, p->one);
    return r;
}

static int print_terms(struct elastic_call *c, struct agg_state *s, struct value **out,
                       struct err *e)
{
    struct arena *a = c->arena;
    const struct agg *g = s->agg;
    struct value *list = value_new_array(a), *all = value_new_object(a);
    int64_t others = 0;
    int r = 0;
    if (s->n)
        qsort_r((void *)s->buckets, s->n, sizeof(struct agg_bucket *), compare_buckets,
                (void *)(uintptr_t)g);
    for (size_t i = 0; r == 0 && i < s->n; i++) {
        struct agg_bucket *b = s->buckets[i];
        if (b->count < g->min_count)
            continue;
        if (value_count(list) >= g->size) {
            others += b->count;
            continue;
        }
        struct value *one = value_new_object(a);
        if (b->key.kind == VALUE_BOOL) {
            (void)value_set_int(a, one, "key", b->key.boolean);
            (void)value_set_str(a, one, "key_as_string", b->key.boolean ? "true" : "false");
        } else {
            (void)value_set(a, one, "key", &b->key);
        }
        if (b->key.kind == VALUE_INT && (g->format || strcmp(g->field, "@timestamp") == 0))
            (void)value_set_str(a, one, "key_as_string", date_text(a, b->key.i, g->format, 0));
        r = put_bucket(c, g, b, &(struct printed){list, one, NULL}, e);
    }
    (void)value_set_int(a, all, "doc_count_error_upper_bound", 0);
    (void)value_set_int(a, all, "sum_other_doc_count", others);
    (void)value_set(a, all, "buckets", list);
    *out = all;
    return r;
}

static double next_step(const struct agg *g, double at)
{
    if (g->kind == AGG_DATE_HISTOGRAM && g->calendar) {
        int64_t local = date_whole(at - g->offset) + g->zone_ms;
        return (double)(date_add(local, g->unit, 1) - g->zone_ms) + g->offset;
    }
    return at + g->interval;
}

static double first_step(const struct agg *g, double v)
{
    if (g->kind == AGG_DATE_HISTOGRAM && g->calendar)
        return (double)date_floor(date_whole(v), g->unit, g->zone_ms);
    double zone = g->kind == AGG_DATE_HISTOGRAM ? (double)g->zone_ms : 0;
    return floor((v + zone - g->offset) / g->interval) * g->interval + g->offset - zone;
}

/* Steps that no document is in, when they are asked for. */
static int fill_steps(struct elastic_call *c, struct agg_state *s, struct err *e)
{
    const struct agg *g = s->agg;
    double low = DBL_MAX, high = -DBL_MAX;
    if (g->min_count > 0)
        return 0;
    for (size_t i = 0; i < s->n; i++) {
        low = s->buckets[i]->number < low ? s->buckets[i]->number : low;
        high = s->buckets[i]->number > high ? s->buckets[i]->number : high;
    }
    if (g->has_bounds && !g->hard_bounds) {
        double from = first_step(g, g->bound_min), to = first_step(g, g->bound_max);
        low = from < low ? from : low;
        high = to > high ? to : high;
    }
    for (double at = low, last = -DBL_MAX; at <= high; last = at, at = next_step(g, at)) {
        char key[NUMBER_TEXT_MAX];
        if (at <= last)
            return elastic__fault(c, e, ERR_INVALID, "illegal_argument_exception",
                                  "[%s]: the interval is too small for its numbers", g->name);
        (void)number_format_json(at, key);
        if (map_has(&s->by_key, key))
            continue;
        struct agg_bucket *b;
        int r = agg_bucket_new(c, s, &b, e);
        if (r < 0)
            return r;
        b->number = at;
        (void)map_put(&s->by_key, key, b);
    }
    return 0;
}

static int print_steps(struct elastic_call *c, struct agg_state *s, struct value **out,
                       struct err *e)
{
    struct arena *a = c->arena;
    const struct agg *g = s->agg;
    struct value *list = g->keyed ? value_new_object(a) : value_new_array(a);
    bool dates = g->kind == AGG_DATE_HISTOGRAM;
    int r = fill_steps(c, s, e);
    if (r == 0 && s->n)
        qsort_r((void *)s->buckets, s->n, sizeof(struct agg_bucket *), compare_buckets,
                (void *)(uintptr_t)g);
    for (size_t i = 0; r == 0 && i < s->n; i++) {
        struct agg_bucket *b = s->buckets[i];
        if (b->count < g->min_count)
            continue;
        struct value *one = value_new_object(a);
        char name[DOUBLE_TEXT_MAX];
        const char *text = name;
        double_text(b->number, name);
        if (dates) {
            text = date_text(a, date_whole(b->number), g->format, g->zone_ms);
            (void)value_set_str(a, one, "key_as_string", text);
            (void)value_set_int(a, one, "key", date_whole(b->number));
        } else {
            (void)value_set(a, one, "key", value_new_float(a, b->number));
        }
        r = put_bucket(c, g, b, &(struct printed){list, one, text}, e);
    }
    *out = value_new_object(a);
    (void)value_set(a, *out, "buckets", list);
    return r;
}

static const char *end_text(const struct agg *g, bool has, double d, struct arena *a)
{
    char name[DOUBLE_TEXT_MAX];
    if (!has)
        return "*";
    if (g->kind == AGG_DATE_RANGE)
        return date_text(a, date_whole(d), g->format, g->zone_ms);
    double_text(d, name);
    return arena_strdup(a, name);
}

static void put_end(const struct agg *g, struct value *out, const char *name, double d,
                    struct arena *a)
{
    (void)value_set(a, out, name, value_new_float(a, d));
    if (g->kind == AGG_DATE_RANGE)
        (void)value_set_str(a, out, arena_printf(a, "%s_as_string", name), end_text(g, true, d, a));
}

static int print_ranges(struct elastic_call *c, struct agg_state *s, struct value **out,
                        struct err *e)
{
    struct arena *a = c->arena;
    const struct agg *g = s->agg;
    bool filters = g->kind == AGG_FILTERS;
    struct value *list = g->keyed ? value_new_object(a) : value_new_array(a);
    size_t n = g->n_ranges + (g->other_key != NULL);
    int r = agg_buckets_until(c, s, n, e);
    for (size_t i = 0; r == 0 && i < n; i++) {
        const struct agg_range *range = i < g->n_ranges ? &g->ranges[i] : NULL;
        struct agg_bucket *b = s->buckets[i];
        struct value *one = value_new_object(a);
        const char *key = range ? range->key : g->other_key;
        if (!filters && !key)
            key = arena_join(a, end_text(g, range->has_from, range->from, a), "-",
                             end_text(g, range->has_to, range->to, a), NULL);
        if (!g->keyed && !filters)
            (void)value_set_str(a, one, "key", key);
        else if (!g->keyed && key)
            (void)value_set_str(a, one, "key", key);
        if (!filters && range->has_from)
            put_end(g, one, "from", range->from, a);
        if (!filters && range->has_to)
            put_end(g, one, "to", range->to, a);
        r = put_bucket(c, g, b, &(struct printed){list, one, key}, e);
    }
    *out = value_new_object(a);
    (void)value_set(a, *out, "buckets", list);
    return r;
}

static int print_single(struct elastic_call *c, struct agg_state *s, struct value **out,
                        struct err *e)
{
    int r = agg_buckets_until(c, s, 1, e);
    if (r < 0)
        return r;
    struct agg_bucket *b = s->buckets[0];
    *out = value_new_object(c->arena);
    (void)value_set_int(c->arena, *out, "doc_count", b->count);
    return put_subs(c, s->agg, b, *out, e);
}

static int print_one(struct elastic_call *c, struct agg_state *s, struct value **out, struct err *e)
{
    struct arena *a = c->arena;
    switch (s->agg->kind) {
    case AGG_TERMS:
        return print_terms(c, s, out, e);
    case AGG_DATE_HISTOGRAM:
    case AGG_HISTOGRAM:
        return print_steps(c, s, out, e);
    case AGG_RANGE:
    case AGG_DATE_RANGE:
    case AGG_FILTERS:
        return print_ranges(c, s, out, e);
    case AGG_FILTER:
    case AGG_MISSING:
        return print_single(c, s, out, e);
    case AGG_STATS:
    case AGG_EXTENDED_STATS:
        *out = print_stats(s, a);
        return 0;
    case AGG_PERCENTILES:
    case AGG_PERCENTILE_RANKS:
        *out = print_percents(s, a);
        return 0;
    case AGG_TOP_HITS:
        *out = print_top(s, a);
        return 0;
    case AGG_CARDINALITY:
    case AGG_VALUE_COUNT:
        *out = value_new_object(a);
        (void)value_set_int(a, *out, "value", (int64_t)agg_metric(s, "value"));
        return 0;
    case AGG_AVG:
    case AGG_MIN:
    case AGG_MAX:
    case AGG_SUM:
        break;
    }
    *out = value_new_object(a);
    put_number(a, *out, s->agg, "value", agg_metric(s, "value"));
    return 0;
}

int agg_print(struct elastic_call *c, struct agg_state **states, size_t n, struct value **out,
              struct err *e)
{
    struct value *all = value_new_object(c->arena), *one = NULL;
    int r = 0;
    for (size_t i = 0; r == 0 && i < n; i++) {
        r = print_one(c, states[i], &one, e);
        if (r < 0)
            break;
        if (states[i]->agg->meta)
            (void)value_set(c->arena, one, "meta", states[i]->agg->meta);
        (void)value_set(c->arena, all, states[i]->agg->name, one);
    }
    *out = all;
    return r;
}
