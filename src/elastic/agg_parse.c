/* agg_parse.c - aggregations as requests write them. */
#include <math.h>
#include <string.h>

#include "elastic/search_int.h"

enum { DEEPEST = 8, AGGS_MAX = 100, PERCENTS_MAX = 1000 };

struct agg_reader {
    struct elastic_call *c;
    unsigned depth, n;
};

PRINTF(3, 4) static int bad(struct agg_reader *r, struct err *e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int rc = elastic__vfault(r->c, e, "parsing_exception", fmt, ap);
    va_end(ap);
    return rc;
}

static const struct kind {
    const char *name;
    enum agg_kind kind;
    bool field, subs; /* needs one; may have them */
    const char *known;
} kinds[] = {
    {"terms",            AGG_TERMS,            true,  true,
     " field size min_doc_count order missing include exclude shard_size show_term_doc_count_error "
     "execution_hint collect_mode value_type format shard_min_doc_count "                                   },
    {"date_histogram",   AGG_DATE_HISTOGRAM,   true,  true,
     " field fixed_interval calendar_interval interval time_zone offset min_doc_count format keyed "
     "extended_bounds hard_bounds order missing "                                                           },
    {"histogram",        AGG_HISTOGRAM,        true,  true,
     " field interval offset min_doc_count keyed extended_bounds hard_bounds order missing "
     "format "                                                                                              },
    {"range",            AGG_RANGE,            true,  true,  " field ranges keyed missing format "          },
    {"date_range",       AGG_DATE_RANGE,       true,  true,  " field ranges keyed missing format time_zone "},
    {"filters",          AGG_FILTERS,          false, true,  " filters other_bucket other_bucket_key keyed "},
    {"filter",           AGG_FILTER,           false, true,  NULL                                           },
    {"missing",          AGG_MISSING,          true,  true,  " field "                                      },
    {"cardinality",      AGG_CARDINALITY,      true,  false,
     " field missing precision_threshold rehash execution_hint "                                            },
    {"stats",            AGG_STATS,            true,  false, " field missing format "                       },
    {"extended_stats",   AGG_EXTENDED_STATS,   true,  false, " field missing sigma format "                 },
    {"percentiles",      AGG_PERCENTILES,      true,  false,
     " field missing percents keyed tdigest hdr format "                                                    },
    {"percentile_ranks", AGG_PERCENTILE_RANKS, true,  false,
     " field missing values keyed tdigest hdr format "                                                      },
    {"top_hits",         AGG_TOP_HITS,         false, false,
     " size from sort _source fields docvalue_fields version seq_no_primary_term explain "
     "track_scores "                                                                                        },
    {"avg",              AGG_AVG,              true,  false, " field missing format "                       },
    {"min",              AGG_MIN,              true,  false, " field missing format "                       },
    {"max",              AGG_MAX,              true,  false, " field missing format "                       },
    {"sum",              AGG_SUM,              true,  false, " field missing format "                       },
    {"value_count",      AGG_VALUE_COUNT,      true,  false, " field missing format "                       },
};

static int check_members(struct agg_reader *r, const struct kind *k, const struct value *v,
                         struct err *e)
{
    VALUE_EACH_MEMBER (m, v)
        if (!k->known || !strstr(k->known, arena_join(r->c->arena, " ", m->key, " ", NULL)))
            return elastic__fault(r->c, e, ERR_INVALID, "parsing_exception",
                                  "[%s] unknown field [%s]", k->name, m->key);
    return 0;
}

static int read_order(struct agg_reader *r, const struct value *v, struct agg *g, struct err *e)
{
    VALUE_EACH_ITEM (x, v) {
        int rc = read_order(r, x, g, e);
        if (rc < 0)
            return rc;
    }
    VALUE_EACH_MEMBER (m, v) {
        const char *way = value_str(&m->value, "");
        if (strcasecmp(way, "asc") != 0 && strcasecmp(way, "desc") != 0)
            return bad(r, e, "Unknown order direction [%s]", way);
        if (g->n_order == ARRAY_LEN(g->order))
            return bad(r, e, "[%s] has too many orders", g->name);
        const char *path =
            strcmp(m->key, "_term") == 0 || strcmp(m->key, "_time") == 0 ? "_key" : m->key;
        g->order[g->n_order++] = (struct agg_order){path, strcasecmp(way, "asc") == 0};
    }
    return 0;
}

