/* query_string.c - Lucene's query language, and the simple one that never fails.
 *
 * or   = and { [OR | ||] and }      and = clause { AND | && clause }
 * clause = [+ | - | ! | NOT] [field :] ( "(" or ")" | phrase | range | /regex/ | word )    */
#include <ctype.h>
#include <string.h>

#include "elastic/elastic_int.h"

enum { DEEPEST = 50, LONGEST = 32 * 1024 };

struct text_parser {
    struct elastic_call *c;
    const struct query_text *t;
    const char *at;
    unsigned depth;
    const char *const *fields; /* where words are looked for just now */
    size_t n_fields;
};

static int fail(struct text_parser *p, struct err *e, const char *what)
{
    return elastic__fault(p->c, e, ERR_INVALID, "query_shard_exception",
                          "Failed to parse query [%.200s]: %s at character %zu", p->t->text, what,
                          (size_t)(p->at - p->t->text) + 1);
}

static void skip_space(struct text_parser *p)
{
    while (isspace((unsigned char)*p->at))
        p->at++;
}

/* A word such as AND, not the beginning of a longer one. */
static bool take_word(struct text_parser *p, const char *word)
{
    skip_space(p);
    size_t n = strlen(word);
    unsigned char next = strncmp(p->at, word, n) == 0 ? (unsigned char)p->at[n] : 'x';
    if (next && !isspace(next) && next != '(' && next != '"')
        return false;
    p->at += n;
    return true;
}

static bool take(struct text_parser *p, const char *token)
{
    skip_space(p);
    size_t n = strlen(token);
    if (strncmp(p->at, token, n) != 0)
        return false;
    p->at += n;
    return true;
}

static bool ends_word(char c)
{
    return !c || isspace((unsigned char)c) || strchr("()[]{}\"^:", c);
}

/* A word with its escapes kept (they matter to wildcards). */
static size_t word_length(const char *s)
{
    size_t n = 0;
    while (!ends_word(s[n]))
        n += s[n] == '\\' && s[n + 1] ? 2 : 1;
    return n;
}

static char *unescape(struct arena *a, const char *s, size_t n)
{
    char *out = arena_alloc(a, n + 1), *to = out;
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '\\' && i + 1 < n)
            i++;
        *to++ = s[i];
    }
    return out;
}

static bool has_wildcard(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '\\')
            i++;
        else if (s[i] == '*' || s[i] == '?')
            return true;
    }
    return false;
}

static struct elastic_query *leaf(struct text_parser *p, enum query_kind kind)
{
    struct elastic_query *q = query_leaf(p->c->arena, kind, p->fields, p->n_fields);
    q->lenient_words = p->n_fields != 1 || strcmp(p->fields[0], "*") == 0;
    return q;
}

static struct elastic_query *exists(struct text_parser *p, const char *field)
{
    const char **f = arena_dup(p->c->arena, &field, sizeof field);
    return query_leaf(p->c->arena, QUERY_EXISTS, f, 1);
}

static void set_one_text(struct text_parser *p, struct elastic_query *q, const char *text)
{
    q->texts = arena_dup(p->c->arena, &text, sizeof text);
    q->n_texts = 1;
}

/* ^2 and ~1 behind a word, phrase or group. */
static int take_suffix(struct text_parser *p, struct elastic_query *q, struct err *e)
{
    char *end;
    if (*p->at == '~') {
        if (q->kind != QUERY_PHRASE)
            return fail(p, e, "fuzzy terms are not offered");
        q->slop = strtol(p->at + 1, &end, 10);
        p->at = end;
        if (q->slop < 0 || q->slop > 100)
            return fail(p, e, "a slop is outside 0..100");
    }
    if (*p->at == '^') {
        q->boost = strtod(p->at + 1, &end);
        if (end == p->at + 1 || !(q->boost >= 0))
            return fail(p, e, "a boost is not a number");
        p->at = end;
    }
    return 0;
}

static int take_phrase(struct text_parser *p, struct elastic_query **out, struct err *e)
{
    const char *start = ++p->at;
    while (*p->at && *p->at != '"')
        p->at += *p->at == '\\' && p->at[1] ? 2 : 1;
    if (!*p->at)
        return fail(p, e, "a phrase has no end");
    *out = leaf(p, QUERY_PHRASE);
    query_words(p->c->arena, *out, unescape(p->c->arena, start, (size_t)(p->at - start)), true);
    p->at++;
    return 0;
}

