/* query.c - the query DSL to a tree. What is not known is refused by name. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "codec/json.h"
#include "codec/number.h"
#include "elastic/elastic_int.h"

enum { DEEPEST = 30, CLAUSES_MAX = 1024, REGEX_MAX = 1000, TERMS_MAX = 65536 };

/* ---- making ---- */

struct elastic_query *query_new(struct arena *a, enum query_kind kind)
{
    struct elastic_query *q = ARENA_NEW(a, struct elastic_query);
    *q = (struct elastic_query){.kind = kind, .boost = 1, .min_should = -1};
    return q;
}

struct elastic_query *query_leaf(struct arena *a, enum query_kind kind, const char *const *fields,
                                 size_t n_fields)
{
    struct elastic_query *q = query_new(a, kind);
    q->fields = fields;
    q->n_fields = n_fields;
    return q;
}

void query_add(struct arena *a, struct query_list *l, struct elastic_query *q)
{
    if (l->n == l->cap) {
        size_t more = l->cap ? l->cap * 2 : 4;
        l->items = arena_grow(a, (void *)l->items, l->cap * sizeof(struct elastic_query *),
                              more * sizeof(struct elastic_query *));
        l->cap = more;
    }
    l->items[l->n++] = q;
}

void query_words(struct arena *a, struct elastic_query *q, const char *text, bool all)
{
    q->whole = text;
    q->texts = (const char *const *)words_all(a, text, strlen(text), &q->n_texts);
    if (q->n_texts > 64)
        q->n_texts = 64;
    q->min_words = all ? q->n_texts : 1;
}

/* Lucene's expressions have no anchors; what PCRE would read otherwise is made plain. */
int query_regex(struct elastic_call *c, struct elastic_query *q, const char *pattern, struct err *e)
{
    AUTO_BUF struct buf b;
    buf_init(&b, 4 * REGEX_MAX);
    if (strlen(pattern) > REGEX_MAX)
        return elastic__fault(c, e, ERR_INVALID, "illegal_argument_exception",
                              "The length of regex [%zu] used in the Regexp Query request has "
                              "exceeded the allowed maximum of [%d]",
                              strlen(pattern), REGEX_MAX);
    for (const char *p = pattern; *p; p++) {
        if (*p == '\\' && p[1]) {
            buf_putc(&b, *p++);
        } else if (*p == '^' && (p == pattern || p[-1] != '[')) {
            buf_putc(&b, '\\');
        } else if (*p == '$') {
            buf_putc(&b, '\\');
        } else if (*p == '"') {
            continue;
        } else if (strchr("~&<@", *p)) {
            return elastic__fault(c, e, ERR_INVALID, "illegal_argument_exception",
                                  "regexp: the operator %c is not offered; escape it to mean "
                                  "the character",
                                  *p);
        }
        buf_putc(&b, *p);
    }
    unsigned flags = REGEX_ANCHORED | REGEX_DOT_ALL | (q->fold ? REGEX_CASE : 0);
    int r = regex_compile(buf_text(&b), b.len, flags, &q->regex, e);
    if (r < 0) {
        c->fault = "illegal_argument_exception";
        return r;
    }
    arena_defer(c->arena, (void (*)(void *))regex_free, q->regex);
    q->texts = arena_dup(c->arena, &pattern, sizeof pattern);
    q->n_texts = 1;
    return 0;
}

/* ---- reading ---- */

struct reader {
    struct elastic_call *c;
    unsigned depth, clauses;
};

PRINTF(3, 4) static int bad(struct reader *r, struct err *e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int rc = elastic__vfault(r->c, e, "parsing_exception", fmt, ap);
    va_end(ap);
    return rc;
}

static int read_query(struct reader *r, const struct value *v, struct elastic_query **out,
                      struct err *e);

static const char *text_of(struct arena *a, const struct value *v)
{
    char room[64];
    size_t n;
    const char *text = doc_text(v, room, &n);
    return arena_strndup(a, text, n);
}

static const char *const *one_field(struct arena *a, const char *name)
{
    const char **f = ARENA_ARRAY(a, const char *, 1);
    f[0] = name;
    return f;
}