static int read_choice(struct agg_reader *r, const struct value *v, const struct value **list,
                       struct regex **regex, struct err *e)
{
    struct elastic_query q = {0};
    if (value_is(v, VALUE_ARRAY))
        *list = v;
    else if (value_is(v, VALUE_STRING)) {
        int rc = query_regex(r->c, &q, v->text, e);
        *regex = q.regex;
        return rc;
    } else if (v) {
        return bad(r, e, "include and exclude are an expression or an array, not %s",
                   value_kind_name(v->kind));
    }
    return 0;
}

static int read_terms(struct agg_reader *r, const struct value *v, struct agg *g, struct err *e)
{
    int64_t size = value_at_int(v, "size", 10);
    if (size < 1 || size > BUCKETS_MAX)
        return bad(r, e, "[size] of [%s] must be greater than 0 and at most 65536", g->name);
    g->size = (size_t)size;
    g->min_count = value_at_int(v, "min_doc_count", 1);
    int rc = read_choice(r, value_get(v, "include"), &g->include, &g->include_regex, e);
    if (rc == 0)
        rc = read_choice(r, value_get(v, "exclude"), &g->exclude, &g->exclude_regex, e);
    return rc;
}

static int read_bounds(struct agg_reader *r, const struct value *v, struct agg *g, struct err *e)
{
    const struct value *b = value_get(v, "hard_bounds");
    g->hard_bounds = b != NULL;
    if (!b)
        b = value_get(v, "extended_bounds");
    if (!b)
        return 0;
    struct bound low = {0}, high = {0};
    struct date_rule rule = {.format = g->format, .zone_ms = g->zone_ms, .now_ms = r->c->now_ms};
    if (value_get(b, "min"))
        query_bound(&low, value_get(b, "min"), &rule, r->c->arena);
    if (value_get(b, "max"))
        query_bound(&high, value_get(b, "max"), &rule, r->c->arena);
    bool dates = g->kind == AGG_DATE_HISTOGRAM;
    if (!low.set || !high.set ||
        (dates ? !low.has_date || !high.has_date : !low.has_number || !high.has_number))
        return bad(r, e, "[%s]: bounds need min and max", g->name);
    if (dates &&
        (fabs((double)low.date_ms) >= DATE_MS_MAX || fabs((double)high.date_ms) >= DATE_MS_MAX))
        return bad(r, e, "[%s]: bounds are no times", g->name);
    g->bound_min = dates ? (double)low.date_ms : low.number;
    g->bound_max = dates ? (double)high.date_ms : high.number;
    g->has_bounds = true;
    return 0;
}

static bool calendar_unit(const char *text, enum date_unit *out)
{
    static const struct {
        const char *name, *brief;
        enum date_unit unit;
    } units[] = {
        {"second",  "1s", DATE_SECOND },
        {"minute",  "1m", DATE_MINUTE },
        {"hour",    "1h", DATE_HOUR   },
        {"day",     "1d", DATE_DAY    },
        {"week",    "1w", DATE_WEEK   },
        {"month",   "1M", DATE_MONTH  },
        {"quarter", "1q", DATE_QUARTER},
        {"year",    "1y", DATE_YEAR   },
    };
    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (strcmp(text, units[i].name) == 0 || strcmp(text, units[i].brief) == 0) {
            *out = units[i].unit;
            return true;
        }
    return false;
}

static int read_zone(struct agg_reader *r, const struct value *v, struct agg *g, struct err *e)
{
    const char *zone = value_at_str(v, "time_zone", NULL);
    if (zone && !date_zone(zone, &g->zone_ms))
        return bad(r, e, "time_zone [%s] is not UTC or an offset such as +01:00", zone);
    return 0;
}

