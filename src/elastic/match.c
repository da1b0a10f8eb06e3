/* match.c - does a document answer a query, and how well. */
#include <string.h>

#include "elastic/elastic_int.h"

enum { SLOP_WORDS = 4096 };

/* The start of the next character. */
static const char *after_character(const char *p, const char *end)
{
    p++;
    while (p < end && ((unsigned char)*p & 0xc0) == 0x80)
        p++;
    return p;
}

static bool same(char a, char b, bool fold)
{
    if (a == b)
        return true;
    unsigned char x = (unsigned char)a | 0x20, y = (unsigned char)b | 0x20;
    return fold && x == y && x >= 'a' && x <= 'z';
}

bool wildcard_match(const char *pattern, const char *text, size_t n, bool fold)
{
    const char *p = pattern, *t = text, *end = text + n, *star = NULL, *back = NULL;
    while (t < end) {
        if (*p == '*') {
            star = ++p;
            back = t;
            continue;
        }
        bool escaped = *p == '\\' && p[1];
        if (*p == '?' && !escaped) {
            p++;
            t = after_character(t, end);
        } else if (*p && same(escaped ? p[1] : *p, *t, fold)) {
            p += escaped ? 2 : 1;
            t++;
        } else if (star) {
            p = star;
            t = ++back;
        } else {
            return false;
        }
    }
    while (*p == '*')
        p++;
    return !*p;
}

/* ---- one value against one leaf ---- */

static bool text_is(const char *want, const char *have, size_t n, bool fold)
{
    size_t len = strlen(want);
    if (len != n)
        return false;
    if (!fold)
        return memcmp(want, have, n) == 0;
    for (size_t i = 0; i < n; i++)
        if (!same(want[i], have[i], true))
            return false;
    return true;
}

static bool begins_with(const char *want, const char *have, size_t n, bool fold)
{
    size_t len = strlen(want);
    return len <= n && text_is(want, have, len, fold);
}

/* A text against a term, prefix, wildcard or expression. */
static bool term_matches(const struct elastic_query *q, const char *text, size_t n)
{
    bool hit = false;
    if (q->kind == QUERY_REGEXP)
        return regex_match(q->regex, text, n, 0, NULL, 0, &hit, NULL) == 0 && hit;
    for (size_t i = 0; i < q->n_texts; i++) {
        const char *want = q->texts[i];
        if (q->kind == QUERY_PREFIX     ? begins_with(want, text, n, q->fold)
            : q->kind == QUERY_WILDCARD ? wildcard_match(want, text, n, q->fold)
                                        : text_is(want, text, n, q->fold))
            return true;
    }
    return false;
}

static bool any_word_matches(const struct elastic_query *q, const struct value *v)
{
    const unsigned char *bytes = (const unsigned char *)v->text;
    struct words w = {.at = bytes, .end = bytes + v->n};
    while (words_next(&w))
        if (term_matches(q, w.word, w.n))
            return true;
    return false;
}

/* Numbers, times and booleans are compared as such: 1.0 is 1, a time is an instant. */
static bool number_is(const struct elastic_query *q, const struct value *v,
                      const struct doc_values *of)
{
    double have;
    int64_t ms;
    if (q->kind != QUERY_TERMS || !doc_number(v, of, &have))
        return false;
    for (size_t i = 0; i < q->n_texts; i++) {
        char *end;
        double want = strtod(q->texts[i], &end);
        if (*q->texts[i] && !*end && want == have)
            return true;
        if (of->type == FIELD_DATE &&
            date_read(q->texts[i], strlen(q->texts[i]), of->format, &ms) && (double)ms == have)
            return true;
    }
    return false;
}

static bool term_leaf(const struct elastic_query *q, const struct doc_values *of)
{
    char room[64];
    for (size_t i = 0; i < of->n; i++) {
        size_t n;
        const char *text = doc_text(of->v[i], room, &n);
        if (of->type == FIELD_TEXT && of->v[i]->kind == VALUE_STRING
                ? any_word_matches(q, of->v[i])
                : term_matches(q, text, n) || number_is(q, of->v[i], of))
            return true;
    }
    return false;
}

/* ---- words ---- */

static bool word_is(const struct elastic_query *q, size_t i, const char *word)
{
    if (q->prefix_last && i + 1 == q->n_texts)
        return strncmp(word, q->texts[i], strlen(q->texts[i])) == 0;
    return strcmp(word, q->texts[i]) == 0;
}