/* {"FIELD": X}: the field and X; *rest says what else may stand beside it. */
static int only_member(struct reader *r, const struct value *v, const char *kind,
                       const struct member **out, struct err *e)
{
    const struct member *found = NULL;
    VALUE_EACH_MEMBER (m, v) {
        if (strcmp(m->key, "boost") == 0 || strcmp(m->key, "_name") == 0)
            continue;
        if (found)
            return elastic__fault(r->c, e, ERR_INVALID, "parsing_exception",
                                  "[%s] query doesn't support multiple fields, found [%s] and [%s]",
                                  kind, found->key, m->key);
        found = m;
    }
    if (!found)
        return bad(r, e, "[%s] query has no field", kind);
    *out = found;
    return 0;
}

static int check_options(struct reader *r, const struct value *v, const char *kind,
                         const char *known, struct err *e)
{
    VALUE_EACH_MEMBER (m, v) {
        char name[80];
        (void)snprintf(name, sizeof name, " %.70s ", m->key);
        if (!strstr(known, name) && !strstr(" boost _name ", name))
            return elastic__fault(r->c, e, ERR_INVALID, "parsing_exception",
                                  "[%s] query does not support [%s]", kind, m->key);
    }
    return 0;
}

/* {"FIELD": VALUE} or {"FIELD": {"KEY": VALUE, options}}: a leaf; *text and *options. */
static int read_leaf(struct reader *r, const struct value *v, const char *kind, const char *keys,
                     enum query_kind as, struct elastic_query **out, const struct value **options,
                     const struct value **value, struct err *e)
{
    const struct member *m;
    int rc = only_member(r, v, kind, &m, e);
    if (rc < 0)
        return rc;
    *options = value_is(&m->value, VALUE_OBJECT) ? &m->value : NULL;
    *value = *options ? NULL : &m->value;
    char key[32];
    for (const char *at = keys; *options && *at && !*value;) {
        size_t n = strcspn(at, " ");
        (void)snprintf(key, sizeof key, "%.*s", (int)n, at);
        *value = value_get(*options, key);
        at += n + (at[n] == ' ');
    }
    if (!*value || (*value)->kind == VALUE_NULL || (*value)->kind == VALUE_OBJECT)
        return elastic__fault(r->c, e, ERR_INVALID, "illegal_argument_exception",
                              "[%s] query on [%s]: value cannot be null", kind, m->key);
    if ((*value)->kind == VALUE_ARRAY)
        return bad(r, e, "[%s] query does not support arrays of values", kind);
    struct arena *a = r->c->arena;
    *out = query_leaf(a, as, one_field(a, arena_strdup(a, m->key)), 1);
    (*out)->fold = value_bool(value_get(*options, "case_insensitive"), false);
    (*out)->boost = value_num(value_get(*options, "boost"), value_num(value_get(v, "boost"), 1));
    return 0;
}

static int read_term(struct reader *r, const struct value *v, struct elastic_query **out,
                     struct err *e)
{
    const struct value *options, *value;
    int rc = read_leaf(r, v, "term", "value", QUERY_TERMS, out, &options, &value, e);
    if (rc == 0)
        rc = check_options(r, options, "term", " value case_insensitive ", e);
    if (rc < 0)
        return rc;
    (*out)->texts = one_field(r->c->arena, text_of(r->c->arena, value));
    (*out)->n_texts = 1;
    return 0;
}