static int read_date_histogram(struct agg_reader *r, const struct value *v, struct agg *g,
                               struct err *e)
{
    const char *fixed = value_at_str(v, "fixed_interval", NULL);
    const char *calendar = value_at_str(v, "calendar_interval", NULL);
    const char *old = value_at_str(v, "interval", NULL);
    const char *offset = value_at_str(v, "offset", NULL);
    int64_t ms = 0;
    if (!fixed && !calendar && old && calendar_unit(old, &g->unit))
        calendar = old;
    else if (!fixed && !calendar)
        fixed = old;
    if (!fixed == !calendar)
        return bad(r, e, "[%s] needs one of fixed_interval and calendar_interval", g->name);
    g->calendar = calendar != NULL;
    if (calendar && !calendar_unit(calendar, &g->unit))
        return bad(r, e, "The supplied interval [%s] could not be parsed as a calendar interval.",
                   calendar);
    if (fixed && !date_interval(fixed, &ms))
        return bad(r, e, "The supplied interval [%s] could not be parsed as a fixed interval",
                   fixed);
    g->interval = (double)ms;
    if (offset) {
        bool minus = *offset == '-';
        if (!date_interval(offset + (minus || *offset == '+'), &ms))
            return bad(r, e, "offset [%s] is no time", offset);
        g->offset = (double)(minus ? -ms : ms);
    }
    g->min_count = value_at_int(v, "min_doc_count", 0);
    int rc = read_zone(r, v, g, e);
    return rc < 0 ? rc : read_bounds(r, v, g, e);
}

static int read_histogram(struct agg_reader *r, const struct value *v, struct agg *g, struct err *e)
{
    g->interval = value_num(value_get(v, "interval"), 0);
    g->offset = value_num(value_get(v, "offset"), 0);
    g->min_count = value_at_int(v, "min_doc_count", 0);
    if (!(g->interval > 0))
        return bad(r, e, "[interval] of [%s] must be >0", g->name);
    return read_bounds(r, v, g, e);
}

static int read_ranges(struct agg_reader *r, const struct value *v, struct agg *g, struct err *e)
{
    const struct value *list = value_get(v, "ranges");
    int rc = read_zone(r, v, g, e);
    if (rc < 0)
        return rc;
    if (!value_count(list))
        return bad(r, e, "No [ranges] specified for the [%s] aggregation", g->name);
    g->ranges = ARENA_ARRAY(r->c->arena, struct agg_range, value_count(list));
    struct date_rule rule = {.format = g->format, .zone_ms = g->zone_ms, .now_ms = r->c->now_ms};
    VALUE_EACH_ITEM (x, list) {
        struct agg_range *out = &g->ranges[g->n_ranges++];
        const struct value *ends[] = {value_get(x, "from"), value_get(x, "to")};
        out->key = value_at_str(x, "key", NULL);
        for (int i = 0; i < 2; i++) {
            struct bound b = {0};
            if (!ends[i] || ends[i]->kind == VALUE_NULL)
                continue;
            query_bound(&b, ends[i], &rule, r->c->arena);
            bool dates = g->kind == AGG_DATE_RANGE;
            if (dates ? !b.has_date : !b.has_number)
                return bad(r, e, "failed to parse the range's end [%s]", b.text);
            *(i ? &out->to : &out->from) = dates ? (double)b.date_ms : b.number;
            *(i ? &out->has_to : &out->has_from) = true;
        }
    }
    return 0;
}

