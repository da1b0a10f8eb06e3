/* elastic_int.h - what the files of elastic/ share. */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/map.h"
#include "codec/regex.h"
#include "codec/value.h"

/* One request's memory and time, and Elasticsearch's name of what is wrong with it. */
struct elastic_call {
    struct arena *arena;
    int64_t now_ms;
    const char *fault; /* "parsing_exception"; NULL: the error's code says it */
    size_t held;       /* bytes of hits, values and keys, which are not in the arena */
};

int elastic__fault(struct elastic_call *c, struct err *e, enum err_code code, const char *fault,
                   const char *fmt, ...) PRINTF(5, 6);

/* ERR_INVALID. */
int elastic__vfault(struct elastic_call *c, struct err *e, const char *fault, const char *fmt,
                    va_list ap) __attribute__((format(printf, 4, 0)));

/* ---- analyze.c: text as words, about as the standard analyzer cuts it ---- */

enum { WORD_MAX = 255 };

struct words {
    const unsigned char *at, *end;
    char word[WORD_MAX + 8]; /* in lower case */
    size_t n;
};

bool words_next(struct words *w);
/* All words of a text; in the arena. */
const char **words_all(struct arena *a, const char *text, size_t n, size_t *out_n);
/* Letters in lower case, others as they are; `out` has room for n bytes. */
void words_fold(const char *text, size_t n, char *out);

/* ---- date.c ---- */

struct date_rule {
    const char *format; /* alternatives between ||; NULL: date_optional_time||epoch_millis */
    int64_t zone_ms;    /* of times that say none */
    int64_t now_ms;
    bool round_up; /* parts that are missing or rounded are at their end, not their beginning */
};

/* Times are looked at within this many milliseconds of 1970, some 270,000 years. */
#define DATE_MS_MAX 8.64e15

enum date_unit {
    DATE_MS,
    DATE_SECOND,
    DATE_MINUTE,
    DATE_HOUR,
    DATE_DAY,
    DATE_WEEK,
    DATE_MONTH,
    DATE_QUARTER,
    DATE_YEAR
};

int64_t date_whole(double ms); /* the nearest time within DATE_MS_MAX */
bool date_parse(const char *text, const struct date_rule *r, int64_t *out_ms);
/* Like date_parse() without date math: is this text a time? */
bool date_read(const char *text, size_t n, const char *format, int64_t *out_ms);
/* "2026-01-02T03:04:05.678Z", or as the format says. */
char *date_text(struct arena *a, int64_t ms, const char *format, int64_t zone_ms);
bool date_zone(const char *text, int64_t *out_ms);
int64_t date_floor(int64_t ms, enum date_unit unit, int64_t zone_ms);
int64_t date_add(int64_t ms, enum date_unit unit, int64_t n);
/* "1d", "90m"; false when it is none. */
bool date_interval(const char *text, int64_t *out_ms);

/* ---- doc.c: a line as a document ---- */

enum field_type {
    FIELD_AUTO,
    FIELD_TEXT,
    FIELD_KEYWORD,
    FIELD_BOTH,
    FIELD_NUMBER,
    FIELD_DATE,
    FIELD_BOOL
};

struct elastic_doc {
    const char *index;
    const struct value *labels;   /* of a pod's line; NULL: pushed, the text is all of it */
    const struct value *mappings; /* "properties" as they were given, or NULL */
    int64_t time_ns;
    uint32_t stream;
    unsigned nth;
    const char *text; /* not terminated */
    size_t n;
    struct arena *arena; /* of what was read from the text; made when needed */
    const struct value *json;
    bool read;
    struct value made[2]; /* values that stand nowhere: time, line */
};

void doc_done(struct elastic_doc *d);

enum { VALUES_MAX = 256 };

struct doc_values {
    const struct value *v[VALUES_MAX];
    size_t n;
    enum field_type type;
    const char *format; /* of dates, as mapped */
};

void doc_values(struct elastic_doc *d, const char *field, struct doc_values *out);
/* Calls fn for every leaf whose field the pattern matches ("*": all). */
void doc_each(struct elastic_doc *d, const char *pattern,
              bool (*fn)(void *arg, const char *field, const struct doc_values *v), void *arg);