static double match_words(const struct elastic_query *q, const struct doc_values *of)
{
    bool found[64] = {0};
    size_t hits = 0;
    for (size_t i = 0; i < of->n; i++) {
        char room[64];
        size_t n;
        const unsigned char *bytes = (const unsigned char *)doc_text(of->v[i], room, &n);
        struct words w = {.at = bytes, .end = bytes + n};
        while (hits < q->n_texts && words_next(&w))
            for (size_t k = 0; k < q->n_texts && k < ARRAY_LEN(found); k++)
                if (!found[k] && word_is(q, k, w.word)) {
                    found[k] = true;
                    hits++;
                }
    }
    return hits >= q->min_words && hits > 0 ? (double)hits : -1;
}

static bool phrase_at(const struct elastic_query *q, const char *const *words, size_t n, size_t at)
{
    for (size_t k = 1; k < q->n_texts; k++) {
        bool near = false;
        for (long off = -q->slop; off <= q->slop && !near; off++) {
            long place = (long)(at + k) + off;
            near = place >= 0 && (size_t)place < n && word_is(q, k, words[place]);
        }
        if (!near)
            return false;
    }
    return true;
}

static bool match_phrase(const struct elastic_query *q, const struct doc_values *of)
{
    for (size_t i = 0; i < of->n; i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        char room[64];
        size_t n, count;
        const char *text = doc_text(of->v[i], room, &n);
        const char *const *words = (const char *const *)words_all(a, text, n, &count);
        for (size_t at = 0; q->n_texts && at < count; at++)
            if (word_is(q, 0, words[at]) && phrase_at(q, words, count, at))
                return true;
    }
    return false;
}

/* Full text of a keyword, number, time or boolean is the whole of it. */
static bool match_whole(const struct elastic_query *q, const struct doc_values *of)
{
    const char *whole[] = {q->whole};
    struct elastic_query term = {.kind = QUERY_TERMS, .texts = whole, .n_texts = 1};
    return term_leaf(&term, of);
}

static double text_leaf(const struct elastic_query *q, const struct doc_values *of)
{
    bool text = of->n && of->v[0]->kind == VALUE_STRING &&
                (of->type == FIELD_TEXT || of->type == FIELD_BOTH || q->lenient_words);
    if (!text)
        return match_whole(q, of) ? 1 : -1;
    if (q->kind == QUERY_MATCH)
        return match_words(q, of);
    return match_phrase(q, of) ? (double)q->n_texts : -1;
}

/* ---- ranges ---- */

static int compare(double a, double b)
{
    return a < b ? -1 : a > b;
}

static int compare_text(const char *a, size_t n, const char *b)
{
    size_t m = strlen(b);
    int r = memcmp(a, b, n < m ? n : m);
    return r ? r : n < m ? -1 : n > m;
}

/* -1, 0, 1 as the value lies to the bound; 2: they cannot be compared. */
static int lies(const struct value *v, const struct doc_values *of, const struct bound *b)
{
    double have;
    int64_t ms;
    if (v->kind == VALUE_STRING && of->type != FIELD_NUMBER) {
        if (b->has_date && of->type != FIELD_KEYWORD && date_read(v->text, v->n, of->format, &ms))
            return compare((double)ms, (double)b->date_ms);
        int r = compare_text(v->text, v->n, b->text);
        return r < 0 ? -1 : r > 0;
    }
    if (!doc_number(v, of, &have))
        return 2;
    if (of->type == FIELD_DATE && b->has_date)
        return compare(have, (double)b->date_ms);
    if (b->has_number)
        return compare(have, b->number);
    return b->has_date ? compare(have, (double)b->date_ms) : 2;
}

static bool within(const struct elastic_query *q, const struct value *v,
                   const struct doc_values *of)
{
    if (q->low.set) {
        int r = lies(v, of, &q->low);
        if (r == 2 || r < 0 || (r == 0 && !q->low.inclusive))
            return false;
    }
    if (q->high.set) {
        int r = lies(v, of, &q->high);
        if (r > 0 || (r == 0 && !q->high.inclusive))
            return false;
    }
    return true;
}