static int read_filters(struct agg_reader *r, const struct value *v, struct agg *g, struct err *e)
{
    const struct value *list = value_get(v, "filters");
    size_t n = value_is(list, VALUE_OBJECT) ? value_members_count(list) : value_count(list);
    g->ranges = ARENA_ARRAY(r->c->arena, struct agg_range, n + 1);
    g->keyed = value_is(list, VALUE_OBJECT) && value_at_bool(v, "keyed", true);
    int rc = 0;
    VALUE_EACH_MEMBER (m, list) {
        g->ranges[g->n_ranges].key = m->key;
        if (rc == 0)
            rc = query_parse(r->c, &m->value, &g->ranges[g->n_ranges++].query, e);
    }
    VALUE_EACH_ITEM (x, list)
        if (rc == 0)
            rc = query_parse(r->c, x, &g->ranges[g->n_ranges++].query, e);
    if (rc == 0 && g->n_ranges == 0)
        return bad(r, e, "[filters] of [%s] is empty", g->name);
    if (value_get(v, "other_bucket_key") || value_at_bool(v, "other_bucket", false))
        g->other_key = value_at_str(v, "other_bucket_key", "_other_");
    return rc;
}

static int read_filter(struct agg_reader *r, const struct value *v, struct agg *g, struct err *e)
{
    g->ranges = ARENA_NEW(r->c->arena, struct agg_range);
    g->n_ranges = 1;
    return query_parse(r->c, v, &g->ranges[0].query, e);
}

static int read_percents(struct agg_reader *r, const struct value *v, struct agg *g, struct err *e)
{
    static const double usual[] = {1, 5, 25, 50, 75, 95, 99};
    const struct value *list = value_get(v, g->kind == AGG_PERCENTILES ? "percents" : "values");
    g->keyed = value_at_bool(v, "keyed", true);
    g->percents = usual;
    g->n_percents = ARRAY_LEN(usual);
    if (!list)
        return g->kind == AGG_PERCENTILES ? 0 : bad(r, e, "[values] of [%s] is missing", g->name);
    if (value_count(list) > PERCENTS_MAX)
        return bad(r, e, "[%s]: more than 1000 numbers are asked for", g->name);
    double *p = ARENA_ARRAY(r->c->arena, double, value_count(list) + 1);
    g->n_percents = 0;
    VALUE_EACH_ITEM (x, list) {
        p[g->n_percents] = value_num(x, NAN);
        double d = p[g->n_percents++];
        if (isnan(d) || (g->kind == AGG_PERCENTILES && (d < 0 || d > 100)))
            return bad(r, e, "[%s]: percent must be in [0,100]", g->name);
    }
    g->percents = p;
    return 0;
}

static int read_top_hits(struct agg_reader *r, const struct value *v, struct agg *g, struct err *e)
{
    int64_t size = value_at_int(v, "size", 3), from = value_at_int(v, "from", 0);
    if (size < 0 || from < 0 || size > 100 || from > 100 - size)
        return bad(r, e,
                   "Top hits result window of [%s] is too large, from + size must be less "
                   "than or equal to: [100]",
                   g->name);
    g->size = (size_t)size;
    g->from = (size_t)from;
    g->form.version = value_at_bool(v, "version", false);
    g->form.seq_no = value_at_bool(v, "seq_no_primary_term", false);
    int rc = sort_parse(r->c, value_get(v, "sort"), &g->sort, e);
    if (rc == 0)
        rc = source_parse(r->c, value_get(v, "_source"), &g->form.source, e);
    const struct value *fields = value_get(v, "fields");
    if (rc == 0)
        rc = fields_parse(r->c, fields ? fields : value_get(v, "docvalue_fields"), &g->form, e);
    return rc;
}

