/* parser_selector.c - selectors, and what may stand behind one: [range], offset, @, anchored. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <math.h>
#include <pcre2.h>
#include <string.h>

#include "promql/parser.h"

static const double MAX_SECONDS = 922337203600; /* of a time, either way */

static void add_matcher(struct parser *p, struct expr *x, struct matcher m)
{
    size_t had = x->selector.n_matchers * sizeof m;
    x->selector.matchers = arena_grow(p->lexer.arena, x->selector.matchers, had, had + sizeof m);
    x->selector.matchers[x->selector.n_matchers++] = m;
}

static bool take_match_op(struct parser *p, enum match_op *out)
{
    static const struct {
        const char *text;
        enum match_op op;
    } ops[] = {
        {"=",  MATCH_EQ    },
        {"!=", MATCH_NE    },
        {"=~", MATCH_RE    },
        {"!~", MATCH_NOT_RE}
    };
    for (size_t i = 0; i < ARRAY_LEN(ops); i++)
        if (parser_take_op(p, ops[i].text)) {
            *out = ops[i].op;
            return true;
        }
    return false;
}

static bool matcher(struct parser *p, struct expr *x)
{
    bool quoted = p->token.kind == TOKEN_STRING;
    if (!quoted && p->token.kind != TOKEN_NAME) {
        (void)parser_unexpected(p, "label matching");
        return false;
    }
    struct matcher m = {.name = p->token.text};
    parser_next(p);
    if (quoted && (parser_is_op(p, ",") || parser_is_op(p, "}"))) { /* {"metric.name"} */
        add_matcher(p, x, (struct matcher){"__name__", MATCH_EQ, m.name});
        return true;
    }
    if (!take_match_op(p, &m.op) || p->token.kind != TOKEN_STRING) {
        (void)parser_unexpected(p, "label matching");
        return false;
    }
    m.value = p->token.text;
    parser_next(p);
    add_matcher(p, x, m);
    return true;
}

/* -1: it is no regular expression. */
static int fits_empty(const char *pattern)
{
    int code;
    size_t at;
    pcre2_code *c =
        pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                      PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOTALL, &code, &at, NULL);
    if (!c)
        return -1;
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    int r = pcre2_match(c, (PCRE2_SPTR) "", 0, 0, 0, data, NULL) >= 0;
    pcre2_match_data_free(data);
    pcre2_code_free(c);
    return r;
}

static bool matches_empty(const struct matcher *m)
{
    if (m->op == MATCH_EQ || m->op == MATCH_NE)
        return (m->op == MATCH_EQ) == !*m->value;
    return fits_empty(m->value) == (m->op == MATCH_RE);
}

/* A name before the braces leaves no room for another. */
static struct expr *check_matchers(struct parser *p, struct expr *x)
{
    const struct matcher *m = x->selector.matchers;
    bool narrow = p->any_matchers;
    p->any_matchers = false;
    for (size_t i = 0; i < x->selector.n_matchers; i++) {
        if ((m[i].op == MATCH_RE || m[i].op == MATCH_NOT_RE) && fits_empty(m[i].value) < 0)
            return parser_fail(p, x->at, "error parsing regexp: %.200s", m[i].value);
        narrow |= !matches_empty(&m[i]);
        if (i && x->selector.named && strcmp(m[i].name, "__name__") == 0)
            return parser_fail(p, x->at,
                               "metric name must not be set twice: \"%.100s\" or \"%.100s\"",
                               m[0].value, m[i].value);
    }
    if (!narrow)
        return parser_fail(p, x->at, "vector selector must contain at least one non-empty matcher");
    return x;
}

struct expr *parser_selector(struct parser *p, const char *name, size_t at)
{
    struct expr *x = parser_expr(p, EXPR_SELECTOR, TYPE_VECTOR, at);
    x->selector.named = name != NULL;
    if (name)
        add_matcher(p, x, (struct matcher){"__name__", MATCH_EQ, name});
    if (parser_take_op(p, "{")) {
        while (!parser_is_op(p, "}")) {
            if (!matcher(p, x))
                return NULL;
            if (!parser_is_op(p, "}") && !parser_expect(p, ",", "label matching"))
                return NULL;
        }
        parser_next(p);
    }
    return check_matchers(p, x);
}

/* ---- what stands behind ---- */

static struct when *when_of(struct expr *x)
{
    if (x->paren)
        return NULL;
    if (x->kind == EXPR_SELECTOR || x->kind == EXPR_MATRIX)
        return &x->selector.when;
    return x->kind == EXPR_SUBQUERY ? &x->subquery.when : NULL;
}