static int take_regex(struct text_parser *p, struct elastic_query **out, struct err *e)
{
    const char *start = ++p->at;
    while (*p->at && *p->at != '/')
        p->at += *p->at == '\\' && p->at[1] ? 2 : 1;
    if (!*p->at)
        return fail(p, e, "an expression has no end");
    *out = leaf(p, QUERY_REGEXP);
    const char *text = arena_strndup(p->c->arena, start, (size_t)(p->at - start));
    p->at++;
    return query_regex(p->c, *out, text, e);
}

static void set_bound(struct text_parser *p, struct bound *b, const char *s, size_t n,
                      bool round_up)
{
    struct date_rule rule = {
        .zone_ms = p->t->zone_ms, .now_ms = p->c->now_ms, .round_up = round_up};
    if (n == 1 && *s == '*')
        return;
    const char *text = unescape(p->c->arena, s, n);
    query_bound(b, &(struct value){.kind = VALUE_STRING, .n = (uint32_t)strlen(text), .text = text},
                &rule, p->c->arena);
}

/* A bound's text: quoted, or up to a space or the end of the range. */
static int take_bound(struct text_parser *p, const char **out, size_t *n, struct err *e)
{
    skip_space(p);
    bool quoted = *p->at == '"';
    const char *start = p->at += quoted;
    while (*p->at && (quoted ? *p->at != '"' : !strchr(" \t\n]}", *p->at)))
        p->at += *p->at == '\\' && p->at[1] ? 2 : 1;
    *out = start;
    *n = (size_t)(p->at - start);
    if (*n == 0 || (quoted && !*p->at))
        return fail(p, e, "a bound of a range is missing");
    p->at += quoted;
    return 0;
}

static int take_range(struct text_parser *p, struct elastic_query **out, struct err *e)
{
    struct elastic_query *q = leaf(p, QUERY_RANGE);
    const char *low, *high;
    size_t n_low, n_high;
    q->low.inclusive = *p->at++ == '[';
    int r = take_bound(p, &low, &n_low, e);
    if (r == 0 && !take_word(p, "TO"))
        return fail(p, e, "a range needs TO between its bounds");
    if (r == 0)
        r = take_bound(p, &high, &n_high, e);
    if (r < 0)
        return r;
    skip_space(p);
    if (*p->at != ']' && *p->at != '}')
        return fail(p, e, "a range has no end");
    q->high.inclusive = *p->at++ == ']';
    set_bound(p, &q->low, low, n_low, !q->low.inclusive);
    set_bound(p, &q->high, high, n_high, q->high.inclusive);
    *out = q;
    return 0;
}

/* >=, >, <=, < in front of a value. */
static bool take_comparison(struct text_parser *p, struct elastic_query **out)
{
    if (*p->at != '>' && *p->at != '<')
        return false;
    struct elastic_query *q = leaf(p, QUERY_RANGE);
    bool low = *p->at++ == '>', inclusive = *p->at == '=';
    p->at += inclusive;
    size_t n = word_length(p->at);
    while (p->at[n] == ':') /* of a time */
        n += 1 + word_length(p->at + n + 1);
    struct bound *b = low ? &q->low : &q->high;
    b->inclusive = inclusive;
    set_bound(p, b, p->at, n, low ? !inclusive : inclusive);
    p->at += n;
    *out = q;
    return true;
}

static int take_plain(struct text_parser *p, struct elastic_query **out, struct err *e)
{
    size_t n = word_length(p->at);
    const char *fuzzy = memchr(p->at, '~', n);
    if (fuzzy && fuzzy > p->at && fuzzy[-1] != '\\')
        return fail(p, e, "fuzzy terms are not offered");
    if (n == 0)
        return fail(p, e, "a word is missing");
    if (n == 1 && *p->at == '*') {
        bool every = p->n_fields == 1 && strcmp(p->fields[0], "*") == 0;
        *out = every ? query_new(p->c->arena, QUERY_ALL) : leaf(p, QUERY_EXISTS);
    } else if (has_wildcard(p->at, n)) {
        *out = leaf(p, QUERY_WILDCARD);
        (*out)->fold = true;
        set_one_text(p, *out, arena_strndup(p->c->arena, p->at, n));
    } else {
        *out = leaf(p, QUERY_MATCH);
        query_words(p->c->arena, *out, unescape(p->c->arena, p->at, n), p->t->all_words);
    }
    p->at += n;
    return 0;
}

