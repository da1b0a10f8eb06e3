/* search_int.h - what a search is made of: hits in an order, aggregations, and where lines are. */
#pragma once
#include "elastic/elastic_int.h"

enum { WINDOW_MAX = 10000, BUCKETS_MAX = 65536, SORTS_MAX = 8, MEMORY_MAX = 512 << 20 };

/* ---- hits.c ---- */

struct sort_by {
    const char *field; /* "_score", "_doc", "_shard_doc" or a field's name */
    bool descending, missing_first;
    const char *format; /* of dates; NULL: milliseconds */
};

struct sort_rule {
    struct sort_by by[SORTS_MAX];
    size_t n;
    bool given; /* else: by score */
};

struct sort_key {
    enum { KEY_NONE, KEY_NUMBER, KEY_TEXT } kind;
    double number;
    const char *text;
};

struct hit {
    struct arena *arena; /* of the document's copy and its keys */
    struct elastic_doc doc;
    double score;
    const char *place;
    struct sort_key keys[SORTS_MAX];
};

/* The best documents so far. */
struct top {
    const struct sort_rule *rule;
    struct hit **hits;
    size_t n, cap, max;
    struct sort_key after[SORTS_MAX]; /* only what comes behind it */
    bool has_after;
};

struct hit_form {
    struct source_filter source;
    const char *const *fields;
    size_t n_fields;
    bool version, seq_no, explain;
};

int sort_parse(struct elastic_call *c, const struct value *v, struct sort_rule *out,
               struct err *e) MUST_CHECK;
int source_parse(struct elastic_call *c, const struct value *v, struct source_filter *out,
                 struct err *e) MUST_CHECK;
int fields_parse(struct elastic_call *c, const struct value *v, struct hit_form *out,
                 struct err *e) MUST_CHECK;
int after_parse(struct elastic_call *c, const struct value *v, struct top *t,
                struct err *e) MUST_CHECK;
void top_init(struct top *t, const struct sort_rule *rule, size_t max, struct arena *a);
/* What it keeps is counted in the call. */
void top_add(struct elastic_call *c, struct top *t, struct elastic_doc *d, double score);
/* {"_index": …}; keys are said when the order was given. */
struct value *hit_print(struct hit *h, const struct sort_rule *rule, const struct hit_form *form,
                        struct arena *a);
struct value *top_keys(const struct hit *h, const struct sort_rule *rule, struct arena *a);

/* ---- agg_parse.c, agg.c, agg_print.c ---- */

enum agg_kind {
    AGG_TERMS,
    AGG_DATE_HISTOGRAM,
    AGG_HISTOGRAM,
    AGG_RANGE,
    AGG_DATE_RANGE,
    AGG_FILTERS,
    AGG_FILTER,
    AGG_MISSING,
    AGG_CARDINALITY,
    AGG_STATS,
    AGG_EXTENDED_STATS,
    AGG_PERCENTILES,
    AGG_PERCENTILE_RANKS,
    AGG_TOP_HITS,
    AGG_AVG,
    AGG_MIN,
    AGG_MAX,
    AGG_SUM,
    AGG_VALUE_COUNT,
};

struct agg_range {
    const char *key;
    bool has_from, has_to;
    double from, to;
    struct elastic_query *query; /* of filters */
};

struct agg_order {
    const char *path; /* "_key", "_count", "avg_size", "stats.max" */
    bool ascending;
};

struct agg {
    const char *name, *field, *format;
    enum agg_kind kind;
    const struct value *meta, *missing;
    struct agg *subs;
    size_t n_subs;

    size_t size, from;
    int64_t min_count;
    struct agg_order order[4];
    size_t n_order;
    const struct value *include, *exclude;
    struct regex *include_regex, *exclude_regex;

    double interval, offset;
    bool calendar, keyed, has_bounds, hard_bounds;
    enum date_unit unit;
    int64_t zone_ms;
    double bound_min, bound_max;

    struct agg_range *ranges;
    size_t n_ranges;
    const char *other_key;

    const double *percents;
    size_t n_percents;

    struct sort_rule sort;
    struct hit_form form;
};

struct agg_set {
    struct agg *items;
    size_t n;
};

int agg_parse(struct elastic_call *c, const struct value *v, struct agg_set *out,
              struct err *e) MUST_CHECK;

struct agg_state;

struct agg_bucket {
    struct value key;
    double number;
    int64_t count;
    struct agg_state **subs;
};

struct agg_state {
    const struct agg *agg;
    int64_t count; /* of values */
    double sum, squares, min, max;
    struct agg_bucket **buckets;
    size_t n, cap;
    struct map by_key; /* of buckets; of distinct values */
    double *values;
    size_t n_values, cap_values;
    struct top top;
    size_t *budget; /* buckets that may still be made, of the whole search */
};

/* Buckets come out of the search's budget. ERR_TOO_LARGE: it is used up. */
int agg_bucket_new(struct elastic_call *c, struct agg_state *s, struct agg_bucket **out,
                   struct err *e) MUST_CHECK;
int agg_buckets_until(struct elastic_call *c, struct agg_state *s, size_t n,
                      struct err *e) MUST_CHECK;
struct agg_state **agg_begin(const struct agg_set *set, struct arena *a, size_t *budget);
/* ERR_TOO_LARGE: too many buckets. */
int agg_add(struct elastic_call *c, struct agg_state **states, size_t n, struct elastic_doc *d,
            double score, struct err *e) MUST_CHECK;
int agg_print(struct elastic_call *c, struct agg_state **states, size_t n, struct value **out,
              struct err *e) MUST_CHECK;
/* A number of a metric by name ("value", "avg", …), for orders. */
double agg_metric(const struct agg_state *s, const char *name);
struct value *agg_number(struct arena *a, double d); /* null when it is none */

/* ---- search.c ---- */

/* Shows documents; 0: all were shown. */
typedef int (*doc_visit)(void *arg, struct elastic_doc *d, struct err *e);

/* Where documents come from: the log store, or a test's array. */
struct doc_port {
    int (*scan)(struct doc_port *p, const struct span *span, doc_visit visit, void *arg,
                struct err *e);
};

struct search {
    struct elastic_query *query, *post_filter;
    struct span span;
    struct sort_rule sort;
    struct top top;
    struct agg_set aggs;
    struct hit_form form;
    size_t from, size;
    int64_t track_total; /* count up to here; -1: all */
    int64_t terminate_after;
    double min_score;
    const char *pit, *until_place; /* documents up to this place only */
    bool shard_doc;                /* an order by place was put behind the given one */
};

/* Lives in the call's arena. */
int search_parse(struct elastic_call *c, const struct value *body, struct search **out,
                 struct err *e) MUST_CHECK;
/* {"took": …, "hits": …, "aggregations": …}. */
int search_run(struct elastic_call *c, struct search *s, struct doc_port *port, struct value **out,
               struct err *e) MUST_CHECK;
int search_count(struct elastic_call *c, struct search *s, struct doc_port *port, int64_t *out,
                 struct err *e) MUST_CHECK;