/* As a number: numbers, dates in ms, booleans as 0 and 1. */
bool doc_number(const struct value *v, const struct doc_values *of, double *out);
/* Texts as they are, others as JSON has them. Borrowed, or in `room` of at least 64 bytes. */
const char *doc_text(const struct value *v, char *room, size_t *out_n);
struct value *doc_source(struct elastic_doc *d, struct arena *a);
/* The name for good of a line, or the one that was given with it. */
const char *doc_id(struct elastic_doc *d, struct arena *a);
/* Names of lines in the order in which they were stored. */
char *doc_place(const struct elastic_doc *d, struct arena *a);
bool pattern_matches(const char *pattern, const char *text); /* * only */

struct source_filter {
    bool none;
    const char *const *includes, *const *excludes;
    size_t n_includes, n_excludes;
};
struct value *source_filter_apply(const struct source_filter *f, struct value *source,
                                  struct arena *a);

/* ---- query.c, query_string.c, query_simple.c, match.c ---- */

enum query_kind {
    QUERY_ALL,
    QUERY_NONE,
    QUERY_BOOL,
    QUERY_ANY_OF, /* dis_max: the best of its `should` */
    QUERY_CONSTANT,
    QUERY_TERMS,
    QUERY_MATCH,
    QUERY_PHRASE,
    QUERY_RANGE,
    QUERY_EXISTS,
    QUERY_PREFIX,
    QUERY_WILDCARD,
    QUERY_REGEXP,
    QUERY_IDS,
};

struct query_list {
    struct elastic_query **items;
    size_t n, cap;
};

struct bound {
    bool set, inclusive, has_number, has_date;
    double number;
    int64_t date_ms;
    const char *text;
};

struct elastic_query {
    enum query_kind kind;
    double boost;
    const char *name; /* _name */
    struct query_list must, filter, should, must_not;
    long min_should;           /* -1: the usual one */
    const char *const *fields; /* of leaves; patterns allowed */
    size_t n_fields;
    const char *const *texts; /* values, words, ids, or the one pattern */
    size_t n_texts;
    const char *whole; /* of match: the text that was asked for */
    size_t min_words;  /* of match */
    bool prefix_last, fold, lenient_words;
    long slop;
    struct bound low, high;
    struct regex *regex;
};

/* Parses {"match": …}. NULL is match_all. */
int query_parse(struct elastic_call *c, const struct value *v, struct elastic_query **out,
                struct err *e) MUST_CHECK;

struct query_text {
    const char *text;
    const char *const *fields; /* the usual ones */
    size_t n_fields;
    bool all_words; /* AND between words and clauses that say nothing */
    int64_t zone_ms;
};
int query_string_parse(struct elastic_call *c, const struct query_text *t,
                       struct elastic_query **out, struct err *e) MUST_CHECK;
int query_simple_parse(struct elastic_call *c, const struct query_text *t,
                       struct elastic_query **out, struct err *e) MUST_CHECK;

struct elastic_query *query_new(struct arena *a, enum query_kind kind);
struct elastic_query *query_leaf(struct arena *a, enum query_kind kind, const char *const *fields,
                                 size_t n_fields);
void query_add(struct arena *a, struct query_list *l, struct elastic_query *q);
void query_words(struct arena *a, struct elastic_query *q, const char *text, bool all);
int query_regex(struct elastic_call *c, struct elastic_query *q, const char *pattern,
                struct err *e) MUST_CHECK;
void query_bound(struct bound *b, const struct value *v, const struct date_rule *r,
                 struct arena *a);
/* The query as one line of text; for tests. */
const char *query_print(const struct elastic_query *q, struct arena *a);

/* The score, at least 0; < 0: the document is not wanted. */
double query_match(const struct elastic_query *q, struct elastic_doc *d);
bool wildcard_match(const char *pattern, const char *text, size_t n, bool fold);

/* Milliseconds that a document's @timestamp must have. */
struct span {
    int64_t from_ms, to_ms; /* both inclusive */
};
void query_span(const struct elastic_query *q, struct span *out);