static double leaf_score(const struct elastic_query *q, const struct doc_values *of)
{
    if (of->n == 0)
        return -1;
    switch (q->kind) {
    case QUERY_EXISTS:
        return 1;
    case QUERY_RANGE:
        for (size_t i = 0; i < of->n; i++)
            if (within(q, of->v[i], of))
                return 1;
        return -1;
    case QUERY_MATCH:
    case QUERY_PHRASE:
        return text_leaf(q, of);
    case QUERY_TERMS:
    case QUERY_PREFIX:
    case QUERY_WILDCARD:
    case QUERY_REGEXP:
        return term_leaf(q, of) ? 1 : -1;
    case QUERY_ALL:
    case QUERY_NONE:
    case QUERY_BOOL:
    case QUERY_ANY_OF:
    case QUERY_CONSTANT:
    case QUERY_IDS:
        break;
    }
    return -1;
}

struct leaf {
    const struct elastic_query *q;
    double best;
};

static bool each_field(void *arg, const char *field, const struct doc_values *v)
{
    struct leaf *l = arg;
    (void)field;
    double score = leaf_score(l->q, v);
    if (score > l->best)
        l->best = score;
    return l->best >= (double)(l->q->n_texts ? l->q->n_texts : 1);
}

static double leaf(const struct elastic_query *q, struct elastic_doc *d)
{
    struct leaf l = {q, -1};
    for (size_t i = 0; i < q->n_fields; i++) {
        if (strchr(q->fields[i], '*')) {
            doc_each(d, q->fields[i], each_field, &l);
            continue;
        }
        struct doc_values v;
        doc_values(d, q->fields[i], &v);
        (void)each_field(&l, q->fields[i], &v);
    }
    return l.best;
}

/* ---- the tree ---- */

static double match_ids(const struct elastic_query *q, struct elastic_doc *d)
{
    struct doc_values v;
    doc_values(d, "_id", &v);
    for (size_t i = 0; i < q->n_texts; i++)
        if (strcmp(q->texts[i], v.v[0]->text) == 0)
            return 1;
    return -1;
}

static double match_bool(const struct elastic_query *q, struct elastic_doc *d)
{
    double total = 0;
    long hits = 0;
    for (size_t i = 0; i < q->must_not.n; i++)
        if (query_match(q->must_not.items[i], d) >= 0)
            return -1;
    for (size_t i = 0; i < q->filter.n; i++)
        if (query_match(q->filter.items[i], d) < 0)
            return -1;
    for (size_t i = 0; i < q->must.n; i++) {
        double score = query_match(q->must.items[i], d);
        if (score < 0)
            return -1;
        total += score;
    }
    for (size_t i = 0; i < q->should.n; i++) {
        double score = query_match(q->should.items[i], d);
        hits += score >= 0;
        total += score > 0 ? score : 0;
    }
    return hits >= q->min_should ? total : -1;
}

static double match_any(const struct elastic_query *q, struct elastic_doc *d)
{
    double best = -1;
    for (size_t i = 0; i < q->should.n; i++) {
        double score = query_match(q->should.items[i], d);
        best = score > best ? score : best;
    }
    return best;
}

double query_match(const struct elastic_query *q, struct elastic_doc *d)
{
    double score = q->kind == QUERY_ALL        ? 1
                   : q->kind == QUERY_NONE     ? -1
                   : q->kind == QUERY_BOOL     ? match_bool(q, d)
                   : q->kind == QUERY_ANY_OF   ? match_any(q, d)
                   : q->kind == QUERY_CONSTANT ? (query_match(q->filter.items[0], d) < 0 ? -1 : 1)
                   : q->kind == QUERY_IDS      ? match_ids(q, d)
                                               : leaf(q, d);
    return score < 0 ? -1 : score * q->boost;
}

static void narrow(const struct elastic_query *q, struct span *out)
{
    if (q->kind == QUERY_RANGE && q->n_fields == 1 && strcmp(q->fields[0], "@timestamp") == 0) {
        if (q->low.set && q->low.has_date && q->low.date_ms > out->from_ms)
            out->from_ms = q->low.date_ms;
        if (q->high.set && q->high.has_date && q->high.date_ms < out->to_ms)
            out->to_ms = q->high.date_ms;
    }
    if (q->kind != QUERY_BOOL && q->kind != QUERY_CONSTANT)
        return;
    for (size_t i = 0; i < q->must.n; i++)
        narrow(q->must.items[i], out);
    for (size_t i = 0; i < q->filter.n; i++)
        narrow(q->filter.items[i], out);
}

void query_span(const struct elastic_query *q, struct span *out)
{
    *out = (struct span){INT64_MIN / 2000000, INT64_MAX / 2000000};
    narrow(q, out);
}