static int take_or(struct text_parser *p, struct elastic_query **out, struct err *e);

static int take_group(struct text_parser *p, struct elastic_query **out, struct err *e)
{
    p->at++;
    if (++p->depth > DEEPEST)
        return fail(p, e, "groups are nested too deep");
    int r = take_or(p, out, e);
    p->depth--;
    if (r == 0 && !take(p, ")"))
        return fail(p, e, "a group has no end");
    return r;
}

/* field: in front of a value; "_exists_:x" and "*:*" are wholes. */
static bool take_field(struct text_parser *p, struct elastic_query **whole)
{
    size_t n = word_length(p->at);
    if (n == 0 || p->at[n] != ':')
        return false;
    const char *name = unescape(p->c->arena, p->at, n);
    p->at += n + 1;
    if (strcmp(name, "_exists_") == 0) {
        n = word_length(p->at);
        *whole = exists(p, unescape(p->c->arena, p->at, n));
        p->at += n;
    } else if (strcmp(name, "*") == 0 && *p->at == '*') {
        *whole = query_new(p->c->arena, QUERY_ALL);
        p->at++;
    }
    p->fields = arena_dup(p->c->arena, &name, sizeof name);
    p->n_fields = 1;
    return true;
}

static int take_value(struct text_parser *p, struct elastic_query **out, struct err *e)
{
    if (*p->at == '(')
        return take_group(p, out, e);
    if (*p->at == '"')
        return take_phrase(p, out, e);
    if (*p->at == '/')
        return take_regex(p, out, e);
    if (*p->at == '[' || *p->at == '{')
        return take_range(p, out, e);
    return take_comparison(p, out) ? 0 : take_plain(p, out, e);
}

static int take_clause(struct text_parser *p, struct elastic_query **out, struct err *e)
{
    const char *const *fields = p->fields;
    size_t n_fields = p->n_fields;
    struct elastic_query *whole = NULL;
    skip_space(p);
    (void)take_field(p, &whole);
    skip_space(p);
    int r = 0;
    if (whole)
        *out = whole;
    else
        r = take_value(p, out, e);
    p->fields = fields;
    p->n_fields = n_fields;
    return r < 0 ? r : take_suffix(p, *out, e);
}

/* A clause and how it counts: '+' must, '-' must not, ' ' may. */
struct signed_clause {
    struct elastic_query *q;
    char sign;
};

static int take_signed(struct text_parser *p, struct signed_clause *out, struct err *e)
{
    out->sign = ' ';
    if (take(p, "+"))
        out->sign = '+';
    else if (take(p, "-") || take(p, "!") || take_word(p, "NOT"))
        out->sign = '-';
    return take_clause(p, &out->q, e);
}

static void put_signed(struct text_parser *p, struct elastic_query *q, struct signed_clause c)
{
    query_add(p->c->arena,
              c.sign == '+'   ? &q->must
              : c.sign == '-' ? &q->must_not
                              : &q->should,
              c.q);
}

/* As Lucene's classic parser: AND makes both its sides required, NOT excludes, a clause that says
 * nothing is required or not as the default operator says. */
static int take_or(struct text_parser *p, struct elastic_query **out, struct err *e)
{
    struct elastic_query *q = query_new(p->c->arena, QUERY_BOOL);
    struct signed_clause last = {0};
    for (bool first = true;; first = false) {
        skip_space(p);
        if (!*p->at || *p->at == ')')
            break;
        bool and = !first && (take_word(p, "AND") || take(p, "&&"));
        bool or = !first && !and&&(take_word(p, "OR") || take(p, "||"));
        struct signed_clause next;
        int r = take_signed(p, &next, e);
        if (r < 0)
            return r;
        if (!first) {
            if (and&&last.sign == ' ')
                last.sign = '+';
            if (or &&last.sign == '+' && p->t->all_words)
                last.sign = ' ';
            put_signed(p, q, last);
        }
        if (next.sign == ' ' && (and || (p->t->all_words && ! or)))
            next.sign = '+';
        last = next;
    }
    if (!last.q) {
        q->kind = QUERY_NONE;
        *out = q;
        return 0;
    }
    put_signed(p, q, last);
    bool single = q->should.n + q->must.n == 1 && !q->must_not.n;
    q->min_should = q->should.n && !q->must.n ? 1 : 0;
    *out = single ? last.q : q;
    return 0;
}