static struct expr *subquery(struct parser *p, struct expr *x, int64_t range_ms, size_t at)
{
    int64_t step_ms = 0;
    if (!parser_is_op(p, "]") && !parser_duration(p, &step_ms))
        return NULL;
    if (!parser_expect(p, "]", "subquery selector"))
        return NULL;
    if (x->type != TYPE_VECTOR)
        return parser_fail(p, at, "subquery is only allowed on instant vector");
    struct expr *s = parser_expr(p, EXPR_SUBQUERY, TYPE_MATRIX, x->outer);
    s->subquery.inner = x;
    s->subquery.range_ms = range_ms;
    s->subquery.step_ms = step_ms;
    return s;
}

static struct expr *range(struct parser *p, struct expr *x)
{
    size_t at = p->token.at;
    int64_t range_ms;
    parser_next(p);
    if (!parser_duration(p, &range_ms))
        return NULL;
    if (parser_take_op(p, ":"))
        return subquery(p, x, range_ms, at);
    if (!parser_expect(p, "]", "subquery or range"))
        return NULL;
    if (x->kind != EXPR_SELECTOR || x->paren)
        return parser_fail(p, at, "ranges only allowed for vector selectors");
    if (x->selector.when.offset_ms)
        return parser_fail(p, at, "no offset modifiers allowed before range");
    if (x->selector.when.at != AT_NONE)
        return parser_fail(p, at, "no @ modifiers allowed before range");
    x->kind = EXPR_MATRIX;
    x->type = TYPE_MATRIX;
    x->selector.range_ms = range_ms;
    return x;
}

static struct expr *offset(struct parser *p, struct expr *x, bool again)
{
    struct when *w = when_of(x);
    if (!w)
        return parser_fail(p, x->outer,
                           "offset modifier must be preceded by an instant vector selector or"
                           " range vector selector or a subquery");
    if (again)
        return parser_fail(p, x->at, "offset may not be set multiple times");
    parser_next(p);
    return parser_offset(p, &w->offset_ms) ? x : NULL;
}

static struct expr *at_time(struct parser *p, struct expr *x)
{
    struct when *w = when_of(x);
    parser_next(p);
    if (!w)
        return parser_fail(p, x->outer,
                           "@ modifier must be preceded by an instant vector selector or range"
                           " vector selector or a subquery");
    if (w->at != AT_NONE)
        return parser_fail(p, p->token.at, "@ <timestamp> may not be set multiple times");
    if (parser_is_word(p, "start") || parser_is_word(p, "end")) {
        w->at = parser_is_word(p, "start") ? AT_START : AT_END;
        parser_next(p);
        return parser_expect(p, "(", "@") && parser_expect(p, ")", "@") ? x : NULL;
    }
    bool negative = parser_take_op(p, "-");
    if (!negative)
        (void)parser_take_op(p, "+");
    bool number = p->token.kind == TOKEN_NUMBER || p->token.kind == TOKEN_DURATION;
    if (!number)
        return parser_unexpected(p, "@");
    if (!isfinite(p->token.number) || p->token.number > MAX_SECONDS)
        return parser_fail(p, p->token.at, "timestamp out of bounds for @ modifier");
    w->at = AT_TIME;
    w->at_ms = (int64_t)llround(p->token.number * 1000) * (negative ? -1 : 1);
    parser_next(p);
    return x;
}

static struct expr *extended(struct parser *p, struct expr *x, const char *word)
{
    bool anchored = strcmp(word, "anchored") == 0;
    if (!(p->opts.features & PROMQL_EXTENDED))
        return parser_fail(p, x->outer, "%s modifier is experimental and not enabled", word);
    if (x->kind == EXPR_SUBQUERY)
        return parser_fail(p, x->outer, "%s modifier is not supported for subqueries", word);
    if ((x->kind != EXPR_SELECTOR && x->kind != EXPR_MATRIX) || x->paren)
        return parser_fail(p, x->outer, "%s modifier not implemented", word);
    parser_next(p);
    if (anchored ? x->selector.smoothed : x->selector.anchored)
        return parser_fail(p, x->at, "anchored and smoothed modifiers cannot be used together");
    *(anchored ? &x->selector.anchored : &x->selector.smoothed) = true;
    return x;
}

struct expr *parser_postfix(struct parser *p, struct expr *x)
{
    const struct expr *shifted = NULL; /* what has an offset already */
    while (x && !p->failed) {
        if (parser_is_op(p, "[")) {
            x = range(p, x);
        } else if (parser_is_word(p, "offset")) {
            x = offset(p, x, shifted == x);
            shifted = x;
        } else if (parser_is_op(p, "@")) {
            x = at_time(p, x);
        } else if (parser_is_word(p, "anchored")) {
            x = extended(p, x, "anchored");
        } else if (parser_is_word(p, "smoothed")) {
            x = extended(p, x, "smoothed");
        } else {
            return x;
        }
    }
    return NULL;
}