static int read_kind(struct agg_reader *r, const struct kind *k, const struct value *v,
                     struct agg *g, struct err *e)
{
    int rc = k->kind == AGG_FILTER ? 0 : check_members(r, k, v, e);
    g->kind = k->kind;
    g->field = value_at_str(v, "field", NULL);
    g->format = value_at_str(v, "format", NULL);
    g->missing = value_get(v, "missing");
    g->keyed = value_at_bool(v, "keyed", false);
    if (rc == 0 && k->field && !g->field)
        return bad(r, e,
                   "Required one of fields [field, script], but none were specified. "
                   "Aggregation [%s]",
                   g->name);
    if (rc == 0 && k->kind != AGG_TOP_HITS && k->kind != AGG_FILTER)
        rc = read_order(r, value_get(v, "order"), g, e);
    if (rc < 0)
        return rc;
    switch (k->kind) {
    case AGG_TERMS:
        return read_terms(r, v, g, e);
    case AGG_DATE_HISTOGRAM:
        return read_date_histogram(r, v, g, e);
    case AGG_HISTOGRAM:
        return read_histogram(r, v, g, e);
    case AGG_RANGE:
    case AGG_DATE_RANGE:
        return read_ranges(r, v, g, e);
    case AGG_FILTERS:
        return read_filters(r, v, g, e);
    case AGG_FILTER:
        return read_filter(r, v, g, e);
    case AGG_PERCENTILES:
    case AGG_PERCENTILE_RANKS:
        return read_percents(r, v, g, e);
    case AGG_TOP_HITS:
        return read_top_hits(r, v, g, e);
    case AGG_MISSING:
    case AGG_CARDINALITY:
    case AGG_STATS:
    case AGG_EXTENDED_STATS:
    case AGG_AVG:
    case AGG_MIN:
    case AGG_MAX:
    case AGG_SUM:
    case AGG_VALUE_COUNT:
        break;
    }
    return 0;
}

static int read_set(struct agg_reader *r, const struct value *v, struct agg_set *out,
                    struct err *e);

static int read_one(struct agg_reader *r, const struct member *m, struct agg *g, struct err *e)
{
    const struct kind *kind = NULL;
    const struct value *subs = NULL, *body = NULL;
    g->name = m->key;
    if (++r->n > AGGS_MAX)
        return bad(r, e, "more than 100 aggregations");
    VALUE_EACH_MEMBER (x, &m->value) {
        if (strcmp(x->key, "aggs") == 0 || strcmp(x->key, "aggregations") == 0) {
            subs = &x->value;
            continue;
        }
        if (strcmp(x->key, "meta") == 0) {
            g->meta = &x->value;
            continue;
        }
        if (kind)
            return bad(r, e, "Found two aggregation type definitions in [%s]", g->name);
        for (size_t i = 0; i < ARRAY_LEN(kinds) && !kind; i++)
            if (strcmp(kinds[i].name, x->key) == 0)
                kind = &kinds[i];
        if (!kind)
            return bad(r, e, "Unknown aggregation type [%s]", x->key);
        body = &x->value;
    }
    if (!kind)
        return bad(r, e, "Missing definition for aggregation [%s]", g->name);
    if (subs && !kind->subs)
        return elastic__fault(r->c, e, ERR_INVALID, "aggregation_initialization_exception",
                              "Aggregator [%s] of type [%s] cannot accept sub-aggregations",
                              g->name, kind->name);
    int rc = read_kind(r, kind, body, g, e);
    struct agg_set set = {0};
    if (rc == 0 && subs)
        rc = read_set(r, subs, &set, e);
    g->subs = set.items;
    g->n_subs = set.n;
    return rc;
}

static int read_set(struct agg_reader *r, const struct value *v, struct agg_set *out, struct err *e)
{
    size_t n = value_members_count(v);
    if (!value_is(v, VALUE_OBJECT))
        return bad(r, e, "aggregations need an %s", "object");
    if (++r->depth > DEEPEST)
        return bad(r, e, "aggregations are nested deeper than 8 levels");
    out->items = ARENA_ARRAY(r->c->arena, struct agg, n + 1);
    int rc = 0;
    VALUE_EACH_MEMBER (m, v)
        if (rc == 0)
            rc = read_one(r, m, &out->items[out->n++], e);
    r->depth--;
    return rc;
}

int agg_parse(struct elastic_call *c, const struct value *v, struct agg_set *out, struct err *e)
{
    struct agg_reader r = {.c = c};
    return v ? read_set(&r, v, out, e) : 0;
}