static int read_terms(struct reader *r, const struct value *v, struct elastic_query **out,
                      struct err *e)
{
    const struct member *m;
    struct arena *a = r->c->arena;
    int rc = only_member(r, v, "terms", &m, e);
    if (rc < 0)
        return rc;
    if (!value_is(&m->value, VALUE_ARRAY))
        return bad(r, e, "[terms] query on [%s] needs an array of values; lookups are not offered",
                   m->key);
    size_t n = value_count(&m->value);
    if (n > TERMS_MAX)
        return bad(r, e, "[terms] query on [%s] has more than 65536 terms", m->key);
    const char **texts = ARENA_ARRAY(a, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        texts[i] = text_of(a, value_item(&m->value, i));
    *out = query_leaf(a, QUERY_TERMS, one_field(a, m->key), 1);
    (*out)->texts = texts;
    (*out)->n_texts = n;
    return 0;
}

static int read_pattern(struct reader *r, const struct value *v, const char *kind,
                        enum query_kind as, struct elastic_query **out, struct err *e)
{
    const struct value *options, *value;
    const char *keys = as == QUERY_WILDCARD ? "value wildcard" : "value";
    int rc = read_leaf(r, v, kind, keys, as, out, &options, &value, e);
    if (rc == 0)
        rc = check_options(r, options, kind,
                           " value wildcard case_insensitive rewrite flags "
                           "max_determinized_states ",
                           e);
    if (rc < 0)
        return rc;
    const char *text = text_of(r->c->arena, value);
    if (as == QUERY_REGEXP)
        return query_regex(r->c, *out, text, e);
    (*out)->texts = one_field(r->c->arena, text);
    (*out)->n_texts = 1;
    return 0;
}

static int read_wildcard(struct reader *r, const struct value *v, struct elastic_query **out,
                         struct err *e)
{
    return read_pattern(r, v, "wildcard", QUERY_WILDCARD, out, e);
}

static int read_prefix(struct reader *r, const struct value *v, struct elastic_query **out,
                       struct err *e)
{
    return read_pattern(r, v, "prefix", QUERY_PREFIX, out, e);
}

static int read_regexp(struct reader *r, const struct value *v, struct elastic_query **out,
                       struct err *e)
{
    return read_pattern(r, v, "regexp", QUERY_REGEXP, out, e);
}

/* "2", "-1", "75%", "-25%" of n; combinations are refused. */
static int read_minimum(struct reader *r, const struct value *v, size_t n, long *out, struct err *e)
{
    if (!v)
        return 0;
    const char *text = text_of(r->c->arena, v);
    char *end;
    long k = strtol(text, &end, 10);
    bool percent = *end == '%';
    if (end == text || end[percent])
        return bad(r, e, "minimum_should_match [%s] is not a number or a percentage", text);
    if (percent)
        k = k < 0 ? -(long)((double)n * (double)-k / 100) : (long)((double)n * (double)k / 100);
    if (k < 0)
        k += (long)n;
    *out = k < 0 ? 0 : k;
    return 0;
}

static bool says_and(const struct value *v)
{
    const char *op = value_str(v, "or");
    return op[0] == 'a' || op[0] == 'A';
}

/* Options of all full-text leaves. */
static int set_words(struct reader *r, struct elastic_query *q, const struct value *options,
                     const char *text, struct err *e)
{
    const struct value *none = value_get(options, "zero_terms_query");
    query_words(r->c->arena, q, text, says_and(value_get(options, "operator")));
    q->slop = (long)value_at_int(options, "slop", 0);
    if (q->slop < 0 || q->slop > 100)
        return bad(r, e, "slop is outside 0..100");
    long min = (long)q->min_words;
    int rc = read_minimum(r, value_get(options, "minimum_should_match"), q->n_texts, &min, e);
    q->min_words = (size_t)min;
    if (rc == 0 && value_get(options, "fuzziness"))
        return bad(r, e, "fuzziness is not offered");
    if (rc == 0 && q->n_texts == 0 && strcmp(value_str(none, "none"), "all") == 0)
        q->kind = QUERY_ALL;
    return rc;
}

static int read_text(struct reader *r, const struct value *v, const char *kind, enum query_kind as,
                     bool prefix, struct elastic_query **out, struct err *e)
{
    const struct value *options, *value;
    int rc = read_leaf(r, v, kind, "query", as, out, &options, &value, e);
    if (rc == 0)
        rc = check_options(r, options, kind,
                           " query operator minimum_should_match slop zero_terms_query analyzer "
                           "lenient max_expansions fuzziness auto_generate_synonyms_phrase_query ",
                           e);
    if (rc < 0)
        return rc;
    (*out)->prefix_last = prefix;
    return set_words(r, *out, options, text_of(r->c->arena, value), e);
}

static int read_match(struct reader *r, const struct value *v, struct elastic_query **out,
                      struct err *e)
{
    return read_text(r, v, "match", QUERY_MATCH, false, out, e);
}

static int read_phrase(struct reader *r, const struct value *v, struct elastic_query **out,
                       struct err *e)
{
    return read_text(r, v, "match_phrase", QUERY_PHRASE, false, out, e);
}

static int read_phrase_prefix(struct reader *r, const struct value *v, struct elastic_query **out,
                              struct err *e)
{
    return read_text(r, v, "match_phrase_prefix", QUERY_PHRASE, true, out, e);
}

static int read_bool_prefix(struct reader *r, const struct value *v, struct elastic_query **out,
                            struct err *e)
{
    return read_text(r, v, "match_bool_prefix", QUERY_MATCH, true, out, e);
}

/* ["title^3", "message"] without the weights; a text is a list of one. */
static const char *const *read_fields(struct arena *a, const struct value *v, size_t *out_n)
{
    static const char *const every[] = {"*"};
    size_t n = value_is(v, VALUE_ARRAY) ? value_count(v) : v ? 1 : 0;
    const char **fields = ARENA_ARRAY(a, const char *, n + 1);
    for (size_t i = 0; i < n; i++) {
        const char *name = value_str(value_is(v, VALUE_ARRAY) ? value_item(v, i) : v, "");
        fields[i] = arena_strndup(a, name, strcspn(name, "^"));
    }
    *out_n = n ? n : 1;
    return n ? fields : every;
}

static int read_multi_match(struct reader *r, const struct value *v, struct elastic_query **out,
                            struct err *e)
{
    const char *type = value_at_str(v, "type", "best_fields");
    bool prefix = strstr(type, "prefix") != NULL;
    if (!value_get(v, "query"))
        return bad(r, e, "No text specified for %s query", "multi_match");
    size_t n;
    const char *const *fields = read_fields(r->c->arena, value_get(v, "fields"), &n);
    *out = query_leaf(r->c->arena, strncmp(type, "phrase", 6) == 0 ? QUERY_PHRASE : QUERY_MATCH,
                      fields, n);
    (*out)->prefix_last = prefix;
    (*out)->lenient_words = true;
    return set_words(r, *out, v, text_of(r->c->arena, value_get(v, "query")), e);
}

static int read_query_text(struct reader *r, const struct value *v, const char *kind,
                           struct query_text *t, struct err *e)
{
    const struct value *text = value_get(v, "query"), *fields = value_get(v, "fields");
    if (!value_is(text, VALUE_STRING))
        return bad(r, e, "[%s] must be provided with a [query]", kind);
    int rc = check_options(
        r, v, kind,
        " query fields default_field default_operator analyze_wildcard lenient flags "
        "minimum_should_match time_zone allow_leading_wildcard analyzer phrase_slop "
        "fuzzy_max_expansions fuzzy_prefix_length fuzzy_transpositions type quote_field_suffix "
        "auto_generate_synonyms_phrase_query ",
        e);
    *t = (struct query_text){.text = text_of(r->c->arena, text),
                             .all_words = says_and(value_get(v, "default_operator"))};
    t->fields =
        read_fields(r->c->arena, fields ? fields : value_get(v, "default_field"), &t->n_fields);
    const char *zone = value_at_str(v, "time_zone", NULL);
    if (rc == 0 && zone && !date_zone(zone, &t->zone_ms))
        return bad(r, e, "time_zone [%s] is not UTC or an offset such as +01:00", zone);
    return rc;
}

static int read_query_string(struct reader *r, const struct value *v, struct elastic_query **out,
                             struct err *e)
{
    struct query_text t;
    int rc = read_query_text(r, v, "query_string", &t, e);
    return rc < 0 ? rc : query_string_parse(r->c, &t, out, e);
}

static int read_simple(struct reader *r, const struct value *v, struct elastic_query **out,
                       struct err *e)
{
    struct query_text t;
    int rc = read_query_text(r, v, "simple_query_string", &t, e);
    return rc < 0 ? rc : query_simple_parse(r->c, &t, out, e);
}

void query_bound(struct bound *b, const struct value *v, const struct date_rule *rule,
                 struct arena *a)
{
    b->set = true;
    b->text = text_of(a, v);
    if (v->kind == VALUE_INT || v->kind == VALUE_FLOAT) {
        b->has_number = b->has_date = true;
        b->number = value_num(v, 0);
        b->date_ms = date_whole(b->number);
        if (rule->format && strncmp(rule->format, "epoch_second", 12) == 0)
            b->date_ms *= 1000;
        return;
    }
    char *end;
    b->number = strtod(b->text, &end);
    b->has_number = *b->text && !*end;
    b->has_date = date_parse(b->text, rule, &b->date_ms);
}

static int read_range(struct reader *r, const struct value *v, struct elastic_query **out,
                      struct err *e)
{
    const struct member *m;
    struct arena *a = r->c->arena;
    int rc = only_member(r, v, "range", &m, e);
    if (rc < 0)
        return rc;
    if (!value_is(&m->value, VALUE_OBJECT))
        return bad(r, e, "[range] query malformed, no start_object after query name [%s]", m->key);
    rc = check_options(r, &m->value, "range",
                       " gt gte lt lte from to include_lower include_upper format time_zone "
                       "relation ",
                       e);
    struct elastic_query *q = query_leaf(a, QUERY_RANGE, one_field(a, m->key), 1);
    struct date_rule rule = {.format = value_at_str(&m->value, "format", NULL),
                             .now_ms = r->c->now_ms};
    const char *zone = value_at_str(&m->value, "time_zone", NULL);
    if (rc == 0 && zone && !date_zone(zone, &rule.zone_ms))
        return bad(r, e, "time_zone [%s] is not UTC or an offset such as +01:00", zone);
    bool low_in = value_at_bool(&m->value, "include_lower", true);
    bool high_in = value_at_bool(&m->value, "include_upper", true);
    VALUE_EACH_MEMBER (x, &m->value) {
        bool gt = strcmp(x->key, "gt") == 0, gte = strcmp(x->key, "gte") == 0;
        bool lt = strcmp(x->key, "lt") == 0, lte = strcmp(x->key, "lte") == 0;
        bool from = strcmp(x->key, "from") == 0, to = strcmp(x->key, "to") == 0;
        if (!(gt || gte || lt || lte || from || to) || x->value.kind == VALUE_NULL)
            continue;
        struct bound *b = gt || gte || from ? &q->low : &q->high;
        b->inclusive = gte || lte || (from && low_in) || (to && high_in);
        rule.round_up = b == &q->low ? !b->inclusive : b->inclusive;
        query_bound(b, &x->value, &rule, a);
        bool time = strcmp(m->key, "@timestamp") == 0 || strstr(b->text, "||") ||
                    strncmp(b->text, "now", 3) == 0;
        if (rc == 0 && time && !b->has_date)
            return bad(r, e, "failed to parse date field [%s]", b->text);
    }
    q->boost = value_num(value_get(&m->value, "boost"), 1);
    *out = q;
    return rc;
}

static int read_exists(struct reader *r, const struct value *v, struct elastic_query **out,
                       struct err *e)
{
    const char *field = value_at_str(v, "field", NULL);
    if (!field)
        return bad(r, e, "[%s] must be provided with a [field]", "exists");
    *out = query_leaf(r->c->arena, QUERY_EXISTS, one_field(r->c->arena, field), 1);
    return 0;
}

static int read_ids(struct reader *r, const struct value *v, struct elastic_query **out,
                    struct err *e)
{
    const struct value *ids = value_get(v, "values");
    struct arena *a = r->c->arena;
    if (!value_is(ids, VALUE_ARRAY))
        return bad(r, e, "[%s] requires providing values", "ids");
    const char **texts = ARENA_ARRAY(a, const char *, value_count(ids) + 1);
    *out = query_new(a, QUERY_IDS);
    VALUE_EACH_ITEM (x, ids)
        texts[(*out)->n_texts++] = text_of(a, x);
    (*out)->texts = texts;
    return 0;
}

/* One query or an array of them. */
static int read_list(struct reader *r, const struct value *v, struct query_list *out, struct err *e)
{
    size_t n = value_is(v, VALUE_ARRAY) ? value_count(v) : 1;
    for (size_t i = 0; i < n; i++) {
        struct elastic_query *q;
        if (++r->clauses > CLAUSES_MAX)
            return bad(r, e, "maxClauseCount is set to 1024");
        int rc = read_query(r, value_is(v, VALUE_ARRAY) ? value_item(v, i) : v, &q, e);
        if (rc < 0)
            return rc;
        query_add(r->c->arena, out, q);
    }
    return 0;
}

static int read_bool(struct reader *r, const struct value *v, struct elastic_query **out,
                     struct err *e)
{
    struct elastic_query *q = query_new(r->c->arena, QUERY_BOOL);
    int rc = 0;
    VALUE_EACH_MEMBER (m, v) {
        struct query_list *l = strcmp(m->key, "must") == 0       ? &q->must
                               : strcmp(m->key, "filter") == 0   ? &q->filter
                               : strcmp(m->key, "should") == 0   ? &q->should
                               : strcmp(m->key, "must_not") == 0 ? &q->must_not
                                                                 : NULL;
        if (l && (rc = read_list(r, &m->value, l, e)) < 0)
            return rc;
        if (!l && strcmp(m->key, "minimum_should_match") != 0 && strcmp(m->key, "boost") != 0 &&
            strcmp(m->key, "_name") != 0 && strcmp(m->key, "adjust_pure_negative") != 0)
            return bad(r, e, "[bool] query does not support [%s]", m->key);
    }
    q->min_should = q->should.n && !q->must.n && !q->filter.n ? 1 : 0;
    *out = q;
    return read_minimum(r, value_get(v, "minimum_should_match"), q->should.n, &q->min_should, e);
}

static int read_dis_max(struct reader *r, const struct value *v, struct elastic_query **out,
                        struct err *e)
{
    *out = query_new(r->c->arena, QUERY_ANY_OF);
    if (!value_get(v, "queries"))
        return bad(r, e, "[%s] requires 'queries' field with at least one clause", "dis_max");
    return read_list(r, value_get(v, "queries"), &(*out)->should, e);
}

static int read_constant(struct reader *r, const struct value *v, struct elastic_query **out,
                         struct err *e)
{
    *out = query_new(r->c->arena, QUERY_CONSTANT);
    if (!value_get(v, "filter"))
        return bad(r, e, "[%s] requires a 'filter' element", "constant_score");
    return read_list(r, value_get(v, "filter"), &(*out)->filter, e);
}

static int read_all(struct reader *r, const struct value *v, struct elastic_query **out,
                    struct err *e)
{
    (void)v;
    (void)e;
    *out = query_new(r->c->arena, QUERY_ALL);
    return 0;
}

static int read_none(struct reader *r, const struct value *v, struct elastic_query **out,
                     struct err *e)
{
    (void)v;
    (void)e;
    *out = query_new(r->c->arena, QUERY_NONE);
    return 0;
}

static const struct {
    const char *name;
    int (*read)(struct reader *r, const struct value *v, struct elastic_query **out, struct err *e);
} kinds[] = {
    {"match_all",           read_all          },
    {"match_none",          read_none         },
    {"bool",                read_bool         },
    {"dis_max",             read_dis_max      },
    {"constant_score",      read_constant     },
    {"term",                read_term         },
    {"terms",               read_terms        },
    {"match",               read_match        },
    {"match_phrase",        read_phrase       },
    {"match_phrase_prefix", read_phrase_prefix},
    {"match_bool_prefix",   read_bool_prefix  },
    {"multi_match",         read_multi_match  },
    {"range",               read_range        },
    {"exists",              read_exists       },
    {"prefix",              read_prefix       },
    {"wildcard",            read_wildcard     },
    {"regexp",              read_regexp       },
    {"ids",                 read_ids          },
    {"query_string",        read_query_string },
    {"simple_query_string", read_simple       },
};

static int read_kind(struct reader *r, const struct member *m, struct elastic_query **out,
                     struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strcmp(kinds[i].name, m->key) != 0)
            continue;
        if (!value_is(&m->value, VALUE_OBJECT))
            return bad(r, e, "[%s] query malformed, it needs an object", m->key);
        int rc = kinds[i].read(r, &m->value, out, e);
        const struct value *boost = value_get(&m->value, "boost");
        if (rc == 0 && boost)
            (*out)->boost = value_num(boost, 1);
        if (rc == 0 && !((*out)->boost >= 0))
            return bad(r, e, "[%s] query: boost is negative", m->key);
        return rc;
    }
    return bad(r, e, "unknown query [%s]", m->key);
}

static int read_query(struct reader *r, const struct value *v, struct elastic_query **out,
                      struct err *e)
{
    if (!value_is(v, VALUE_OBJECT))
        return bad(r, e, "[_na] query malformed, it needs an %s", "object");
    if (value_members_count(v) != 1)
        return bad(r, e, "[_na] query malformed, it needs exactly one %s", "kind");
    if (++r->depth > DEEPEST)
        return bad(r, e, "queries are nested deeper than 30 levels");
    int rc = read_kind(r, value_members(v), out, e);
    r->depth--;
    return rc;
}

int query_parse(struct elastic_call *c, const struct value *v, struct elastic_query **out,
                struct err *e)
{
    struct reader r = {.c = c};
    if (!v) {
        *out = query_new(c->arena, QUERY_ALL);
        return 0;
    }
    return read_query(&r, v, out, e);
}