int query_string_parse(struct elastic_call *c, const struct query_text *t,
                       struct elastic_query **out, struct err *e)
{
    struct text_parser p = {
        .c = c, .t = t, .at = t->text, .fields = t->fields, .n_fields = t->n_fields};
    if (strlen(t->text) > LONGEST)
        return elastic__fault(c, e, ERR_TOO_LARGE, "query_shard_exception",
                              "a query string of more than %d bytes", LONGEST);
    int r = take_or(&p, out, e);
    skip_space(&p);
    return r == 0 && *p.at ? fail(&p, e, "a ) has no (") : r;
}

/* ---- the simple language: what makes no sense is left out ---- */

static struct elastic_query *simple_or(struct text_parser *p);

static struct elastic_query *simple_value(struct text_parser *p)
{
    struct elastic_query *q;
    if (*p->at == '(' && ++p->depth < DEEPEST) {
        p->at++;
        q = simple_or(p);
        (void)take(p, ")");
        p->depth--;
        return q;
    }
    if (*p->at == '"' && strchr(p->at + 1, '"')) {
        (void)take_phrase(p, &q, NULL);
        if (*p->at == '~')
            q->slop = strtol(p->at + 1, (char **)(uintptr_t)&p->at, 10);
        if (q->slop < 0 || q->slop > 100)
            q->slop = 0;
        return q;
    }
    size_t n = 0;
    while (p->at[n] && !isspace((unsigned char)p->at[n]) && !strchr("|()\"", p->at[n]) &&
           (n == 0 || p->at[n] != '+'))
        n += p->at[n] == '\\' && p->at[n + 1] ? 2 : 1;
    if (n == 0) {
        p->at++;
        return NULL;
    }
    bool prefix = n > 1 && p->at[n - 1] == '*' && p->at[n - 2] != '\\';
    const char *text = unescape(p->c->arena, p->at, n - prefix);
    q = leaf(p, prefix ? QUERY_PREFIX : QUERY_MATCH);
    if (prefix) {
        char *folded = arena_strdup(p->c->arena, text);
        words_fold(text, strlen(text), folded);
        q->fold = true;
        set_one_text(p, q, folded);
    } else {
        query_words(p->c->arena, q, text, p->t->all_words);
    }
    p->at += n;
    return prefix || q->n_texts ? q : NULL;
}

static struct elastic_query *simple_or(struct text_parser *p)
{
    struct elastic_query *q = query_new(p->c->arena, QUERY_BOOL);
    struct signed_clause last = {0};
    for (;;) {
        skip_space(p);
        if (!*p->at || *p->at == ')')
            break;
        bool and = take(p, "+"), or = !and&&take(p, "|");
        bool not = take(p, "-");
        skip_space(p);
        if (!*p->at)
            break;
        struct signed_clause next = {simple_value(p), not ? '-' : ' '};
        if (!next.q)
            continue;
        if (not ) { /* without an AND it is one more choice: everything but this */
            struct elastic_query *other = query_new(p->c->arena, QUERY_BOOL);
            query_add(p->c->arena, &other->must_not, next.q);
            next = (struct signed_clause){other, ' '};
        }
        if (last.q) {
            if (and&&last.sign == ' ')
                last.sign = '+';
            put_signed(p, q, last);
        }
        if (and || (p->t->all_words && ! or))
            next.sign = '+';
        last = next;
    }
    if (last.q)
        put_signed(p, q, last);
    else
        q->kind = QUERY_NONE;
    q->min_should = q->should.n && !q->must.n ? 1 : 0;
    return q;
}

int query_simple_parse(struct elastic_call *c, const struct query_text *t,
                       struct elastic_query **out, struct err *e)
{
    struct text_parser p = {
        .c = c, .t = t, .at = t->text, .fields = t->fields, .n_fields = t->n_fields};
    if (strlen(t->text) > LONGEST)
        return elastic__fault(c, e, ERR_TOO_LARGE, "query_shard_exception",
                              "a query string of more than %d bytes", LONGEST);
    struct elastic_query *whole = query_new(c->arena, QUERY_BOOL);
    while (*p.at) { /* a ) without ( is left out */
        query_add(c->arena, &whole->should, simple_or(&p));
        if (*p.at == ')')
            p.at++;
    }
    whole->min_should = 1;
    *out = whole->should.n == 1 ? whole->should.items[0] : whole;
    if (!whole->should.n)
        whole->kind = QUERY_NONE;
    return 0;
}
